"""From bytes to what the wire view may show of them."""

from __future__ import annotations

from base64 import b64decode
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from torouter.relay.redaction import (
    FRAME_BODY_BYTES,
    MARK,
    Body,
    Piece,
    came_fields,
    own_fields,
    read_block,
    sent_fields,
    url_of,
)
from torouter.wire.upstream import Deadlines, Origin, Request

SECRET = b"sk-a-secret-of-the-channel"


def read(pieces: list[bytes], *secrets: bytes) -> list[Piece]:
    body = Body(secrets)
    return [piece for piece in (*map(body.feed, pieces), body.close()) if piece is not None]


def joined(pieces: list[Piece]) -> bytes:
    return b"".join(b64decode(piece.data) if piece.is_base64 else piece.data.encode() for piece in pieces)


def cut(data: bytes, places: list[int]) -> list[bytes]:
    ends = sorted({place % (len(data) + 1) for place in places} | {0, len(data)})
    return [data[start:end] for start, end in pairwise(ends)]


class TestBody:
    @given(data=st.binary(max_size=200), places=st.lists(st.integers(0, 200), max_size=6))
    def test_joined_it_is_what_it_was(self, data: bytes, places: list[int]) -> None:
        assert joined(read(cut(data, places), SECRET)) == data

    @given(text=st.text(max_size=80), places=st.lists(st.integers(0, 300), max_size=8))
    def test_text_is_text_wherever_it_is_cut(self, text: str, places: list[int]) -> None:
        pieces = read(cut(text.encode(), places), SECRET)
        assert not any(piece.is_base64 for piece in pieces)
        assert "".join(piece.data for piece in pieces) == text

    @given(places=st.lists(st.integers(0, 200), max_size=8), around=st.binary(max_size=40))
    def test_a_secret_is_hidden_wherever_it_is_cut(self, places: list[int], around: bytes) -> None:
        data = around + SECRET + around + SECRET[:9] + b"/" + SECRET
        pieces = read(cut(data, places), SECRET)
        assert joined(pieces) == data.replace(SECRET, MARK.encode())
        assert all(SECRET not in (b64decode(each.data) if each.is_base64 else each.data.encode()) for each in pieces)

    def test_a_piece_is_not_held_longer_than_it_must_be(self) -> None:
        body = Body((SECRET,))
        assert body.feed("ü".encode()[:1]) is None
        assert body.feed("ü".encode()[1:]) == Piece("ü", False, 0)
        assert body.feed(b"data: sk-a-se") == Piece("data: ", False, 0)
        assert body.feed(b"cond") == Piece("sk-a-second", False, 0)
        assert body.close() is None

    def test_a_secret_that_becomes_known_meanwhile(self) -> None:
        secrets: set[bytes] = set()
        body = Body(secrets)
        secrets.add(SECRET)
        assert body.feed(SECRET) == Piece(MARK, False, 0)

    def test_a_placeholder_is_only_a_word(self) -> None:
        assert joined(read([b"this is EMPTY"], b"EMPTY")) == b"this is EMPTY"

    @pytest.mark.parametrize("spare", [0, 1, 2])
    def test_what_is_too_large_is_cut_and_counted(self, spare: int) -> None:
        data = b"x" * (FRAME_BODY_BYTES - spare) + "ü".encode() * 100
        piece = Body(()).whole(data)
        assert not piece.is_base64
        assert len(piece.data.encode()) + piece.cut_bytes == len(data)
        assert FRAME_BODY_BYTES - 1 <= len(piece.data.encode()) <= FRAME_BODY_BYTES

    def test_what_is_no_text_is_cut_too(self) -> None:
        piece = Body(()).whole(b"\xff" * (FRAME_BODY_BYTES + 7))
        assert (piece.is_base64, len(b64decode(piece.data)), piece.cut_bytes) == (True, FRAME_BODY_BYTES, 7)


class TestFields:
    REQUEST = Request(
        Origin("https", "up.example", 8443),
        b"POST",
        b"/v1/chat?x=%b" % SECRET,
        b"POST /v1/chat HTTP/1.1\r\nhost: up.example\r\nauthorization: Bearer %b\r\nuser-agent: a: b\r\n"
        b"openai-organization: org\r\n" % SECRET,
        b"{}",
        Deadlines(),
    )

    def test_of_the_clients_credentials_the_last_characters_are_left(self) -> None:
        given = [
            (b"authorization", b"Bearer sk-0123456789abcdefghij"),
            (b"x-api-key", b"sk-0123456789abcdefghij"),
            (b"x-goog-api-key", b"short"),
            (b"cookie", b"torouter_session=0123456789abcdefghij"),
            (b"accept", b"*/*"),
            (b"x-odd", b"\xff"),
        ]
        assert own_fields(given) == [
            ("authorization", "Bearer •••ghij"),
            ("x-api-key", "•••ghij"),
            ("x-goog-api-key", "•••"),
            ("cookie", "•••"),
            ("accept", "*/*"),
            ("x-odd", "�"),
        ]

    def test_an_administrator_sees_where_it_went(self) -> None:
        assert sent_fields(self.REQUEST, SECRET, is_admin=True) == [
            ("host", "up.example"),
            ("authorization", "Bearer •••"),
            ("user-agent", "a: b"),
            ("openai-organization", "org"),
            ("content-length", "2"),
        ]
        assert url_of(self.REQUEST, SECRET, is_admin=True) == "https://up.example:8443/v1/chat?x=•••"

    def test_a_user_sees_what_is_no_secret_of_the_operators(self) -> None:
        assert sent_fields(self.REQUEST, SECRET, is_admin=False) == [
            ("host", "•••"),
            ("authorization", "Bearer •••"),
            ("user-agent", "a: b"),
            ("openai-organization", "•••"),
            ("content-length", "2"),
        ]
        assert url_of(self.REQUEST, SECRET, is_admin=False) == "/v1/chat"

    @pytest.mark.parametrize(
        ("origin", "shown"),
        [
            (Origin("https", "up", 443), "https://up/p"),
            (Origin("http", "up", 80), "http://up/p"),
            (Origin("http", "::1", 8000), "http://[::1]:8000/p"),
            (Origin("memory", "demo", 0), "memory://demo/p"),
        ],
        ids=["https", "http", "ipv6", "memory"],
    )
    def test_addresses(self, origin: Origin, shown: str) -> None:
        request = Request(origin, b"POST", b"/p", b"POST /p HTTP/1.1\r\n", b"", Deadlines())
        assert url_of(request, b"", is_admin=True) == shown

    def test_fields_that_came(self) -> None:
        given = [(b"content-type", b"a"), (b"x-ratelimit-remaining", b"3"), (b"x-echo", b"<%b>" % SECRET)]
        assert came_fields(given, {SECRET}, is_admin=True)[1:] == [("x-ratelimit-remaining", "3"), ("x-echo", "<•••>")]
        assert came_fields(given, {SECRET}, is_admin=False) == [("content-type", "a")]

    def test_a_block_of_lines(self) -> None:
        assert read_block(b"a: b: c\r\nd: \r\n") == [(b"a", b"b: c"), (b"d", b"")]
