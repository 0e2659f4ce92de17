"""Outages that begin and end while requests come in: what a dead upstream costs, and how soon a healed one is back."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from tests.live.duos import Duo, duo_channels
from tests.live.faults import DEADLINES, FIRST, good
from tests.live.gateway import Gateway
from tests.live.provider_errors import refusal
from tests.live.scripted import FIRST_TEXT
from tests.live.sdks import Outcome, Sdks, opened_sdks
from tests.live.upstream import Answer, Upstream

pytestmark = pytest.mark.alone

CHAT = "openai-chat"
MODELS = ["dead", "silent", "healing", "flapping"]
BACK_WITHIN_S = 30.0
PACE_S = 0.03


@pytest.fixture(scope="module")
def gateway(upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    channels = duo_channels(Duo(model, upstream) for model in MODELS)
    with Gateway(tmp_path_factory.mktemp("flapping"), channels=channels, upstream=DEADLINES) as running:
        yield running


@pytest.fixture(scope="module")
def sdks(gateway: Gateway) -> Iterator[Sdks]:
    with opened_sdks(gateway.url) as opened:
        yield opened


class Traffic:
    """Requests one after the other by a few threads, until the block is left. `told` is (when asked, outcome)."""

    def __init__(self, sdks: Sdks, model: str, threads: int = 3) -> None:
        self.told: list[tuple[float, Outcome]] = []
        self._sdks = sdks
        self._model = model
        self._is_over = threading.Event()
        self._threads = [threading.Thread(target=self._run) for _ in range(threads)]

    def __enter__(self) -> Traffic:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        for thread in self._threads:
            thread.join(30)

    def _run(self) -> None:
        while not self._is_over.wait(PACE_S):
            began = time.monotonic()
            self.told.append((began, self._sdks.ask(CHAT, self._model)))

    def first_from_primary_after(self, moment: float) -> float | None:
        return next((at - moment for at, told in list(self.told) if at > moment and told.text == FIRST_TEXT), None)

    def assert_answered(self) -> None:
        assert self.told
        assert [told for _, told in self.told if not told.is_answer] == []


def _wait_back(traffic: Traffic, healed: float) -> float:
    """Seconds from the healing to the first request that the primary answered."""
    while (took_s := traffic.first_from_primary_after(healed)) is None:
        assert time.monotonic() - healed < BACK_WITHIN_S
        time.sleep(0.05)
    return took_s


def test_a_dead_one_costs_no_more_than_its_probes(sdks: Sdks, upstream: Upstream) -> None:
    """It is let alone for 1 s, 2 s, 4 s … with one request to see whether it is back; and nobody waits for it."""
    duo = Duo("dead", upstream).script(refusal(CHAT, "busy", 503))
    with Traffic(sdks, duo.model) as traffic:
        time.sleep(6)
    traffic.assert_answered()
    dead, _ = duo.visits
    # Asked by those that were under way when it died, and then about 1 s, 3 s, and 7 s later, give or take the jitter.
    assert 2 <= dead <= 3 + 4
    assert len(traffic.told) > 20 * dead / 2, "too little traffic to say anything"


def test_a_silent_one_is_waited_for_only_by_its_probes(sdks: Sdks, upstream: Upstream) -> None:
    duo = Duo("silent", upstream).script(Answer(status=0, ending="stall"))
    with Traffic(sdks, duo.model) as traffic:
        time.sleep(5)
    traffic.assert_answered()
    assert 1 <= duo.visits[0] <= 3 + 3


def test_a_healed_one_is_back_in_time(sdks: Sdks, upstream: Upstream) -> None:
    """As long as it was away, about, and never more than 30 s after."""
    duo = Duo("healing", upstream).script(refusal(CHAT, "busy", 503))
    with Traffic(sdks, duo.model) as traffic:
        time.sleep(2)
        upstream.script(f"first.{duo.model}", good(CHAT, False, FIRST))
        healed = time.monotonic()
        assert _wait_back(traffic, healed) < 8
        time.sleep(1)
    traffic.assert_answered()
    after = [told.text for at, told in traffic.told if at > time.monotonic() - 0.5]
    assert set(after) <= {FIRST_TEXT}, "it is the better one, so it has all of the traffic again"


def test_one_that_flaps(sdks: Sdks, upstream: Upstream) -> None:
    duo = Duo("flapping", upstream).script()
    with Traffic(sdks, duo.model) as traffic:
        for _ in range(3):
            upstream.script(f"first.{duo.model}", refusal(CHAT, "busy", 503))
            time.sleep(0.5)
            upstream.script(f"first.{duo.model}", good(CHAT, False, FIRST))
            assert _wait_back(traffic, time.monotonic()) < 8
    traffic.assert_answered()
