"""An exchange whose answer is told to a listener, as it would be written."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from torouter.wire.drive import Drive
from torouter.wire.exchange import Exchange
from torouter.wire.head import Head
from torouter.wire.server import Connection
from torouter.wire.told_exchange import ToldExchange


@dataclass
class Heard:
    """Of an answer."""

    told: list[Any] = field(default_factory=list)

    def began(self, status: int, headers: bytes, length_bytes: int | None) -> None:
        self.told.append((status, headers, length_bytes))

    def wrote(self, data: bytes) -> None:
        self.told.append(data)


@dataclass
class Case:
    outer: Exchange
    inner: ToldExchange
    told: list[Any]


@pytest.fixture
def case() -> Case:
    heard = Heard()
    head = Head(b"POST", b"/p", b"q", [(b"a", b"b")], True)
    outer = Exchange(cast(Connection, object()), head, b"body", b"req_1", 5.0)
    outer.drive = cast(Drive, object())
    inner = ToldExchange(outer, heard)
    inner.on_last = lambda: heard.told.append("last")
    return Case(outer, inner, heard.told)


def test_it_is_the_same_request(case: Case) -> None:
    inner, outer = case.inner, case.outer
    assert (inner.path, inner.query, inner.body, inner.request_id, inner.started_s) == (
        b"/p", b"q", b"body", b"req_1", 5.0,
    )  # fmt: skip
    assert inner.drive is outer.drive, "who goes on without the client can still be stopped"


def test_a_whole_answer(case: Case) -> None:
    case.inner.respond(404, b"a: b\r\n", b"no")
    assert case.told == ["last", (404, b"a: b\r\n", 2), b"no"]
    assert (case.inner.status, case.inner.has_begun, case.inner.has_ended) == (404, True, True)
    assert not case.inner.is_aborted
    assert not case.outer.has_begun


def test_an_answer_in_pieces(case: Case) -> None:
    inner = case.inner
    inner.begin(200, b"")
    inner.write(b"one")
    inner.write(b"")
    inner.write(b"two")
    assert case.told == [(200, b"", None), b"one", b"two"]
    inner.end()
    assert (case.told[-1], inner.has_ended, inner.is_aborted) == ("last", True, False)


@pytest.mark.parametrize(("pieces", "is_cut"), [((b"one", b"two"), False), ((b"one",), True)])
def test_an_answer_of_a_known_length(case: Case, pieces: tuple[bytes, ...], is_cut: bool) -> None:
    case.inner.begin(200, b"", 6)
    for piece in pieces:
        case.inner.write(piece)
    assert ("last" in case.told) is not is_cut
    assert is_cut or case.told.index("last") < case.told.index(b"two"), "before the bytes that make it whole"
    case.inner.end()
    assert case.inner.is_aborted is is_cut


def test_one_that_is_dropped(case: Case) -> None:
    case.inner.begin(200, b"")
    case.inner.abort()
    assert (case.inner.has_ended, case.inner.is_aborted) == (True, True)


def test_what_becomes_of_the_client_reaches_it(case: Case) -> None:
    outer, inner = case.outer, case.inner
    assert outer.on_pause is not None
    assert outer.on_resume is not None
    assert outer.on_left is not None
    outer.on_pause()
    outer.on_resume()
    assert outer.on_left() is False, "nobody goes on without the client"
    told: list[str] = []
    inner.on_pause, inner.on_resume = lambda: told.append("pause"), lambda: told.append("resume")
    inner.on_left = lambda: True
    outer.on_pause()
    outer.on_resume()
    assert outer.on_left() is True
    assert told == ["pause", "resume"]
