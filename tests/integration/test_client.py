"""The way in for real: the client over a real PostgreSQL, a real Temporal server and a real worker process."""

import asyncio
import json
import shutil
import tempfile
import uuid
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from temporalio.client import WorkflowQueryFailedError

from domain.errors import (
    IdempotencyConflictError,
    InvalidError,
    MoveNotAllowedError,
    NotFoundError,
    NotYourOrganisationError,
    RefusedError,
    RoleNotAllowedError,
    TemporarilyUnavailableError,
    UnauthenticatedError,
)
from domain.ledger import Answer, RecordInput
from domain.registration import Registration
from domain.values import Actor
from domain.vocabulary import State
from settings import Settings
from starter.client import WhistleClient
from starter.doctor import EXAMINATIONS, examine
from starter.embedded import EmbeddedStack, embedded_stack
from starter.findings import Health
from starter.identity import actor_named, read_keys
from starter.opening import summary_of
from starter.preparation import WORKER, Preparation
from starter.start import workflow_id_of
from storage import registrations
from storage.ledger import record
from storage.lists import WhistleFilter
from storage.whistles import value_of
from tests.read_model import read_model, shown

pytestmark = pytest.mark.timeout(180)

SOURCE, CLERK, LEADER, PLATFORM = "source@12345", "clerk@jinhaihu", "leader@jinhaihu", "platform"
SECRET = "李四在村东头"


class Way(NamedTuple):
    """A running stack with its client."""

    stack: EmbeddedStack
    client: WhistleClient
    settings: Settings

    async def actor(self, name: str) -> Actor:
        """Find who acts."""
        return await actor_named(self.client.pool, self.settings.data_dir, name)

    async def register(self, **changes: Any) -> str:
        """Register a fresh matter and give its id."""
        registered = await self.client.register(matter(**changes), await self.actor(SOURCE))
        assert registered.created
        return registered.whistle_id

    async def do(self, name: str, whistle_id: str, command: str, key: str | None = None, **body: Any) -> Answer:
        """Do a command as somebody."""
        actor = await self.actor(name)
        return await self.client.do(whistle_id, command, body, actor, f"{name}:{key or uuid.uuid4()}")


@pytest.fixture(scope="module")
async def way() -> AsyncIterator[Way]:
    """Run one stack for all tests of this file."""
    folder = open_folder("whistle-client-")
    settings = Settings.model_construct(data_dir=folder / ".whistle")
    preparation = Preparation(settings)
    async with embedded_stack(
        settings.data_dir,
        worker_command=WORKER,
        migrate=preparation.migrate,
        prepare=preparation.prepare,
        settings=settings,
        erase=True,
    ) as stack:
        found = {"database_dsn": stack.database_dsn, "temporal_address": stack.temporal_address}
        here = settings.model_copy(update=found)
        async with WhistleClient.open(here) as client:
            yield Way(stack, client, here)
    shutil.rmtree(folder)


def open_folder(prefix: str) -> Path:
    """Make a folder that PostgreSQL's account may enter where the tests run as root."""
    folder = Path(tempfile.mkdtemp(prefix=prefix))
    folder.chmod(0o755)
    return folder


def matter(**changes: Any) -> dict[str, Any]:
    """Describe a matter that nobody registered yet."""
    return {
        "source_system": "12345",
        "external_id": uuid.uuid4().hex,
        "channel": "HOTLINE_12345",
        "received_at": datetime.now(UTC).isoformat(),
        "title": "占道经营",
        "description": SECRET,
        "township": "jinhaihu",
        "place": {"address": SECRET},
        "reporter": {"name": SECRET, "phone": "13800000000"},
    } | changes


def review(**changes: Any) -> dict[str, Any]:
    """Decide to whistle."""
    return {
        "decision": "WHISTLE",
        "kind": "DAILY",
        "urgency": "NORMAL",
        "tier": "GENERAL_ENFORCEMENT",
        "proposed_responders": ["market"],
    } | changes


