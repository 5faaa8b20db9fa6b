"""The keys by which payloads are encrypted: `whistle payload-keys …`. Keys themselves are never shown."""

from datetime import timedelta
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from domain.errors import FieldError, InvalidError
from domain.summaries import local_time
from settings import load_settings
from starter.availability import within_reach
from starter.cli.output import say, show
from starter.cli.session import Call, JsonOption, Session, run
from starter.encryption.in_use import KeyUse, keys_in_use
from starter.encryption.key_ring import CipherName, KeyRing, PayloadKey
from starter.encryption.ring_file import own_ring_file, read_ring, ring_reader, write_ring
from storage.payload_access import NotedAccess, newest

app = typer.Typer(help="Keys of payload encryption. 载荷密钥", no_args_is_help=True, rich_markup_mode=None)

_PATIENCE = timedelta(minutes=30)
IdArgument = Annotated[str, typer.Argument(metavar="ID", help="A key's name, as list shows it.")]
_RESTART = "restart workers, gateways and codec servers to have it used everywhere; whistle schedules apply"


@app.command("list")
def list_all(
    context: typer.Context,
    *,
    in_use: Annotated[bool, typer.Option("--in-use", help="Count what running workflows keep under each key.")] = False,
    closed: Annotated[bool, typer.Option("--closed", help="Count closed workflows too.")] = False,
    as_json: JsonOption = False,
) -> None:
    """列表: list the keys of the ring, the current one marked; never the keys themselves."""
    call, ring = Call.of(context, as_json=as_json), _ring()
    used = _in_use(call, closed_too=closed) if in_use or closed else None
    missing = [key_id for key_id in used or {} if key_id not in (ring.ids if ring else ())]
    data = {
        "current": ring.current if ring else None,
        "items": [_shown(key, used) for key in _keys(ring)],
        "missing": {key_id: used[key_id].model_dump(mode="json") for key_id in missing} if used else {},
    }
    show(data, lambda: _table(ring, used, missing), as_json=call.as_json)


@app.command("add")
def add(
    context: typer.Context,
    *,
    cipher: Annotated[CipherName, typer.Option(case_sensitive=False)] = CipherName.AES_256_GCM,
    as_json: JsonOption = False,
) -> None:
    """新增: add a fresh key, which decrypts from now on and encrypts once it is put to use; the first one at once."""
    call, ring, key = Call.of(context, as_json=as_json), _ring(), PayloadKey.fresh(cipher)
    file = own_ring_file(load_settings())
    file.parent.mkdir(parents=True, exist_ok=True)
    write_ring(file, KeyRing(current=ring.current if ring else key.id, keys=(key, *_keys(ring))))
    advice = f"give the ring to every process, then: whistle payload-keys use {key.id}" if ring else _RESTART
    show(_shown(key, None), lambda: Text(f"✓ {key.id} ({key.cipher}) is in {file}\n  {advice}"), as_json=call.as_json)


@app.command("use")
def use(
    context: typer.Context,
    key_id: Annotated[str | None, typer.Argument(metavar="ID", help="A key's name, as list shows it.")] = None,
    *,
    none: Annotated[bool, typer.Option("--none", help="Encrypt nothing any more; all stays readable.")] = False,
    as_json: JsonOption = False,
) -> None:
    """启用: let another key of the ring encrypt from now on."""
    call, ring = Call.of(context, as_json=as_json), _present()
    if (key_id is None) != none:
        raise InvalidError.of("id", "name a key of the ring, or say --none")
    if key_id is not None:
        _known(ring, key_id)
    write_ring(own_ring_file(load_settings()), ring.model_copy(update={"current": key_id}))
    done = f"✓ {key_id} encrypts" if key_id else "✓ nothing is encrypted any more"
    show({"current": key_id}, lambda: Text(f"{done}\n  {_RESTART}"), as_json=call.as_json)


