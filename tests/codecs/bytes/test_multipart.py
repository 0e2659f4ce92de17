"""Forms: `model` and `stream` are found, files are not looked into, and whatever is ambiguous is refused."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from torouter.codecs import CODECS, Edits, Peek
from torouter.codecs.multipart import fields, form_boundary
from torouter.errors import RequestError

CODEC = CODECS["openai-chat"]
TYPE = b"multipart/form-data; boundary=XyZ"


def part(name: str, value: bytes, extra: str = "") -> bytes:
    return f'--XyZ\r\nContent-Disposition: form-data; name="{name}"{extra}\r\n\r\n'.encode() + value + b"\r\n"


FILE = part("file", b"RIFF\x00\x01--Xy\r\n\r\n\xff", '; filename="a\\b.wav"\r\nContent-Type: audio/wav')
END = b"--XyZ--\r\n"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (part("model", b"whisper-1") + FILE + END, Peek(model="whisper-1")),
        (FILE + part("model", b"m") + part("stream", b"true") + END, Peek(model="m", stream=True)),
        (FILE + part("stream", b"False") + part("model", "é".encode()) + b"--XyZ--", Peek(model="é")),
        (part("model", b"m") + part("models", b"x") + part("Model", b"y") + END, Peek(model="m")),
        (part("model", b"") + END, Peek(model="")),
    ],
)
def test_what_is_found(body: bytes, expected: Peek) -> None:
    assert CODEC.peek("transcriptions", body, TYPE) == expected
    assert CODEC.peek("image_edits", body, b'Multipart/Form-Data; charset=utf-8 ;boundary="XyZ"') == expected


def test_a_model_is_replaced_and_nothing_else() -> None:
    body = FILE + part("model", b"old-name") + part("prompt", b"old-name") + END
    amended = CODEC.amend("transcriptions", body, TYPE, Edits(model="n\u00e9w/1"))
    assert amended.body == FILE + part("model", "n\u00e9w/1".encode()) + part("prompt", b"old-name") + END
    assert CODEC.amend("transcriptions", body, TYPE, Edits()).body is body


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (FILE + END, "model"),
        (part("model", b"a") + part("model", b"a") + END, "model"),
        (part("model", b"m", '; filename="m"') + END, "model"),
        (part("model", b"\xff") + END, "model"),
        (part("model", b"m") + part("stream", b"perhaps") + END, "stream"),
        (b"", None),
        (b"model=m", None),
        (part("model", b"m"), None),
        (b"preamble\r\n" + part("model", b"m") + END, None),
        (part("model", b"m") + END + part("model", b"n") + END, None),
        (part("model", b"m--XyZ") + END, None),
        (part("model", b"m\n--XyZ\nx") + END, None),
        (part("model", b"m\r\n--XyZabc\r\n") + END, None),
        (b"--XyZ\r\n\r\nm\r\n" + END, None),
        (b'--XyZ\r\nContent-Disposition: attachment; name="model"\r\n\r\nm\r\n' + END, None),
        (part("model", b"m", '; name="x"') + END, None),
        (part("model", b"m", "; name*=utf-8''x") + END, None),
        (part("mo\\del", b"m") + END, None),
        (part("model", b"m", '\r\nContent-Disposition: form-data; name="x"') + END, None),
        (part("model", b"m", "\r\n folded: 1") + END, None),
        (part("model", b"m", "\r\nx: a\nb") + END, None),
        (part("model", b"m", "\r\nx y: 1") + END, None),
        (part("model", b"m", "; broken") + END, None),
        (b'--XyZ\r\nContent-Disposition: form-data; name="model"\r\nno end', None),
        (part("model", b"m") + part("a", b"") * 1001 + END, None),
        (part("model", b"m", "\r\nx: " + "y" * 20_000) + END, None),
    ],
)
def test_what_is_refused(body: bytes, param: str | None) -> None:
    with pytest.raises(RequestError) as caught:
        CODEC.peek("transcriptions", body, TYPE)
    assert (caught.value.status, caught.value.param) == (400, param)


@pytest.mark.parametrize(
    "content_type",
    [
        b"multipart/form-data",
        b"multipart/form-data; boundary=",
        b'multipart/form-data; boundary=""',
        b"multipart/form-data; boundary=a; boundary=b",
        b"multipart/form-data; boundary=a b",
        b'multipart/form-data; boundary="a\\b"',
        b"multipart/form-data; boundary=" + b"x" * 201,
    ],
)
def test_boundaries_that_could_be_read_otherwise_are_refused(content_type: bytes) -> None:
    with pytest.raises(RequestError):
        form_boundary(content_type)


@pytest.mark.parametrize("content_type", [b"", b"application/json", b"multipart/form-datax; boundary=a", b"text/plain"])
def test_other_types_are_no_forms(content_type: bytes) -> None:
    assert form_boundary(content_type) is None


@given(st.lists(st.binary(max_size=30), max_size=5))
@settings(max_examples=150, deadline=None)
def test_values_are_those_that_were_written(contents: list[bytes]) -> None:
    contents = [content for content in contents if b"--XyZ" not in content]
    body = b"".join(part(f"f{n}", content) for n, content in enumerate(contents)) + END
    found = fields(body, b"XyZ")
    assert [(field.name.decode(), body[slice(*field.value)]) for field in found] == [
        (f"f{n}", content) for n, content in enumerate(contents)
    ]


def refusal_of(body: bytes) -> RequestError | None:
    try:
        CODEC.peek("image_edits", body, TYPE)
    except RequestError as refusal:
        return refusal
    return None


@given(st.binary(max_size=60))
@settings(max_examples=200, deadline=None)
def test_any_bytes_give_fields_or_a_400(noise: bytes) -> None:
    for body in (noise, b"--XyZ" + noise, part("model", noise) + END, b"--XyZ\r\n" + noise + b"\r\n\r\nv\r\n" + END):
        refusal = refusal_of(body)
        assert body.startswith(b"--XyZ") if refusal is None else refusal.status == 400
