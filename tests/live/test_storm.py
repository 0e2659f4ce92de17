"""Three upstreams of which three answers in ten are faulty, at random: thousands of requests, a third of them
streamed, in all dialects. No caller sees an error where another channel could still have been asked, nothing is
spliced, and every attempt is on the books."""

from __future__ import annotations

import asyncio
import os
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.live.gateway import Gateway
from tests.live.records import Record, records
from tests.live.storming import CHANNELS, WORDS, Asked, Dealt, StormUpstream, storm, storm_channels
from tests.live.upstream import until

pytestmark = pytest.mark.alone

MODEL = "stormy"
SIZE = int(os.environ.get("STORM_REQUESTS", "2000"))
"""`make storm` asks for 10,000."""
CALLERS = 64
FAULTY = 0.3
SEED = 5
LIMITS = {"connect_s": 10, "head_s": 2, "first_token_s": 2, "idle_s": 2, "retry_s": 10}


@dataclass(frozen=True, slots=True)
class Storm:
    asked: Sequence[Asked]
    dealt: Mapping[int, list[Dealt]]
    records: Sequence[Record]
    took_s: float


@pytest.fixture(scope="module")
def stormed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Storm]:
    with StormUpstream(SEED, FAULTY) as upstream:
        yield _stormed(tmp_path_factory.mktemp("storm"), upstream)


def _stormed(folder: Path, upstream: StormUpstream) -> Storm:
    with Gateway(folder, channels=storm_channels(upstream, MODEL), upstream=LIMITS) as gateway:
        began = time.monotonic()
        asked = asyncio.run(storm(gateway.port, MODEL, iter(range(SIZE)), CALLERS, SEED))
        took_s = time.monotonic() - began
        kept = records(gateway.data, SIZE, within_s=30)
        assert until(lambda: upstream.open_connections < CALLERS * 3)
        return Storm(asked, upstream.dealt, kept, took_s)


@pytest.mark.timeout(300)
def test_it_was_one(stormed: Storm) -> None:
    """Faults of every kind, and answers of every channel, in each dialect: otherwise the rest would say little."""
    dealt = [each for visits in stormed.dealt.values() for each in visits]
    faulty = Counter(each.fault for each in dealt if each.fault)
    assert len(stormed.asked) == SIZE
    assert 0.25 < faulty.total() / len(dealt) < 0.35
    assert len(faulty) >= 20
    assert {each.channel for each in dealt} == set(CHANNELS)
    assert 0.3 < sum(one.is_streamed for one in stormed.asked) / SIZE < 0.37


def test_no_error_where_another_channel_could_have_been_asked(stormed: Storm) -> None:
    """Before the commit point an error is told only by who has asked all three channels."""
    attempts = {record.usage.request_id: record.attempts for record in stormed.records}
    early = [
        (one, attempts[one.request_id])
        for one in stormed.asked
        if one.status != 200 and {each.channel for each in attempts[one.request_id]} != set(CHANNELS)
    ]
    assert not early, f"{len(early)} of {SIZE}:\n" + "\n".join(map(repr, early[:5]))


def test_a_good_answer_is_given(stormed: Storm) -> None:
    """Whoever was given one by an upstream has given it to the caller."""
    lost = [
        (one, stormed.dealt[one.number])
        for one in stormed.asked
        if not stormed.dealt[one.number][-1].fault and not one.is_whole
    ]
    assert not lost, f"{len(lost)} of {SIZE}:\n" + "\n".join(map(repr, lost[:5]))


def test_nothing_is_spliced_and_nothing_is_cut_short(stormed: Storm) -> None:
    """Each answer has the words of one visit, the last one; and all of them, if it ends as an answer ends."""
    wrong = [
        (one, stormed.dealt[one.number]) for one in stormed.asked if not _is_honest(one, stormed.dealt[one.number])
    ]
    assert not wrong, f"{len(wrong)} of {SIZE}:\n" + "\n".join(map(repr, wrong[:5]))


def _is_honest(one: Asked, dealt: list[Dealt]) -> bool:
    nonces = one.nonces
    if not one.is_whole:
        return len(nonces) <= 1 and set(nonces) <= {dealt[-1].nonce} and (one.status != 200 or dealt[-1].has_text)
    # Some dialects say the text again at its end.
    return set(nonces) == {dealt[-1].nonce} and nonces.total() % WORDS == 0 and not dealt[-1].fault


def test_every_attempt_is_on_the_books(stormed: Storm) -> None:
    assert len(stormed.records) == SIZE
    booked = Counter(
        attempt.channel for record in stormed.records for attempt in record.attempts if attempt.left_for != "connect"
    )
    visits = Counter(each.channel for dealt in stormed.dealt.values() for each in dealt if not each.is_resent)
    assert booked == visits
    assert sum(record.usage.outcome == "ok" for record in stormed.records) == sum(one.is_whole for one in stormed.asked)
    most = max(len(record.attempts) for record in stormed.records)
    assert most <= 6


def test_it_is_quick(stormed: Storm) -> None:
    """Faults that are waited for are few; nobody waits for those of others."""
    assert stormed.took_s < 60 * max(1, SIZE / 5_000)
