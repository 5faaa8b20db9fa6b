"""The ciphers do what their standards say, and a build without one says so."""

import pytest
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from starter.encryption.ciphers import NONCE_BYTES, Aead, CipherKey, Sm4Gcm
from starter.encryption.errors import CipherUnavailableError, PayloadTamperedError
from tests.unit.encryption.keys import AES, SM4, key

# RFC 8998, appendix A.1.
SM4_KEY = bytes.fromhex("0123456789abcdeffedcba9876543210")
SM4_NONCE = bytes.fromhex("00001234567800000000abcd")
SM4_BOUND = bytes.fromhex("feedfacedeadbeeffeedfacedeadbeefabaddad2")
SM4_PLAIN = bytes.fromhex("".join(c * 16 for c in "abcdefea"))
SM4_SEALED = bytes.fromhex(
    "17f399f08c67d5ee19d0dc9969c4bb7d5fd46fd3756489069157b282bb200735"
    "d82710ca5c22f0ccfa7cbf93d496ac15a56834cbcf98c397b4024a2691233b8d"
    "83de3541e4c2b58177e065a9bf7b62ec"
)
# The Galois/Counter Mode of Operation, test case 16.
AES_KEY = bytes.fromhex("feffe9928665731c6d6a8f9467308308" * 2)
AES_NONCE = bytes.fromhex("cafebabefacedbaddecaf888")
AES_BOUND = bytes.fromhex("feedfacedeadbeeffeedfacedeadbeefabaddad2")
AES_PLAIN = bytes.fromhex(
    "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
    "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39"
)
AES_SEALED = bytes.fromhex(
    "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
    "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
    "76fc6ece0f4e1768cddf8853bb2d551b"
)


@pytest.mark.parametrize(
    ("cipher", "nonce", "bound", "plain", "closed"),
    [
        (Sm4Gcm(SM4_KEY), SM4_NONCE, SM4_BOUND, SM4_PLAIN, SM4_SEALED),
        (AESGCM(AES_KEY), AES_NONCE, AES_BOUND, AES_PLAIN, AES_SEALED),
    ],
    ids=["SM4", "AES"],
)
def test_a_cipher_gives_the_published_ciphertext(
    cipher: Aead, nonce: bytes, bound: bytes, plain: bytes, closed: bytes
) -> None:
    """What another implementation encrypts, this one decrypts."""
    assert cipher.encrypt(nonce, plain, bound) == closed
    assert cipher.decrypt(nonce, closed, bound) == plain


@pytest.mark.parametrize("cipher", [AES, SM4])
@pytest.mark.parametrize("length", [0, 1, NONCE_BYTES - 1, NONCE_BYTES, NONCE_BYTES + 15, NONCE_BYTES + 16])
def test_what_is_too_short_to_be_ciphertext_is_refused(cipher, length: int) -> None:
    """In the words of every other forgery."""
    with pytest.raises(PayloadTamperedError):
        CipherKey(key("a", cipher)).decrypt(bytes(length), b"")


def test_no_nonce_is_used_twice() -> None:
    """The same bytes, encrypted twice, look different."""
    cipher_key = CipherKey(key("a"))
    assert len({cipher_key.encrypt(b"same", b"")[:NONCE_BYTES] for _ in range(1000)}) == 1000


def test_a_build_without_sm4_is_named() -> None:
    """At the start, before anything is encrypted."""

    def lacking(_key: bytes) -> Aead:
        raise UnsupportedAlgorithm("cipher sm4 in GCM mode is not supported")

    with pytest.raises(CipherUnavailableError, match=r"the payload key national: OpenSSL.* has no SM4-GCM"):
        CipherKey(key("national", SM4), {SM4: lacking})
