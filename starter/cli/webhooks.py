"""`whistle webhooks`: an administrator's or a source's subscriptions, their secrets, and those that were disabled."""

from datetime import timedelta
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from domain.summaries import local_time
from starter.availability import within_reach
from starter.cli.output import show
from starter.cli.session import AsOption, Call, JsonOption, Session, run
from starter.subscribing import enable, rotate, source_of
from storage.webhooks import Webhook, list_webhooks

app = typer.Typer(help="Outbound webhooks. 推送订阅", no_args_is_help=True, rich_markup_mode=None)

IdArgument = Annotated[str, typer.Argument(metavar="ID", help="A subscription's id, wh_….")]


@app.command("list")
def list_all(context: typer.Context, *, as_json: JsonOption = False, acting_as: AsOption = None) -> None:
    """列表: list the subscriptions of --as, for an administrator all; never their secrets."""
    call = Call.of(context, acting_as, as_json=as_json)

    async def read(session: Session) -> None:
        async with within_reach():
            found = await list_webhooks(session.client.pool, source_of(session.bearer))
        data = {"items": [webhook.model_dump(mode="json") for webhook in found], "next_cursor": None}
        show(data, lambda: _table(found), as_json=call.as_json)

    run(call, read)


@app.command("rotate")
def rotate_secret(
    context: typer.Context,
    webhook_id: IdArgument,
    *,
    grace: Annotated[float, typer.Option(min=0, max=30 * 24, help="Hours that the old secret signs too.")] = 24,
    as_json: JsonOption = False,
    acting_as: AsOption = None,
) -> None:
    """轮换密钥: sign with a new secret, shown this once, and for the grace time with the old one too."""
    call = Call.of(context, acting_as, as_json=as_json)

    async def act(session: Session) -> None:
        made = await rotate(session.client.pool, session.bearer, webhook_id, timedelta(hours=grace))
        until = local_time(made.previous_until)
        shown = Text.assemble(f"✓ {made.id}: ", (made.secret, "bold"), f"\n  the old one signs too until {until}")
        show(made, lambda: shown, as_json=call.as_json)

    run(call, act)


@app.command("enable")
def enable_again(
    context: typer.Context, webhook_id: IdArgument, *, as_json: JsonOption = False, acting_as: AsOption = None
) -> None:
    """恢复推送: tell a subscription again that was answered 410, of events from now on."""
    call = Call.of(context, acting_as, as_json=as_json)

    async def act(session: Session) -> None:
        found = await enable(session.client.pool, session.bearer, webhook_id)
        show(found, lambda: Text(f"✓ {found.id} is told of events from now on"), as_json=call.as_json)

    run(call, act)


def _table(found: list[Webhook]) -> Table:
    table = Table(header_style="dim")
    for column in ("订阅 id", "所有者 owner", "事件 events", "状态 state"):
        table.add_column(column, overflow="fold")
    for webhook in found:
        state = f"已停用 {webhook.disabled_reason}" if webhook.disabled_at else "有效 good"
        table.add_row(webhook.id, webhook.owner, ", ".join(webhook.events), state)
    return table
