"""The command line as a person or a script uses it: the real console script against a running stack."""

import asyncio
import json
import os
import shutil
import sys
import tempfile
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from domain.commands import COMMANDS
from domain.registration import Registration
from domain.values import Actor
from domain.vocabulary import Role
from settings import Settings
from starter.cli.fields import read_fields
from starter.client import WhistleClient
from starter.embedded import embedded_stack
from starter.preparation import WORKER, Preparation

pytestmark = pytest.mark.timeout(240)

WHISTLE = Path(sys.executable).with_name("whistle")
CLERK, LEADER, PLATFORM, MARKET = "clerk@jinhaihu", "leader@jinhaihu", "platform", "department@market"
URN = "urn:whistle:problem:"


class Ended(NamedTuple):
    """How one call of the command line ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Read its answer, which is all of stdout."""
        return json.loads(self.out)

    @property
    def problem(self) -> str:
        """Read the name of its error, which is all of stderr."""
        return str(json.loads(self.err)["type"]).removeprefix(URN)


class CommandLine(NamedTuple):
    """The console script on one data folder, and a client for what a test takes as given."""

    data_dir: Path
    client: WhistleClient | None = None

    async def __call__(self, *words: str, stdin: str = "", **environment: str) -> Ended:
        """Run it to its end."""
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("WHISTLE_", "TEMPORAL_"))}
        process = await asyncio.create_subprocess_exec(
            WHISTLE,
            *words,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=clean | {"WHISTLE_DATA_DIR": str(self.data_dir), "LC_ALL": "C"} | environment,
        )
        out, err = await process.communicate(stdin.encode())
        return Ended(process.returncode or 0, out.decode(), err.decode())

    async def do(self, name: str, whistle_id: str, command: str, *words: str) -> dict[str, Any]:
        """Do a command that must succeed."""
        ended = await self("do", whistle_id, command, "--as", name, *words)
        assert (ended.code, ended.err) == (0, "")
        return dict(ended.json)

    @property
    def door(self) -> WhistleClient:
        """Give the client."""
        assert self.client
        return self.client

    async def register(self) -> str:
        """Register a fresh matter, in this process, and give its id."""
        fields = read_fields(matter(), Registration)
        source = Actor(subject="source@12345", role=Role.SOURCE_SYSTEM, organisation="12345")
        return (await self.door.register(fields, source)).whistle_id


@pytest.fixture(scope="module")
async def whistle() -> AsyncIterator[CommandLine]:
    """Run one stack for all tests of this file."""
    folder = open_folder("whistle-cli-")
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
        async with WhistleClient.open(settings.model_copy(update=found)) as client:
            yield CommandLine(settings.data_dir, client)
    shutil.rmtree(folder)


def open_folder(prefix: str) -> Path:
    """Make a folder that PostgreSQL's account may enter where the tests run as root."""
    folder = Path(tempfile.mkdtemp(prefix=prefix))
    folder.chmod(0o755)
    return folder


def matter() -> list[str]:
    """Describe a matter that nobody registered yet, as words."""
    fields = {
        "source-system": "12345",
        "external-id": uuid.uuid4().hex,
        "channel": "12345热线",
        "received-at": datetime.now(UTC).isoformat(),
        "title": "占道经营",
        "description": "早市占道",
        "township": "jinhaihu",
        "place.address": "将军关村口",
        "place.lng": "117.32",
        "place.lat": "40.2",
        "reporter": '{"name": "张女士", "phone": "13800000000"}',
    }
    return [word for name, value in fields.items() for word in (f"--{name}", value)]


async def test_a_daily_whistle_goes_from_register_to_closed(whistle: CommandLine) -> None:
    """All seven steps by the hands of those whose they are."""
    registered = await whistle("register", "--as", "source@12345", *matter())
    assert (registered.code, registered.err, registered.json["created"]) == (0, "", True)
    one = registered.json["whistle_id"]
    await whistle.do(
        CLERK, one, "review", "--decision", "WHISTLE", "--kind", "DAILY", "--urgency", "NORMAL",
        "--tier", "GENERAL_ENFORCEMENT", "--proposed-responders", "market,urban-management",
    )  # fmt: skip
    await whistle.do(LEADER, one, "blow")
    await whistle.do(PLATFORM, one, "accept", "--lead", "market", "--cooperating", "urban-management")
    await whistle.do(MARKET, one, "sign", "--responder", "market")
    await whistle.do(
        MARKET, one, "arrive", "--responder=market", "--officers", '[{"name": "李明"}]', "--location.lng", "117.3",
        "--location.lat", "40.2",
    )  # fmt: skip
    await whistle.do(
        "department@urban-management", one, "arrive", "--responder", "urban-management", "--officers", "王强"
    )
    for unit in ("urban-management", "market"):
        await whistle.do(
            f"department@{unit}",
            one,
            "report-handling",
            "--responder",
            unit,
            "--result",
            "RESOLVED",
            "--summary",
            "已清退",
        )
    await whistle.do(CLERK, one, "check", "--passed", "--outcome", "RESOLVED")
    await whistle.do(
        LEADER, one, "evaluate", "--responders", "market,urban-management", "--scores.cooperation", "95",
        "--scores.result", "90",
    )  # fmt: skip
    await whistle.do(CLERK, one, "feedback", "--reply", "已清退,加强巡查", "--via", "PHONE")
    answer = await whistle.do(
        "source@12345", one, "callback", "--reached", "--solved", "true", "--satisfaction", "SATISFIED"
    )
    assert answer["state"] == "CLOSED"
    view = (await whistle("show", one)).json
    assert (view["state"], view["step"], view["outcome"], view["version"]) == (
        "CLOSED",
        7,
        "RESOLVED",
        answer["version"],
    )
    trail = (await whistle("history", one, "--json")).json["items"]
    assert [event["sequence"] for event in trail] == list(range(1, answer["version"] + 1))
    assert {"WhistleRegistered", "WhistleBlown", "ResponderArrived", "WhistleClosed"} <= {e["type"] for e in trail}


