"""The ways in which people are told: one small module each, behind one protocol."""

from activities.channels.protocol import Channel, Message, MisconfiguredError, PermanentError, TransientError

__all__ = ["Channel", "Message", "MisconfiguredError", "PermanentError", "TransientError"]
