"""Time: slow senders, slow readers, clients that leave, a gateway that is told to leave, and no 40 ms steps."""

from __future__ import annotations

import json
import random
import statistics
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pytest

from tests.live.callers import CALLERS, JSON_TYPE, bearer
from tests.live.conftest import Launch, TakeSlot
from tests.live.gateway import FIRST_KEY, Gateway
from tests.live.slots import Slot
from tests.live.upstream import EVENT_STREAM, Answer, Upstream, json_answer, sse_answer, until
from tests.live.wire import Connection, request
from tests.recorded import frames, recorded
from tests.servers.redis import RedisServer

PATH = "/v1/chat/completions"
OK = json_answer({"ok": 1})
CHUNK = b'data: {"id":"c","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":"x"}}]}\n\n'
LAST = (
    b'data: {"id":"c","object":"chat.completion.chunk","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
)
DONE = b"data: [DONE]\n\n"
SAYING = {
    "openai-chat": CHUNK,
    "openai-responses": (
        b'event: response.output_text.delta\ndata: {"type":"response.output_text.delta","item_id":"m","output_index":0,'
        b'"content_index":0,"delta":"x","sequence_number":1}\n\n'
    ),
    "anthropic": (
        b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,'
        b'"delta":{"type":"text_delta","text":"x"}}\n\n'
    ),
    "gemini": b'data: {"candidates":[{"content":{"parts":[{"text":"x"}],"role":"model"},"index":0}]}\n\n',
}
"""An event that says something: with it an answer begins."""


def _streaming(slot: Slot, dialect: str = "openai-chat") -> bytes:
    """A request for a stream. Chat asks for its own usage, so that nothing of the answer is withheld."""
    caller = CALLERS[dialect]
    more = {"stream_options": {"include_usage": True}} if dialect == "openai-chat" else {}
    body = caller.encode(slot.model, stream=True, **more)
    return request("POST", caller.target(slot.model, stream=True), caller.headers(), body)


def _whole(slot: Slot) -> bytes:
    return request("POST", PATH, (*bearer(), JSON_TYPE), json.dumps({"model": slot.model, "messages": []}).encode())


# Slow senders.


