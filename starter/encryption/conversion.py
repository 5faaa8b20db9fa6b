"""How values become payloads and back, in every process alike: Pydantic's JSON, encrypted where there is a key ring."""

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import ClassVar, Self

from temporalio.api.common.v1 import Payload
from temporalio.contrib.pydantic import PydanticPayloadConverter
from temporalio.converter import DataConverter, DefaultFailureConverterWithEncodedAttributes, PayloadCodec

from settings import Settings
from starter.encryption.envelope import is_encrypted, key_of
from starter.encryption.errors import PayloadKeyMissingError
from starter.encryption.key_ring import KeyRing
from starter.encryption.ring_file import ring_reader


class SharedConverter(PydanticPayloadConverter):
    """Pydantic's JSON, one for a process: the SDK makes one for each activation, which had to learn each type anew."""

    _made: ClassVar[Self | None] = None

    def __new__(cls) -> Self:
        """Give the one there is."""
        cls._made = cls._made or super().__new__(cls)
        return cls._made

    def __init__(self) -> None:
        """Make it ready, once."""
        if "converters" not in vars(self):
            super().__init__()


class KeylessCodec(PayloadCodec):
    """Encrypts nothing; names what is missing where it meets what others encrypted."""

    current_key: str | None = None

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Leave all as it is."""
        return list(payloads)

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Leave all as it is; raises PayloadKeyMissingError for a payload that is encrypted."""
        for payload in payloads:
            if is_encrypted(payload):
                raise PayloadKeyMissingError(key_of(payload), ())
        return list(payloads)


def current_key(converter: DataConverter) -> str | None:
    """Name the key with which a converter of ours encrypts; None where it encrypts nothing."""
    found: str | None = getattr(converter.payload_codec, "current_key", None)
    return found


def data_converter(settings: Settings) -> DataConverter:
    """Give the converter of these settings; raises PayloadKeysInvalidError."""
    return converter_with(ring_reader(settings))


def converter_with(read: Callable[[], KeyRing] | None = None) -> DataConverter:
    """Give a converter that reads its key ring so, or encrypts nothing; raises PayloadKeysInvalidError.

    With keys, what failures say goes encrypted too; their type, by which refusals are known, does not.
    """
    if read is None:
        return DataConverter(payload_converter_class=SharedConverter, payload_codec=KeylessCodec())
    # Loaded only where there are keys: a command line must start fast.
    codec = import_module("starter.encryption.codec")
    return DataConverter(
        payload_converter_class=SharedConverter,
        payload_codec=codec.EncryptingCodec(codec.HeldKeys(read)),
        failure_converter_class=DefaultFailureConverterWithEncodedAttributes,
    )
