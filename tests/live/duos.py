"""Pairs of channels: a primary that fails in some way, and a second one behind it. Each pair has a model of its own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tests.live.faults import FIRST, SECOND, good
from tests.live.scripted import channel
from tests.live.upstream import Answer, Upstream, Visit

__all__ = ["Duo", "duo_channels"]


@dataclass(frozen=True, slots=True)
class Duo:
    """`model` is what clients ask for."""

    model: str
    upstream: Upstream
    first_dialect: str = "openai-chat"
    second_dialect: str = "openai-chat"

    def script(self, *answers: Answer, stream: bool = False, second: Answer | None = None) -> Duo:
        """The primary's answers (none: good ones), and the second's, which are good ones if nothing is said."""
        self.upstream.script(f"first.{self.model}", *(answers or (good(self.first_dialect, stream, FIRST),)))
        told = second or good(self.second_dialect, stream, SECOND)
        self.upstream.script(f"second.{self.model}", told)
        return self

    @property
    def first(self) -> list[Visit]:
        return self.upstream.visits(f"first.{self.model}")

    @property
    def second(self) -> list[Visit]:
        return self.upstream.visits(f"second.{self.model}")

    @property
    def visits(self) -> tuple[int, int]:
        return len(self.first), len(self.second)

    def channels(self, **more: object) -> list[dict[str, object]]:
        """Both of them; `more` is the primary's."""
        return [
            channel(
                f"first.{self.model}", self.first_dialect, self.upstream.origin, {self.model: f"first.{self.model}"},
                **{"priority": 1, **more},
            ),
            channel(
                f"second.{self.model}", self.second_dialect, self.upstream.origin,
                {self.model: f"second.{self.model}"}, priority=2,
            ),
        ]  # fmt: skip


def duo_channels(
    duos: Iterable[Duo], more: Mapping[str, Mapping[str, object]] | None = None
) -> list[dict[str, object]]:
    """Of all of them; `more` is of the primaries, by model."""
    return [each for duo in duos for each in duo.channels(**(more or {}).get(duo.model, {}))]