async def test_everyone_of_the_catalogue_has_a_key_that_only_its_owner_reads(way: Way) -> None:
    """keys.json names each organisation of contract.md 1 and is closed to others."""
    path = way.settings.data_dir / "keys.json"
    assert path.stat().st_mode & 0o777 == 0o600
    names = set(read_keys(way.settings.data_dir))
    assert {"grid@binhe", "clerk@jinhaihu", "leader@jinhaihu", "department@water", "department@power"} <= names
    assert {"village@maoshanhou", "platform", "arbiter", "supervisor", "admin", "hook@12345", SOURCE} <= names
    assert json.loads(path.read_text())["hook@12345"].startswith("whsec_")


async def test_keys_that_are_there_are_kept(way: Way) -> None:
    """Preparing again changes no key."""
    before = read_keys(way.settings.data_dir)
    await Preparation(way.settings).prepare(way.stack.record)
    assert read_keys(way.settings.data_dir) == before


@pytest.mark.parametrize("name", [None, "nobody@nowhere", "hook@12345"])
async def test_nobody_acts_without_a_key_that_may_act(way: Way, name: str | None) -> None:
    """A missing name, an unknown one and a hook's secret are refused by name."""
    with pytest.raises(UnauthenticatedError):
        await actor_named(way.client.pool, way.settings.data_dir, name)


async def test_the_same_registration_again_is_the_same_whistle(way: Way) -> None:
    """Registering is idempotent for ever; other content under the id is a conflict."""
    same, actor = matter(), await way.actor(SOURCE)
    first = await way.client.register(same, actor)
    again = await way.client.register(same, actor)
    assert (first.created, again.created) == (True, False)
    assert (again.whistle_id, again.serial) == (first.whistle_id, first.serial)
    with pytest.raises(IdempotencyConflictError):
        await way.client.register(same | {"title": "别的"}, actor)


async def test_fifty_registrations_at_once_make_one_whistle(way: Way) -> None:
    """Exactly one of them creates it, and it has one event."""
    same, actor = matter(), await way.actor(SOURCE)
    all_of_them = await asyncio.gather(*(way.client.register(same, actor) for _ in range(50)))
    assert [r.created for r in all_of_them].count(True) == 1
    assert len({r.serial for r in all_of_them}) == 1
    assert len(await way.client.events(all_of_them[0].whistle_id)) == 1


async def test_a_registration_by_the_wrong_party_is_refused(way: Way) -> None:
    """A source registers under its own name, a clerk for its own township."""
    with pytest.raises(NotYourOrganisationError):
        await way.client.register(matter(source_system="other"), await way.actor(SOURCE))
    with pytest.raises(RoleNotAllowedError):
        await way.client.register(matter(source_system="platform"), await way.actor(PLATFORM))
    with pytest.raises(InvalidError) as refused:
        await way.client.register(matter(title="", township="Nowhere!"), await way.actor(SOURCE))
    assert {e["field"] for e in refused.value.errors} == {"title", "township"}


async def test_a_crash_between_row_and_start_is_healed_by_registering_again(way: Way) -> None:
    """The stored row alone is enough to start from."""
    registration, actor = Registration.model_validate(matter()), await way.actor(SOURCE)
    await registrations.register(way.client.pool, registration, actor, datetime.now(UTC))
    again = await way.client.register(registration, actor)
    assert not again.created
    answer = await way.do(CLERK, again.whistle_id, "review", **review())
    assert answer.state is State.PROPOSED


async def test_a_crash_between_row_and_start_is_healed_by_the_first_command(way: Way) -> None:
    """A command finds no workflow, starts it from the store and is done."""
    registration, actor = Registration.model_validate(matter()), await way.actor(SOURCE)
    stored = await registrations.register(way.client.pool, registration, actor, datetime.now(UTC))
    answer = await way.do(CLERK, stored.whistle_id, "review", **review())
    assert (answer.state, answer.version) == (State.PROPOSED, len(await way.client.events(stored.whistle_id)))
    assert await registrations.unstarted(way.client.pool, timedelta()) == []


async def test_a_known_command_gives_its_first_answer(way: Way) -> None:
    """Sent again with the same content it does nothing; with other content it is a conflict."""
    whistle_id = await way.register()
    first = await way.do(CLERK, whistle_id, "review", "k", **review())
    blown = await way.do(LEADER, whistle_id, "blow")
    assert await way.do(CLERK, whistle_id, "review", "k", **review()) == first
    with pytest.raises(IdempotencyConflictError):
        await way.do(CLERK, whistle_id, "review", "k", **review(urgency="URGENT"))
    assert [e.sequence for e in await way.client.events(whistle_id)] == list(range(1, blown.sequence + 1))


