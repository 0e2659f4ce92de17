"""Channels that take only so much at once: the rest waits for room, for a bounded time."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import openai
import pytest

from tests.live.faults import FIRST, good
from tests.live.gateway import Gateway
from tests.live.provider_errors import refusal
from tests.live.scripted import FIRST_TEXT, channel
from tests.live.sdks import Outcome, Sdks, opened_sdks
from tests.live.upstream import Upstream, Visit

pytestmark = pytest.mark.alone

CHAT = "openai-chat"
CAP = 2
TAKES_S = 0.3
SHORT_S = 0.3


@pytest.fixture(scope="module")
def gateway(upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    channels = [
        channel("patient", CHAT, upstream.origin, {"patient": "up.patient"}, concurrency=CAP, queue_s=10),
        channel("hurried", CHAT, upstream.origin, {"hurried": "up.hurried"}, concurrency=CAP, queue_s=SHORT_S),
    ]
    with Gateway(tmp_path_factory.mktemp("queueing"), channels=channels) as running:
        yield running


@pytest.fixture(scope="module")
def sdks(gateway: Gateway) -> Iterator[Sdks]:
    with opened_sdks(gateway.url) as opened:
        yield opened


def _at_once(sdks: Sdks, model: str, count: int) -> list[Outcome]:
    with ThreadPoolExecutor(count) as threads:
        return list(threads.map(lambda _: sdks.ask(CHAT, model), range(count)))


def _most_at_once(visits: Sequence[Visit], takes_s: float) -> int:
    return max(sum(each.at <= one.at < each.at + takes_s for each in visits) for one in visits)


def test_the_rest_waits(sdks: Sdks, upstream: Upstream) -> None:
    upstream.script("up.patient", replace(good(CHAT, False, FIRST), delay_s=TAKES_S))
    began = time.monotonic()
    told = _at_once(sdks, "patient", 3 * CAP)
    assert [each.text for each in told] == [FIRST_TEXT] * 3 * CAP
    assert time.monotonic() - began >= 3 * TAKES_S
    assert _most_at_once(upstream.visits("up.patient"), TAKES_S) == CAP


def test_who_comes_back_after_a_failure_waits_like_the_rest(sdks: Sdks, upstream: Upstream) -> None:
    """Each of the first fails once, and pauses while others come."""
    broken, fine = refusal(CHAT, "broken", 500), replace(good(CHAT, False, FIRST), delay_s=TAKES_S)
    upstream.script("up.patient", broken, broken, fine)
    told = _at_once(sdks, "patient", 4 * CAP)
    assert [each.text for each in told] == [FIRST_TEXT] * 4 * CAP
    visits = upstream.visits("up.patient")
    assert len(visits) == 4 * CAP + 2
    assert _most_at_once(visits[2:], TAKES_S) == CAP


def test_but_not_for_ever(sdks: Sdks, upstream: Upstream) -> None:
    """Those without room are told so in time, and the upstream never heard of them."""
    upstream.script("up.hurried", replace(good(CHAT, False, FIRST), delay_s=2))
    told = _at_once(sdks, "hurried", 2 * CAP)
    refused = [each for each in told if not each.is_answer]
    assert len(refused) == CAP
    assert all(isinstance(each.error, openai.APIStatusError) and each.status in (429, 503) for each in refused)
    assert len(upstream.visits("up.hurried")) == CAP
