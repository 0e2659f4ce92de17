"""Streams that are cut behind their first words: an error, unless the channel's policy has somebody else asked, who
says the same."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.live.duos import Duo, duo_channels
from tests.live.faults import DEADLINES, FIRST, SECOND, good
from tests.live.gateway import Gateway
from tests.live.records import record_of
from tests.live.scripted import FIRST_TEXT
from tests.live.sdks import SDKS, Outcome, Sdks, opened_sdks
from tests.live.speech import speech
from tests.live.upstream import Answer, Upstream, sse_answer

FOREIGN = {
    "openai-chat": "anthropic",
    "anthropic": "openai-chat",
    "gemini": "openai-chat",
    "openai-responses": "gemini",
}
PAIRS = [(client, upstream) for client in SDKS for upstream in (client, FOREIGN[client])]
CASES = ["same", "other", "longer", "default"]
EACH_PAIR = pytest.mark.parametrize(("client", "upstream_dialect"), PAIRS)
OTHERWISE_CUT = (FIRST_TEXT[:7], FIRST_TEXT[7:30], FIRST_TEXT[30:])
"""The same text in other pieces."""


def _duo(case: str, client: str, dialect: str, upstream: Upstream) -> Duo:
    return Duo(f"{case}.{client}.{dialect}", upstream, dialect, dialect)


@pytest.fixture(scope="module")
def gateway(upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    duos = [_duo(case, client, dialect, upstream) for case in CASES for client, dialect in PAIRS]
    policy = {"on_cut": "resume-if-identical"}
    more = {duo.model: policy for duo in duos if not duo.model.startswith("default")}
    with Gateway(tmp_path_factory.mktemp("resuming"), channels=duo_channels(duos, more), upstream=DEADLINES) as running:
        yield running


@pytest.fixture(scope="module")
def sdks(gateway: Gateway) -> Iterator[Sdks]:
    with opened_sdks(gateway.url) as opened:
        yield opened


def _cut(dialect: str) -> Answer:
    told = speech(dialect, FIRST)
    return sse_answer(*told.opening, *told.words[:2], pace_s=0.04, ending="close")


def _ask(duo: Duo, client: str, sdks: Sdks, second: Answer) -> Outcome:
    duo.script(_cut(duo.first_dialect), stream=True, second=second)
    return sdks.ask(client, duo.model, stream=True)


@EACH_PAIR
def test_the_same_is_gone_on_with(
    client: str, upstream_dialect: str, gateway: Gateway, sdks: Sdks, upstream: Upstream
) -> None:
    duo = _duo("same", client, upstream_dialect, upstream)
    outcome = _ask(duo, client, sdks, speech(upstream_dialect, OTHERWISE_CUT).answer())
    assert outcome.is_answer, outcome
    assert outcome.text == FIRST_TEXT
    assert duo.visits == (1, 1)
    record = record_of(gateway.data, duo.model)
    assert record.channels == [f"first.{duo.model}", f"second.{duo.model}"]
    assert record.left_for == ["cut", ""]


@EACH_PAIR
def test_something_else_is_an_error(client: str, upstream_dialect: str, sdks: Sdks, upstream: Upstream) -> None:
    duo = _duo("other", client, upstream_dialect, upstream)
    _assert_cut(_ask(duo, client, sdks, good(upstream_dialect, True, SECOND)))
    assert duo.visits == (1, 1)


@EACH_PAIR
def test_a_difference_behind_the_cut_is_none(
    client: str, upstream_dialect: str, sdks: Sdks, upstream: Upstream
) -> None:
    """What the caller has already is compared, and nothing else can be."""
    duo = _duo("longer", client, upstream_dialect, upstream)
    words = (*FIRST[:2], "said it otherwise.")
    outcome = _ask(duo, client, sdks, speech(upstream_dialect, words).answer())
    assert outcome.is_answer, outcome
    assert outcome.text == "".join(words)


@EACH_PAIR
def test_by_default_nobody_else_is_asked(client: str, upstream_dialect: str, sdks: Sdks, upstream: Upstream) -> None:
    duo = _duo("default", client, upstream_dialect, upstream)
    _assert_cut(_ask(duo, client, sdks, speech(upstream_dialect, FIRST).answer()))
    assert duo.visits == (1, 0)


def _assert_cut(outcome: Outcome) -> None:
    assert outcome.error is not None
    assert not outcome.is_whole
    assert outcome.text == "".join(FIRST[:2])
