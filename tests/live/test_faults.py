"""Upstreams that misbehave, in each dialect: the caller gets one honest answer in its own dialect, and never a hang, a
fake ending or a 500 of ours. Each fault has a gateway channel of its own, because failing channels cool down."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.live.callers import CALLERS
from tests.live.gateway import Gateway
from tests.live.slots import UPSTREAM_KEY, Slot
from tests.live.upstream import Answer, Ending, Upstream, json_answer, recorded_answer, sse_answer, until
from tests.live.wire import Connection, Reply
from tests.recorded import Exchange, exchanges, frames, recorded

pytestmark = pytest.mark.alone

FAULTS = [
    "close-before-head", "reset-before-head", "stall-before-head", "garbage", "500", "503", "529", "401", "402", "403",
    "429", "cut-length", "cut-chunk", "reset-in-stream", "stall-in-stream", "silent-end", "empty-stream", "huge-head",
    "late-head", "cut-event", "301", "slow", "failover-a",
]  # fmt: skip

HEAD_S, IDLE_S = 0.5, 0.8
BEGUN = 6
"""Events of each of the `STREAMS`, of which the last but one says something."""

STREAMS = {
    "openai-chat": "openai-chat/stream/016",
    "openai-responses": "openai-responses/stream/007",
    "anthropic": "anthropic-messages/stream/003",
    "gemini": "gemini/stream/002",
}
TERMINATORS = {
    "openai-chat": b"[DONE]",
    "openai-responses": b"response.completed",
    "anthropic": b"message_stop",
    "gemini": b'"finishReason"',
}
KINDS = {"openai-chat": "openai", "openai-responses": "openai", "anthropic": "anthropic", "gemini": "gemini"}
BASES = {"openai-chat": "/v1", "openai-responses": "/v1", "anthropic": "", "gemini": "/v1beta"}

DIALECTS = pytest.mark.parametrize("dialect", list(CALLERS))


def _slot(dialect: str, fault: str, upstream: Upstream) -> Slot:
    return Slot(f"{dialect}-{fault}", f"faulty.{dialect}.{fault}", upstream)


@pytest.fixture(scope="module")
def faulty(upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """One channel for each dialect and fault, and deadlines that a test can wait for."""
    channels = [
        {
            "name": f"{dialect}-{fault}", "kind": KINDS[dialect], "dialects": [dialect], "api_key": UPSTREAM_KEY,
            "base_url": upstream.origin + BASES[dialect],
            "models": {f"{dialect}-{fault}": f"faulty.{dialect}.{fault}"},
        }
        for dialect in CALLERS
        for fault in FAULTS
    ]  # fmt: skip
    channels += [
        {
            "name": f"{dialect}-second", "kind": KINDS[dialect], "dialects": [dialect], "api_key": UPSTREAM_KEY,
            "base_url": upstream.origin + BASES[dialect], "priority": 20,
            "models": {f"{dialect}-failover-a": f"faulty.{dialect}.failover-b"},
        }
        for dialect in CALLERS
    ]  # fmt: skip
    limits = {"connect_s": 1, "head_s": HEAD_S, "idle_s": IDLE_S}
    with Gateway(tmp_path_factory.mktemp("faulty"), channels=channels, upstream=limits) as running:
        yield running


def ask(gateway: Gateway, dialect: str, slot: Slot, *, stream: bool = False) -> Reply:
    caller = CALLERS[dialect]
    with Connection(gateway.port) as connection:
        return connection.ask(
            "POST", caller.target(slot.model, stream=stream), caller.headers(), caller.encode(slot.model, stream=stream)
        )


def ask_all(gateway: Gateway, slots: Mapping[str, Slot], *, stream: bool = False) -> dict[str, Reply]:
    """Every dialect at once: what is waited for is waited for once."""
    with ThreadPoolExecutor(len(slots)) as threads:
        asked = {dialect: threads.submit(ask, gateway, dialect, slot, stream=stream) for dialect, slot in slots.items()}
        return {dialect: future.result() for dialect, future in asked.items()}


def _assert_unavailable(reply: Reply, status: int = 502) -> None:
    assert reply.status == status, reply.body
    assert reply.error["type"] == "upstream_unavailable"
    assert (reply.header("x-request-id") or "").startswith("req_")
    assert UPSTREAM_KEY.encode() not in reply.body


# Nothing was given to the client yet: an error with a status.


@DIALECTS
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize(
    ("fault", "answer"),
    [
        ("close-before-head", Answer(status=0, ending="close")),
        ("reset-before-head", Answer(status=0, ending="reset")),
        ("garbage", Answer(status=0, ending="close", pieces=(b"SSH-2.0-OpenSSH_9.9\r\n\r\n",))),
        ("500", json_answer({"error": {"message": "out of order"}}, status=500)),
        ("503", Answer(status=503, headers=[("content-type", "text/html")], pieces=(b"<h1>gone fishing</h1>",))),
        ("529", json_answer({"type": "error", "error": {"type": "overloaded_error", "message": "o"}}, status=529)),
        ("401", json_answer({"error": {"message": "bad key", "type": "authentication_error"}}, status=401)),
        ("402", json_answer({"error": {"message": "no credit", "type": "billing_error"}}, status=402)),
        ("403", json_answer({"error": {"message": "banned", "type": "permission_error"}}, status=403)),
        ("huge-head", Answer(headers=[("x-long", "y" * 300_000)], pieces=(b"{}",))),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_failing_channel_is_a_502(
    faulty: Gateway, upstream: Upstream, dialect: str, fault: str, answer: Answer, stream: bool
) -> None:
    slot = _slot(dialect, fault, upstream).script(answer)
    reply = ask(faulty, dialect, slot, stream=stream)
    _assert_unavailable(reply)


@DIALECTS
@pytest.mark.pitfall(142)
def test_an_upstreams_429_keeps_its_status_and_its_retry_after(
    faulty: Gateway, upstream: Upstream, dialect: str
) -> None:
    slot = _slot(dialect, "429", upstream).script(
        json_answer({"error": {"message": "slow down"}}, status=429, headers=[("retry-after", "7")])
    )
    reply = ask(faulty, dialect, slot)
    assert reply.status == 429
    assert reply.header("retry-after") == "7"
    assert "slow down" in str(reply.error["message"])


@pytest.mark.parametrize(
    ("fault", "answer"),
    [
        ("stall-before-head", Answer(status=0, ending="stall")),
        ("late-head", Answer(pieces=(b"{}",), delay_s=30)),
    ],
    ids=["stall", "late"],
)
def test_a_silent_upstream_is_a_504_in_time(faulty: Gateway, upstream: Upstream, fault: str, answer: Answer) -> None:
    slots = {dialect: _slot(dialect, fault, upstream).script(answer) for dialect in CALLERS}
    began = time.monotonic()
    replies = ask_all(faulty, slots)
    assert HEAD_S * 0.9 < time.monotonic() - began < 4
    for dialect, slot in slots.items():
        assert replies[dialect].status == 504
        assert replies[dialect].error["message"]
        assert until(lambda slot=slot: slot.visit.left_at, 2), "a connection that was given up on is still open"


@DIALECTS
def test_a_body_cut_short_is_never_passed_off_as_whole(faulty: Gateway, upstream: Upstream, dialect: str) -> None:
    """`content-length: 100`, ten bytes, end: an error status, or a connection that visibly breaks."""
    short = Answer(
        headers=[("content-type", "application/json"), ("content-length", "100")], pieces=(b'{"id": "x"',),
        framing="until-close", ending="close",
    )  # fmt: skip
    slot = _slot(dialect, "cut-length", upstream).script(short)
    try:
        reply = ask(faulty, dialect, slot)
    except ConnectionError:
        return
    _assert_unavailable(reply)


@DIALECTS
def test_a_redirect_is_not_followed(faulty: Gateway, upstream: Upstream, dialect: str) -> None:
    """It would carry the channel's key to whoever the answer names."""
    elsewhere = f"{upstream.origin}/elsewhere"
    slot = _slot(dialect, "301", upstream).script(Answer(status=301, headers=[("location", elsewhere)]))
    reply = ask(faulty, dialect, slot)
    assert upstream.visits("elsewhere") == []
    assert len(slot.visits) >= 1
    assert reply.status >= 300
    assert reply.status != 500


