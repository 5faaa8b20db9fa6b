"""The key ring: one key encrypts, every key decrypts, so that keys can be replaced under running whistles.

Written as JSON, in a file or in the environment:

    {"current": "20261124-5b1c", "keys": [{"id": "20261124-5b1c", "cipher": "AES-256-GCM", "key": "base64 …"}]}
"""

import base64
import binascii
import secrets
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, ValidationError, model_validator

from starter.encryption.errors import PayloadKeysInvalidError


class CipherName(StrEnum):
    """A cipher that also proves that nothing was changed; SM4 is the national one (GB/T 32907, RFC 8998)."""

    AES_256_GCM = "AES-256-GCM"
    SM4_GCM = "SM4-GCM"

    @property
    def key_bytes(self) -> int:
        """How long its keys are."""
        return 32 if self is CipherName.AES_256_GCM else 16


def _decoded(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("is not base64") from None


def _encoded(value: bytes) -> str:
    return base64.b64encode(value).decode("ascii")


Base64 = Annotated[bytes, BeforeValidator(_decoded), PlainSerializer(_encoded, when_used="json")]


class PayloadKey(BaseModel):
    """One key under its name, which every payload encrypted with it carries."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    id: str = Field(pattern=r"^[A-Za-z0-9._-]{1,32}$")
    cipher: CipherName = CipherName.AES_256_GCM
    key: Base64 = Field(repr=False)
    created_at: datetime | None = None

    @model_validator(mode="after")
    def _fits_its_cipher(self) -> Self:
        if len(self.key) != self.cipher.key_bytes:
            raise ValueError(f"{self.cipher} takes {self.cipher.key_bytes} bytes in base64, not {len(self.key)}")
        return self

    @classmethod
    def fresh(cls, cipher: CipherName = CipherName.AES_256_GCM) -> "PayloadKey":
        """Make a key, named after the day."""
        now = datetime.now(UTC).replace(microsecond=0)
        name = f"{now:%Y%m%d}-{secrets.token_hex(2)}"
        return cls(id=name, cipher=cipher, key=secrets.token_bytes(cipher.key_bytes), created_at=now)


class KeyRing(BaseModel):
    """All keys; `current` None: nothing is encrypted any more, and what was stays readable."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    current: str | None
    keys: tuple[PayloadKey, ...]

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if not self.keys:
            raise ValueError("has no keys")
        if len(set(self.ids)) < len(self.ids):
            raise ValueError("two keys have the same id")
        if self.current is not None and self.current not in self.ids:
            raise ValueError("current names none of its keys")
        return self

    @property
    def ids(self) -> tuple[str, ...]:
        """The names of all keys, in their order."""
        return tuple(key.id for key in self.keys)

    @classmethod
    def parsed(cls, text: str, where: str) -> "KeyRing":
        """Read a ring; raises PayloadKeysInvalidError, which says where and quotes nothing."""
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            faults = (_fault(found) for found in error.errors(include_url=False, include_input=False))
            raise PayloadKeysInvalidError(where, *faults) from None


def _fault(found: object) -> str:
    place = ".".join(map(str, found["loc"]))  # type: ignore[index]
    message = str(found["msg"]).removeprefix("Value error, ")  # type: ignore[index]
    return f"{place}: {message}" if place else message