@app.command("remove")
def remove(
    context: typer.Context,
    key_id: IdArgument,
    *,
    force: Annotated[bool, typer.Option("--force", help="Also a key that is needed, without asking Temporal.")] = False,
    as_json: JsonOption = False,
) -> None:
    """移除: take a key out of the ring, unless a running workflow or a schedule keeps anything under it."""
    call, ring = Call.of(context, as_json=as_json), _present()
    _known(ring, key_id)
    if key_id == ring.current:
        raise InvalidError.of("id", f"{key_id} encrypts: put another to use first")
    if not force and (used := _in_use(call).get(key_id)):
        kept = f"{used.workflows} running workflows and {used.schedules} schedules, among them {used.first}"
        raise InvalidError.of("id", f"{kept}, keep something under {key_id} and would stop; --force removes it")
    left = tuple(key for key in ring.keys if key.id != key_id)
    write_ring(own_ring_file(load_settings()), ring.model_copy(update={"keys": left}))
    show(
        {"removed": key_id},
        lambda: Text(f"✓ {key_id} is gone; keep a copy while backups need it"),
        as_json=call.as_json,
    )


@app.command("accesses")
def accesses(
    context: typer.Context,
    *,
    workflow: Annotated[str | None, typer.Option(metavar="ID", help="Of one workflow: whistle:12345:….")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000)] = 50,
    as_json: JsonOption = False,
) -> None:
    """查阅: list who had payloads opened by the codec server, the newest first."""
    call = Call.of(context, as_json=as_json)

    async def look(session: Session) -> list[NotedAccess]:
        async with within_reach():
            return await newest(session.client.pool, workflow, limit)

    found = run(call, look)
    data = {"items": [line.model_dump(mode="json") for line in found]}
    show(data, lambda: _accesses_table(found), as_json=call.as_json)


def _ring() -> KeyRing | None:
    read = ring_reader(load_settings())
    return None if read is None else read()


def _present() -> KeyRing:
    file = own_ring_file(load_settings())
    if not file.exists():
        raise InvalidError([FieldError(field="ring", message=f"there is no {file}: whistle payload-keys add")])
    return read_ring(file)


def _keys(ring: KeyRing | None) -> tuple[PayloadKey, ...]:
    return ring.keys if ring else ()


def _known(ring: KeyRing, key_id: str) -> None:
    if key_id not in ring.ids:
        raise InvalidError.of("id", f"{key_id} is not in the ring; there are {', '.join(ring.ids)}")


def _in_use(call: Call, *, closed_too: bool = False) -> dict[str, KeyUse]:
    async def look(session: Session) -> dict[str, KeyUse]:
        async with within_reach(_PATIENCE):
            return await keys_in_use(session.client.temporal, closed_too=closed_too)

    say("reading histories …")
    return run(call, look)


def _shown(key: PayloadKey, used: dict[str, KeyUse] | None) -> dict[str, object]:
    told = key.model_dump(mode="json", exclude={"key"})
    return told if used is None else told | {"in_use": used.get(key.id, KeyUse()).model_dump(mode="json")}


def _table(ring: KeyRing | None, used: dict[str, KeyUse] | None, missing: list[str]) -> Table | Text:
    if ring is None and not missing:
        return Text("载荷不加密 payloads are not encrypted: whistle payload-keys add begins")
    table = Table(header_style="dim")
    for column in (
        "密钥 key",
        "算法 cipher",
        "创建 created",
        "状态 state",
        *(["使用 in use"] if used is not None else []),
    ):
        table.add_column(column, overflow="fold")
    for key in _keys(ring):
        state = (
            Text("加密 encrypts", style="green")
            if ring and key.id == ring.current
            else Text("仅解密 decrypts", style="dim")
        )
        row = [key.id, key.cipher.value, local_time(key.created_at) if key.created_at else "—", state]
        table.add_row(*row, *([_use(used.get(key.id, KeyUse()))] if used is not None else []))
    for key_id in missing:
        lost = Text("缺失 missing: what is kept under it cannot be read", style="bold red")
        table.add_row(key_id, "—", "—", lost, _use((used or {})[key_id]))
    return table


def _accesses_table(found: list[NotedAccess]) -> Table:
    table = Table(header_style="dim")
    for column in ("时间 at", "谁 who", "方式 via", "事项 act", "数 payloads", "流程 workflows"):
        table.add_column(column, overflow="fold")
    for line in found:
        table.add_row(
            local_time(line.at), line.reader, line.via, line.act, str(line.payloads), ", ".join(line.workflows)
        )
    return table


def _use(used: KeyUse) -> str:
    return f"{used.workflows} workflows, {used.schedules} schedules" if used.first else "—"
