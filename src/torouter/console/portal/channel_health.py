"""How a channel fares, as pages show it: a state in one word, sums over its models, and what is held against it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from torouter.console.admin.routing_view import ChannelHealth
from torouter.routing.reports import HealthReport, Note

__all__ = ["Fares", "fares"]

State = Literal["disabled", "unserved", "idle", "held", "partly_held", "trying", "good"]
"""Switched off; enabled and yet not served; not asked yet; left alone; some of it left alone; one request at a time;
as it should be."""


@dataclass(frozen=True, slots=True)
class Fares:
    """`requests` and `failure_ratio` are of the last minute, `first_token_*` of the model that was asked most;
    `concurrency` is the cap, 0 for none."""

    state: State
    held: Sequence[Note]
    models: Sequence[HealthReport]
    in_flight: int
    concurrency: int
    requests: int
    failure_ratio: float
    first_token_p50_ms: int | None
    first_token_p95_ms: int | None


def fares(found: ChannelHealth | None, *, is_enabled: bool) -> Fares:
    """Of a channel that nobody is sent to nothing is known."""
    if found is None:
        return Fares("unserved" if is_enabled else "disabled", (), (), 0, 0, 0, 0.0, None, None)
    requests = sum(each.requests for each in found.models)
    failures = sum(each.requests * each.failure_ratio for each in found.models)
    timed = [each for each in found.models if each.first_token_p50_s is not None]
    most = max(timed, key=lambda each: each.requests, default=None)
    return Fares(
        state=_state(found),
        held=found.held,
        models=sorted(found.models, key=lambda each: (each.model, each.credential)),
        in_flight=found.in_flight,
        concurrency=found.concurrency,
        requests=requests,
        failure_ratio=failures / requests if requests else 0.0,
        first_token_p50_ms=None if most is None else _ms(most.first_token_p50_s),
        first_token_p95_ms=None if most is None else _ms(most.first_token_p95_s),
    )


def _state(found: ChannelHealth) -> State:
    held = [note for note in found.held if note.left_s > 0]
    if any(note.blame == "channel" for note in held):
        return "held"
    if held:
        return "partly_held"
    if any(each.state != "closed" for each in found.models):
        return "trying"
    return "good" if found.models else "idle"


def _ms(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds * 1000)
