"""Every payload survives the codec; nothing that was changed, moved or encrypted by others does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from temporalio.api.common.v1 import Payload
from temporalio.converter import ActivitySerializationContext, SerializationContext, WorkflowSerializationContext

from starter.encryption.codec import EncryptingCodec, HeldKeys
from starter.encryption.conversion import KeylessCodec
from starter.encryption.envelope import ENCRYPTED, is_encrypted, key_of, workflow_of
from starter.encryption.errors import (
    PayloadKeyMissingError,
    PayloadKeysInvalidError,
    PayloadMisplacedError,
    PayloadTamperedError,
    PayloadUnreadableError,
)
from starter.encryption.key_ring import KeyRing
from tests.unit.encryption.keys import AES, SM4, codec, key, reading

MARKER = "盗采砂石 MARKER-7719"
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
payloads = st.builds(
    Payload,
    metadata=st.dictionaries(texts, st.binary(max_size=60), max_size=4).filter(
        lambda found: found.get("encoding") != ENCRYPTED
    ),
    data=st.one_of(st.binary(max_size=600), texts.map(lambda text: (text * 60).encode())),
)
ciphers = st.sampled_from([AES, SM4])


def plain(text: str = MARKER) -> Payload:
    """Make a payload as Pydantic's converter does."""
    return Payload(metadata={"encoding": b"json/plain"}, data=f'"{text}"'.encode())


def of_workflow(name: str) -> SerializationContext:
    """Say whose payload it is."""
    return WorkflowSerializationContext(namespace="default", workflow_id=name)


def of_activity(workflow: str | None) -> SerializationContext:
    """Say that it belongs to an activity, of a workflow where there is one."""
    return ActivitySerializationContext(
        namespace="default",
        activity_id="1",
        activity_type="record_command",
        activity_task_queue="whistle",
        workflow_id=workflow,
        workflow_type="WhistleWorkflow",
        is_local=True,
    )


@given(given_payloads=st.lists(payloads, max_size=4), cipher=ciphers)
async def test_every_payload_comes_back_as_it_was(given_payloads: list[Payload], cipher) -> None:
    """Metadata, data, order and number; and what went out shows none of it."""
    used = codec(key("a", cipher))
    closed = await used.encode(given_payloads)
    assert await used.decode(closed) == given_payloads
    for one in closed:
        assert dict(one.metadata) == {"encoding": ENCRYPTED, "key": b"a"}


@given(payload=payloads, cipher=ciphers, at=st.integers(min_value=0), flip=st.integers(1, 255))
async def test_a_payload_that_was_changed_does_not_open(payload: Payload, cipher, at: int, flip: int) -> None:
    """Not by a single bit, wherever it is."""
    used = codec(key("a", cipher))
    (closed,) = await used.encode([payload])
    changed = bytearray(closed.data)
    changed[at % len(changed)] ^= flip
    with pytest.raises(PayloadTamperedError):
        await used.decode([Payload(metadata=closed.metadata, data=bytes(changed))])


@given(
    payload=payloads, cipher=ciphers, keep=st.floats(0, 1, exclude_max=True), more=st.binary(min_size=1, max_size=40)
)
async def test_a_payload_that_was_cut_or_lengthened_does_not_open(payload: Payload, cipher, keep: float, more) -> None:
    """Nor one that something was appended to."""
    used = codec(key("a", cipher))
    (closed,) = await used.encode([payload])
    for data in (closed.data[: int(len(closed.data) * keep)], closed.data + more):
        with pytest.raises(PayloadTamperedError):
            await used.decode([Payload(metadata=closed.metadata, data=data)])


@given(payload=payloads, cipher=ciphers)
async def test_another_key_does_not_open_it(payload: Payload, cipher) -> None:
    """Neither under its own name nor under that of the right one."""
    (closed,) = await codec(key("a", cipher)).encode([payload])
    with pytest.raises(PayloadKeyMissingError, match="encrypted with the key a, but the key ring holds b"):
        await codec(key("b", cipher)).decode([closed])
    impostor = key("b", cipher).model_copy(update={"id": "a"})
    with pytest.raises(PayloadTamperedError):
        await codec(impostor).decode([closed])


async def test_what_it_says_of_itself_cannot_be_changed() -> None:
    """The names of key and workflow are bound to the ciphertext."""
    both = codec(key("a"), key("a2"))
    (closed,) = await both.with_context(of_workflow("whistle:12345:1")).encode([plain()])
    assert (key_of(closed), workflow_of(closed)) == ("a", "whistle:12345:1")
    for changes in ({"key": b"a2"}, {"workflow": b"whistle:12345:2"}, {"workflow": b""}):
        with pytest.raises(PayloadTamperedError):
            await both.decode([Payload(metadata={**closed.metadata, **changes}, data=closed.data)])
    del closed.metadata["workflow"]
    with pytest.raises(PayloadTamperedError):
        await both.decode([closed])


