"""The key ring: one key encrypts, every key decrypts, so that keys can be replaced under running whistles.

Written as JSON, in a file or in the environment:

    {"current": "20261124-5b1c", "keys": [{"id": "20261124-5b1c", "cipher": "AES-256-GCM", "key": "base64 …"}]}
"""

import base64
import binascii
import json
import os
import secrets
import stat
from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, ValidationError, model_validator

from settings import Settings, variable_of
from starter.encryption.errors import PayloadKeysInvalidError

_INLINE = variable_of("payload_keys")
_OTHERS, _OTHERS_OF_ROOT = 0o077, 0o027
"""Bits of a mode that nobody may have; a file of root may be read by its group, as secrets that are mounted are."""


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


KeyBytes = Annotated[bytes, BeforeValidator(_decoded), PlainSerializer(_encoded, when_used="json")]


class PayloadKey(BaseModel):
    """One key under its name, which every payload encrypted with it carries."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    id: str = Field(pattern=r"^[A-Za-z0-9._-]{1,32}$")
    cipher: CipherName = CipherName.AES_256_GCM
    key: KeyBytes = Field(repr=False)
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


def ring_reader(settings: Settings) -> Callable[[], KeyRing] | None:
    """Tell how the key ring of these settings is read; None where there is none.

    It is in WHISTLE_PAYLOAD_KEYS itself, in the file of WHISTLE_PAYLOAD_KEYS_FILE, or in the data folder.
    """
    inline, file = settings.payload_keys, settings.payload_ring_file
    if inline is not None:
        return lambda: KeyRing.parsed(inline, _INLINE)
    return None if file is None else lambda: read_ring(file)


def read_ring(file: Path) -> KeyRing:
    """Read a ring from a file that its owner alone may read; raises PayloadKeysInvalidError."""
    try:
        with file.open(encoding="utf-8") as opened:
            _refuse_shared(os.fstat(opened.fileno()), file)
            return KeyRing.parsed(opened.read(), str(file))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is no text"
        raise PayloadKeysInvalidError(str(file), f"cannot be read: {reason}") from None


def write_ring(file: Path, ring: KeyRing) -> None:
    """Replace the file at one stroke, readable by its owner alone."""
    new = file.with_name(f"{file.name}.new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as opened:
        json.dump(ring.model_dump(mode="json", exclude_none=False), opened, ensure_ascii=False, indent=2)
        opened.write("\n")
        opened.flush()
        # A key that was used and is lost makes whistles unreadable.
        os.fsync(opened.fileno())
    new.replace(file)


def _refuse_shared(found: os.stat_result, file: Path) -> None:
    forbidden = _OTHERS_OF_ROOT if found.st_uid == 0 else _OTHERS
    if found.st_uid not in (0, os.geteuid()):
        raise PayloadKeysInvalidError(str(file), "belongs to somebody else: give it to the account that runs this")
    if mode := stat.S_IMODE(found.st_mode) & forbidden:
        shared = f"mode {stat.S_IMODE(found.st_mode):04o} lets others at it ({mode:04o})"
        raise PayloadKeysInvalidError(str(file), f"{shared}: chmod 600 {file}")


def _fault(found: object) -> str:
    place = ".".join(map(str, found["loc"]))  # type: ignore[index]
    message = str(found["msg"]).removeprefix("Value error, ")  # type: ignore[index]
    return f"{place}: {message}" if place else message
