"""Key rings for tests."""

from collections.abc import Callable

from starter.encryption.codec import EncryptingCodec, HeldKeys
from starter.encryption.key_ring import CipherName, KeyRing, PayloadKey

AES, SM4 = CipherName.AES_256_GCM, CipherName.SM4_GCM


def key(name: str, cipher: CipherName = AES) -> PayloadKey:
    """Make a key that is the same in every run."""
    return PayloadKey(id=name, cipher=cipher, key=name.encode().ljust(cipher.key_bytes, b"."))


def ring(*keys: PayloadKey, current: str | None = "") -> KeyRing:
    """Make a ring whose first key encrypts."""
    return KeyRing(current=keys[0].id if current == "" else current, keys=keys)


def reading(*keys: PayloadKey, current: str | None = "") -> Callable[[], KeyRing]:
    """Make the reader of a ring."""
    return lambda: ring(*keys, current=current)


def codec(*keys: PayloadKey, current: str | None = "") -> EncryptingCodec:
    """Make a codec whose first key encrypts."""
    return EncryptingCodec(HeldKeys(reading(*keys, current=current)))
