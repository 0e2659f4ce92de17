"""The sixteen faults that gateways are compared by in public, each with the bounds of a careful reader: no more than
six attempts on an upstream that is dying, a silent one not asked twice, stalls ended within 45 s, a truncated answer
never told as whole, back on the primary within 30 s of its recovery."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import anthropic
import openai
import pytest

from tests.live.duos import Duo, duo_channels
from tests.live.faults import DEADLINES, FIRST, good
from tests.live.gateway import Gateway
from tests.live.office import RATES, opened
from tests.live.provider_errors import refusal
from tests.live.records import record_of, records
from tests.live.scripted import FIRST_TEXT, SECOND_TEXT
from tests.live.sdks import Outcome, Sdks, opened_sdks
from tests.live.speech import Spoken, speech
from tests.live.upstream import Answer, Upstream, sse_answer
from torouter.config.settings import UpstreamSettings
from torouter.store import UsageFilter

pytestmark = pytest.mark.alone

MOST_ATTEMPTS = 6
STALL_S = 45.0
RECOVERY_S = 30.0
SWEEP_S = 0.5
"""Deadlines are looked after so often: one may pass by so much."""
SLACK_S = 1.5
"""Of a machine that does other things too."""

CHAT = "openai-chat"
MODELS = [
    "429-told", "429", "500-once", "503", "reset", "silent", "slow-first-token", "cut", "stall", "malformed", "no-done",
    "context-length", "content-filter", "own-prefill", "no-prefill", "flapping", "accounting", "dying",
]  # fmt: skip
MORE = {"no-prefill": {"on_cut": "resume-if-identical"}}


Duos = Callable[[str], Duo]


@pytest.fixture(scope="module")
def gateway(upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    duos = [_duo(model, upstream) for model in MODELS]
    channels = duo_channels(duos, MORE)
    del channels[2 * MODELS.index("dying") + 1]  # it is alone
    with Gateway(tmp_path_factory.mktemp("sixteen"), channels=channels, upstream=DEADLINES) as running:
        yield running


@pytest.fixture(scope="module")
def sdks(gateway: Gateway) -> Iterator[Sdks]:
    with opened_sdks(gateway.url) as opened:
        yield opened


def _duo(model: str, upstream: Upstream) -> Duo:
    dialects = {"own-prefill": ("anthropic", "anthropic"), "no-prefill": (CHAT, "anthropic")}
    return Duo(model, upstream, *dialects.get(model, (CHAT, CHAT)))


@pytest.fixture
def duo(upstream: Upstream) -> Callable[[str], Duo]:
    return lambda model: _duo(model, upstream)


def _served_by_second(told: Outcome) -> bool:
    return told.is_answer and told.text == SECOND_TEXT


def _begun() -> tuple[bytes, ...]:
    told = speech(CHAT, FIRST)
    return (*told.opening, *told.words[:2])


def _asked_in(sdks: Sdks, model: str) -> tuple[Outcome, float]:
    began = time.monotonic()
    return sdks.ask(CHAT, model, stream=True), time.monotonic() - began


def test_1_429_with_retry_after(sdks: Sdks, duo: Duos) -> None:
    """The second answers, and the first is not asked again before it said."""
    told = duo("429-told").script(refusal(CHAT, "rate", 429, retry_after_s=2), good(CHAT, False, FIRST))
    began = time.monotonic()
    while told.visits[0] < 2 and time.monotonic() - began < 8:
        outcome = sdks.ask(CHAT, told.model)
        assert outcome.is_answer
        time.sleep(0.1)
    first, second = told.first
    assert 2 <= second.at - first.at < 2 + 4


def test_2_429_without_retry_after(sdks: Sdks, duo: Duos) -> None:
    """The key that is rate limited is not used again for the next request."""
    told = duo("429").script(refusal(CHAT, "rate", 429))
    assert [_served_by_second(sdks.ask(CHAT, told.model)) for _ in range(3)] == [True] * 3
    assert told.visits == (1, 3)


def test_3_500_once(sdks: Sdks, duo: Duos) -> None:
    """Answered; and one fault of this kind is not held against a channel."""
    told = duo("500-once").script(refusal(CHAT, "broken", 500), good(CHAT, False, FIRST))
    assert sdks.ask(CHAT, told.model).is_answer
    assert sdks.ask(CHAT, told.model).text == FIRST_TEXT


def test_4_503_for_good(sdks: Sdks, duo: Duos) -> None:
    told = duo("503").script(refusal(CHAT, "busy", 503))
    assert all(_served_by_second(sdks.ask(CHAT, told.model)) for _ in range(10))
    assert told.visits[0] <= 2
    alone = duo("dying").script(refusal(CHAT, "busy", 503))
    outcome = sdks.ask(CHAT, alone.model)
    assert isinstance(outcome.error, openai.InternalServerError)
    assert 1 <= alone.visits[0] <= MOST_ATTEMPTS


def test_5_reset_before_headers(sdks: Sdks, duo: Duos) -> None:
    told = duo("reset").script(Answer(status=0, ending="reset"))
    assert _served_by_second(sdks.ask(CHAT, told.model))
    assert 1 <= told.visits[0] <= 2


def test_6_no_response_at_all(sdks: Sdks, duo: Duos) -> None:
    """It may be at work on the request, so it is not asked for it twice."""
    told = duo("silent").script(Answer(status=0, ending="stall"))
    began = time.monotonic()
    assert _served_by_second(sdks.ask(CHAT, told.model))
    assert time.monotonic() - began < DEADLINES["head_s"] + SWEEP_S + SLACK_S
    assert told.visits == (1, 1)


def test_7_slow_first_token(sdks: Sdks, duo: Duos) -> None:
    frames = speech(CHAT, FIRST).frames
    told = duo("slow-first-token").script(replace(sse_answer(*frames), pace_s=20), stream=True)
    outcome, took_s = _asked_in(sdks, told.model)
    assert _served_by_second(outcome)
    assert took_s < DEADLINES["first_token_s"] + SWEEP_S + SLACK_S
    assert told.visits == (1, 1)


def test_8_cut(gateway: Gateway, sdks: Sdks, duo: Duos) -> None:
    """What was said is kept, and it is not told as if it were whole; nobody else goes on with it."""
    told = duo("cut").script(sse_answer(*_begun(), pace_s=0.04, ending="close"), stream=True)
    outcome, _ = _asked_in(sdks, told.model)
    assert isinstance(outcome.error, openai.APIError)
    assert (outcome.text, outcome.is_whole) == ("".join(FIRST[:2]), False)
    assert told.visits == (1, 0)
    assert record_of(gateway.data, told.model).usage.outcome == "truncated"


def test_9_stall(sdks: Sdks, duo: Duos) -> None:
    """The defaults end one within 45 s; here they are shorter, and kept to."""
    told = duo("stall").script(sse_answer(*_begun(), ending="stall"), stream=True)
    outcome, took_s = _asked_in(sdks, told.model)
    assert isinstance(outcome.error, openai.APIError)
    assert not outcome.is_whole
    assert DEADLINES["idle_s"] <= took_s < DEADLINES["idle_s"] + SWEEP_S + SLACK_S
    assert told.visits == (1, 0)
    default = UpstreamSettings()
    assert 0 < default.idle_s + SWEEP_S <= STALL_S
    assert 0 < default.first_token_s + SWEEP_S <= STALL_S


def test_10_malformed_chunk(sdks: Sdks, duo: Duos) -> None:
    told = duo("malformed").script(
        sse_answer(*_begun(), b'data: {"choices": [{"del\n\n', *speech(CHAT, FIRST).frames, pace_s=0.04), stream=True
    )
    outcome, _ = _asked_in(sdks, told.model)
    assert isinstance(outcome.error, openai.APIError)
    assert (outcome.text, outcome.is_whole) == ("".join(FIRST[:2]), False)
    assert told.visits == (1, 0)


def test_11_no_done(sdks: Sdks, duo: Duos) -> None:
    """It has said why it stopped and what it used: it is whole, and ends as it should."""
    told = duo("no-done").script(sse_answer(*speech(CHAT, FIRST).frames[:-1]), stream=True)
    outcome, _ = _asked_in(sdks, told.model)
    assert outcome.is_answer
    assert outcome.text == FIRST_TEXT
    assert told.visits == (1, 0)


def test_12_context_length(sdks: Sdks, duo: Duos) -> None:
    """No other channel of the model has a larger window. (For models that have one: `test_fallbacks`.)"""
    told = duo("context-length").script(refusal(CHAT, "long", 400))
    outcome = sdks.ask(CHAT, told.model)
    assert isinstance(outcome.error, openai.BadRequestError)
    assert outcome.error.code == "context_length_exceeded"
    assert told.visits == (1, 0)


def test_13_content_filter(sdks: Sdks, duo: Duos) -> None:
    """Never routed around, and nothing that is held against the channel."""
    told = duo("content-filter").script(refusal(CHAT, "policy", 400), good(CHAT, False, FIRST))
    outcome = sdks.ask(CHAT, told.model)
    assert isinstance(outcome.error, openai.BadRequestError)
    assert "content policy" in outcome.error.message
    assert sdks.ask(CHAT, told.model).text == FIRST_TEXT
    assert told.visits == (2, 0)


PREFILLED = [{"role": "user", "content": "Say a colour."}, {"role": "assistant", "content": "My colour is"}]
NO_PREFILL = json.dumps(
    {
        "type": "error",
        "error": {
            "type": "invalid_request_error",
            "message": "This model does not support assistant message prefill. "
            "The conversation must end with a user message.",
        },
    }
).encode()


def test_14_a_fallback_that_rejects_a_prefill(sdks: Sdks, duo: Duos) -> None:
    """The caller's own prefill: refused in the words of the one that cannot. One of ours: there is none, also where a
    stream that was cut is asked for again."""
    rejecting = Answer(status=400, pieces=(NO_PREFILL,))
    told = duo("own-prefill").script(refusal("anthropic", "busy", 503), second=rejecting)
    with pytest.raises(anthropic.BadRequestError) as caught:
        sdks.anthropic.messages.create(model=told.model, max_tokens=9, messages=PREFILLED)  # type: ignore[arg-type]
    assert "prefill" in str(caught.value)
    assert told.visits == (1, 1)

    cut = duo("no-prefill").script(sse_answer(*_begun(), pace_s=0.04, ending="close"), stream=True)
    outcome, _ = _asked_in(sdks, cut.model)
    assert outcome.error is not None
    assert outcome.text == "".join(FIRST[:2])
    [again] = cut.second
    assert [message["role"] for message in json.loads(again.body)["messages"]] == ["user"]


def test_15_flapping(sdks: Sdks, duo: Duos, upstream: Upstream) -> None:
    """Down, up, down, up: no caller notices, and each time it is back soon."""
    told = duo("flapping").script()
    for _ in range(2):
        upstream.script(f"first.{told.model}", refusal(CHAT, "busy", 503))
        assert all(sdks.ask(CHAT, told.model).is_answer for _ in range(20))
        upstream.script(f"first.{told.model}", good(CHAT, False, FIRST))
        healed = time.monotonic()
        while (outcome := sdks.ask(CHAT, told.model)).text != FIRST_TEXT:
            assert outcome.is_answer
            assert time.monotonic() - healed < RECOVERY_S
            time.sleep(0.05)
        assert time.monotonic() - healed < 8, "the second outage was not longer than the first"


def test_16_accounting_after_failover(gateway: Gateway, sdks: Sdks, duo: Duos) -> None:
    """One row, both attempts, and the bill of the answer that was served: to the nano-dollar."""
    told = duo("accounting").script(
        refusal(CHAT, "broken", 500),
        stream=True,
        second=speech(CHAT, FIRST, Spoken(input_tokens=1_000, output_tokens=70)).answer(),
    )
    with opened(gateway) as office:
        account_id = office.account(1_000_000_000)
        key, row = office.key(account_id)
        office.edit(lambda store: store.add_price(told.model, "", 0, RATES, ""))
        with opened_sdks(gateway.url, key) as callers:
            assert callers.ask(CHAT, told.model, stream=True).text == FIRST_TEXT
        cost_nusd = 1_000 * 1_000 + 70 * 2_000
        [record] = records(gateway.data, 1, wanted=UsageFilter(key_id=row.id))
        assert (record.usage.cost_nusd, record.usage.input_tokens, record.usage.output_tokens) == (cost_nusd, 1_000, 70)
        assert record.channels == [f"first.{told.model}", f"second.{told.model}"]
        assert record.left_for == ["server_error", ""]
        assert [attempt.amount_nusd for attempt in record.attempts] == [0, -cost_nusd]
        account = office.store.get_account(account_id)
        assert account.balance_nusd == 1_000_000_000 - cost_nusd
        moved = [each.row.amount_nusd for each in office.store.ledger_page(account_id)]
        assert sum(moved) == account.balance_nusd
