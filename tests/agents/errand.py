"""What every agent is sent out to do: run one shell command, report what it printed, and take the answer home.

The command's result is known to the test alone: it comes from a file in the agent's working directory that no request
mentions. So a script that finds it in turn two has proof that the agent ran the command, and an agent that prints the
farewell has proof that it read turn two's answer.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["Errand"]


def _token() -> str:
    return f"torouter-{secrets.token_hex(8)}"


@dataclass(frozen=True, slots=True)
class Errand:
    """One run's random words. The client asks for `model`; the upstream has to be asked for `upstream_model`."""

    model: str
    upstream_model: str
    upstream_key: str = field(default_factory=_token)
    seed: str = field(default_factory=_token)
    farewell: str = field(default_factory=_token)
    seal: str = field(default_factory=_token)
    """An opaque word of the upstream's own (a signature, encrypted reasoning) that has to come back in turn two."""

    prompt = "Find the secret with a shell command and tell me when you are done."
    command = "tr a-z A-Z < seed.txt | tee found.txt"

    def prepare(self, workdir: Path) -> None:
        (workdir / "seed.txt").write_text(self.seed)

    @property
    def secret(self) -> str:
        """What the command prints; it is nowhere before the command ran."""
        return self.seed.upper()

    @property
    def last_words(self) -> str:
        return f"All done, and the password is {self.farewell}."

    def was_run_in(self, workdir: Path) -> bool:
        found = workdir / "found.txt"
        return found.is_file() and found.read_text() == self.secret
