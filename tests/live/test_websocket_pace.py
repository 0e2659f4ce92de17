"""Responses over a WebSocket: odd frames, large ones, clients that leave or do not read, and a gateway that stops."""

from __future__ import annotations

import json
import struct
import time
from collections.abc import Iterable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from websockets.exceptions import ConnectionClosed

from tests.live.callers import bearer
from tests.live.conftest import Launch, TakeSlot
from tests.live.gateway import Gateway
from tests.live.slots import Slot
from tests.live.upstream import EVENT_STREAM, Answer, Upstream, recorded_answer, sse_answer, until
from tests.live.websocket import Socket, opened
from tests.live.wire import Connection, request
from tests.recorded import frames, recorded
from torouter.store import Store, UsageFilter

pytestmark = pytest.mark.alone

TEXT = "openai-responses/stream/007"
PIECES = tuple(frames(recorded(TEXT).response_body))
HANDSHAKE = (
    *bearer(),
    ("connection", "Upgrade"),
    ("upgrade", "websocket"),
    ("sec-websocket-version", "13"),
    ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
)
WAITING = sse_answer(*PIECES[:6], *[b": keep waiting\n\n"] * 400, pace_s=0.05)


def _frame(opcode: int, data: bytes, *, fin: bool = True, mask: bool = True) -> bytes:
    """By hand, so that it may be wrong; the mask is of zeros."""
    first = (0x80 if fin else 0) | opcode
    assert len(data) < 126
    return bytes([first, (0x80 if mask else 0) | len(data)]) + (bytes(4) if mask else b"") + data


def _closing(socket: Socket) -> int:
    """The code that the gateway closes with, now."""
    with pytest.raises(ConnectionClosed) as closed:
        socket.connection.recv(5)
    assert closed.value.rcvd is not None, "the connection was dropped"
    return closed.value.rcvd.code


# Frames.


def test_a_message_in_fragments(gateway: Gateway, take: TakeSlot) -> None:
    """With a ping in between, as the RFC allows."""
    slot = take("openai-responses", recorded_answer(TEXT))
    text = json.dumps({"type": "response.create", "model": slot.model, "input": "grüß Gott"}, ensure_ascii=False)
    data = text.encode()
    cut = data.index("ü".encode()) + 1
    with Connection(gateway.port) as connection:
        connection.send(request("GET", "/v1/responses", HANDSHAKE)).read_head()
        connection.drip(
            _frame(1, data[:cut], fin=False) + _frame(9, b"hm") + _frame(0, data[cut:cut], fin=False)
            + _frame(0, data[cut:])
        )  # fmt: skip
        assert connection.take(4) == b"\x8a\x02hm"
        assert until(lambda: slot.visits)
    assert json.loads(slot.visit.body)["input"] == "grüß Gott"


def test_what_comes_with_the_upgrade_request_is_read(gateway: Gateway) -> None:
    with Connection(gateway.port) as connection:
        connection.send(request("GET", "/v1/responses", HANDSHAKE) + _frame(9, b"early") + _frame(8, b"\x03\xe8"))
        assert connection.read_head()[0] == 101
        assert connection.read_to_end() == b"\x8a\x05early\x88\x02\x03\xe8"