@pytest.mark.parametrize("context", [of_workflow("whistle:12345:1"), of_activity("whistle:12345:1")])
async def test_a_payload_opens_in_its_own_workflow_alone(context: SerializationContext) -> None:
    """Its activities included; those who ask without saying where, as the UI does, may read it too."""
    used = codec(key("a"))
    (closed,) = await used.with_context(context).encode([plain()])
    for reader in (used, used.with_context(of_workflow("whistle:12345:1")), used.with_context(of_activity(None))):
        assert await reader.decode([closed]) == [plain()]
    with pytest.raises(PayloadMisplacedError, match="whistle:12345:1 was found in whistle:12345:2"):
        await used.with_context(of_workflow("whistle:12345:2")).decode([closed])


async def test_the_runs_of_a_schedule_share_their_payloads() -> None:
    """Its input is encrypted for all of them, and each is given the result of the one before."""
    used = codec(key("a"))
    of_schedule = used.with_context(of_workflow("compliance-sweep"))
    first = used.with_context(of_workflow("compliance-sweep-2026-11-24T08:05:00Z"))
    second = used.with_context(of_workflow("compliance-sweep-2026-11-24T08:10:00Z"))
    assert await first.decode(await of_schedule.encode([plain()])) == [plain()]
    assert await second.decode(await first.encode([plain()])) == [plain()]
    with pytest.raises(PayloadMisplacedError):
        await used.with_context(of_workflow("daily-digest-2026-11-24T08:10:00Z")).decode(await first.encode([plain()]))


async def test_only_what_gets_shorter_is_compressed() -> None:
    """Long text is; noise, and a few characters, go as they are."""
    used = codec(key("a"))
    (long, short) = await used.encode([plain(MARKER * 50), plain("1")])
    assert len(long.data) < len(plain(MARKER * 50).data) / 10
    assert len(short.data) == plain("1").ByteSize() + 12 + 16 + 1


async def test_what_is_encrypted_is_not_encrypted_again() -> None:
    """So a payload that a tool passes on twice stays readable."""
    used = codec(key("a"))
    once = await used.encode([plain()])
    assert await used.encode(once) == once


async def test_old_keys_still_open_what_they_closed() -> None:
    """The new one encrypts; without any current key nothing is encrypted any more, and all stays readable."""
    before = await codec(key("a")).encode([plain()])
    rotated = codec(key("b", SM4), key("a"))
    assert await rotated.decode(before) == [plain()]
    assert [key_of(p) for p in await rotated.encode([plain()])] == ["b"]
    ended = codec(key("b", SM4), key("a"), current=None)
    assert await ended.encode([plain()]) == [plain()]
    assert await ended.decode([*before, *await rotated.encode([plain()])]) == [plain(), plain()]


async def test_what_was_never_encrypted_stays_readable() -> None:
    """Histories from before the keys came go on."""
    assert await codec(key("a")).decode([plain()]) == [plain()]


async def test_a_process_without_keys_names_the_one_it_lacks() -> None:
    """Where encryption was turned off too early."""
    keyless = KeylessCodec()
    assert await keyless.decode(await keyless.encode([plain()])) == [plain()]
    with pytest.raises(PayloadKeyMissingError, match="encrypted with the key a, but this process has no payload keys"):
        await keyless.decode(await codec(key("a")).encode([plain()]))


async def test_what_others_encrypted_is_told_from_ours() -> None:
    """It names no key."""
    with pytest.raises(PayloadUnreadableError, match=r"with the key \?"):
        await codec(key("a")).decode([Payload(metadata={"encoding": ENCRYPTED}, data=b"x")])


async def test_a_key_that_came_later_is_found_without_a_restart() -> None:
    """The ring is read again when a payload names an unknown key, and kept where it cannot be."""
    found: list[KeyRing | PayloadKeysInvalidError] = [reading(key("a"))()]

    def read() -> KeyRing:
        if isinstance(found[-1], PayloadKeysInvalidError):
            raise found[-1]
        return found[-1]

    held = HeldKeys(read)
    held._read_at -= 10
    (closed,) = await codec(key("b")).encode([plain()])
    found.append(PayloadKeysInvalidError("ring.json", "is half written"))
    with pytest.raises(PayloadKeyMissingError):
        await EncryptingCodec(held).decode([closed])
    found.append(reading(key("b"), key("a"))())
    with pytest.raises(PayloadKeyMissingError):
        await EncryptingCodec(held).decode([closed])
    held._read_at -= 10
    assert await EncryptingCodec(held).decode([closed]) == [plain()]
    assert held.current is not None
    assert held.current.key_id == "b"


async def test_an_encrypted_payload_shows_nothing_of_its_content() -> None:
    """Neither as text nor as JSON."""
    (closed,) = await codec(key("a")).encode([plain()])
    assert is_encrypted(closed)
    for part in (MARKER.encode(), b"MARKER", b"json/plain", "盗采".encode()):
        assert part not in closed.SerializeToString()
