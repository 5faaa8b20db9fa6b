"""People who come to the gateway by HTTP through a bad line, and each writes down what was answered.

They send the same again until they are told the outcome; what they never were told they do not claim.
"""

import asyncio
import random
from collections import Counter, defaultdict
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, NamedTuple

import httpx

from tests.chaos.story import (
    CLERK,
    LATE,
    LEADER,
    OFFICERS,
    SOURCE,
    Act,
    accept,
    cancelled,
    emergency,
    matter,
    ordinary,
    rejected,
    review,
    self_handled,
)

ANSWERED_WITHIN_S = 13.0
"""A little more than the gateway's own patience."""
PERSEVERES_S = 240.0
PAUSE_S, LOOKS_AGAIN_S = (0.1, 0.6), (0.5, 1.5)
TWICE, REFUSED, OTHERWISE = 0.15, 0.12, 0.08
"""How often an act is sent twice at once, somebody without the right tries too, and a key is used for another."""
LIVES = {ordinary: 1, emergency: 5, self_handled: 6, rejected: 5, cancelled: 3}
"""What becomes of whistles, and how often of twenty."""
TURNED_AWAY = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)


class Diary:
    """What all visitors were told, by whistle."""

    def __init__(self) -> None:
        """Begin with empty pages."""
        self.acknowledged: dict[str, dict[str, int]] = defaultdict(dict)
        """The version that acknowledged each command."""
        self.refused: dict[str, set[str]] = defaultdict(set)
        self.sent: dict[str, set[str]] = defaultdict(set)
        self.complaints: list[str] = []
        """Answers that no visitor should get, whatever is broken."""
        self.outcomes = Counter[str]()
        """How requests ended, by status or by the kind of a broken line."""
        self.attempts: list[float] = []

    def note(self, whistle_id: str, command_id: str, answer: httpx.Response) -> None:
        """Write down the outcome of a command."""
        if answer.is_success:
            version = answer.json()["version"]
            known = self.acknowledged[whistle_id].setdefault(command_id, version)
            self.acknowledged[whistle_id][command_id] = min(known, version)
        elif "idempotency-conflict" not in answer.text:
            self.refused[whistle_id].add(command_id)

    @property
    def figures(self) -> dict[str, object]:
        """Count what happened at the door."""
        return {
            "acknowledged": sum(map(len, self.acknowledged.values())),
            "refused": sum(map(len, self.refused.values())),
            **{f"answers_{name}": count for name, count in sorted(self.outcomes.items())},
        }


class Door(NamedTuple):
    """The way to the gateway: a client, everybody's keys, and the diary."""

    http: httpx.AsyncClient
    keys: dict[str, str]
    diary: Diary
    asked_to_wait: dict[str, float]
    """How long the gateway last asked whoever sent under a key to wait."""

    async def once(self, who: str, path: str, body: dict[str, Any] | None, key: str) -> httpx.Response | None:
        """Send once; None where the outcome stays unknown."""
        headers = {"Authorization": f"Bearer {self.keys[who]}", "Idempotency-Key": key}
        method = "GET" if body is None else "POST"
        try:
            answer = await self.http.request(method, path, json=body, headers=headers)
        except httpx.TransportError as error:
            self.diary.outcomes[type(error).__name__] += 1
            return None
        self.diary.outcomes[str(answer.status_code)] += 1
        if answer.status_code in TURNED_AWAY:
            if not answer.headers.get("retry-after"):
                self.diary.complaints.append(f"{path}: {answer.status_code} without Retry-After")
            self.asked_to_wait[key] = float(answer.headers.get("retry-after", 0))
            return None
        if answer.is_server_error:
            self.diary.complaints.append(f"{path}: {answer.status_code} {answer.text[:200]}")
            return None
        return answer

    async def until_told(self, who: str, path: str, body: dict[str, Any] | None, key: str) -> httpx.Response:
        """Send the same again until the outcome is known."""
        chance = random.Random(key)
        async with asyncio.timeout(PERSEVERES_S):
            while True:
                if (answer := await self.once(who, path, body, key)) is not None:
                    return answer
                await asyncio.sleep(self.asked_to_wait.pop(key, 0.0) + chance.uniform(*PAUSE_S))


