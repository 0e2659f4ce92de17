"""The WebSocket form of Responses, with an answerer of the test's own: what becomes of faults and of what is said."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.wire.serving import serving
from torouter.errors import TorouterError
from torouter.surfaces.responses_socket import Answerer, ResponsesSocket
from torouter.wire.exchange import Exchange
from torouter.wire.server import Connection, Limits
from torouter.wire.websocket import accept

SSE = b"content-type: text/event-stream\r\n"


class Site:
    """`model` says what happens; every body that came is kept."""

    def __init__(self) -> None:
        self.limits = Limits()
        self.connections: set[Connection] = set()
        self.bodies: list[dict[str, object]] = []

    async def serve(self, exchange: Exchange) -> None:
        websocket = accept(exchange, self.limits)
        await ResponsesSocket(websocket, exchange.head, self._answer, self._refuse, 1_000_000).run()

    async def _answer(self, turn: Exchange, answerer: Answerer | None) -> None:
        self.bodies.append(json.loads(turn.body))
        model = self.bodies[-1]["model"]
        if model == "fault":
            raise ZeroDivisionError("a fault of ours")
        turn.begin(200, SSE)
        if model == "late fault":
            turn.write(b'data: {"type":"response.created"}\n\n')
            raise ZeroDivisionError("a late fault of ours")
        response = {"id": "resp_1", "status": "completed", "output": [{"type": "message", "id": "msg_1"}]}
        event = {"type": "response.completed", "response": response}
        turn.write(b"data: %b\n\ndata: [DONE]\n\n" % json.dumps(event).encode())
        turn.end()

    def _refuse(self, turn: Exchange, error: TorouterError) -> None:
        turn.respond(error.status, b"content-type: application/json\r\nretry-after: 3\r\n", b"{}")

    def refuse(self, exchange: Exchange, error: TorouterError | None) -> None:
        raise AssertionError("an exchange that was upgraded is not refused")


@pytest.fixture
async def site() -> Site:
    return Site()


@pytest.fixture
async def client(site: Site) -> AsyncIterator[ClientConnection]:
    async with (
        serving(site) as port,
        connect(f"ws://127.0.0.1:{port}/v1/responses", proxy=None) as client,
    ):
        yield client


async def _ask(client: ClientConnection, **fields: object) -> dict[str, object]:
    await client.send(json.dumps({"type": "response.create", **fields}))
    event = json.loads(await asyncio.wait_for(client.recv(), 5))
    assert isinstance(event, dict)
    return event


async def test_a_fault_is_an_error_of_its_turn_only(client: ClientConnection, caplog: pytest.LogCaptureFixture) -> None:
    error = await _ask(client, model="fault")
    assert (error["type"], error["status"]) == ("error", 500)
    assert "a fault of ours" in caplog.text
    assert str(dict(error["headers"])["x-request-id"]) in caplog.text  # type: ignore[call-overload]
    assert (await _ask(client, model="m"))["type"] == "response.completed"


async def test_a_fault_within_an_answer_ends_the_connection(client: ClientConnection) -> None:
    """The client must see that the answer was cut."""
    assert (await _ask(client, model="late fault"))["type"] == "response.created"
    with pytest.raises(ConnectionClosed) as closed:
        await asyncio.wait_for(client.recv(), 5)
    assert closed.value.rcvd is None


async def test_the_headers_of_an_error_are_told(client: ClientConnection) -> None:
    await client.send("{")
    error = json.loads(await client.recv())
    assert error["headers"].keys() == {"x-request-id", "retry-after"}


async def test_a_turn_is_remembered_with_all_that_led_to_it(client: ClientConnection, site: Site) -> None:
    await _ask(client, model="m", input="first")
    await _ask(client, model="m", input="second", previous_response_id="resp_1")
    await _ask(client, model="m", input="third", previous_response_id="resp_1")
    items = site.bodies[-1]["input"]
    assert isinstance(items, list)
    said = [item["id"] if "id" in item else item["content"][0]["text"] for item in items]
    assert said == ["first", "msg_1", "second", "msg_1", "third"]


async def test_an_answer_to_what_cannot_be_gone_on_from(client: ClientConnection) -> None:
    """An upstream may answer what we cannot read; only what refers to it is refused."""
    assert (await _ask(client, model="m", input=3))["type"] == "response.completed"
    assert (await _ask(client, model="m", previous_response_id="resp_1", store=False))["status"] == 400
