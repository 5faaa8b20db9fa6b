"""The versions of workers: `whistle deploy show | check | ramp | current | drain | rollout`."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Annotated, TypeVar

import typer
from rich.table import Table
from rich.text import Text

from domain.errors import InvalidError, MoveNotAllowedError
from settings import Settings, load_settings
from starter.availability import within_reach
from starter.cli.output import say, show
from starter.cli.replaying import replay_live
from starter.cli.session import Call, JsonOption, temporal_alone
from starter.deployment import Deployment, Deployments, Share, Version
from starter.rollout import STEPS, WATCHED_FOR, RolledOut, RollOut, check
from starter.versions import build_of

app = typer.Typer(help="Versions of workers. 版本发布", no_args_is_help=True, rich_markup_mode=None)

BuildArgument = Annotated[str, typer.Argument(metavar="BUILD", help="A version, such as 0.1.0 (WHISTLE_BUILD_ID).")]
WithinOption = Annotated[float, typer.Option("--within", min=1, metavar="SECONDS", help="How long to wait.")]
_PATIENCE = timedelta(hours=12)
_STEPS = ",".join(f"{step:g}" for step in STEPS)
_STYLES = {Share.CURRENT: "bold green", Share.RAMPING: "green", Share.DRAINING: "yellow"}

T = TypeVar("T")


@app.command("show")
def show_versions(context: typer.Context, *, as_json: JsonOption = False) -> None:
    """查看: show each version: its share of the work, its workers, and the open workflows whose last task it had."""
    _show(context, _counted, as_json=as_json)


@app.command("check")
def check_version(
    context: typer.Context, build: BuildArgument, *, within: WithinOption = 60, as_json: JsonOption = False
) -> None:
    """检查: wait for workers of a version, and have one go through a workflow and look at its database."""

    async def checked(deployments: Deployments) -> Deployment:
        await check(deployments, build, timedelta(seconds=within))
        return await deployments.describe()

    _show(context, checked, as_json=as_json)


@app.command("ramp")
def ramp(
    context: typer.Context,
    build: BuildArgument,
    percentage: Annotated[
        float, typer.Argument(metavar="PERCENT", min=0, max=100, help="Of the whistles; 0 takes it back.")
    ],
    *,
    within: WithinOption = 60,
    as_json: JsonOption = False,
) -> None:
    """灰度: give a version a part of the whistles, running and new, chosen by their ids."""

    async def ramped(deployments: Deployments) -> Deployment:
        if percentage:
            await check(deployments, build, timedelta(seconds=within))
        await deployments.ramp(build, percentage)
        return await deployments.describe()

    _show(context, ramped, as_json=as_json)


@app.command("current")
def current(
    context: typer.Context,
    build: Annotated[str | None, typer.Argument(metavar="BUILD", show_default=False)] = None,
    *,
    unversioned: Annotated[bool, typer.Option("--unversioned", help="The workers that have no version.")] = False,
    within: WithinOption = 60,
    as_json: JsonOption = False,
) -> None:
    """切换: give a version all the work; the one before it drains."""
    if (build is None) != unversioned:
        raise InvalidError.of("build", "give either a version or --unversioned")

    async def switched(deployments: Deployments) -> Deployment:
        if build is not None:
            await check(deployments, build, timedelta(seconds=within))
        await deployments.make_current(build)
        return await deployments.describe()

    _show(context, switched, as_json=as_json)


@app.command("drain")
def drain(
    context: typer.Context, build: BuildArgument, *, within: WithinOption = 900, as_json: JsonOption = False
) -> None:
    """排空: wait until nothing needs the workers of a version any more; then they may stop."""
    call = Call.of(context, as_json=as_json)

    def tell(found: Version) -> None:
        say(f"{found.build_id} {found.share}: {found.pinned} pinned workflows open")

    drained = _run(lambda deployments: deployments.until_drained(build, timedelta(seconds=within), tell))
    show(drained, lambda: Text(f"✓ {build} is drained: its workers may stop"), as_json=call.as_json)


@app.command("rollout")
def rollout(
    context: typer.Context,
    build: BuildArgument,
    *,
    steps: Annotated[str, typer.Option(help="Per cent of the whistles, one after another.")] = _STEPS,
    watch: Annotated[float, typer.Option(min=0, metavar="SECONDS", help="How long each is watched.")] = (
        WATCHED_FOR.total_seconds()
    ),
    within: WithinOption = 60,
    without_replay: Annotated[bool, typer.Option("--without-replay", help="Do not replay the open whistles.")] = False,
    as_json: JsonOption = False,
) -> None:
    """发布: check, replay what is open, ramp by steps, make it current; back at the first whistle that stops."""
    call = Call.of(context, as_json=as_json)
    settings, percentages = load_settings(), _percentages(steps)
    if not without_replay:
        asyncio.run(_replay_first(settings, build))

    async def rolled_out(deployments: Deployments) -> RolledOut:
        return await RollOut(deployments, build, say).run(
            steps=percentages, watched_for=timedelta(seconds=watch), ready_within=timedelta(seconds=within)
        )

    done = _run(rolled_out)
    show(done, lambda: _done(done), as_json=call.as_json)


async def _replay_first(settings: Settings, build: str) -> None:
    if build_of(settings) != build:
        raise MoveNotAllowedError(
            f"this command line is version {build_of(settings)}: run it from the release that is rolled out, or"
            " --without-replay"
        )
    found = await replay_live(settings)
    say(f"{found.replayed} open workflows replay, {len(found.items)} do not")
    if found.items:
        first = found.items[0]
        raise MoveNotAllowedError(f"{len(found.items)} do not replay, the first {first.workflow_id}: {first.error}")


def _percentages(steps: str) -> list[float]:
    try:
        return [float(step) for step in steps.split(",") if step.strip()]
    except ValueError:
        raise InvalidError.of("steps", "must be numbers with commas between, such as 5,25,50") from None


async def _counted(deployments: Deployments) -> Deployment:
    found = await deployments.describe()
    versions = [await deployments.counted(one) if one.share is not Share.DRAINED else one for one in found.versions]
    return found.model_copy(update={"versions": tuple(versions)})


def _show(context: typer.Context, work: Callable[[Deployments], Awaitable[Deployment]], *, as_json: bool) -> None:
    call = Call.of(context, as_json=as_json)
    found = _run(work)
    show(found, lambda: _table(found), as_json=call.as_json)


def _run(work: Callable[[Deployments], Awaitable[T]]) -> T:
    return asyncio.run(_with_temporal(work))


async def _with_temporal(work: Callable[[Deployments], Awaitable[T]]) -> T:
    settings = load_settings()
    async with within_reach(_PATIENCE):
        return await work(Deployments(await temporal_alone(settings), settings.task_queue))


def _table(found: Deployment) -> Table:
    table = Table(title=f"部署 {found.name}", title_justify="left", header_style="dim")
    for column in ("版本 version", "状态 share", "未结 open", "固定 pinned", "执行者 workers"):
        table.add_column(column, overflow="fold")
    for one in found.versions:
        share = f"{one.share} {one.percentage:g} %" if one.percentage is not None else one.share
        counts = ["—" if count is None else str(count) for count in (one.open, one.pinned)]
        table.add_row(one.build_id, Text(share, style=_STYLES.get(one.share, "dim")), *counts, _lines(one.workers))
    serve = Text("CURRENT", style="bold green") if found.current is None else Text("—", style="dim")
    table.add_row("(无版本 unversioned)", serve, "—", "—", _lines(found.unversioned_workers))
    return table


def _lines(workers: tuple[str, ...]) -> str:
    return "\n".join(workers) or "—"


def _done(done: RolledOut) -> list[Text]:
    lines = [Text(f"✓ {done.current} is current", style="green")]
    if done.replaced:
        lines.append(Text(f"→ whistle deploy drain {done.replaced}, then stop its workers", style="yellow"))
    return lines