async def test_one_key_with_two_contents_at_once_answers_one_and_refuses_the_other(way: Way) -> None:
    """Nobody is told that something was done which was not."""
    whistle_id = await way.register()
    texts = [f"第 {i} 次来电" for i in range(20)]
    outcomes = await asyncio.gather(
        *(way.do(SOURCE, whistle_id, "append", "k", text=text, kind="REPEATED_CALL") for text in texts),
        return_exceptions=True,
    )
    assert len([o for o in outcomes if isinstance(o, Answer)]) == 1
    assert len([o for o in outcomes if isinstance(o, IdempotencyConflictError)]) == len(texts) - 1
    assert (await way.client.view(whistle_id)).repeated_calls == 1


async def test_fifty_commands_at_once_are_each_done_once(way: Way) -> None:
    """Audit and workflow are equal afterwards, with nothing twice."""
    whistle_id = await way.register()
    answers = await asyncio.gather(
        *(way.do(SOURCE, whistle_id, "append", text=f"来电 {i}", kind="REPEATED_CALL") for i in range(50))
    )
    assert sorted(a.sequence for a in answers) == list(range(2, 52))
    handle = way.client.temporal.get_workflow_handle(workflow_id_of(whistle_id))
    assert (await handle.query("view"))["version"] == (await way.client.view(whistle_id)).version == 51


async def plant(way: Way, whistle_id: str, name: str, key: str, **body: Any) -> Answer | None:
    """Store a command that Temporal never heard of, as a crash between commit and workflow task leaves it."""
    actor = await way.actor(name)
    argument = body | {"actor": actor.model_dump(mode="json"), "command_id": f"{name}:{key}"}
    known = (await way.client.view(whistle_id)).version
    request = RecordInput(
        whistle_id=whistle_id, known_sequence=known, name="review", argument=argument, at=datetime.now(UTC)
    )
    return (await record(way.client.pool, "default", request)).answer


async def until_at(way: Way, whistle_id: str, version: int) -> None:
    """Wait until the workflow knows of that many events."""
    handle = way.client.temporal.get_workflow_handle(workflow_id_of(whistle_id))
    async with asyncio.timeout(20):
        while True:
            with suppress(WorkflowQueryFailedError):
                if (await handle.query("view"))["version"] == version:
                    return
            await asyncio.sleep(0.05)


async def test_a_command_that_temporal_never_recorded_is_known_and_wakes_its_workflow(way: Way) -> None:
    """The retry of a lost command gives the stored answer, and the workflow catches up."""
    whistle_id = await way.register()
    await until_at(way, whistle_id, 1)
    planted = await plant(way, whistle_id, CLERK, "k", **review())
    assert planted == await way.do(CLERK, whistle_id, "review", "k", **review())
    await until_at(way, whistle_id, planted.version)


async def test_a_workflow_that_lags_does_not_refuse_what_the_store_allows(way: Way) -> None:
    """The leader may blow at once what a lost command proposed; what the store refuses too stays refused."""
    whistle_id = await way.register()
    await until_at(way, whistle_id, 1)
    await plant(way, whistle_id, CLERK, "k", **review())
    with pytest.raises(MoveNotAllowedError):
        await way.do(PLATFORM, whistle_id, "accept", lead="market")
    assert (await way.do(LEADER, whistle_id, "blow")).state is State.BLOWN


REFUSED: list[tuple[str, str, dict[str, Any], type[RefusedError]]] = [
    (LEADER, "blow", {}, MoveNotAllowedError),
    (PLATFORM, "review", review(), RoleNotAllowedError),
    ("clerk@binhe", "review", review(), NotYourOrganisationError),
    (CLERK, "review", {"decision": "WHISTLE"}, InvalidError),
    (CLERK, "review", review(proposed_responders=["nobody-knows"]), InvalidError),
    (CLERK, "review", review(kind="URGENTISH"), InvalidError),
    (CLERK, "no_such_command", {}, InvalidError),
    (CLERK, "review", review() | {"actor": {"subject": "x", "role": "ADMIN"}}, InvalidError),
    ("department@market", "sign", {"responder": "market"}, NotYourOrganisationError),
]


