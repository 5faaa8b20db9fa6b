"""The one place where a process of ours becomes a client of Temporal, so that all of them read and write alike."""

from collections.abc import Sequence

from temporalio.client import Client, Interceptor
from temporalio.runtime import Runtime

from settings import Settings
from starter.encryption.conversion import data_converter

USUAL_ADDRESS = "localhost:7233"


async def connect(
    settings: Settings,
    *,
    identity: str | None = None,
    runtime: Runtime | None = None,
    interceptors: Sequence[Interceptor] = (),
    lazy: bool = False,
) -> Client:
    """Become a client of the Temporal that the settings name; a lazy one waits for its first call.

    Raises PayloadKeysInvalidError, and RuntimeError where Temporal cannot be reached.
    """
    return await Client.connect(
        settings.temporal_address or USUAL_ADDRESS,
        namespace=settings.temporal_namespace,
        data_converter=data_converter(settings),
        identity=identity,
        runtime=runtime,
        interceptors=interceptors,
        lazy=lazy,
    )