REFUSED = [
    ("move-not-allowed", LEADER, "blow", ()),
    ("role-not-allowed", PLATFORM, "review", ("--decision", "SELF_HANDLE", "--reason", "自办")),
    ("not-your-organisation", "clerk@binhe", "review", ("--decision", "SELF_HANDLE", "--reason", "自办")),
    ("invalid", CLERK, "review", ("--decision", "WHISTLE")),
    ("invalid", CLERK, "review", ("--decision", "REJECT", "--reason", "x", "--rejection", "NOT_A_REASON")),
    ("invalid", CLERK, "no-such-command", ()),
    ("unauthenticated", "nobody@nowhere", "blow", ()),
]


@pytest.mark.parametrize(("problem", "name", "command", "words"), REFUSED)
async def test_what_is_wrong_is_a_named_error_and_changes_nothing(
    whistle: CommandLine, problem: str, name: str, command: str, words: tuple[str, ...]
) -> None:
    """Exit code 1, problem details on stderr, nothing on stdout; view and trail stay as they were."""
    one = await whistle.register()
    before = await whistle.door.view(one), await whistle.door.events(one)
    ended = await whistle("do", one, command, "--as", name, *words)
    assert (ended.code, ended.out, ended.problem) == (1, "", problem)
    assert (await whistle.door.view(one), await whistle.door.events(one)) == before


async def test_who_acts_must_be_said(whistle: CommandLine) -> None:
    """Without --as and WHISTLE_AS there is a named error; either of them, before or after the command, will do."""
    one = await whistle.register()
    assert (await whistle("do", one, "ratify")).problem == "unauthenticated"
    assert (await whistle("tasks")).problem == "unauthenticated"
    append = ("append", "--text", "又来电", "--kind", "REPEATED_CALL")
    assert (await whistle("do", one, *append, WHISTLE_AS=CLERK)).code == 0
    assert (await whistle("--as", CLERK, "do", one, *append)).code == 0


async def test_a_read_as_somebody_shows_what_they_may_see(whistle: CommandLine) -> None:
    """As nobody in particular it shows all; an unknown name is a named error, in a read as in a command."""
    one = await whistle.register()
    for words in (("list",), ("tasks",), ("show", one), ("history", one), ("notices", one), ("report", "arrival")):
        ended = await whistle("--as", "nobody", *words)
        assert (ended.code, ended.out, ended.problem) == (1, "", "unauthenticated"), words
    listed = {name: (await whistle("list", "--as", name, "--q", one)).json["items"] for name in (CLERK, MARKET)}
    assert [len(listed[name]) for name in (CLERK, MARKET)] == [1, 0]
    assert len((await whistle("list", "--q", one)).json["items"]) == 1
    for read in ("show", "history", "notices"):
        assert (await whistle(read, one, "--as", MARKET)).problem == "not-found"
        assert (await whistle(read, one, "--as", CLERK)).code == 0


async def test_one_idempotency_key_is_one_command(whistle: CommandLine) -> None:
    """The same again gives the same answer, other content is a conflict."""
    one = await whistle.register()
    append = ("append", "--kind", "MORE", "--idempotency-key", "k", "--text")
    assert await whistle.do(CLERK, one, *append, "甲") == await whistle.do(CLERK, one, *append, "甲")
    ended = await whistle("do", one, *append, "乙", "--as", CLERK)
    assert (ended.code, ended.problem) == (1, "idempotency-conflict")


async def test_a_body_comes_as_json_from_a_file_or_from_stdin(whistle: CommandLine, tmp_path: Path) -> None:
    """Fields on the command line are laid over it."""
    one = await whistle.register()
    body = json.dumps({"kind": "MORE", "text": "甲"})
    (tmp_path / "body.json").write_text(body, "utf-8")
    assert (await whistle("do", one, "append", "--as", CLERK, "-", stdin=body)).code == 0
    assert (await whistle("do", one, "append", "--as", CLERK, "--body", "-", stdin=body)).code == 0
    await whistle.do(CLERK, one, "append", "--body", str(tmp_path / "body.json"), "--kind", "REPEATED_CALL")
    assert (await whistle.door.view(one)).repeated_calls == 1
    assert (await whistle("do", one, "append", "--as", CLERK, "-", stdin="[1]")).problem == "invalid"


