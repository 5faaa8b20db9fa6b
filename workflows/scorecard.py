"""The month's figures, frozen on the first of the next: responders and townships, then quarter and year.

Every run looks at the months before too: whatever was corrected since makes a new version, what was not stays.
"""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from domain.figures.freezing import FreezePeriod, PeriodFrozen, ScorecardAsked, ScorecardsFrozen
    from domain.figures.periods import Period
    from workflows.activity_stubs import freeze_scorecard
    from workflows.compliance import scheduled_at
    from workflows.policies import FREEZE_WITH_PATIENCE, FREEZE_WITHIN

MONTHS_LOOKED_BACK = 3
"""Ours [P]: the windows to reopen (30 d) and to appeal (5 working days) are over by then."""


@workflow.defn
class MonthlyScorecardWorkflow:
    """Freezes one month and what it corrects and completes; running it again changes nothing."""

    @workflow.run
    async def run(self, asked: ScorecardAsked = ScorecardAsked()) -> ScorecardsFrozen:  # noqa: B008 - a frozen value
        """Freeze the month asked for, or the one before the scheduled time."""
        month = Period.named(asked.month) if asked.month else Period.month_of(scheduled_at()).before
        months = [month]
        for _ in range(MONTHS_LOOKED_BACK):
            months.append(months[-1].before)
        done = [await _freeze(month.label)]
        done += [await _freeze(earlier.label, first=False) for earlier in months[1:]]
        rollups = {whole.label: whole.end for one in months for whole in one.rollups}
        done += [await _freeze(whole) for whole, end in rollups.items() if end <= workflow.now()]
        workflow.set_current_details(_told(done))
        return ScorecardsFrozen(periods=tuple(done))


async def _freeze(label: str, *, first: bool = True) -> PeriodFrozen:
    return await workflow.execute_activity(
        freeze_scorecard,
        FreezePeriod(period=label, known_at=workflow.now(), first=first),
        start_to_close_timeout=FREEZE_WITHIN,
        retry_policy=FREEZE_WITH_PATIENCE,
        summary=f"冻结考核 {label}",
    )


def _told(done: list[PeriodFrozen]) -> str:
    lines = [f"- {one.period}: 第 {one.version} 版{',新' if one.changed else ''}" for one in done if one.version]
    proposed = sorted({name for one in done for name in one.to_account})
    return "\n".join(lines + ([f"\n提请问责(仅建议): {', '.join(proposed)}"] if proposed else []))
