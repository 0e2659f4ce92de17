"""What an agent is sent out to do over several turns: one shell command, then two at once, then home with the answer.

What a command prints is known to the test alone: it comes from files in the agent's working directory that no request
mentions. Only an agent that ran the command can report it, and only one that read the last turn prints the farewell.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.agents.upstream import Objection, expect

__all__ = ["PROMPT", "SIDE_TURN", "Journey", "Shell", "Step", "Turn"]

PROMPT: Final = "Find the three secrets with shell commands and tell me when you are done."


def _token() -> str:
    return f"torouter-{secrets.token_hex(8)}"


@dataclass(frozen=True, slots=True)
class Shell:
    """An agent's shell tool: its name, the argument that holds the command, and what else it wants to be told."""

    name: str
    command: str
    more: Mapping[str, str] = field(default_factory=dict)

    def arguments(self, command: str) -> dict[str, str]:
        return {self.command: command, **self.more}


@dataclass(frozen=True, slots=True)
class Step:
    """One command; `id` is the upstream's own name for its call."""

    id: str
    seed: str = field(default_factory=_token)

    @property
    def command(self) -> str:
        return f"tr a-z A-Z < {self.id}.seed | tee {self.id}.found"

    @property
    def secret(self) -> str:
        return self.seed.upper()

    def was_made_in(self, workdir: Path) -> bool:
        found = workdir / f"{self.id}.found"
        return found.is_file() and found.read_text() == self.secret


@dataclass(frozen=True, slots=True)
class Turn:
    """What the upstream says in one answer. `seal` is the opaque state of its reasoning, none without reasoning."""

    name: str
    text: str
    thought: str = ""
    seal: str = ""
    steps: tuple[Step, ...] = ()


SIDE_TURN: Final = Turn("side request", '{"title": "A side request, briefly answered"}')
"""For requests without the shell tool: titles, routing and the like."""


class Journey:
    """One run's random words, and the three turns made of them."""

    def __init__(self) -> None:
        self.upstream_key = _token()
        self.farewell = _token()
        first, second, third = (Step(f"call_{name}") for name in ("first", "second", "third"))
        self.steps = (first, second, third)
        self.turns = (
            Turn("one call", "Let me look.", "The shell will know.", _token(), (first,)),
            Turn("two calls", "Two more.", "That was only the first.", _token(), (second, third)),
            Turn("farewell", f"All done, and the password is {self.farewell}.", "Nothing is left to do.", _token()),
        )

    def prepare(self, workdir: Path) -> None:
        for step in self.steps:
            (workdir / f"{step.id}.seed").write_text(step.seed)

    def was_made_in(self, workdir: Path) -> bool:
        return all(step.was_made_in(workdir) for step in self.steps)

    @property
    def seals(self) -> frozenset[str]:
        return frozenset(turn.seal for turn in self.turns)

    def turn_after(self, results: Mapping[str, str]) -> Turn:
        """The turn that a request with these results (call id → text) asks for. Objects to any other set of results."""
        done = 0
        for turn in self.turns:
            ids = {step.id for step in self.steps[:done]}
            if set(results) == ids:
                for step in self.steps[:done]:
                    expect(step.secret in results[step.id], f"{step.id} tells its secret, not {results[step.id]!r}")
                return turn
            done += len(turn.steps)
        raise Objection(f"results of {sorted(results)} are none that any turn asked for")
