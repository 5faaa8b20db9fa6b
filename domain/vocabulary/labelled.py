"""The one way a word of the field carries its Chinese label."""

from enum import StrEnum
from typing import Self


class Labelled(StrEnum):
    """A wire value with its Chinese label: `State.SOURCED.label == "待研判"`."""

    label: str

    def __new__(cls, value: str, label: str = "") -> Self:
        """Keep the label beside the value."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.label = label
        return member
