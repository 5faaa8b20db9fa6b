"""What schemathesis makes up from the OpenAPI document, by several keys: documented answers, and no fault of ours.

Each key takes a share of the routes; `WHISTLE_FUZZ=90` gives every key all of them, with every edge of each parameter
and every link, for so many seconds.
"""

import asyncio
import json
import os
import sys
from collections import Counter
from collections.abc import Awaitable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.integration.gateway.fuzzing import SOURCE_SYSTEM
from tests.integration.gateway.gate import CLERK, LEADER, PLATFORM, SOURCE, WATER, Gate

LONG_S = int(os.environ.get("WHISTLE_FUZZ", "0"))
QUICK, EDGES = "examples,fuzzing", "examples,coverage,fuzzing"
EXAMPLES, CHAINS = 2, 15
"""Of each route beside its examples, and of steps that follow each other. Counted, not timed: CI may be slow."""
CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,"
    "response_schema_conformance,unsupported_method,allow_header_conformance"
)
COMMAND = r"^/v1/whistles/\{whistle_id\}/"
SHARES = {
    CLERK: f"{COMMAND}[a-d]",
    PLATFORM: f"{COMMAND}[e-z]",
    SOURCE: r"^/v1/whistles(/\{whistle_id\})?$|^/v1/(hooks|tasks|calendar)|^/open311",
    "admin": r"^/v1/(reports|webhooks|catalogues|duty|supervisions)|^/(healthz|readyz|metrics)",
}
LEADING = {
    "whistles": "^(list_whistles|show_whistle|allowed_commands|list_events|append|supervise|callback)$",
    "webhooks": "^([a-z]+_webhook|show_deliveries|replay_delivery)$",
}
"""What leads to each other, for the one who registers: a search over all would rarely get beyond its first step."""
pytestmark = pytest.mark.timeout(max(300, 8 * LONG_S))


class Said(NamedTuple):
    """What a run complained of, and what it noted of each scenario."""

    complaint: str
    scenarios: list[dict[str, Any]]

    def routes(self) -> Iterator[str]:
        """Name the operations that it sent anything to."""
        for scenario in self.scenarios:
            for case in scenario["recorder"].get("cases", {}).values():
                yield f"{case['value']['method']} {case['value']['path']}"

    def followed(self) -> Counter[tuple[str, str, int]]:
        """Count the links that were followed, by where they led and what was answered there."""
        found: Counter[tuple[str, str, int]] = Counter()
        for scenario in self.scenarios:
            answers = scenario["recorder"].get("interactions", {})
            for name, case in scenario["recorder"].get("cases", {}).items():
                if case.get("is_transition_applied") and (told := answers[name]["response"]):
                    found[case["value"]["method"], case["value"]["path"], told["status_code"]] += 1
        return found


async def test_nothing_that_is_made_up_is_a_fault_of_ours(gate: Gate, tmp_path: Path):
    """All routes but the stream, which has no end: its tests are its own."""
    await gate.emergency("water", "police")
    said = await asyncio.gather(*(all_of_it(gate, tmp_path) if LONG_S else shares(gate, tmp_path)))
    assert not "".join(one.complaint for one in said), "".join(one.complaint for one in said)
    every = {route for one in said for route in one.routes()}
    described = (await gate.http.get("/openapi.json")).json()["paths"]
    wanted = {f"{method.upper()} {path}" for path, methods in described.items() for method in methods}
    assert wanted - every <= {"GET /v1/stream"}


def shares(gate: Gate, folder: Path) -> Iterator[Awaitable[Said]]:
    """Begin a run for each share."""
    for name, share in SHARES.items():
        yield fuzzed(gate, name, folder, "--include-path-regex", share, phases=QUICK)


def all_of_it(gate: Gate, folder: Path) -> Iterator[Awaitable[Said]]:
    """Begin a run over every route for each key."""
    for name in (*SHARES, LEADER, WATER):
        yield fuzzed(gate, name, folder, phases=f"{EDGES},stateful")


@pytest.mark.parametrize("among", LEADING.values(), ids=LEADING)
async def test_links_are_followed_and_lead_to_what_is_there(gate: Gate, tmp_path: Path, among: str):
    """From a list, or from what was made, to what may be done with it: five times at least, and it is done."""
    await gate.emergency("water", "police")
    said = await fuzzed(gate, SOURCE, tmp_path, "--include-operation-id-regex", among, phases="stateful", most=CHAINS)
    assert not said.complaint, said.complaint
    followed = said.followed()
    assert followed.total() >= 5, followed
    assert len({(method, path) for method, path, status in followed if status < 300}) >= 2, followed


async def fuzzed(
    gate: Gate,
    name: str,
    folder: Path,
    *which: str,
    phases: str,
    most: int = EXAMPLES,
) -> Said:
    """Run schemathesis as somebody; give what it complains of and what it did."""
    notes = folder / f"{name}.ndjson"
    # More than one worker trips over ast.parse, which in Python 3.11 is not safe between threads (gh-106905).
    words = [
        *("run", f"{gate.url}/openapi.json", "--header", f"Authorization: {gate.headers(name)['Authorization']}"),
        *("--phases", phases, "--workers", "1", "--checks", CHECKS),
        *(("--max-time", str(LONG_S)) if LONG_S else ("--max-examples", str(most))),
        *("--exclude-path", "/v1/stream", "--warnings", "off", "--no-color", "--max-failures", "5"),
        *("--report-ndjson-path", str(notes), *which),
    ]
    root, place = Path(__file__).parents[3], {SOURCE_SYSTEM: name.partition("@")[2]}
    process = await asyncio.create_subprocess_exec(
        Path(sys.executable).with_name("schemathesis"),
        *words,
        cwd=folder,
        env=os.environ | place | {"SCHEMATHESIS_HOOKS": "tests.integration.gateway.fuzzing", "PYTHONPATH": str(root)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await process.communicate()
    lines = (json.loads(line) for line in notes.read_text("utf-8").splitlines())
    scenarios = [line["ScenarioFinished"] for line in lines if "ScenarioFinished" in line]
    return Said(out.decode()[-6000:] if process.returncode else "", scenarios)