BROKEN = {
    "no mask": (_frame(1, b"{}", mask=False), 1002),
    "an unknown opcode": (_frame(3, b""), 1002),
    "a reserved bit": (_frame(0x41, b""), 1002),
    "a fragment of nothing": (_frame(0, b""), 1002),
    "a fragmented ping": (_frame(9, b"", fin=False), 1002),
    "a text within a text": (_frame(1, b"", fin=False) + _frame(1, b""), 1002),
    "no UTF-8": (_frame(1, b"\xff"), 1007),
    "a close of one byte": (_frame(8, b"\x03"), 1002),
    "a length beyond all bounds": (b"\x81\xff" + struct.pack("!Q", 2**62), 1009),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_frames_end_the_connection(gateway: Gateway, name: str) -> None:
    data, code = BROKEN[name]
    with Connection(gateway.port) as connection:
        connection.send(request("GET", "/v1/responses", HANDSHAKE)).read_head()
        said = connection.send(data).read_to_end()
    assert said[0] == 0x88, said
    assert struct.unpack("!H", said[2:4])[0] == code


FRAMES = st.builds(
    lambda opcode, data, fin, mask: _frame(opcode, data, fin=fin, mask=mask),
    st.sampled_from([0, 1, 2, 8, 9, 10, 3, 0x41]),
    st.sampled_from([b"", b"{", b'{"type":"response.create"}', b"\xff", b"\x03\xe8", b"\x03\xe8bye", b"x" * 125]),
    st.sampled_from([True, True, False]),
    st.sampled_from([True, True, True, False]),
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=200) | st.lists(FRAMES, max_size=6).map(b"".join))
def test_any_bytes_are_survived(gateway: Gateway, data: bytes) -> None:
    """Half-closed behind the bytes, so that a gateway that waits for more sees there is none. No hang; the log, which
    is looked at when the gateway leaves, has no fault of ours."""
    with Connection(gateway.port, timeout_s=5) as connection:
        connection.send(request("GET", "/v1/responses", HANDSHAKE)).read_head()
        try:
            connection.send(data).half_close()
        except OSError:
            return
        connection.read_to_end()


def test_a_large_message(gateway: Gateway, take: TakeSlot) -> None:
    slot = take("openai-responses", recorded_answer(TEXT))
    with opened(gateway) as socket:
        assert socket.ask(model=slot.model, input="x" * 8_000_000)["type"] == "response.completed"
    assert len(json.loads(slot.visit.body)["input"]) == 8_000_000


def test_a_message_over_the_limit(launch: Launch, upstream: Upstream) -> None:
    """However it is cut; and what goes on from large turns is held to it, too."""
    slot = Slot("limited", "vendor-limited", upstream).script(recorded_answer(TEXT))
    gateway = launch({"openai-responses": {slot.model: slot.upstream_model}}, server={"body_limit_mb": 1})
    with opened(gateway) as socket:
        socket.say(model=slot.model, input="x" * 1_100_000)
        assert _closing(socket) == 1009
    with opened(gateway) as socket:
        socket.connection.send("x" * 300_000 for _ in range(4))
        assert _closing(socket) == 1009
    with opened(gateway) as socket:
        large = "x" * 600_000
        first = socket.ask(model=slot.model, input=large, generate=False)["response"]["id"]
        error = socket.ask(model=slot.model, input=large, previous_response_id=first)
        assert (error["status"], error["error"]["code"]) == (413, "request_too_large")
        assert socket.ask(model=slot.model, input="hi", previous_response_id=first)["type"] == "response.completed"
    assert len(slot.visits) == 1


def test_pings_are_answered(gateway: Gateway, take: TakeSlot) -> None:
    """Between turns and within them."""
    slot = take("openai-responses", sse_answer(*PIECES, pace_s=0.1))
    with opened(gateway) as socket:
        assert socket.connection.ping().wait(2)
        socket.say(model=slot.model, input="hi")
        socket.hear()
        assert socket.connection.ping().wait(2)
        assert not slot.visit.is_done
        assert socket.rest()[-1]["type"] == "response.completed"


def test_more_messages_than_are_held(gateway: Gateway) -> None:
    with opened(gateway) as socket:
        for number in range(200):
            socket.say(model="no-such-model", stream_id=str(number))
        assert [socket.hear()["stream_id"] for _ in range(200)] == [str(number) for number in range(200)]


# Clients that leave.


@pytest.mark.parametrize("manner", ["closes", "just goes"])
def test_leaving_within_a_turn_cancels_the_upstream(gateway: Gateway, take: TakeSlot, manner: str) -> None:
    slot = take("openai-responses", WAITING)
    with opened(gateway) as socket:
        socket.say(model=slot.model, input="hi")
        socket.hear()
        left = time.monotonic()
        if manner == "closes":
            socket.connection.close()
            assert socket.connection.close_code == 1000
        else:
            socket.connection.close_socket()
        assert until(lambda: slot.visit.left_at, 3), "the upstream still sends"
    assert (slot.visit.left_at or 0) - left < 1

    def is_recorded() -> bool:
        with Store.open(gateway.data) as store:
            rows = [row for _, row in store.usage_page(UsageFilter()) if row.model == slot.model]
        return [(row.status, row.outcome) for row in rows] == [(499, "client_left")]

    assert until(is_recorded)


