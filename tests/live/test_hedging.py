"""A second attempt beside one that is slower than its model usually is: whoever speaks first answers, and the other is
let go."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.live.duos import Duo, duo_channels
from tests.live.faults import FIRST, good
from tests.live.gateway import Gateway
from tests.live.records import records
from tests.live.scripted import FIRST_TEXT, SECOND_TEXT
from tests.live.sdks import Sdks, opened_sdks
from tests.live.upstream import Upstream, until
from torouter.store import UsageFilter

pytestmark = pytest.mark.alone

CHAT = "openai-chat"
USUAL = 24
"""Requests after which it is known how slow the model usually is: 20 are enough."""
SLOW_S = 1.5


@pytest.fixture(scope="module")
def gateway(upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    duos = [Duo(model, upstream) for model in ("hedged", "unhedged")]
    channels = duo_channels(duos, {"hedged": {"hedge": True}})
    with Gateway(tmp_path_factory.mktemp("hedging"), channels=channels) as running:
        yield running


@pytest.fixture(scope="module")
def sdks(gateway: Gateway) -> Iterator[Sdks]:
    with opened_sdks(gateway.url) as opened:
        yield opened


def _slowly(duo: Duo, sdks: Sdks) -> float:
    """Asks a model that is usually quick for an answer that is slow this time; how long that took."""
    duo.script(stream=True)
    assert [sdks.ask(CHAT, duo.model, stream=True).text for _ in range(USUAL)] == [FIRST_TEXT] * USUAL
    duo.script(replace(good(CHAT, True, FIRST), delay_s=SLOW_S), stream=True)
    began = time.monotonic()
    told = sdks.ask(CHAT, duo.model, stream=True)
    assert told.is_answer
    assert told.text == (SECOND_TEXT if duo.model == "hedged" else FIRST_TEXT)
    return time.monotonic() - began


def test_the_quicker_one_answers(gateway: Gateway, sdks: Sdks, upstream: Upstream) -> None:
    duo = Duo("hedged", upstream)
    assert _slowly(duo, sdks) < SLOW_S
    assert duo.visits == (1, 1)
    assert until(lambda: duo.first[0].left_at, SLOW_S), "the one that lost is still at it"
    record = records(gateway.data, USUAL + 1, wanted=UsageFilter(model=duo.model))[-1]
    assert record.usage.channel == f"second.{duo.model}"
    assert {attempt.channel: attempt.picked for attempt in record.attempts}[f"second.{duo.model}"] == "hedge"
    assert sorted(record.channels) == [f"first.{duo.model}", f"second.{duo.model}"]


def test_by_default_there_is_only_one(sdks: Sdks, upstream: Upstream) -> None:
    duo = Duo("unhedged", upstream)
    assert _slowly(duo, sdks) >= SLOW_S
    assert duo.visits == (1, 0)
