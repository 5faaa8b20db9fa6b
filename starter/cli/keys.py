"""Who may come in: `whistle keys create | list | rotate | revoke`. The database holds hashes; a key is shown once."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated, TypeVar

import typer
from pydantic import ValidationError
from rich.table import Table
from rich.text import Text

from domain.errors import InvalidError, TemporarilyUnavailableError
from domain.organisations import Organisations
from domain.summaries import local_time
from domain.vocabulary import OrganisationType, Role
from settings import Settings, load_settings
from starter.availability import within_reach
from starter.cli.output import show
from starter.cli.session import Call, JsonOption
from starter.identity import create_principal, revoke_principal, rotate_principal, save_key
from storage.catalogues import rules
from storage.keys import KeyEntry, Principal, list_keys
from storage.pool import Pool, open_pool

app = typer.Typer(help="API keys. 密钥", no_args_is_help=True, rich_markup_mode=None)

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The bearer's name, such as source@wangge.")]

_PATIENCE = timedelta(seconds=30)
_ANY_TYPE = frozenset(OrganisationType)
_TYPES = {
    Role.TOWNSHIP_CLERK: frozenset({OrganisationType.TOWNSHIP}),
    Role.TOWNSHIP_LEADER: frozenset({OrganisationType.TOWNSHIP}),
    Role.GRID_WORKER: frozenset({OrganisationType.TOWNSHIP}),
}

T = TypeVar("T")


@app.command("create")
def create(
    context: typer.Context,
    name: NameArgument,
    *,
    role: Annotated[list[Role], typer.Option(case_sensitive=False, help="Its role; again for one more role.")],
    organisation: Annotated[str, typer.Option(help="Whom it acts for: a code of the catalogue, or a source's name.")],
    save: Annotated[bool, typer.Option("--save", help="Put it into keys.json too, for --as.")] = False,
    as_json: JsonOption = False,
) -> None:
    """新建: create a key for one bearer and show it, this once."""
    call = Call.of(context, as_json=as_json)
    bearer = _principal(name, role, organisation)

    async def act(pool: Pool, settings: Settings) -> str:
        _check(bearer, (await rules(pool, settings.limits)).organisations)
        key = await create_principal(pool, bearer)
        if save:
            save_key(settings.data_dir, name, key)
        return key

    _show_key(name, _run(act), call)


@app.command("list")
def list_all(context: typer.Context, *, as_json: JsonOption = False) -> None:
    """列表: list every key there is or was, by name; never the keys themselves."""
    call = Call.of(context, as_json=as_json)
    found = _run(lambda pool, _settings: list_keys(pool))
    data = {"items": [entry.model_dump(mode="json") for entry in found], "next_cursor": None}
    show(data, lambda: _table(found), as_json=call.as_json)


@app.command("rotate")
def rotate(
    context: typer.Context,
    name: NameArgument,
    *,
    grace: Annotated[float, typer.Option(min=0, max=30 * 24, help="Hours that the old key stays good.")] = 24,
    as_json: JsonOption = False,
) -> None:
    """轮换: give a bearer a new key and show it, this once; the old one stays good for the grace time."""
    call = Call.of(context, as_json=as_json)
    key = _run(lambda pool, settings: rotate_principal(pool, settings.data_dir, name, timedelta(hours=grace)))
    _show_key(name, key, call)


@app.command("revoke")
def revoke(context: typer.Context, name: NameArgument, *, as_json: JsonOption = False) -> None:
    """吊销: revoke a bearer's key at once, and the one before it."""
    call = Call.of(context, as_json=as_json)
    _run(lambda pool, settings: revoke_principal(pool, settings.data_dir, name))
    show({"name": name, "revoked": True}, lambda: Text(f"✓ {name} may do nothing any more"), as_json=call.as_json)


def _principal(name: str, roles: list[Role], organisation: str) -> Principal:
    if Role.ENGINE in roles:
        raise InvalidError.of("role", "ENGINE is the engine's own")
    distinct = tuple(dict.fromkeys(roles))
    try:
        return Principal(name=name, role=distinct[0], organisation=organisation, other_roles=distinct[1:])
    except ValidationError as error:
        raise InvalidError.from_validation(error) from None


def _check(bearer: Principal, organisations: Organisations) -> None:
    if bearer.roles == (Role.SOURCE_SYSTEM,):
        return
    known = organisations.find(bearer.organisation or "")
    if known is None:
        raise InvalidError.of("organisation", f"{bearer.organisation} is not in the catalogue")
    for role in bearer.roles:
        if known.type not in _TYPES.get(role, _ANY_TYPE):
            raise InvalidError.of("role", f"{role} is not for {known.code} ({known.type})")


def _run(work: Callable[[Pool, Settings], Awaitable[T]]) -> T:
    settings = load_settings()
    if settings.database_dsn is None:
        message = f"no stack runs on {settings.data_dir}: start one (whistle up), or set WHISTLE_DATABASE_DSN"
        raise TemporarilyUnavailableError(message)
    return asyncio.run(_with_pool(work, settings, settings.database_dsn))


async def _with_pool(work: Callable[[Pool, Settings], Awaitable[T]], settings: Settings, dsn: str) -> T:
    async with within_reach(_PATIENCE), await open_pool(dsn, size=2) as pool:
        return await work(pool, settings)


def _show_key(name: str, key: str, call: Call) -> None:
    shown = Text.assemble(f"✓ {name}: ", (key, "bold"), "\n  shown this once; send it as Authorization: Bearer")
    show({"name": name, "key": key}, lambda: shown, as_json=call.as_json)


def _table(found: list[KeyEntry]) -> Table:
    table = Table(header_style="dim")
    for column in ("名称 name", "角色 roles", "单位 organisation", "创建 created", "状态 state"):
        table.add_column(column, overflow="fold")
    for entry in found:
        roles = ", ".join(role.value for role in entry.roles)
        table.add_row(entry.name, roles, entry.organisation or "—", local_time(entry.created_at), _state(entry))
    return table


def _state(entry: KeyEntry) -> Text:
    if entry.revoked_at:
        return Text("已吊销 revoked", style="dim")
    if entry.former_until and entry.former_until > datetime.now(UTC):
        return Text(f"轮换中 old key until {local_time(entry.former_until)}", style="yellow")
    return Text("有效 good", style="green")