# The stream had begun: the dialect's own error, and no normal ending.


ENDINGS: dict[str, Ending] = {
    "cut-chunk": "close",
    "reset-in-stream": "reset",
    "stall-in-stream": "stall",
    "silent-end": "keep",
}


def _begun(dialect: str) -> list[bytes]:
    """As far as the answer has said something: before that, the next channel would be asked."""
    return list(frames(recorded(STREAMS[dialect]).response_body))[:BEGUN]


@pytest.mark.parametrize("fault", ENDINGS)
@pytest.mark.pitfall(16, 56, 128)
def test_a_stream_that_breaks_says_so(faulty: Gateway, upstream: Upstream, fault: str) -> None:
    """Closed within the chunked body, reset, silent for longer than `idle_s`, or ended in good order but too early."""
    slots = {dialect: _slot(dialect, fault, upstream) for dialect in CALLERS}
    for dialect, slot in slots.items():
        slot.script(sse_answer(*_begun(dialect), pace_s=0.02, ending=ENDINGS[fault]))
    for dialect, reply in ask_all(faulty, slots, stream=True).items():
        said = b"".join(_begun(dialect))
        assert reply.status == 200
        assert reply.body.startswith(said), dialect
        added = reply.body.removeprefix(said)
        _assert_stream_error(dialect, added)
        assert TERMINATORS[dialect] not in added


