"""What awaits an office: the clocks that bind it, the requests it decides, the supervisions it has not answered."""

from datetime import UTC, datetime

from domain.chains import ARBITER, PLATFORM, SUPERVISOR
from domain.values import Actor, Frozen
from domain.vocabulary import Phase, RequestKind, Role, State, SupervisionLevel, Urgency
from storage.cursors import read_cursor, write_cursor
from storage.pool import Pool

_LEADERS = frozenset({Phase.BLOW, Phase.RATIFY, Phase.EVALUATE, Phase.ACCEPT})
_CLERKS = frozenset(
    {
        Phase.REVIEW,
        Phase.RESUBMIT,
        Phase.SELF_HANDLING,
        Phase.SIGN,
        Phase.ARRIVE,
        Phase.FIRST_REPORT,
        Phase.HANDLE,
        Phase.CHECK,
        Phase.FEEDBACK,
    }
)
_PHASES = {
    Role.TOWNSHIP_LEADER: _LEADERS,
    Role.TOWNSHIP_CLERK: _CLERKS,
    Role.DEPARTMENT: _LEADERS | _CLERKS,
    Role.DISTRICT_PLATFORM: _LEADERS | _CLERKS | {Phase.SUSPENSION_REVIEW},
    Role.ARBITER: frozenset({Phase.RULE}),
    Role.SOURCE_SYSTEM: frozenset({Phase.CALLBACK}),
}
"""The clocks that each role can end; ARRIVE stands for its second limit too, windows await nobody."""

_REQUESTS = {
    Role.TOWNSHIP_LEADER: frozenset({RequestKind.EXTENSION}),
    Role.DEPARTMENT: frozenset({RequestKind.EXTENSION}),
    Role.DISTRICT_PLATFORM: frozenset(RequestKind),
}
"""The requests that each role decides."""
_OF_DISTRICT = {Role.DISTRICT_PLATFORM: PLATFORM, Role.ARBITER: ARBITER, Role.SUPERVISOR: SUPERVISOR}
_ANSWERING = frozenset(
    {
        Role.SOURCE_SYSTEM,
        Role.DEPARTMENT,
        Role.TOWNSHIP_CLERK,
        Role.TOWNSHIP_LEADER,
        Role.DISTRICT_PLATFORM,
        Role.ARBITER,
        Role.SUPERVISOR,
    }
)

# Each part stops after a page of its own, so that none reads more than its index gives in order.
_TASKS = """
select w.whistle_id, w.serial, w.title, w.state, w.urgency, t.phase, t.request, t.responder, t.supervision_level,
    nullif(t.due_at, 'infinity') as due_at, t.asked_at, t.part
from (
    (
        select whistle_id, phase, null as request, nullif(responder, '') as responder, null as supervision_level,
            due_at, null::timestamptz as asked_at, phase || '/' || responder as part
        from clock where organisation = $1 and phase = any($2::text[]) and due_at >= $3
            and (due_at, whistle_id, phase || '/' || responder) > ($3, $4, $5)
        order by due_at, whistle_id, part limit $7
    ) union all (
        select whistle_id, null, kind, nullif(responder, ''), null, due_at, asked_at,
            'request/' || kind || '/' || responder || '/' || round
        from pending_request where organisation = $1 and kind = any($8::text[]) and due_at >= $3
            and (due_at, whistle_id, 'request/' || kind || '/' || responder || '/' || round) > ($3, $4, $5)
        order by due_at, whistle_id, 'request/' || kind || '/' || responder || '/' || round limit $7
    ) union all (
        select whistle_id, null, null, responder, level, raised_at, null, 'supervision/' || number
        from supervision where organisation = $1 and $6 and answered_at is null and raised_at >= $3
            and (raised_at, whistle_id, 'supervision/' || number) > ($3, $4, $5)
        order by raised_at, whistle_id, 'supervision/' || number limit $7
    )
) as t
join whistle w on w.whistle_id = t.whistle_id
order by t.due_at, t.whistle_id, t.part limit $7
"""
_NEVER = datetime.max.replace(tzinfo=UTC)
"""What PostgreSQL calls infinity."""
_FIRST = (datetime.min.replace(tzinfo=UTC), "", "")
_MOST = 500


class Task(Frozen):
    """Something that awaits an organisation: a running clock that binds it, or what has none and is no `phase`.

    That is a `request` to decide, asked at `asked_at`, whose `due_at` is the limit that an extension would move, else
    None; or a supervision to answer, whose `due_at` is when it was raised.
    """

    whistle_id: str
    serial: str
    title: str
    state: State
    urgency: Urgency | None = None
    phase: Phase | None = None
    request: RequestKind | None = None
    responder: str | None = None
    supervision_level: SupervisionLevel | None = None
    due_at: datetime | None = None
    asked_at: datetime | None = None


class TaskPage(Frozen):
    """A page of tasks, the most pressing first; `next_cursor` is None on the last one."""

    items: tuple[Task, ...]
    next_cursor: str | None = None


async def tasks_of(pool: Pool, actor: Actor, cursor: str | None = None, limit: int = 50) -> TaskPage:
    """List at most 500 of what awaits the actor's organisation in the actor's role, the earliest due first.

    Raises InvalidError for a cursor that is none.
    """
    limit = max(1, min(limit, _MOST))
    rows = await pool.fetch(_TASKS, *tasks_arguments(actor, cursor, limit))
    shown = rows[:limit]
    items = tuple(Task(**{name: row[name] for name in Task.model_fields}) for row in shown)
    if len(rows) <= limit:
        return TaskPage(items=items)
    last = shown[-1]
    return TaskPage(items=items, next_cursor=write_cursor((last["due_at"] or _NEVER, last["whistle_id"], last["part"])))


def tasks_arguments(actor: Actor, cursor: str | None, limit: int) -> tuple[object, ...]:
    """Give the parameters of the statement; it asks for one row more than the limit."""
    organisation = _OF_DISTRICT.get(actor.role, actor.organisation)
    after = read_cursor(cursor, 3) if cursor else _FIRST
    phases = sorted(_PHASES.get(actor.role, ()))
    requests = sorted(_REQUESTS.get(actor.role, ()))
    return organisation, phases, *after, actor.role in _ANSWERING, limit + 1, requests
