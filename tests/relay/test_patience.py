"""What one request may still cost: attempts, changes of channel, and waiting."""

from __future__ import annotations

import pytest

from tests.relay.test_verdict import answered, failed
from torouter.channels import KINDS, Channel, Credential
from torouter.errors import UpstreamError
from torouter.relay.patience import Bounds, Patience
from torouter.relay.verdict import verdict_on
from torouter.routing.snapshot import Candidate, Route, Snapshot
from torouter.units import Secret


def route_of(*names: str) -> tuple[Route, list[Candidate]]:
    channels = tuple(
        Channel(
            name=name, kind=KINDS["openai"], base_url=f"http://{name}/v1", models={"m": "m"},
            credentials=tuple(Credential(label=label, secret=Secret(label)) for label in ("x", "y")),
        )
        for name in names
    )  # fmt: skip
    route = Snapshot(channels=channels).route("default", "openai-chat", "chat", "m")
    assert route is not None
    return route, [candidate for bucket in route.buckets for candidate in bucket.candidates]


def patience(draw: float = 1.0, bounds: Bounds | None = None) -> Patience:
    return Patience(bounds or Bounds(), lambda: draw)


def pauses(of: Patience, error: UpstreamError, *names: str, has_others: bool = False) -> list[float | None]:
    route, (first, *_) = route_of(*names)
    row = verdict_on(error)
    return [of.pause_s(first, row, error, route, has_others=has_others) for _ in range(4)]


def test_the_only_channel_is_asked_twice_more_with_growing_pauses() -> None:
    assert pauses(patience(), answered(500), "a") == [0.5, 1.0, None, None]
    assert pauses(patience(0.5), answered(429), "a") == [0.25, 0.5, None, None]
    assert pauses(patience(0.0), answered(500), "a") == [0.0, 0.0, None, None]


def test_one_among_others_is_asked_once_more_if_the_fault_passes() -> None:
    assert pauses(patience(), answered(500), "a", "b") == [0.5, None, None, None]
    assert pauses(patience(), answered(429), "a", "b") == [None] * 4
    assert pauses(patience(), answered(429), "a", has_others=True) == [None] * 4
    assert pauses(patience(), answered(500), "a", has_others=True) == [0.5, None, None, None]


def test_a_told_time_is_waited_for_if_it_is_short() -> None:
    assert pauses(patience(0.0), answered(429, retry_after_s=2), "a", "b") == [2, None, None, None]
    assert pauses(patience(0.0), answered(429, retry_after_s=9), "a") == [None] * 4


def test_a_broken_connection_is_made_anew_at_once() -> None:
    assert pauses(patience(), failed("head", "upstream_reset"), "a") == [0.0, 1.0, None, None]


@pytest.mark.parametrize(
    "error",
    [
        answered(401), answered(504), failed("connect", "upstream_tls"),
        failed("head", "upstream_no_answer", "timeout"),
        failed("stream", "upstream_idle_timeout", "timeout", 200), failed("stream", "upstream_truncated", None, 200),
        failed("stream", None, "overloaded", 200), failed("connect", "upstream_connect_timeout", "timeout"),
    ],
)  # fmt: skip
def test_who_kept_silent_or_has_begun_is_not_asked_again(error: UpstreamError) -> None:
    assert pauses(patience(), error, "a") == [None] * 4


def test_waiting_is_bounded_in_all() -> None:
    tired = patience(bounds=Bounds(retry_s=3.0))
    assert tired.may_wait(2.0)
    assert not tired.may_wait(2.0)
    assert tired.may_wait(1.0)
    assert pauses(tired, answered(500), "a") == [None] * 4


def test_attempts_and_switches_are_bounded() -> None:
    _, (a, a2, b, _, c, _) = route_of("a", "b", "c")
    tired = patience(bounds=Bounds(attempts=4, switches=1))
    tired.asked(a)
    tired.asked(a2)
    assert tired.may_ask(b)
    tired.asked(b)
    assert not tired.may_ask(c)
    assert tired.may_ask(b)
    tired.begin_anew()
    assert tired.may_ask(c)
    tired.reserved = 1
    assert not tired.may_ask(c)
    tired.begin_anew()
    tired.asked(c)
    assert not tired.may_ask(c)
