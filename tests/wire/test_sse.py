"""Server-sent events: any framing that the standard allows, cut anywhere (WHATWG HTML, section 9.2.6)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from torouter.errors import UpstreamError
from torouter.wire.sse import Frame, SseFramer


def framed(*pieces: bytes) -> list[Frame]:
    framer = SseFramer()
    return [frame for piece in pieces for frame in framer.feed(piece)] + framer.close()


def test_an_event_has_a_name_and_data() -> None:
    assert framed(b"event: ping\ndata: {}\n\n") == [Frame(b"ping", b"{}")]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
@pytest.mark.pitfall(189)
def test_all_three_line_ends_frame(end: bytes) -> None:
    assert framed(end.join([b"event: a", b"data: 1", b"", b"data: 2", b"", b""])) == [
        Frame(b"a", b"1"),
        Frame(b"", b"2"),
    ]


@pytest.mark.pitfall(191)
def test_a_crlf_cut_in_half_is_one_line_end() -> None:
    assert framed(b"data: 1\r", b"\ndata: 2\r", b"\n\r", b"\n") == [Frame(b"", b"1\n2")]


def test_a_cr_at_the_end_of_a_piece_ends_its_event_at_once() -> None:
    framer = SseFramer()
    assert framer.feed(b"data: 1\r\r") == [Frame(b"", b"1")]
    assert framer.feed(b"\ndata: 2\n\n") == [Frame(b"", b"2")]


@pytest.mark.pitfall(190)
def test_the_space_behind_the_colon_is_optional_and_single() -> None:
    assert framed(b"event:name\ndata:1\n\ndata:  2\n\n") == [Frame(b"name", b"1"), Frame(b"", b" 2")]


@pytest.mark.pitfall(188)
def test_unicode_line_separators_are_text() -> None:
    """U+2028, U+2029, U+0085, VT and FF do not end lines."""
    text = "\u2028 \u2029 \u0085 \x0b \x0c".encode()
    assert framed(b"data: " + text + b"\n\n") == [Frame(b"", text)]


def test_data_lines_are_joined() -> None:
    assert framed(b'data: {"a":\ndata: 1}\n\n') == [Frame(b"", b'{"a":\n1}')]


def test_comments_ids_retries_and_unknown_fields_say_nothing() -> None:
    assert framed(b": keep-alive\n\nid: 7\nretry: 10\nfoo: bar\ndata: 1\n\n: more\n\n") == [Frame(b"", b"1")]


def test_a_byte_order_mark_is_skipped_even_when_cut() -> None:
    assert framed(b"\xef", b"\xbb\xbfda", b"ta: 1\n\n") == [Frame(b"", b"1")]


def test_a_name_without_data_does_not_spill_over() -> None:
    assert framed(b"event: lonely\n\ndata: 1\n\n") == [Frame(b"", b"1")]


def test_empty_data_is_data() -> None:
    assert framed(b"data\n\ndata:\n\n") == [Frame(b"", b""), Frame(b"", b"")]


def test_an_unfinished_event_comes_at_the_close() -> None:
    framer = SseFramer()
    assert framer.feed(b"data: 1\n\ndata: 2") == [Frame(b"", b"1")]
    assert framer.close() == [Frame(b"", b"2")]


def test_bare_json_is_kept_aside() -> None:
    framer = SseFramer()
    assert framer.feed(b'{"error":\n "x"}') == []
    assert framer.close() == []
    assert framer.stray == b'{"error":\n "x"}\n'


@pytest.mark.parametrize("line", [b"data: " + b"x" * 50, b"x" * 90])
def test_a_frame_over_the_limit_is_an_error(line: bytes) -> None:
    framer = SseFramer(limit_bytes=80)
    with pytest.raises(UpstreamError, match="more than 80 bytes") as caught:
        framer.feed((line + b"\n") * 3)
    assert caught.value.code == "upstream_malformed"


def test_the_limit_is_for_one_frame_and_not_for_the_stream() -> None:
    framer = SseFramer(limit_bytes=40)
    assert sum(len(framer.feed(b"data: " + b"x" * 20 + b"\n\n")) for _ in range(20)) == 20


@given(
    st.lists(st.text(st.sampled_from("a:\u2028é {}"), max_size=8), max_size=5),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.data(),
)
def test_any_cut_gives_the_same_frames(texts: list[str], end: str, data: st.DataObject) -> None:
    stream = "".join(f"event: e{end}data: {text}{end}: c{end}{end}" for text in texts).encode()
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=6)))
    pieces = [stream[start:stop] for start, stop in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    assert framed(*pieces) == [Frame(b"e", text.encode()) for text in texts]


@given(
    st.lists(
        st.lists(
            st.sampled_from(["data: ", "data:", "event: ", "id: ", "x", "{}", "\n", "\n\n", "\r", "\r\n"]), max_size=8
        ),
        max_size=4,
    )
)
def test_events_that_come_in_one_piece_are_read_as_those_that_drip(pieces: list[list[str]]) -> None:
    told = ["".join(piece).encode() for piece in pieces]
    dripping = [bytes((byte,)) for byte in b"".join(told)]
    assert framed(*told) == framed(*dripping)
