"""The one way in for people and systems: what the command line and the gateway share.

Writes go through the store and Temporal, reads come from PostgreSQL alone. Every method raises the errors of
domain/errors.py and nothing else for what a caller can meet.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import ValidationError
from temporalio.client import Client

from domain import authority
from domain.coordinates import in_one_system
from domain.errors import FieldError, InvalidError, NotFoundError, TemporarilyUnavailableError
from domain.ledger import Answer
from domain.organisations import Organisations
from domain.registration import Registration, authorise_registration
from domain.submission import parse
from domain.values import Actor, Frozen
from domain.view import View, view
from domain.whistle import Whistle
from settings import TASK_QUEUE, Settings
from starter.availability import PATIENCE, within_reach
from starter.connecting import connect
from starter.delivery import Delivery
from starter.opening import Opening
from starter.watching import UNWATCHED, Watched
from storage import registrations
from storage.catalogues import rules
from storage.events import TrailEvent, trail
from storage.lists import Page, WhistleFilter, list_whistles
from storage.pool import Pool, open_pool
from storage.tasks import TaskPage, tasks_of
from storage.whistles import value_of

ENVELOPE = ("actor", "command_id", "private_ref")


class Registered(Frozen):
    """The answer to a registration; `created` is False when the same was registered before."""

    created: bool
    whistle_id: str
    serial: str
    view: View


class WhistleClient:
    """The door: register, do, and read."""

    def __init__(
        self,
        pool: Pool,
        temporal: Client,
        *,
        limits: str = "default",
        task_queue: str = TASK_QUEUE,
        patience: timedelta = PATIENCE,
        watched: Watched = UNWATCHED,
    ) -> None:
        """Share these; registrations get the limits of this profile, and every call ends within `patience`."""
        self.pool = pool
        self.temporal = temporal
        self._limits = limits
        self._patience = patience
        self._watched = watched
        self._opening = Opening(pool, temporal, limits, task_queue)
        self._delivery = Delivery(self._opening)

    @classmethod
    @asynccontextmanager
    async def open(
        cls, settings: Settings, *, size: int = 10, watched: Watched = UNWATCHED
    ) -> AsyncIterator["WhistleClient"]:
        """Connect as the settings say; neither server need answer yet.

        Raises TemporarilyUnavailableError where nothing says where they are.
        """
        if settings.database_dsn is None or settings.temporal_address is None:
            instead = "start one (whistle up), or set WHISTLE_DATABASE_DSN and TEMPORAL_ADDRESS"
            raise TemporarilyUnavailableError(f"no stack runs on {settings.data_dir}: {instead}")
        temporal = await connect(settings, lazy=True, runtime=watched.runtime, interceptors=watched.interceptors)
        async with await open_pool(settings.database_dsn, size=size, watch=watched.queries) as pool:
            yield cls(pool, temporal, limits=settings.limits, task_queue=settings.task_queue, watched=watched)

    async def register(self, registration: Registration | dict[str, Any], actor: Actor) -> Registered:
        """Register a matter and start its workflow; the same again changes nothing and heals a start that was lost.

        Raises IdempotencyConflictError for other content under the same id.
        """
        with self._watched.timing("register"):
            return await self._register(registration, actor)

    async def _register(self, registration: Registration | dict[str, Any], actor: Actor) -> Registered:
        authority.authorise_role(authority.REGISTER, actor.role)
        matter = in_one_system(_registration(registration))
        authorise_registration(matter, actor)
        async with within_reach(self._patience):
            stored = await registrations.register(self.pool, matter, actor, datetime.now(UTC), profile=self._limits)
            whistle = await self._whistle(stored.whistle_id)
            if not stored.started:
                await self._opening.open(whistle)
        return Registered(
            created=stored.created, whistle_id=stored.whistle_id, serial=stored.serial, view=view(whistle)
        )

    async def do(self, whistle_id: str, name: str, body: dict[str, Any], actor: Actor, command_id: str) -> Answer:
        """Have a command done, once for its id: a known id returns its first answer.

        Raises IdempotencyConflictError for other content under a known id, and every refusal of the domain.
        """
        authority.authorise_role(name, actor.role)
        if stray := [FieldError(field=key, message="is not a field of a command") for key in ENVELOPE if key in body]:
            raise InvalidError(stray)
        argument = {**body, "actor": actor.model_dump(mode="json"), "command_id": command_id}
        submission = parse(name, argument)
        submission = submission.model_copy(update={"command": in_one_system(submission.command)})
        with self._watched.timing(name):
            async with within_reach(self._patience):
                return await self._delivery.deliver(whistle_id, submission)

    async def view(self, whistle_id: str) -> View:
        """Read a whistle as it stands; raises NotFoundError."""
        async with within_reach(self._patience):
            return view(await self._whistle(whistle_id))

    async def allowed(self, whistle_id: str, actor: Actor) -> list[str]:
        """List the commands open to the actor now; raises NotFoundError."""
        async with within_reach(self._patience):
            return authority.allowed(await self._whistle(whistle_id), actor, datetime.now(UTC))

    async def events(
        self, whistle_id: str, *, after: int = 0, limit: int = 1000, with_private: bool = False
    ) -> list[TrailEvent]:
        """Read the audit trail after a sequence, in order; raises NotFoundError.

        The caller decides who may see private fields.
        """
        async with within_reach(self._patience):
            found = await trail(self.pool, whistle_id, after=after, limit=limit, with_private=with_private)
            if not found:
                await self._whistle(whistle_id)
            return found

    async def whistles(self, which: WhistleFilter, *, cursor: str | None = None, limit: int = 50) -> Page:
        """List whistles, the newest first; raises InvalidError for a cursor that is none."""
        async with within_reach(self._patience):
            return await list_whistles(self.pool, which, cursor, limit)

    async def tasks(self, actor: Actor, *, cursor: str | None = None, limit: int = 50) -> TaskPage:
        """List what awaits the actor, the most pressing first."""
        async with within_reach(self._patience):
            return await tasks_of(self.pool, actor, cursor, limit)

    async def organisations(self) -> Organisations:
        """Give the directory of organisations in force."""
        async with within_reach(self._patience):
            return (await rules(self.pool, self._limits)).organisations

    async def _whistle(self, whistle_id: str) -> Whistle:
        whistle = await value_of(self.pool, whistle_id)
        if whistle is None:
            message = f"there is no whistle {whistle_id}"
            raise NotFoundError(message)
        return whistle


def _registration(given: Registration | dict[str, Any]) -> Registration:
    if isinstance(given, Registration):
        return given
    try:
        return Registration.model_validate(given)
    except ValidationError as error:
        raise InvalidError.from_validation(error) from None
