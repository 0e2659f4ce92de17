"""What an agent is sent out to do over several turns: use its tools, report what came out, go home with the answer.

What a tool finds is known to the test alone: it comes from files in the agent's working directory that no request
mentions. Only an agent that used the tool can report it, and only one that read the last turn prints the farewell.
"""

from __future__ import annotations

import secrets
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Final

from tests.agents.upstream import Objection, expect

__all__ = ["SIDE_TURN", "Journey", "Step", "Tool", "Turn", "token"]


def _seal() -> str:
    """Base64, as state is everywhere."""
    return b64encode(token().encode()).decode()


def token() -> str:
    return f"torouter-{secrets.token_hex(8)}"


@dataclass(frozen=True, slots=True)
class Tool:
    """An agent's tool: its name, the argument that holds the command, and what else it wants to be told. A custom tool
    of Responses takes plain text; elsewhere it has become a function of one argument, `input`."""

    name: str
    command: str
    more: Mapping[str, str] = field(default_factory=dict)
    is_custom: bool = False

    def arguments(self, command: str) -> dict[str, str]:
        return {self.command: command, **self.more}


@dataclass(frozen=True, slots=True)
class Step:
    """One use of a tool; `id` is the upstream's own name for the call. Its result tells the secret: as text, or in a
    picture, which has to be somewhere in the request (not every dialect has room for one in a result)."""

    id: str
    command: str
    secret: str
    is_picture: bool = False


@dataclass(frozen=True, slots=True)
class Turn:
    """What the upstream says in one answer. `seal` is the opaque state of its reasoning, none without reasoning."""

    name: str
    text: str
    thought: str = ""
    seal: str = ""
    steps: tuple[Step, ...] = ()


SIDE_TURN: Final = Turn("side request", '{"title": "A side request, briefly answered"}')
"""For requests without the tool: titles, routing and the like."""


class Journey:
    """One run's random words. Each of `turns` but the last has steps."""

    def __init__(self, prompt: str, *turns: Sequence[Step]) -> None:
        self.prompt = prompt
        self.upstream_key = token()
        self.farewell = token()
        self.steps = tuple(chain.from_iterable(turns))
        last_words = f"All done, and the password is {self.farewell}."
        self.turns = (
            *(Turn(f"turn {n}", "Let me look.", "A tool will know.", _seal(), tuple(t)) for n, t in enumerate(turns)),
            Turn("farewell", last_words, "Nothing is left to do.", _seal()),
        )

    @property
    def seals(self) -> frozenset[str]:
        return frozenset(turn.seal for turn in self.turns)

    def turn_after(self, results: Mapping[str, str], request: str) -> Turn:
        """The turn that a request with these results (call id → text) asks for. Objects to any other set of results."""
        done = 0
        for turn in self.turns:
            ids = {step.id for step in self.steps[:done]}
            if set(results) == ids:
                for step in self.steps[:done]:
                    told = request if step.is_picture else results[step.id]
                    expect(step.secret in told, f"{step.id} tells its secret, not {results[step.id]!r}")
                return turn
            done += len(turn.steps)
        raise Objection(f"results of {sorted(results)} are none that any turn asked for")