def test_a_stream_cut_within_an_event(faulty: Gateway, upstream: Upstream) -> None:
    """The error must be an event of its own, not the tail of half an event, so half an event is not given."""
    slots = {dialect: _slot(dialect, "cut-event", upstream) for dialect in CALLERS}
    for dialect, slot in slots.items():
        *begun, last = _begun(dialect)
        slot.script(sse_answer(*begun, last[: len(last) // 2], pace_s=0.02, ending="close"))
    for dialect, reply in ask_all(faulty, slots, stream=True).items():
        said = b"".join(_begun(dialect)[:-1])
        assert reply.body.startswith(said), dialect
        _assert_stream_error(dialect, reply.body.removeprefix(said))


def _assert_stream_error(dialect: str, added: bytes) -> None:
    lines = added.strip().split(b"\n")
    told = json.loads(lines[-1].removeprefix(b"data: "))
    assert added.endswith(b"\n\n")
    if dialect == "anthropic":
        assert lines[0] == b"event: error"
        assert told["type"] == "error"
        assert told["error"]["message"]
    elif dialect == "openai-responses":
        assert lines[0] == b"event: response.failed"
        assert told["type"] == "response.failed"
        assert told["response"]["status"] == "failed"
        assert told["response"]["error"]["message"]
    else:
        assert list(told) == ["error"]
        assert told["error"]["message"]


def test_a_slow_stream_is_not_cut(faulty: Gateway, upstream: Upstream) -> None:
    """Slower in all than `idle_s`, but never silent for so long."""
    slots = {dialect: _slot(dialect, "slow", upstream) for dialect in CALLERS}
    for dialect, slot in slots.items():
        whole = list(frames(recorded(STREAMS[dialect]).response_body))
        slot.script(sse_answer(*_in_four(whole), pace_s=IDLE_S * 0.6))
    for dialect, reply in ask_all(faulty, slots, stream=True).items():
        assert reply.body == recorded(STREAMS[dialect]).response_body, dialect


def _in_four(pieces: list[bytes]) -> tuple[bytes, ...]:
    step = -(-len(pieces) // 4)
    return tuple(b"".join(pieces[at : at + step]) for at in range(0, len(pieces), step))


# More channels than one.


@DIALECTS
def test_the_next_channel_answers(faulty: Gateway, upstream: Upstream, dialect: str) -> None:
    first = _slot(dialect, "failover-a", upstream).script(json_answer({"error": {"message": "no"}}, status=500))
    second = Slot(first.model, f"faulty.{dialect}.failover-b", upstream).script(json_answer({"who": "b"}))
    reply = ask(faulty, dialect, first)
    assert (reply.status, reply.body) == (200, b'{"who": "b"}')
    assert len(first.visits) == len(second.visits) == 1
    sent, again = json.loads(first.visit.body), json.loads(second.visit.body)
    assert sent | {"model": ""} == again | {"model": ""}, "an attempt starts from the original request"


REFUSED = [
    exchange
    for protocol in ("openai-chat", "openai-responses", "anthropic-messages", "openai-embeddings")
    for exchange in exchanges(protocol)
    if exchange.status == 401
]


@pytest.mark.parametrize("exchange", REFUSED, ids=lambda exchange: exchange.name)
def test_a_channels_refused_key_is_not_the_clients_fault(
    faulty: Gateway, upstream: Upstream, exchange: Exchange
) -> None:
    """Recorded 401s. A client that saw one would throw its own good key away."""
    dialect = "anthropic" if exchange.protocol.startswith("anthropic") else exchange.protocol
    dialect = "openai-chat" if dialect == "openai-embeddings" else dialect
    slot = _slot(dialect, "401", upstream).script(recorded_answer(exchange.name))
    reply = ask(faulty, dialect, slot)
    _assert_unavailable(reply)
    assert b"sk-" not in reply.body
