"""The codec server as a process, which listens as the gateway does."""

from typing import NoReturn

from domain.errors import TemporarilyUnavailableError
from settings import Settings
from starter.codec_server.app import create_app
from starter.gateway.server import listening, run_as_process

DEFAULT_PORT = 8081


def main() -> NoReturn:
    """Run as a process of its own until SIGTERM."""
    run_as_process("codec_server", _run)


async def _run(settings: Settings) -> None:
    if settings.database_dsn is None:
        message = f"no stack runs on {settings.data_dir}: set WHISTLE_DATABASE_DSN, or start one"
        raise TemporarilyUnavailableError(message)
    app = create_app(settings)
    await listening("codec_server", app, app.state.context, settings, settings.codec_port or DEFAULT_PORT)