@pytest.fixture(scope="module")
def hasty(upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway that waits less than a second for a head or a body."""
    channel = {
        "name": "up", "kind": "openai", "base_url": f"{upstream.origin}/v1", "api_key": "k",
        "dialects": ["openai-chat"], "models": {"hasty": "vendor-hasty"},
    }  # fmt: skip
    limits = {"header_timeout_s": 0.8, "body_timeout_s": 0.8}
    with Gateway(tmp_path_factory.mktemp("hasty"), channels=[channel], server=limits) as running:
        yield running


@pytest.fixture
def hasty_slot(upstream: Upstream) -> Slot:
    return Slot("hasty", "vendor-hasty", upstream).script(OK)


HEAD = f"POST {PATH} HTTP/1.1\r\nhost: g\r\nauthorization: Bearer {FIRST_KEY}\r\n".encode()

STOPPING = {
    "one byte": b"P",
    "an open head": HEAD,
    "no body": HEAD + b"content-length: 100\r\n\r\n",
    "part of a body": HEAD + b'content-length: 100\r\n\r\n{"mod',
    "no chunk": HEAD + b"transfer-encoding: chunked\r\n\r\n",
    "part of a chunk": HEAD + b"transfer-encoding: chunked\r\n\r\n5\r\nhel",
}
DRIPPING = {"a head": HEAD, "a body": HEAD + b"content-length: 1000\r\n\r\n"}


def _is_let_go(connection: Connection) -> bool:
    """A 408 or nothing, then the end."""
    try:
        reply = connection.read()
    except ConnectionError:
        return True
    return reply.status == 408 and bool(reply.error["message"]) and connection.is_closed()


def test_senders_that_stop_and_senders_that_drip(hasty: Gateway, hasty_slot: Slot) -> None:
    """The limit is on the whole head, and on the rate of a body: every byte in time is not enough."""
    began = time.monotonic()
    connections = {
        name: Connection(hasty.port, timeout_s=8).send(begun) for name, begun in (STOPPING | DRIPPING).items()
    }
    with ThreadPoolExecutor(len(connections)) as threads:
        for name in DRIPPING:
            threads.submit(connections[name].drip, b"x" * 40, pace_s=0.05)
        let_go = dict(zip(connections, threads.map(_is_let_go, connections.values()), strict=True))
    assert let_go == dict.fromkeys(connections, True)
    assert time.monotonic() - began < 6
    assert hasty_slot.visits == []
    for connection in connections.values():
        connection.close()


def test_slow_senders_do_not_hold_others_up(hasty: Gateway, hasty_slot: Slot) -> None:
    idle = [Connection(hasty.port).send(HEAD) for _ in range(50)]
    with Connection(hasty.port) as connection:
        assert connection.send(_whole(hasty_slot)).read().status == 200
    for connection in idle:
        connection.close()


# Clients that leave.


@pytest.mark.parametrize("dialect", CALLERS)
def test_leaving_in_a_stream_cancels_upstream(gateway: Gateway, take: TakeSlot, dialect: str) -> None:
    slot = take(dialect, sse_answer(SAYING[dialect], *[b": keep waiting\n\n"] * 400, pace_s=0.05))
    with Connection(gateway.port) as connection:
        connection.send(_streaming(slot, dialect)).read_head()
        next(iter(connection.pieces()))
    left = time.monotonic()
    assert until(lambda: slot.visit.left_at, 3), "the upstream still sends"
    assert (slot.visit.left_at or 0) - left < 1


def test_leaving_before_an_answer_cancels_upstream(gateway: Gateway, take: TakeSlot) -> None:
    slot = take("openai-chat", Answer(pieces=(b"{}",), delay_s=20))
    with Connection(gateway.port) as connection:
        connection.send(_whole(slot))
        assert until(lambda: slot.visits)
    assert until(lambda: slot.visit.left_at, 1)


def test_leaving_after_the_answer_keeps_the_upstreams_connection(gateway: Gateway, take: TakeSlot) -> None:
    """Connections to the upstream outlive those of clients: that is what a pool is for."""
    slot = take("openai-chat", OK)
    for _ in range(5):
        with Connection(gateway.port) as connection:
            assert connection.send(_whole(slot)).read().status == 200
    assert len({visit.connection for visit in slot.visits}) == 1


def test_an_abandoned_answer_is_never_anothers(gateway: Gateway, take: TakeSlot) -> None:
    """Half an answer is on the pooled connection when its client leaves; the next request must not read the rest."""
    first = take("openai-chat", Answer(pieces=(b'{"secret":', b'"of the first"}'), pace_s=0.4, framing="chunked"))
    second = take("openai-chat", json_answer({"who": "second"}))
    for _ in range(3):
        with Connection(gateway.port) as connection:
            connection.send(_whole(first)).read_head()
        with Connection(gateway.port) as connection:
            assert connection.send(_whole(second)).read().body == b'{"who": "second"}'


COMERS = 8
MANNERS = ("reads it all", "leaves at once", "leaves after the head", "leaves after a piece", "closes its half")


def _come_and_go(gateway: Gateway, slot: Slot, seed: int, until_s: float) -> int:
    """One client after another, in random order and at a random pace; those that stay must be answered whole."""
    chance = random.Random(seed)
    visits = 0
    while time.monotonic() < until_s:
        pieces = [CHUNK] * chance.choice([1, 3, 10]) + [LAST, DONE]
        slot.script(sse_answer(*pieces, pace_s=chance.choice([0, 0.002, 0.02])))
        manner = chance.choice(MANNERS)
        visits += 1
        with Connection(gateway.port) as connection:
            connection.send(_streaming(slot))
            if manner == "reads it all":
                assert connection.read().body == b"".join(pieces)
            elif manner == "leaves at once":
                time.sleep(chance.random() * 0.01)
            elif manner == "closes its half":
                connection.half_close().read_to_end()
            else:
                connection.read_head()
                if manner == "leaves after a piece":
                    next(connection.pieces())
    return visits


def test_clients_that_come_and_go_as_they_like(launch: Launch, upstream: Upstream) -> None:
    """Whatever is cancelled wherever it stands: nobody who stays goes without an answer or gets another's, and the log
    (looked at when this gateway leaves) has no fault of ours."""
    slots = [Slot(f"come-{n}", f"vendor-come-{n}", upstream) for n in range(COMERS)]
    gateway = launch({"openai-chat": {slot.model: slot.upstream_model for slot in slots}})
    end = time.monotonic() + 2
    with ThreadPoolExecutor(COMERS) as threads:
        coming = [threads.submit(_come_and_go, gateway, slot, seed, end) for seed, slot in enumerate(slots)]
        assert sum(future.result() for future in coming) > COMERS * 5
    assert until(lambda: upstream.open_connections <= COMERS * 2), "connections upstream are not given back"


# Slow readers.

BIG_CHUNK = b'data: {"choices":[{"index":0,"delta":{"content":"' + b"x" * 65_000 + b'"}}]}\n\n'


def _two_hundred_megabytes() -> Iterable[bytes]:
    return (BIG_CHUNK for _ in range(3000))


def test_a_slow_reader_slows_the_upstream(gateway: Gateway, take: TakeSlot) -> None:
    """200 MB are on offer; what nobody reads stays with the upstream, not in our memory."""
    slot = take("openai-chat", Answer(headers=EVENT_STREAM, pieces=_two_hundred_megabytes, framing="chunked"))
    before_kb = gateway.resident_kb()
    with Connection(gateway.port, receive_buffer_bytes=16384) as connection:
        connection.send(_streaming(slot)).read_head()
        time.sleep(1)
        grown_kb = gateway.resident_kb() - before_kb
        stuck_at = slot.visit.sent_bytes
        time.sleep(0.3)
        assert slot.visit.sent_bytes == stuck_at, "the upstream is not held back"
        assert stuck_at < 32_000_000
        assert grown_kb < 8_000
    assert until(lambda: slot.visit.left_at)


def test_a_huge_stream_in_bounded_memory(gateway: Gateway, take: TakeSlot) -> None:
    """All of it read at once, 40 MB: nothing is collected on the way."""
    pieces = 600
    slot = take(
        "openai-chat",
        Answer(
            headers=EVENT_STREAM,
            pieces=lambda: (BIG_CHUNK if n < pieces else DONE for n in range(pieces + 1)),
            framing="chunked",
        ),
    )
    before_kb = gateway.resident_kb()
    with Connection(gateway.port) as connection:
        connection.send(_streaming(slot)).read_head()
        read = sum(len(piece) for _, piece in connection.pieces())
    assert read >= pieces * len(BIG_CHUNK) + len(DONE)
    assert gateway.resident_kb() - before_kb < 16_000


def test_many_waiting_clients(gateway: Gateway, take: TakeSlot) -> None:
    """A hundred streams at once on one process, each whole."""
    slot = take("openai-chat", sse_answer(*[CHUNK] * 5, LAST, DONE, pace_s=0.1))
    connections = [Connection(gateway.port).send(_streaming(slot)) for _ in range(100)]
    for connection in connections:
        assert connection.read().body == CHUNK * 5 + LAST + DONE
        connection.close()


# Being told to leave.


LASTING = {"openai-chat": "openai-chat/stream/016", "anthropic": "anthropic-messages/stream/003"}


@pytest.mark.parametrize("dialect", LASTING)
def test_sigterm_lets_a_stream_finish(launch: Launch, upstream: Upstream, dialect: str) -> None:
    whole = list(frames(recorded(LASTING[dialect]).response_body))
    slot = Slot("lasting", f"vendor-lasting-{dialect}", upstream).script(sse_answer(*whole, pace_s=1.5 / len(whole)))
    gateway = launch({dialect: {slot.model: slot.upstream_model}}, server={"grace_s": 10})
    with Connection(gateway.port) as connection, Connection(gateway.port) as idle:
        assert idle.ask("GET", "/healthz").status == 200
        connection.send(_streaming(slot, dialect)).read_head()
        gateway.terminate()
        assert idle.is_closed(), "an idle connection is closed at once"
        assert until(lambda: not _accepts(gateway), 1), "new connections are still taken"
        assert b"".join(piece for _, piece in connection.pieces()) == b"".join(whole)
        assert connection.is_closed()
        assert gateway.wait(3) == 0


def test_sigterm_ends_what_outlasts_the_grace_time(launch: Launch, upstream: Upstream) -> None:
    slot = Slot("endless", "vendor-endless", upstream).script(sse_answer(*[CHUNK] * 600, pace_s=0.05))
    gateway = launch({"openai-chat": {slot.model: slot.upstream_model}}, server={"grace_s": 1})
    with Connection(gateway.port) as connection:
        connection.send(_streaming(slot)).read_head()
        gateway.terminate()
        assert gateway.wait(5) == 0
        assert not connection.read_to_end().endswith(b"0\r\n\r\n"), "a cut answer must not look whole"
    assert until(lambda: slot.visit.left_at, 1)


def test_sigterm_when_idle(launch: Launch, upstream: Upstream) -> None:
    slot = Slot("idle", "vendor-idle", upstream).script(OK)
    gateway = launch({"openai-chat": {slot.model: slot.upstream_model}})
    with Connection(gateway.port) as connection:
        assert connection.send(_whole(slot)).read().status == 200
        gateway.terminate()
        assert gateway.wait(3) == 0


def _accepts(gateway: Gateway) -> bool:
    try:
        Connection(gateway.port, timeout_s=1).close()
    except OSError:
        return False
    return True


# Several processes.


def test_two_workers_on_one_port(launch: Launch, upstream: Upstream, redis_server: RedisServer) -> None:
    slot = Slot("shared", "vendor-shared", upstream).script(OK)
    gateway = launch({"openai-chat": {slot.model: slot.upstream_model}}, workers=2, redis={"url": redis_server.url})
    for _ in range(20):
        with Connection(gateway.port) as connection:
            assert connection.send(_whole(slot)).read().status == 200


# No 40 ms steps: TCP_NODELAY on both legs.


def test_sequential_requests_have_no_delay(gateway: Gateway, take: TakeSlot) -> None:
    slot = take("openai-chat", OK)
    spans: list[float] = []
    with Connection(gateway.port) as connection:
        for _ in range(50):
            began = time.perf_counter()
            assert connection.send(_whole(slot)).read().status == 200
            spans.append(time.perf_counter() - began)
    assert statistics.median(spans) < 0.02


@pytest.mark.parametrize("size", [100, 20_000, 200_000])
def test_bodies_of_any_size_have_no_delay(gateway: Gateway, take: TakeSlot, size: int) -> None:
    """Also those that are written in more than one piece."""
    slot = take("openai-chat", json_answer({"pad": "y" * size}))
    data = request("POST", PATH, (*bearer(), JSON_TYPE), json.dumps({"model": slot.model, "pad": "x" * size}).encode())
    spans: list[float] = []
    with Connection(gateway.port) as connection:
        for _ in range(15):
            began = time.perf_counter()
            assert connection.send(data).read().status == 200
            spans.append(time.perf_counter() - began)
    assert statistics.median(spans) < 0.03


def test_streamed_chunks_keep_their_pace(gateway: Gateway, take: TakeSlot) -> None:
    """Small chunks every 5 ms arrive every 5 ms, not in bundles of 40."""
    slot = take("openai-chat", sse_answer(*[CHUNK] * 60, LAST, DONE, pace_s=0.005))
    with Connection(gateway.port) as connection:
        reply = connection.send(_streaming(slot)).read()
    times = [at for at, _ in reply.arrivals]
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert len(reply.arrivals) > 40
    assert statistics.median(gaps) < 0.02
    assert sum(gap > 0.035 for gap in gaps) < len(gaps) / 4


def test_the_first_chunk_does_not_wait_for_the_second(gateway: Gateway, take: TakeSlot) -> None:
    for dialect in CALLERS:
        slot = take(dialect, sse_answer(SAYING[dialect], LAST, DONE, pace_s=0.3))
        with Connection(gateway.port) as connection:
            connection.send(_streaming(slot, dialect)).read_head()
            at, _ = next(iter(connection.pieces()))
        assert at < 0.55, dialect
