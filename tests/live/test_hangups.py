"""Clients that reset their connection in the middle of an answer, over real sockets: what their upstream sees of it,
and what they pay."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from itertools import count
from typing import NamedTuple

import pytest

from tests.live.callers import CALLERS
from tests.live.gateway import Gateway
from tests.live.office import RATES, Office, opened
from tests.live.slots import channels_to
from tests.live.upstream import EVENT_STREAM, Answer, Upstream, json_answer, until
from tests.live.websocket import opened as opened_socket
from tests.live.wire import Connection, request
from tests.relay.answers import DIALECTS, INPUT, OUTPUT, WORDS, frames_of, whole
from torouter.store import LedgerRow, UsageFilter, UsageRow
from torouter.units import Dialect

SEEN = b"number 9 "
ROADS: list[tuple[Dialect, Dialect]] = [
    *((dialect, dialect) for dialect in DIALECTS),
    ("openai-chat", "anthropic"),
    ("openai-responses", "openai-chat"),
    ("anthropic", "gemini"),
    ("gemini", "openai-chat"),
]

_numbers = count(1)


class Place(NamedTuple):
    """A gateway with a policy."""

    gateway: Gateway
    office: Office
    upstream: Upstream
    on_hangup: str

    def model(self, dialect: Dialect, answer: Answer) -> str:
        number = next(_numbers) % 100
        self.upstream.script(f"up.{self.on_hangup}.{dialect}.{number}", answer)
        return f"{dialect}.{number}"

    def row(self, request_id: str) -> UsageRow:
        found: list[UsageRow] = []

        def is_written() -> bool:
            found.extend(stored.row for stored in self.office.store.usage_page(UsageFilter(request_id=request_id)))
            return bool(found)

        assert until(is_written, 10), "no usage row"
        time.sleep(0.3)
        assert len(self.office.store.usage_page(UsageFilter(request_id=request_id))) == 1
        return found[0]

    def latest(self, model: str) -> UsageRow:
        found: list[UsageRow] = []

        def is_written() -> bool:
            found.extend(stored.row for stored in self.office.store.usage_page(UsageFilter(model=model), limit=1))
            return bool(found)

        assert until(is_written, 10), "no usage row"
        return found[0]

    def attempt(self, row: UsageRow) -> LedgerRow:
        [attempt] = self.office.store.attempts_of(row.request_id)
        return attempt


@pytest.fixture(scope="module")
def places(upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Place]]:
    with ExitStack() as stack:
        found = {}
        for on_hangup in ("cancel", "drain"):
            models = {
                dialect: {f"{dialect}.{number}": f"up.{on_hangup}.{dialect}.{number}" for number in range(100)}
                for dialect in DIALECTS
            }
            gateway = stack.enter_context(
                Gateway(
                    tmp_path_factory.mktemp(on_hangup),
                    channels=channels_to(upstream, models),
                    limits={"on_hangup": on_hangup, "drain_s": 3},
                )
            )
            office = stack.enter_context(opened(gateway))
            office.edit(lambda store: store.add_price("*", "", 0, RATES, ""))
            found[on_hangup] = Place(gateway, office, upstream, on_hangup)
        yield found


@pytest.fixture(params=["cancel", "drain"])
def place(request: pytest.FixtureRequest, places: dict[str, Place]) -> Place:
    found: Place = places[request.param]
    return found


@pytest.fixture
def cancelling(places: dict[str, Place]) -> Place:
    return places["cancel"]


@pytest.fixture
def draining(places: dict[str, Place]) -> Place:
    return places["drain"]


def paced(upstream: Dialect) -> Answer:
    return Answer(headers=EVENT_STREAM, pieces=tuple(frames_of(upstream)), framing="chunked", pace_s=0.02)


def abort(connected: socket.socket) -> None:
    """Closes with a reset."""
    connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connected.shutdown(socket.SHUT_RD)
    connected.close()


def reset(connection: Connection) -> None:
    abort(connection._socket)


def begin(place: Place, client: Dialect, model: str, *, stream: bool = True) -> Connection:
    caller = CALLERS[client]
    body = caller.encode(model, stream=stream)
    connection = Connection(place.gateway.port)
    return connection.send(request("POST", caller.target(model, stream=stream), caller.headers(), body))


def hang_up(place: Place, client: Dialect, model: str) -> tuple[str, int]:
    """Reads until so much has come and resets: the request's id, and how many words were read."""
    connection = begin(place, client, model)
    _, headers = connection.read_head()
    got = b""
    for _, piece in connection.pieces():
        got += piece
        if SEEN in got:
            break
    reset(connection)
    return dict(headers)["x-request-id"], sum(f"word number {number} ".encode() in got for number in range(40))


@pytest.mark.parametrize(("client", "theirs"), ROADS)
def test_in_the_middle_of_a_stream(place: Place, client: Dialect, theirs: Dialect) -> None:
    model = place.model(theirs, paced(theirs))
    request_id, words = hang_up(place, client, model)
    row = place.row(request_id)
    attempt = place.attempt(row)
    visit = place.upstream.visit(f"up.{place.on_hangup}.{model}")
    assert (row.status, row.outcome) == (499, "client_left")
    assert row.cost_nusd == row.input_tokens * 1000 + row.output_tokens * 2000 == -attempt.amount_nusd
    if place.on_hangup == "drain":
        assert (row.input_tokens, row.output_tokens, row.quality) == (INPUT, OUTPUT, "reported")
        assert (visit.is_done, visit.left_at, attempt.outcome) == (True, None, "ok")
        return
    assert until(lambda: visit.left_at is not None, 5), "the upstream is left at once"
    assert attempt.outcome == "client_left"
    least = words if theirs == "gemini" else sum(map(len, WORDS[:words])) // 4
    assert least - 2 <= row.output_tokens <= least * 2
    if theirs in ("anthropic", "gemini"):
        assert (row.input_tokens, row.quality) == (INPUT, "partial")
    else:
        assert row.quality == "estimated"
        assert 1 <= row.input_tokens <= 10