class Visit:
    """One whistle's people, from its registration to its end."""

    def __init__(self, seed: int, number: int) -> None:
        """Decide by the seed what kind of whistle this is, and who else will meddle."""
        self._chance = random.Random(f"{seed}/visit/{number}")
        self._name = f"storm-{seed}-{number}"
        self.whistle_id = f"12345:{self._name}"
        self.is_crowded = number == 0
        (self._life,) = self._chance.choices(tuple(LIVES), weights=tuple(LIVES.values()))
        self._seen = 0

    async def live(self, door: Door, crowd: Sequence[str]) -> None:
        """Register, act, be meddled with, and come to the end; `crowd` are the departments of a crowded whistle."""
        self._door = door
        told = matter(external_id=self._name, received_at="2026-11-24T10:00:00+08:00")
        answer = await self._door.until_told(SOURCE, "/v1/whistles", told, self._name)
        assert answer.is_success, answer.text
        self._door.diary.acknowledged[self.whistle_id]["register"] = answer.json()["version"]
        if self.is_crowded:
            await self._live_in_a_crowd(crowd)
            return
        await self._send_once(Act(CLERK, "start_action", {}), "too-soon")
        for number, act in enumerate(self._life()):
            if act.once_late:
                await self._until_late()
            await self._do(act, str(number))

    async def _do(self, act: Act, key: str) -> None:
        copies = 2 if self._chance.random() < TWICE else 1
        meddlers = [self._meddle(act, key)] if self._chance.random() < REFUSED else []
        answers = await asyncio.gather(*(self._told(act, key) for _ in range(copies)), *meddlers)
        for answer in answers[:copies]:
            assert answer is not None
            assert answer.is_success, f"{self.whistle_id}: {act}: {answer.status_code} {answer.text}"
        versions = [answer.json()["version"] for answer in answers[:copies] if answer]
        self._look_back(act, *versions)
        if self._chance.random() < OTHERWISE:
            other = await self._told(act._replace(body=act.body | {"note": "另一内容"}), key)
            if other.status_code != HTTPStatus.CONFLICT:
                self._complain(f"{act.command}: another content under the same key was answered {other.status_code}")

    async def _meddle(self, act: Act, key: str) -> None:
        answer = await self._told(act._replace(who="department@power"), f"{key}-stranger")
        if answer.status_code not in {HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND}:
            self._complain(f"{act.command} by a stranger was answered {answer.status_code} {answer.text}")

    async def _told(self, act: Act, key: str) -> httpx.Response:
        sent, command_id = self._keyed(act, key)
        answer = await self._door.until_told(act.who, self._path(act), act.body, sent)
        self._door.diary.note(self.whistle_id, command_id, answer)
        return answer

    async def _send_once(self, act: Act, key: str) -> None:
        sent, command_id = self._keyed(act, key)
        answer = await self._door.once(act.who, self._path(act), act.body, sent)
        if answer is not None:
            self._door.diary.note(self.whistle_id, command_id, answer)

    async def _until_late(self) -> None:
        while True:
            answer = await self._door.until_told(CLERK, f"/v1/whistles/{self.whistle_id}", None, self._name)
            seen = answer.json()
            self._look_back(Act(CLERK, "GET", {}), seen["version"])
            if any(part["overdue"] for part in seen["report_ins"] if part["responder"] == LATE):
                return
            await asyncio.sleep(self._chance.uniform(*LOOKS_AGAIN_S))

    async def _live_in_a_crowd(self, departments: Sequence[str]) -> None:
        """Fifty at once: twenty arrive, ten say the same, ten their own, ten have no right to what they ask."""
        for number, act in enumerate([review(responders=tuple(departments)), Act(LEADER, "blow", {})]):
            await self._do(act, str(number))
        await self._do(accept(tuple(departments)), "accept")
        arrive = [Act(f"department@{d}", "arrive", {"responder": d, "officers": OFFICERS}) for d in departments]
        same = Act(SOURCE, "append", {"text": "又来电", "kind": "REPEATED_CALL"})
        own = [(Act(CLERK, "append", {"text": f"续 {i}", "kind": "MORE"}), f"more-{i}") for i in range(10)]
        late = [(Act(LEADER, "blow", {}), f"late-{i}") for i in range(5)]
        strange = [
            (act._replace(who=f"department@{departments[i - 1]}"), f"strange-{i}") for i, act in enumerate(arrive[:5])
        ]
        good = [*((act, "arrives") for act in arrive), *[(same, "same")] * 10, *own]
        answers = await asyncio.gather(*(self._told(act, key) for act, key in [*good, *late, *strange]))
        if wrong := [a.text for a in answers[: len(good)] if not a.is_success]:
            self._complain(f"of fifty at once, {len(wrong)} that were right were refused: {wrong[0]}")
        if wrong := [a.text for a in answers[len(good) :] if a.is_success]:
            self._complain(f"of fifty at once, {len(wrong)} that were wrong were taken: {wrong[0]}")

    def _keyed(self, act: Act, key: str) -> tuple[str, str]:
        # A key is one command of one caller, whatever the whistle.
        sent = f"{self._name}-{key}"
        command_id = f"{act.who}:{sent}"
        self._door.diary.sent[self.whistle_id].add(command_id)
        return sent, command_id

    def _path(self, act: Act) -> str:
        return f"/v1/whistles/{self.whistle_id}/{act.command.replace('_', '-')}"

    def _look_back(self, act: Act, *versions: int) -> None:
        if min(versions) < self._seen:
            self._complain(f"{act.command} showed version {min(versions)} after {self._seen} was shown")
        self._seen = max(self._seen, *versions)

    def _complain(self, what: str) -> None:
        self._door.diary.complaints.append(f"{self.whistle_id}: {what}")
