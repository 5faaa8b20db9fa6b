"""Who may do what over HTTP, declared by hand and apart from the product: every route, for every kind of key.

The whistle is an emergency of 金海湖 from the hotline that calls water and police.
"""

from typing import NamedTuple

NOBODY = ("no key", "an unknown key", "a revoked key", "a hook's secret")
SOURCE, GRID, CLERK, LEADER = "source@12345", "grid@jinhaihu", "clerk@jinhaihu", "leader@jinhaihu"
WATER, PLATFORM, ARBITER, SUPERVISOR, ADMIN = "department@water", "platform", "arbiter", "supervisor", "admin"
OTHER_SOURCE, OTHER_CLERK, OTHER_LEADER, POWER, VILLAGE = (
    "source@elsewhere",
    "clerk@binhe",
    "leader@binhe",
    "department@power",
    "village@maoshanhou",
)
TOWNSHIP = frozenset({GRID, CLERK, LEADER})
PARTIES = TOWNSHIP | {SOURCE, WATER}
DISTRICT = frozenset({PLATFORM, ARBITER, SUPERVISOR, ADMIN})
STRANGERS = frozenset({OTHER_SOURCE, OTHER_CLERK, OTHER_LEADER, POWER, VILLAGE})
EVERYBODY = PARTIES | DISTRICT | STRANGERS

SOURCES = frozenset({SOURCE, OTHER_SOURCE})
CLERKS, LEADERS = frozenset({CLERK, OTHER_CLERK}), frozenset({LEADER, OTHER_LEADER})
DEPARTMENTS = frozenset({WATER, POWER, VILLAGE})
CHAIRS = CLERKS | LEADERS | DEPARTMENTS
"""Who may review and blow, or check and evaluate, in one chain or another."""
RESPONDERS = CLERKS | DEPARTMENTS


class Access(NamedTuple):
    """Who gets `status`, and from whom it is hidden (404); all other bearers are refused (403), nobodies 401."""

    allowed: frozenset[str] = EVERYBODY
    hidden_from: frozenset[str] = frozenset()
    status: int = 200
    public: bool = False

    def expected(self, kind: str) -> int:
        """Give the status for a kind of key."""
        if kind in self.allowed or self.public:
            return self.status
        if kind in NOBODY:
            return 401
        return 404 if kind in self.hidden_from else 403


def _tried(allowed: frozenset[str]) -> Access:
    """Give the access of a command, sent with a body that is none: who may ever make it is told so."""
    return Access(allowed, status=422)


