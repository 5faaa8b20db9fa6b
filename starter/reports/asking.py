"""Asking the store for a report, live or frozen."""

from datetime import UTC, datetime

from domain.errors import NotFoundError
from domain.figures.periods import Period
from domain.figures.reports import ReportName, report_of
from domain.figures.row_reports import rows_report
from domain.figures.scorecard import FrozenScorecard
from domain.figures.tables import About, Names, Report
from domain.figures.tally import Which
from domain.values import Frozen
from domain.vocabulary import WhistleKind
from domain.working_time import BEIJING
from storage.pool import Pool
from storage.reports import figures
from storage.scorecards import standing
from storage.scoring import rules_on


class Asked(Frozen):
    """Which report, on which days; of the whistles of one township, kind or grid; one organisation's lines, or rows."""

    name: ReportName
    period: Period
    township: str | None = None
    kind: WhistleKind | None = None
    grid: str | None = None
    organisation: str | None = None
    rows: bool = False

    @property
    def filters(self) -> dict[str, str]:
        """What was filtered by, for the record."""
        given = {"township": self.township, "kind": self.kind, "grid": self.grid, "organisation": self.organisation}
        return {name: value for name, value in given.items() if value}


async def ask(pool: Pool, asked: Asked, name_of: Names, *, sight: str | None = None) -> Report:
    """Make a report by the rules in force when its days began; `sight` leaves only one organisation's rows."""
    now = datetime.now(UTC)
    rules = await rules_on(pool, asked.period.start.astimezone(BEIJING).date())
    found = await figures(pool, asked.period, rules, known_at=now, which=Which(asked.township, asked.kind, asked.grid))
    about = About(period=asked.period, as_of=min(now, asked.period.end), rules=rules, filters=asked.filters)
    if asked.rows and sight is not None:
        rows = tuple(row for row in found.rows if sight in (row.organisation, row.township))
        scores = tuple(row for row in found.scores if sight in (row.organisation, row.township))
        found = found._replace(rows=rows, scores=scores)
    made = (rows_report if asked.rows else report_of)(asked.name, found, about, name_of)
    return only(made, asked.organisation)


def only(report: Report, organisation: str | None) -> Report:
    """Leave one organisation's lines; its rank stays what it is among all."""
    if organisation is None:
        return report
    items = tuple(item for item in report.items if item["organisation"] == organisation)
    return report.model_copy(update={"items": items})


async def scorecard(pool: Pool, period: Period, version: int | None = None) -> FrozenScorecard:
    """Read a frozen scorecard; raises NotFoundError."""
    found = await standing(pool, period, version)
    if found is None:
        shown = f"version {version} of " if version else ""
        raise NotFoundError(f"there is no {shown}scorecard {period.label}: it is frozen on the 1st of the next month")
    return found
