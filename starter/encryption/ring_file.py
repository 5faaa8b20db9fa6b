"""Where the key ring lies, and how it is read and written so that nobody else can."""

import json
import os
import stat
from collections.abc import Callable
from pathlib import Path

from settings import PAYLOAD_KEYS_FILE, Settings, variable_of
from starter.encryption.errors import PayloadKeysInvalidError
from starter.encryption.key_ring import CipherName, KeyRing, PayloadKey

_INLINE = variable_of("payload_keys")
_WANTED = variable_of("payload_encryption")
_OTHERS, _OTHERS_OF_ROOT = 0o077, 0o027
"""Bits of a mode that nobody may have; a file of root may be read by its group, as secrets that are mounted are."""


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


def own_ring_file(settings: Settings) -> Path:
    """Name the file in which this installation keeps its ring; raises PayloadKeysInvalidError where none is kept."""
    if settings.payload_keys is not None:
        raise PayloadKeysInvalidError(_INLINE, "the key ring is in the environment: change it there")
    return settings.payload_ring_file or settings.data_dir / PAYLOAD_KEYS_FILE


def ensured_ring(settings: Settings) -> KeyRing | None:
    """Give the ring, made now in the data folder where encryption is wanted and there is none; None: no encryption.

    A ring that is there is used, whatever is wanted: what it closed must stay readable.
    """
    read, wanted = ring_reader(settings), settings.payload_encryption
    if read is None and wanted is None:
        return None
    if read is None:
        fresh = PayloadKey.fresh(CipherName(str(wanted)))
        write_ring(own_ring_file(settings), KeyRing(current=fresh.id, keys=(fresh,)))
        return KeyRing(current=fresh.id, keys=(fresh,))
    ring = read()
    current = next((key for key in ring.keys if key.id == ring.current), None)
    if wanted is not None and (current is None or current.cipher != wanted):
        used = f"encrypts by {current.cipher}" if current else "encrypts nothing"
        change = f"whistle payload-keys add --cipher {wanted}, then use"
        raise PayloadKeysInvalidError(_WANTED, f"asks for {wanted}, but the key ring {used}: {change}")
    return ring
