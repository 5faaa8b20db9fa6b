"""The worked example of CONTRIBUTING.md: a change of what replay compares, guarded by a patch and not."""

import pytest
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer

from settings import Settings
from starter.encryption.conversion import converter_with
from starter.versions import patches_of
from tests.fakes import FakeLedger, shipped_rules
from tests.replay.corpus import Edition, commands_of, kept
from tests.replay.stories import Scene, rejected
from tests.servers import make_test_worker, time_skipping_server
from tests.upgrades.next_release import PATCH, Incompatible, Patched
from workflows.sandbox import workflow_runner
from workflows.whistle import WhistleWorkflow


@pytest.mark.parametrize(("next_one", "expected"), [(Patched, True), (Incompatible, False)])
async def test_only_behind_a_patch_do_histories_of_before_replay(next_one: type, expected: bool) -> None:
    """Every history of this release, under the workflow of the next."""
    found = {file.stem: await replays(next_one, kept(file)) for file in Edition.of().histories}
    assert found == dict.fromkeys(found, expected)


@pytest.mark.parametrize("held", [False, True])
async def test_what_begins_under_the_patch_takes_the_new_way_unless_it_is_held_back(held: bool) -> None:
    """And replays then, on the next release and, where the patch was held back, on this one too."""
    ledger = FakeLedger(shipped_rules())
    patches = patches_of(Settings.model_construct(held_patches=(PATCH,) if held else ()))
    async with (
        time_skipping_server() as env,
        make_test_worker(env.client, ledger, workflows=[Patched], patches=patches),
    ):
        history = await (await rejected(Scene(env, ledger))).handle.fetch_history()
    commands = commands_of(history)
    assert (f"patch {PATCH}" in commands, "upsert memo" in commands) == (not held, not held)
    assert await replays(Patched, history)
    assert await replays(WhistleWorkflow, history) is held


async def replays(workflow: type, history: WorkflowHistory) -> bool:
    """Whether a workflow makes the same of a history."""
    replayer = Replayer(workflows=[workflow], workflow_runner=workflow_runner(), data_converter=converter_with())
    return (await replayer.replay_workflow(history, raise_on_replay_failure=False)).replay_failure is None