@pytest.mark.parametrize(("name", "command", "body", "error"), REFUSED)
async def test_a_refusal_is_named_and_changes_nothing(
    way: Way, name: str, command: str, body: dict[str, Any], error: type[RefusedError]
) -> None:
    """Wrong state, role, organisation and value leave view and trail as they were."""
    whistle_id = await way.register()
    before = await way.client.view(whistle_id), await way.client.events(whistle_id)
    with pytest.raises(error):
        await way.do(name, whistle_id, command, **body)
    assert (await way.client.view(whistle_id), await way.client.events(whistle_id)) == before


@pytest.mark.parametrize("whistle_id", ["12345:never", "no id at all", "12345:" + "x" * 65])
async def test_an_unknown_whistle_is_not_found(way: Way, whistle_id: str) -> None:
    """Every door says the same of a whistle that is not there."""
    with pytest.raises(NotFoundError):
        await way.client.view(whistle_id)
    with pytest.raises(NotFoundError):
        await way.client.events(whistle_id)
    with pytest.raises(NotFoundError):
        await way.do(LEADER, whistle_id, "blow")
    with pytest.raises(NotFoundError):
        await way.do(SOURCE, whistle_id, "append", text="私密", kind="MORE")


async def test_private_fields_reach_the_store_and_never_temporal(way: Way) -> None:
    """What a command marks private is kept beside it, and no history holds it."""
    whistle_id = await way.register()
    await way.do(SOURCE, whistle_id, "append", text=SECRET, kind="MORE", note=SECRET)
    handle = way.client.temporal.get_workflow_handle(workflow_id_of(whistle_id))
    history = (await handle.fetch_history()).to_json()
    assert SECRET not in history
    assert json.dumps(SECRET)[1:-1] not in history
    assert [e.private for e in await way.client.events(whistle_id)] == [None, None]
    assert (await way.client.events(whistle_id, with_private=True))[-1].private == {"text": SECRET, "note": SECRET}


async def test_a_whistle_that_has_ended_is_answered_from_the_store(way: Way) -> None:
    """Its commands are refused by name, known ones give their first answer, also after the workflow is gone."""
    whistle_id = await way.register()
    rejection = {"decision": "REJECT", "rejection": "UNFOUNDED", "reason": "现场无此情况"}
    first = await way.do(CLERK, whistle_id, "review", "k", **rejection)
    assert first.state is State.REJECTED
    handle = way.client.temporal.get_workflow_handle(workflow_id_of(whistle_id))
    await handle.result()
    assert await way.do(CLERK, whistle_id, "review", "k", **rejection) == first
    with pytest.raises(MoveNotAllowedError):
        await way.do(CLERK, whistle_id, "review", **rejection)
    with pytest.raises(RoleNotAllowedError):
        await way.do(PLATFORM, whistle_id, "blow")
    assert await way.client.allowed(whistle_id, await way.actor(CLERK)) == []


async def test_reads_tell_what_is_open_to_whom(way: Way) -> None:
    """Lists, tasks and allowed commands agree on whose turn it is."""
    whistle_id = await way.register(title="垃圾堆放待清理")
    assert "review" in await way.client.allowed(whistle_id, await way.actor(CLERK))
    assert "review" not in await way.client.allowed(whistle_id, await way.actor(LEADER))
    found = await way.client.whistles(WhistleFilter(township="jinhaihu", state=State.SOURCED, q="垃圾堆放"))
    assert [row.whistle_id for row in found.items] == [whistle_id]
    tasks = await way.client.tasks(await way.actor(CLERK), limit=500)
    assert whistle_id in {task.whistle_id for task in tasks.items}


async def test_a_title_of_any_length_can_be_started(way: Way) -> None:
    """Temporal's limit for summaries never keeps a whistle from starting."""
    whistle_id = await way.register(title="长" * 200)
    whistle = await value_of(way.client.pool, whistle_id)
    assert whistle
    assert len(summary_of(whistle, "金海湖镇").encode()) <= 400
    assert (await way.do(CLERK, whistle_id, "review", **review())).state is State.PROPOSED


