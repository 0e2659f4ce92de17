"""The upstream's part of a journey, whatever its dialect: check the request, find the turn, answer it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from tests.agents.conftest import Channel
from tests.agents.journey import SIDE_TURN, Journey, Tool, Turn
from tests.agents.upstream import Reply, Request, expect

__all__ = ["Asked", "Body", "Call", "Part"]

Body = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Call:
    """A call in a request's history, its arguments decoded."""

    id: str
    name: str
    arguments: object


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request says, in no dialect: the names of its functions, and of its history the calls and the results,
    (call id, text), in order."""

    tools: frozenset[str]
    calls: Sequence[Call]
    results: Sequence[tuple[str, str]]
    is_stream: bool


class Part(ABC):
    """`turns` lists what was played. `is_home`: the client speaks this dialect too, and its bytes are its own affair;
    the request of a translation is held against the vendor's own types. A client without `keeps_ids` gives calls other
    ids than they had, or none: then their order tells which is which."""

    channel: ClassVar[Channel]
    model: ClassVar[str]

    def __init__(self, journey: Journey, tool: Tool, *, is_home: bool, keeps_ids: bool = True) -> None:
        self.journey = journey
        self.tool = tool
        self.is_home = is_home
        self._keeps_ids = keeps_ids
        self.turns: list[str] = []

    def answer(self, request: Request) -> Reply:
        self.check_head(request)
        body = request.json()
        if (beside := self.beside(request)) is not None:
            return beside
        if not self.is_home:
            faults = self.type_faults(body)
            expect(not faults, f"the vendor's types: {faults}")
        faults = self.turn_faults(body)
        expect(not faults, f"the rules of turns: {faults}")
        asked = self.read(request, body)
        turn = self._turn(asked, body)
        return self.stream(turn, body) if asked.is_stream else self.whole(turn, body)

    def _turn(self, asked: Asked, body: Body) -> Turn:
        if self.tool.name not in asked.tools:
            return SIDE_TURN
        expect(self.journey.prompt in str(body), "the prompt arrives")
        steps = self.journey.steps
        ids = [call.id if self._keeps_ids else step.id for call, step in zip(asked.calls, steps, strict=False)]
        called = [
            (call_id, call.name, _command(call, self.tool)) for call_id, call in zip(ids, asked.calls, strict=False)
        ]
        made = [(step.id, self.tool.name, step.command) for step in steps[: len(asked.calls)]]
        expect(called == made, f"the calls come back as they were made, not {called}")
        texts = (
            dict(asked.results)
            if self._keeps_ids
            else dict(zip(ids, (text for _, text in asked.results), strict=False))
        )
        turn = self.journey.turn_after(texts, str(body))
        self.turns.append(turn.name)
        return turn

    @staticmethod
    @abstractmethod
    def error(what: str) -> object:
        """An objection's body."""

    @abstractmethod
    def check_head(self, request: Request) -> None:
        """Path and credential."""

    def beside(self, request: Request) -> Reply | None:
        """The answer to what is no chat (a count of tokens)."""
        return None

    @abstractmethod
    def type_faults(self, body: Body) -> list[str]: ...

    @abstractmethod
    def turn_faults(self, body: Body) -> list[str]: ...

    @abstractmethod
    def read(self, request: Request, body: Body) -> Asked: ...

    @abstractmethod
    def stream(self, turn: Turn, body: Body) -> Reply: ...

    @abstractmethod
    def whole(self, turn: Turn, body: Body) -> Reply: ...


def _command(call: Call, tool: Tool) -> object:
    return call.arguments.get(tool.command) if isinstance(call.arguments, dict) else call.arguments
