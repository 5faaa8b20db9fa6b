"""The codec: every payload that leaves for Temporal is compressed, where that helps, and encrypted.

An encrypted payload says in its metadata, readable by all: `encoding` binary/encrypted, `key` the name of the key, and
`workflow` the id of the workflow it was made for. What is said there is bound to the ciphertext (AEAD's associated
data): a payload whose metadata was changed does not open, nor does one in another whistle's history.
"""

import re
import time
import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Self

import structlog
from temporalio.api.common.v1 import Payload
from temporalio.converter import (
    ActivitySerializationContext,
    PayloadCodec,
    SerializationContext,
    WithSerializationContext,
    WorkflowSerializationContext,
)

from starter.encryption.ciphers import CipherKey
from starter.encryption.envelope import ENCODING, ENCRYPTED, KEY, WORKFLOW, is_encrypted, key_of, workflow_of
from starter.encryption.errors import (
    PayloadKeyMissingError,
    PayloadKeysInvalidError,
    PayloadMisplacedError,
    PayloadUnreadableError,
)
from starter.encryption.key_ring import KeyRing

LARGEST_INFLATED = 64 * 1024 * 1024
"""Bytes, far more than Temporal takes: what is larger is not compressed, so that none inflates beyond it."""
READ_AGAIN_AFTER_S = 1.0
_AS_IT_IS, _DEFLATED = b"\x00", b"\x01"
_FORMAT = b"whistle/1"
_RAW_DEFLATE = -15
# A scheduled run is named after its schedule's action and the time it was due.
_DUE_AT = re.compile(r"-\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")

log = structlog.get_logger("encryption")


class HeldKeys:
    """The key ring as one process holds it: read at start, and again when a payload names a key that is not in it."""

    def __init__(self, read: Callable[[], KeyRing]) -> None:
        """Read the ring; raises PayloadKeysInvalidError."""
        self._read = read
        self._read_at = time.monotonic()
        self._take(read())

    @property
    def current(self) -> CipherKey | None:
        """What encrypts; None while nothing is to be encrypted."""
        return self._current

    def holder_of(self, key_id: str) -> CipherKey:
        """Find a key by its name; raises PayloadKeyMissingError."""
        if key_id not in self._cipher_keys and time.monotonic() - self._read_at >= READ_AGAIN_AFTER_S:
            self._read_again()
        if key_id not in self._cipher_keys:
            raise PayloadKeyMissingError(key_id, tuple(self._cipher_keys))
        return self._cipher_keys[key_id]

    def _take(self, ring: KeyRing) -> None:
        self._cipher_keys = {key.id: CipherKey(key) for key in ring.keys}
        self._current = None if ring.current is None else self._cipher_keys[ring.current]

    def _read_again(self) -> None:
        self._read_at = time.monotonic()
        try:
            self._take(self._read())
        except PayloadKeysInvalidError as error:
            log.warning("payload_keys_kept", reason=str(error))


class EncryptingCodec(PayloadCodec, WithSerializationContext):
    """Encrypts with the current key, decrypts with any of the ring; what is not encrypted passes as it is."""

    def __init__(self, keys: HeldKeys, workflow: str | None = None) -> None:
        """Use these keys, for payloads of this workflow where one is known."""
        self._keys = keys
        self._workflow = workflow

    @property
    def current_key(self) -> str | None:
        """Name the key that encrypts."""
        current = self._keys.current
        return None if current is None else current.key_id

    def with_context(self, context: SerializationContext) -> Self:
        """Give the codec of one workflow's payloads."""
        if isinstance(context, WorkflowSerializationContext | ActivitySerializationContext) and context.workflow_id:
            return type(self)(self._keys, subject_of(context.workflow_id))
        return type(self)(self._keys)

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Encrypt each payload that is not encrypted yet."""
        cipher_key = self._keys.current
        if cipher_key is None:
            return list(payloads)
        return [p if is_encrypted(p) else self._encrypted(p, cipher_key) for p in payloads]

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Decrypt each payload that is encrypted; raises PayloadUnreadableError."""
        return [self._decrypted(p) if is_encrypted(p) else p for p in payloads]

    def _encrypted(self, payload: Payload, cipher_key: CipherKey) -> Payload:
        metadata = {ENCODING: ENCRYPTED, KEY: cipher_key.key_id.encode()}
        if self._workflow:
            metadata[WORKFLOW] = self._workflow.encode()
        data = cipher_key.encrypt(_packed(payload), _bound(metadata))
        return Payload(metadata=metadata, data=data)

    def _decrypted(self, payload: Payload) -> Payload:
        cipher_key = self._keys.holder_of(key_of(payload))
        packed = cipher_key.decrypt(payload.data, _bound(payload.metadata))
        belongs_to = workflow_of(payload)
        if self._workflow and belongs_to and belongs_to != self._workflow:
            raise PayloadMisplacedError(belongs_to, self._workflow)
        return _unpacked(packed)


def subject_of(workflow_id: str) -> str:
    """Name what a payload is bound to: its workflow, or the schedule of which that is one run.

    A schedule's input and its last result pass from run to run, whose ids differ in the time they were due.
    """
    return _DUE_AT.sub("", workflow_id)


def _packed(payload: Payload) -> bytes:
    plain = payload.SerializeToString()
    deflated = zlib.compress(plain, wbits=_RAW_DEFLATE)
    if len(deflated) < len(plain) <= LARGEST_INFLATED:
        return _DEFLATED + deflated
    return _AS_IT_IS + plain


def _unpacked(packed: bytes) -> Payload:
    form, plain = packed[:1], packed[1:]
    if form == _DEFLATED:
        inflating = zlib.decompressobj(_RAW_DEFLATE)
        plain = inflating.decompress(plain, LARGEST_INFLATED)
    elif form != _AS_IT_IS:
        raise PayloadUnreadableError(f"a payload has the form {form.hex()}, which a later release wrote")
    return Payload.FromString(plain)


def _bound(metadata: Mapping[str, bytes]) -> bytes:
    parts = [_FORMAT, *(metadata.get(name, b"") for name in (KEY, WORKFLOW))]
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)