async def test_lists_and_tasks_are_pages(whistle: CommandLine) -> None:
    """A page leads to the next one, and a clerk's tasks hold what awaits the township."""
    made = [await whistle.register() for _ in range(2)]
    first = (await whistle("list", "--township", "jinhaihu", "--state", "SOURCED", "--limit", "1")).json
    second = (
        await whistle(
            "list", "--township", "jinhaihu", "--state", "SOURCED", "--limit", "1", "--cursor", first["next_cursor"]
        )
    ).json
    assert [first["items"][0]["whistle_id"], second["items"][0]["whistle_id"]] == made[::-1]
    assert (await whistle("list", "--cursor", "none")).problem == "invalid"
    tasks = (await whistle("tasks", "--as", CLERK, "--limit", "500")).json["items"]
    assert set(made) <= {task["whistle_id"] for task in tasks}


async def test_an_unknown_whistle_is_not_found(whistle: CommandLine) -> None:
    """Reads and commands alike."""
    for words in (("show", "12345:never"), ("history", "12345:never"), ("do", "12345:never", "blow", "--as", LEADER)):
        ended = await whistle(*words)
        assert (ended.code, ended.problem) == (1, "not-found")


@pytest.mark.parametrize(
    "words",
    [(), ("show",), ("do", "12345:1"), ("do", "12345:1", "blow", "stray"), ("do", "12345:1", "sign", "--responder")],
)
async def test_wrong_usage_ends_with_2(whistle: CommandLine, words: tuple[str, ...]) -> None:
    """Words that cannot be understood are no refusal."""
    ended = await whistle(*words)
    assert (ended.code, ended.out if words else "") == (2, "")


async def test_help_names_every_command_with_its_label_and_fields(whistle: CommandLine) -> None:
    """A clerk finds the words without a manual."""
    text = (await whistle("do", "--help")).out
    assert all(f"{name} " in text and model.label in text for name, model in COMMANDS.items())
    assert "--officers" in (await whistle("do", "--help-command", "arrive")).out
    assert "--external-id" in (await whistle("register", "--help-fields")).out


async def test_the_doctor_says_that_all_is_well(whistle: CommandLine) -> None:
    """Exit code 0 on a running stack, with every part looked at."""
    ended = await whistle("doctor", "--json")
    assert (ended.code, ended.json["healthy"]) == (0, True), ended.out


async def test_the_views_for_the_temporal_ui_are_links_into_it(whistle: CommandLine) -> None:
    """Those that need a township come when one is named."""
    every = {v["name"]: v for v in (await whistle("views", "--township", "binhe", "--json")).json["items"]}
    assert "Township = 'binhe'" in every["本镇逾期"]["query"]
    assert "本单位逾期" not in every
    ui_url = json.loads((whistle.data_dir / "stack.json").read_text())["temporal_ui_url"]
    assert every["待平台受理"]["link"].startswith(f"{ui_url}/namespaces/default/workflows?query=WhistleState+%3D+")
    elsewhere = await whistle("views", "--json", WHISTLE_UI_URL="https://temporal.example/ui/")
    assert elsewhere.json["items"][0]["link"].startswith("https://temporal.example/ui/namespaces/default/workflows?")


async def test_without_a_stack_it_says_so(tmp_path: Path) -> None:
    """Exit code 3 and temporarily-unavailable; the doctor says what to do."""
    nowhere = CommandLine(tmp_path)
    ended = await nowhere("list")
    assert (ended.code, ended.problem) == (3, "temporarily-unavailable")
    doctor = await nowhere("doctor")
    assert (doctor.code, doctor.json["items"][0]["advice"]) == (1, "whistle up")


async def test_a_catalogue_is_imported_as_a_whole_or_refused_by_line(whistle: CommandLine, tmp_path: Path) -> None:
    """The shipped file is in force already; a broken one names its lines and changes nothing."""
    shipped = Path(__file__).parents[2] / "catalogues" / "limits.csv"
    ended = await whistle("catalogue", "import", str(shipped), "--json")
    assert (ended.code, ended.json["changed"]) == (0, False)
    broken = tmp_path / "limits.csv"
    broken.write_text(shipped.read_text("utf-8").replace("WORK_DAY", "FORTNIGHT", 1), "utf-8")
    refused = await whistle("catalogue", "import", str(broken))
    assert (refused.code, refused.problem) == (1, "invalid")
    assert json.loads(refused.err)["errors"][0]["field"].startswith("line ")


async def test_a_history_that_is_none_does_not_replay(whistle: CommandLine, tmp_path: Path) -> None:
    """Exit code 1, and each file says for itself."""
    (tmp_path / "no.json").write_text("{}", "utf-8")
    (tmp_path / "neither.json").write_text("nothing", "utf-8")
    ended = await whistle("replay", str(tmp_path / "no.json"), str(tmp_path / "neither.json"))
    assert (ended.code, [item["replays"] for item in ended.json["items"]]) == (1, [False, False])
