"""The matrix of faults: a gateway with a channel for each cell, and an upstream that plays every fault at once.

A cell is a fault, whole or streamed, of an upstream that speaks the client's dialect or another one, with a second
channel behind it or without. Each has a model of its own, so that visits and records are told apart by name.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.live.faults import DEADLINES, FAULTS, FIRST, SECOND, End, Fault, good
from tests.live.gateway import Gateway
from tests.live.records import Record, by_model, records
from tests.live.sdks import Outcome, opened_sdks
from tests.live.upstream import Answer, Upstream, Visit

__all__ = [
    "BASES", "FIRST_TEXT", "KINDS", "SECOND_TEXT", "Cell", "Played", "Row", "channel", "closed_port", "plain_port",
    "played", "rows",
]  # fmt: skip

KINDS: Final = {"openai-chat": "openai", "openai-responses": "openai", "anthropic": "anthropic", "gemini": "gemini"}
BASES: Final = {"openai-chat": "/v1", "openai-responses": "/v1", "anthropic": "", "gemini": "/v1beta"}
_FOREIGN: Final = {
    "openai-chat": "anthropic",
    "anthropic": "gemini",
    "gemini": "openai-responses",
    "openai-responses": "openai-chat",
}
"""Each dialect as a client once and as an upstream once. All sixteen pairs: see `test_translated`."""
_THREADS: Final = 32
_NOBODYS: Final = "nobodys"
"""A model that there is not. An SDK's first call takes long, and its thread would keep the upstream from answering."""
_OF_ONE_GATEWAY: Final = 440
"""Each cell is a channel or two: with more of them it takes long to start."""


def channel(
    name: str, dialect: str, origin: str, models: Mapping[str, object] | None = None, **more: object
) -> dict[str, object]:
    """A channel's configuration."""
    base = {"name": name, "kind": KINDS[dialect], "dialects": [dialect], "base_url": origin + BASES[dialect]}
    key = {} if "credentials" in more else {"api_key": "the-upstreams-key"}
    return {**base, **key, **({"models": dict(models)} if models else {}), **more}


@dataclass(frozen=True, slots=True)
class Cell:
    fault: Fault
    client: str
    upstream: str
    is_streamed: bool
    is_paired: bool

    @property
    def model(self) -> str:
        shape, company = "stream" if self.is_streamed else "whole", "pair" if self.is_paired else "alone"
        return f"{self.fault.name}.{self.client}.{self.upstream}.{shape}.{company}"

    @property
    def first(self) -> str:
        """What the faulty upstream calls the model."""
        return f"first.{self.model}"

    @property
    def second(self) -> str:
        return f"second.{self.model}"

    @property
    def end(self) -> End:
        return self.fault.paired if self.is_paired else self.fault.alone

    def answers(self) -> tuple[Answer, ...]:
        return self.fault.answers(self.upstream, self.is_streamed)


@dataclass(frozen=True, slots=True)
class Row:
    """A fault in one shape and company, in all its dialects."""

    name: str
    cells: tuple[Cell, ...]


def rows(faults: Iterable[Fault] = FAULTS) -> list[Row]:
    found = []
    for fault in faults:
        shapes = {"whole": False, "stream": True}
        for shape in [each for each in shapes if fault.mode in (each, "both")]:
            for company in ("pair", "alone"):
                told = tuple(_cells(fault, shapes[shape], company == "pair"))
                found.append(Row(f"{fault.name}.{shape}.{company}", told))
    return found


def _cells(fault: Fault, is_streamed: bool, is_paired: bool) -> Iterator[Cell]:
    for client, foreign in _FOREIGN.items():
        for upstream in (client, foreign):
            if upstream in fault.dialects:
                yield Cell(fault, client, upstream, is_streamed, is_paired)


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """What became of a cell."""

    outcome: Outcome
    first: list[Visit]
    second: list[Visit]
    record: Record
    resent: int
    """Visits that are no attempts: a connection that was used before and ends without a byte was most likely closed
    while it lay idle, so the request is written once more on a fresh one (`wire.client`)."""


