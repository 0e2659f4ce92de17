"""Listens in between an agent and the gateway: proof of what an agent said, and in which way, on its own bytes."""

from __future__ import annotations

import asyncio
import json
from typing import Any, Self

from websockets.frames import Frame, Opcode
from websockets.protocol import State
from websockets.server import ServerProtocol

__all__ = ["Wiretap"]


class Wiretap:
    """Carries every connection to a port of the loopback, and keeps what its client said."""

    def __init__(self) -> None:
        self._said: list[bytearray] = []
        self._carrying: set[asyncio.Task[None]] = set()
        self._target = 0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._server.close()
        await asyncio.gather(*self._carrying)

    def aim(self, port: int) -> str:
        """Where to go instead of that port."""
        self._target = port
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    @property
    def request_lines(self) -> list[str]:
        """The first one of each connection."""
        return [bytes(said).partition(b"\r\n")[0].decode() for said in self._said]

    def messages(self) -> list[dict[str, Any]]:
        """What was said on WebSockets, message by message."""
        return [
            json.loads(text)
            for said in self._said
            if b"\r\nupgrade: websocket\r\n" in bytes(said).lower()
            for text in _texts(bytes(said).partition(b"\r\n\r\n")[2])
        ]

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._carrying.add(task)
        said = bytearray()
        self._said.append(said)
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target)
        await asyncio.gather(_pump(reader, far_writer, said), _pump(far_reader, writer, bytearray()))


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, said: bytearray) -> None:
    try:
        while data := await reader.read(65536):
            said += data
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass  # one side has gone: so goes the other
    finally:
        writer.close()


def _texts(data: bytes) -> list[bytes]:
    protocol = ServerProtocol(state=State.OPEN, max_size=None)
    protocol.receive_data(data)
    texts: list[bytes] = []
    for event in protocol.events_received():
        assert isinstance(event, Frame)
        if event.opcode is Opcode.TEXT:
            texts.append(bytes(event.data))
        elif event.opcode is Opcode.CONT:
            texts[-1] += bytes(event.data)
    return texts