async def test_the_doctor_finds_a_running_stack_well(way: Way) -> None:
    """Every part is looked at, and none is broken."""
    findings = await examine(way.settings)
    assert [f for f in findings if f.health is Health.BROKEN] == []
    assert [f.part for f in findings] == list(EXAMINATIONS)


async def test_the_doctor_names_a_whistle_that_lags_behind_the_store(way: Way) -> None:
    """By what its workflow shows and what is stored; the worker's watch wakes it some seconds later."""
    whistle_id = await way.register()
    await until_at(way, whistle_id, 1)
    await plant(way, whistle_id, CLERK, "lost", **review())
    found = {f.part: f for f in await examine(way.settings)}["流程版本 versions"]
    assert found.health is Health.WARNING
    assert f"{whistle_id} (1 of 3)" in found.detail, found.detail


async def test_visibility_shows_what_the_read_model_holds(way: Way) -> None:
    """After every command, name by name: what admins list in Temporal is what clients see."""
    whistle_id = await way.register(grid="jhh-12")
    acts = ((CLERK, "review", review()), (LEADER, "blow", {}), (PLATFORM, "accept", {"lead": "market"}))
    for name, command, body in acts:
        version = (await way.do(name, whistle_id, command, **body)).version
        assert await shown(way.client.temporal, whistle_id, version) == read_model(await way.client.view(whistle_id))


async def test_an_admin_reads_from_the_start_what_a_registration_says(way: Way) -> None:
    """The static summary and details: no personal data, and the kind only where the source knew it."""
    whistle_id = await way.register(grid="jhh-12", kind="EMERGENCY", title="燃气泄漏 | `急`")
    described = await way.client.temporal.get_workflow_handle(workflow_id_of(whistle_id)).describe()
    assert await described.static_summary() == r"【应急】金海湖镇 燃气泄漏 \| \`急\`"
    details = await described.static_details()
    assert details is not None
    assert f"`{whistle_id}`" in details
    assert "街乡 township 金海湖镇 `jinhaihu` · 网格 grid `jhh-12`" in details
    assert SECRET not in details


async def test_while_temporal_is_away_the_outcome_is_unknown_and_the_retry_tells_the_truth(way: Way) -> None:
    """Reads go on, writes say temporarily-unavailable, and the same command is done once when it is back."""
    whistle_id = await way.register()
    impatient = WhistleClient(way.client.pool, way.client.temporal, patience=timedelta(seconds=2))
    actor = await way.actor(CLERK)
    await way.stack.take_down("temporal", timedelta(0))
    try:
        with pytest.raises(TemporarilyUnavailableError):
            await impatient.do(whistle_id, "review", review(), actor, "k")
        assert (await impatient.view(whistle_id)).state is State.SOURCED
        with pytest.raises(NotYourOrganisationError):
            await impatient.do(whistle_id, "append", {"text": "x", "kind": "MORE"}, await way.actor("clerk@binhe"), "k")
    finally:
        await way.stack.bring_up("temporal")
    answer = await _until_done(way, whistle_id, "review", review(), actor)
    assert (answer.state, answer.version) == (State.PROPOSED, len(await way.client.events(whistle_id)))


async def test_while_postgresql_is_away_everything_says_so(way: Way) -> None:
    """Reads and writes are temporarily-unavailable, and work when it is back."""
    whistle_id = await way.register()
    actor = await way.actor(CLERK)
    await way.stack.take_down("postgres")
    try:
        with pytest.raises(TemporarilyUnavailableError):
            await way.client.view(whistle_id)
        with pytest.raises(TemporarilyUnavailableError):
            await way.client.do(whistle_id, "review", review(), actor, "k")
        assert any(f.health is Health.BROKEN for f in await examine(way.settings))
    finally:
        await way.stack.bring_up("postgres")
    assert (await _until_done(way, whistle_id, "review", review(), actor)).state is State.PROPOSED


async def _until_done(way: Way, whistle_id: str, command: str, body: dict[str, Any], actor: Actor) -> Answer:
    async with asyncio.timeout(60):
        while True:
            try:
                return await way.client.do(whistle_id, command, body, actor, "k")
            except TemporarilyUnavailableError:
                await asyncio.sleep(0.5)
