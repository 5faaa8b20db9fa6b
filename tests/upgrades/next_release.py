"""The workflow of a release that does not exist yet: it gives one command more for each change that it shows.

Once as CONTRIBUTING.md asks, behind a patch that is looked at when a run begins; once as it should never be.
"""

from typing import Any

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from domain.ledger import WhistleInput
    from workflows.roster import WORKFLOWS
    from workflows.whistle import WhistleWorkflow
    from workflows.whistle_end import WhistleEnd

PATCH = "memo-of-version"


@workflow.defn(name="WhistleWorkflow")
class Patched(WhistleWorkflow):
    """Runs that began before go on as they began."""

    @workflow.init
    def __init__(self, start: WhistleInput) -> None:
        """Look at the patch once, where the run begins."""
        self._notes_version = workflow.patched(PATCH)
        super().__init__(start)

    @workflow.run
    async def run(self, start: WhistleInput) -> WhistleEnd:
        """Live as before."""
        return await super().run(start)

    def _settle(self) -> None:
        if self._notes_version and self._shown is not self._account.whistle:
            workflow.upsert_memo(noted(self._account.known_sequence))
        super()._settle()


@workflow.defn(name="WhistleWorkflow")
class Incompatible(WhistleWorkflow):
    """The same change without a patch: no run of an earlier release replays."""

    @workflow.init
    def __init__(self, start: WhistleInput) -> None:
        """Begin as before."""
        super().__init__(start)

    @workflow.run
    async def run(self, start: WhistleInput) -> WhistleEnd:
        """Live as before."""
        return await super().run(start)

    def _settle(self) -> None:
        if self._shown is not self._account.whistle:
            workflow.upsert_memo(noted(self._account.known_sequence))
        super()._settle()


def noted(sequence: int) -> dict[str, Any]:
    """What the memo says."""
    return {"version": sequence}


def roster(name: str) -> list[type]:
    """Give all workflows, that of whistles in the form of this name."""
    changed = {"patched": Patched, "incompatible": Incompatible}[name]
    return [changed if one is WhistleWorkflow else one for one in WORKFLOWS]