def played(folder: Path, upstream: Upstream, chosen: Iterable[Cell]) -> dict[str, Played]:
    """Asks for every cell once, many at a time; a gateway serves some hundreds of them."""
    told, found = list(chosen), dict[str, Played]()
    for number, at in enumerate(range(0, len(told), _OF_ONE_GATEWAY)):
        found |= _played(folder / str(number), upstream, told[at : at + _OF_ONE_GATEWAY])
    return found


def _played(folder: Path, upstream: Upstream, told: Sequence[Cell]) -> dict[str, Played]:
    for cell in told:
        upstream.script(cell.first, *cell.answers())
        upstream.script(cell.second, good(cell.upstream, cell.is_streamed, SECOND))
    with ExitStack() as stack:
        places = {
            "upstream": upstream.origin,
            "closed-port": f"http://127.0.0.1:{stack.enter_context(closed_port())}",
            "plain-port": f"https://127.0.0.1:{stack.enter_context(plain_port())}",
        }
        gateway = stack.enter_context(
            Gateway(folder, channels=_channels(told, places), upstream={**DEADLINES, "retry_s": 4})
        )
        sdks = stack.enter_context(opened_sdks(gateway.url))
        for cell in {(cell.client, cell.is_streamed): cell for cell in told if cell.is_paired}.values():
            sdks.ask(cell.client, _NOBODYS, stream=cell.is_streamed)
        with ThreadPoolExecutor(_THREADS) as threads:
            asked = {
                cell.model: threads.submit(sdks.ask, cell.client, cell.model, stream=cell.is_streamed) for cell in told
            }
            outcomes = {model: future.result() for model, future in asked.items()}
        kept = by_model(records(gateway.data, len(told)))
        visits = [visit for cell in told for name in (cell.first, cell.second) for visit in upstream.visits(name)]
        opened = {visit.connection: visit.at for visit in sorted(visits, key=lambda visit: -visit.at)}
        return {
            cell.model: Played(
                outcome=outcomes[cell.model],
                first=upstream.visits(cell.first),
                second=upstream.visits(cell.second),
                record=_only(kept[cell.model]),
                resent=_resent(cell, upstream.visits(cell.first), opened),
            )
            for cell in told
        }


def _only(found: Sequence[Record]) -> Record:
    [record] = found
    return record


def _resent(cell: Cell, visits: Sequence[Visit], opened: Mapping[int, float]) -> int:
    """`opened`: when each connection was first asked."""
    if cell.fault.name not in ("reset", "reset-once", "closed"):
        return 0
    broken = visits[:1] if cell.fault.name == "reset-once" else visits
    return sum(visit.at > opened[visit.connection] for visit in broken)


def _channels(told: Iterable[Cell], places: Mapping[str, str]) -> list[dict[str, object]]:
    faulty, seconds = [], {dialect: dict[str, object]() for dialect in KINDS}
    for cell in told:
        origin = places[cell.fault.place]
        faulty.append(
            channel(cell.first, cell.upstream, origin, {cell.model: cell.first}, priority=1, **cell.fault.channel or {})
        )
        if cell.is_paired:
            seconds[cell.upstream][cell.model] = cell.second
    return [
        *faulty,
        *(
            channel(f"second-{dialect}", dialect, places["upstream"], models, priority=2)
            for dialect, models in seconds.items()
            if models
        ),
    ]


@contextmanager
def closed_port() -> Iterator[int]:
    """One that is taken and where nobody listens: a connection is refused at once."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


@contextmanager
def plain_port() -> Iterator[int]:
    """One that speaks HTTP without TLS, and answers a TLS greeting as such servers do."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        answering = threading.Thread(target=_answer_plainly, args=(server,), daemon=True)
        answering.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
        answering.join(5)


def _answer_plainly(server: socket.socket) -> None:
    while True:
        try:
            connection, _ = server.accept()
        except OSError:
            return
        with connection:
            connection.recv(4096)
            connection.sendall(b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\nClient sent an HTTP request.")


def said(words: Iterable[str]) -> str:
    return "".join(words)


FIRST_TEXT: Final = said(FIRST)
SECOND_TEXT: Final = said(SECOND)