@pytest.mark.parametrize(("client", "theirs"), ROADS)
def test_before_a_whole_answer_has_come(place: Place, client: Dialect, theirs: Dialect) -> None:
    model = place.model(theirs, replace(json_answer(whole(theirs)), delay_s=0.5))
    connection = begin(place, client, model, stream=False)
    visits = f"up.{place.on_hangup}.{model}"
    assert until(lambda: bool(place.upstream.visits(visits)), 5)
    reset(connection)
    row = place.latest(model)
    assert (row.status, row.outcome) == (499, "client_left")
    assert -place.attempt(row).amount_nusd == row.cost_nusd
    if place.on_hangup == "drain":
        assert (row.input_tokens, row.output_tokens, row.quality) == (INPUT, OUTPUT, "reported")
        assert row.cost_nusd == INPUT * 1000 + OUTPUT * 2000
    else:
        assert (row.input_tokens, row.output_tokens, row.quality, row.cost_nusd) == (0, 0, "none", 0)


@pytest.mark.parametrize("farewell", ["close", "reset"])
@pytest.mark.parametrize("theirs", ["openai-responses", "anthropic"])
def test_on_a_websocket(place: Place, theirs: Dialect, farewell: str) -> None:
    """In due form or not."""
    model = place.model(theirs, paced(theirs))
    with opened_socket(place.gateway) as socket_:
        socket_.say(model=model, input="hi")
        while "number 9 " not in str(socket_.hear()):
            pass
        if farewell == "close":
            socket_.connection.close()
        else:
            abort(socket_.connection.socket)
    row = place.latest(model)
    attempt = place.attempt(row)
    assert (row.status, row.outcome) == (499, "client_left")
    assert row.cost_nusd == row.input_tokens * 1000 + row.output_tokens * 2000 == -attempt.amount_nusd > 0
    if place.on_hangup == "drain":
        assert (row.input_tokens, row.output_tokens, row.quality) == (INPUT, OUTPUT, "reported")
        assert attempt.outcome == "ok"
    else:
        assert row.quality in ("partial", "estimated")
        assert attempt.outcome == "client_left"


def test_a_drain_does_not_outlive_its_bound(draining: Place) -> None:
    frames = frames_of("anthropic")[:20]
    answer = Answer(headers=EVENT_STREAM, pieces=(*frames, *[b": wait\n\n"] * 300), framing="chunked", pace_s=0.05)
    model = draining.model("anthropic", answer)
    started = time.monotonic()
    request_id, _ = hang_up(draining, "anthropic", model)
    assert until(lambda: bool(draining.office.store.attempts_of(request_id)), 8)
    assert 2.5 < time.monotonic() - started < 6
    row = draining.row(request_id)
    assert (row.outcome, row.quality, row.input_tokens) == ("client_left", "partial", INPUT)
    assert draining.attempt(row).outcome == "client_left"


def test_metrics_count_drains(draining: Place) -> None:
    request_id, _ = hang_up(draining, "openai-chat", draining.model("openai-chat", paced("openai-chat")))
    draining.row(request_id)
    with Connection(draining.gateway.port) as connection:
        told = connection.ask("GET", "/metrics").body.decode()
    lines = dict(line.rsplit(" ", 1) for line in told.splitlines() if not line.startswith("#"))
    assert float(lines["torouter_drains_total"]) >= 1
    assert float(lines["torouter_draining"]) == 0
    assert float(lines["torouter_journal_failures_total"]) == 0
    assert float(lines['torouter_cost_nusd_total{channel="up-openai-chat"}']) > 0
    assert "torouter_journal_bytes" in lines


def test_a_server_that_stops_gives_drains_the_grace_time_only(
    upstream: Upstream, tmp_path_factory: pytest.TempPathFactory
) -> None:
    answer = Answer(headers=EVENT_STREAM, pieces=(*frames_of("anthropic")[:20], *[b": wait\n\n"] * 600),
                    framing="chunked", pace_s=0.05)  # fmt: skip
    upstream.script("up.stopping", answer)
    with Gateway(
        tmp_path_factory.mktemp("stopping"),
        channels=channels_to(upstream, {"anthropic": {"stopping": "up.stopping"}}),
        limits={"on_hangup": "drain", "drain_s": 60},
        server={"grace_s": 1},
    ) as gateway:
        with opened(gateway) as office:
            office.edit(lambda store: store.add_price("*", "", 0, RATES, ""))
        connection = begin(Place(gateway, office, upstream, "drain"), "anthropic", "stopping")
        _, headers = connection.read_head()
        for _ in zip(range(15), connection.pieces(), strict=False):
            pass
        reset(connection)
        time.sleep(0.2)
        started = time.monotonic()
        assert gateway.stop() == 0
        assert time.monotonic() - started < 5
        assert list((gateway.data / "journal").iterdir()) == []
        gateway.start()
        with opened(gateway) as office:
            place = Place(gateway, office, upstream, "drain")
            row = place.row(dict(headers)["x-request-id"])
            assert (row.outcome, row.quality, row.input_tokens) == ("client_left", "partial", INPUT)
            assert -place.attempt(row).amount_nusd == row.cost_nusd > 0