def test_leaving_before_the_answer_has_begun(gateway: Gateway, take: TakeSlot) -> None:
    slot = take("openai-responses", Answer(delay_s=20))
    with opened(gateway) as socket:
        socket.say(model=slot.model, input="hi")
        assert until(lambda: slot.visits)
    assert until(lambda: slot.visit.left_at, 1)


# Clients that do not read.

BIG_EVENT = b'data: {"type":"response.output_text.delta","delta":"' + b"x" * 65_000 + b'"}\n\n'


def _two_hundred_megabytes() -> Iterable[bytes]:
    return (BIG_EVENT for _ in range(3000))


def test_a_slow_reader_slows_the_upstream(gateway: Gateway, take: TakeSlot) -> None:
    slot = take("openai-responses", Answer(headers=EVENT_STREAM, pieces=_two_hundred_megabytes, framing="chunked"))
    before_kb = gateway.resident_kb()
    with Connection(gateway.port, receive_buffer_bytes=16384) as connection:
        connection.send(request("GET", "/v1/responses", HANDSHAKE)).read_head()
        text = b'{"type":"response.create","model":"%b"}' % slot.model.encode()
        connection.send(_frame(1, text))
        time.sleep(1)
        grown_kb = gateway.resident_kb() - before_kb
        stuck_at = slot.visit.sent_bytes
        connection.send(_frame(9, b"?" * 125) * 100_000)
        time.sleep(0.5)
        assert slot.visit.sent_bytes == stuck_at, "the upstream is not held back"
        assert stuck_at < 32_000_000
        assert grown_kb < 8_000
        assert gateway.resident_kb() - before_kb < 10_000, "answers to pings pile up"
    assert until(lambda: slot.visit.left_at)


def test_a_huge_stream_in_bounded_memory(gateway: Gateway, take: TakeSlot) -> None:
    """40 MB, all of it read; of each message its own size at a time."""
    slot = take(
        "openai-responses",
        Answer(headers=EVENT_STREAM, pieces=lambda: (*[BIG_EVENT] * 600, PIECES[-1]), framing="chunked"),
    )
    with opened(gateway) as socket:
        socket.ask(model="no-such-model")
        before_kb = gateway.resident_kb()
        socket.say(model=slot.model, input="hi")
        assert len(socket.rest()) == 601
        assert gateway.resident_kb() - before_kb < 16_000


# Being told to leave.


def test_sigterm_lets_a_turn_finish(launch: Launch, upstream: Upstream) -> None:
    slot = Slot("lasting", "vendor-lasting", upstream).script(sse_answer(*PIECES, pace_s=1.5 / len(PIECES)))
    gateway = launch({"openai-responses": {slot.model: slot.upstream_model}}, server={"grace_s": 10})
    with opened(gateway) as socket, opened(gateway) as idle:
        socket.say(model=slot.model, input="hi")
        socket.hear()
        gateway.terminate()
        assert _closing(idle) == 1001, "an idle connection is closed at once"
        assert socket.rest()[-1]["type"] == "response.completed"
        assert _closing(socket) == 1001
        assert gateway.wait(3) == 0


def test_sigterm_ends_what_outlasts_the_grace_time(launch: Launch, upstream: Upstream) -> None:
    slot = Slot("endless", "vendor-endless", upstream).script(WAITING)
    gateway = launch({"openai-responses": {slot.model: slot.upstream_model}}, server={"grace_s": 1})
    with opened(gateway) as socket:
        socket.say(model=slot.model, input="hi")
        socket.hear()
        gateway.terminate()
        assert gateway.wait(5) == 0
        with pytest.raises(ConnectionClosed) as closed:
            socket.rest()
        assert closed.value.rcvd is None, "a cut answer must not look whole"
    assert until(lambda: slot.visit.left_at, 1)
