"""What the outbox workflow and its activity say to each other."""

from datetime import timedelta

from domain.values import Frozen


class DeliveryRound(Frozen):
    """How long one delivery of the outbox is to work before it returns."""

    length: timedelta


class Delivered(Frozen):
    """What was done: notices delivered, and workflows started that a crash had left unstarted."""

    notices: int = 0
    started: int = 0