SEEN = Access(PARTIES | DISTRICT, STRANGERS)
PUBLIC = Access(public=True)
SUBSCRIBERS = SOURCES | {ADMIN}
W = "/v1/whistles/{whistle_id}"
COMMANDS = {
    "append": CHAIRS | SOURCES,
    "review": CHAIRS,
    "blow": CHAIRS,
    "decline": CHAIRS,
    "ratify": CHAIRS,
    "accept": LEADERS | {PLATFORM},
    "return-whistle": LEADERS | {PLATFORM},
    "resubmit": CHAIRS,
    "merge": CHAIRS | {PLATFORM},
    "sign": RESPONDERS,
    "assign": RESPONDERS,
    "object": RESPONDERS,
    "rule": frozenset({ARBITER}),
    "arrive": CHAIRS,
    "reject-arrival": CHAIRS,
    "start-action": CHAIRS,
    "add-responder": CHAIRS | {PLATFORM},
    "confer": CHAIRS | {PLATFORM},
    "report-progress": RESPONDERS,
    "report-handling": RESPONDERS,
    "request-extension": RESPONDERS,
    "decide-extension": CHAIRS | {PLATFORM},
    "request-suspension": CHAIRS,
    "suspend": frozenset({PLATFORM}),
    "resume": frozenset({PLATFORM}),
    "check": CHAIRS | {PLATFORM},
    "release": CHAIRS,
    "evaluate": CHAIRS | {PLATFORM},
    "appeal": RESPONDERS,
    "decide-appeal": frozenset({PLATFORM}),
    "feedback": CHAIRS,
    "callback": CHAIRS | SOURCES | {PLATFORM},
    "supervise": CHAIRS | SOURCES | {PLATFORM, SUPERVISOR},
    "answer-supervision": CHAIRS | SOURCES | {PLATFORM, ARBITER},
    "cancel": CHAIRS | {ADMIN},
    "reopen": CHAIRS | {SUPERVISOR},
}
ROUTES: dict[str, Access] = {
    "GET /healthz": PUBLIC,
    "HEAD /healthz": PUBLIC,
    "GET /readyz": PUBLIC,
    "HEAD /readyz": PUBLIC,
    "GET /metrics": PUBLIC,
    "GET /openapi.json": PUBLIC,
    "GET /docs": PUBLIC,
    "GET /v1/whistles": Access(),
    "POST /v1/whistles": _tried(SOURCES | CLERKS | DEPARTMENTS | {GRID}),
    f"GET {W}": SEEN,
    f"GET {W}/allowed": SEEN,
    f"GET {W}/events": SEEN,
    f"GET {W}/notices": SEEN,
    f"GET {W}/matter": Access(PARTIES | {PLATFORM}, STRANGERS),
    f"GET {W}/private-views": Access(TOWNSHIP | {PLATFORM, SUPERVISOR, ADMIN}, STRANGERS),
    **{f"POST {W}/{name}": _tried(allowed) for name, allowed in COMMANDS.items()},
    "GET /v1/tasks": Access(),
    "GET /v1/stream": Access(),
    "GET /v1/catalogues/{name}": Access(),
    "GET /v1/calendar": Access(),
    "GET /v1/supervisions": Access(),
    "GET /v1/supervisions/{number}": Access(status=404),
    "GET /v1/reports/scorecards": Access(),
    "GET /v1/reports/rules": Access(),
    "GET /v1/reports/notices": Access(DISTRICT),
    "GET /v1/reports/scorecard": Access(status=404),
    "GET /v1/reports/{name}": Access(TOWNSHIP | {OTHER_CLERK, OTHER_LEADER} | DISTRICT),
    "GET /v1/reports/{name}/rows": Access(),
    "GET /v1/duty/{organisation}": Access(DISTRICT | {WATER}),
    "PUT /v1/duty/{organisation}": _tried(CHAIRS | {ADMIN}),
    "GET /v1/webhooks": Access(SUBSCRIBERS),
    "POST /v1/webhooks": _tried(SUBSCRIBERS),
    "GET /v1/webhooks/{webhook_id}": Access(SUBSCRIBERS, status=404),
    "DELETE /v1/webhooks/{webhook_id}": Access(SUBSCRIBERS, status=404),
    "GET /v1/webhooks/{webhook_id}/deliveries": Access(SUBSCRIBERS, status=404),
    "POST /v1/webhooks/{webhook_id}/rotate": _tried(SUBSCRIBERS),
    "POST /v1/webhooks/{webhook_id}/enable": Access(SUBSCRIBERS, status=404),
    "POST /v1/webhooks/{webhook_id}/deliveries/{delivery_id}/replay": Access(SUBSCRIBERS, status=404),
    "POST /v1/hooks/{source_system}": Access(status=401),
}
"""`{name}` of a report is townships: the ranking of responders is public among bearers."""


def _of_standard(status: int, allowed: frozenset[str] = EVERYBODY, refused: int = 403) -> dict[str, int]:
    """Give the statuses of a route of Open311, where a key that is none is 403 and no key at all may read."""
    return {kind: status if kind in allowed else refused for kind in EVERYBODY} | dict.fromkeys(NOBODY, 403)


_READ = _of_standard(200) | {"no key": 200}
_ASKED = {
    "GET /discovery": dict.fromkeys((*NOBODY, *EVERYBODY), 200),
    "GET /services": _READ,
    "GET /services/{service_code}": _READ,
    "GET /requests": _READ,
    "POST /requests": _of_standard(400, SOURCES),
    "GET /requests/{service_request_id}": _of_standard(200, PARTIES | DISTRICT, refused=404) | {"no key": 404},
    "GET /tokens/{token}": _of_standard(404) | {"no key": 404},
}
_NOTHING = dict.fromkeys((*NOBODY, *EVERYBODY), 404)
STANDARD: dict[str, dict[str, int]] = {
    f"{route.replace(' ', ' /open311/v2')}{suffix}": found
    for route, found in _ASKED.items()
    for suffix in (".json", ".xml", "")
} | {
    f"{method} /open311/v2/{{rest:path}}": _NOTHING
    for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
}
"""The same whistle by the standard's paths: it did not come in by them, so it is there for its parties alone."""
