"""Form bodies (`multipart/form-data`, RFC 7578): where each field's value stands, without copying any file.

As with JSON, the gateway's reading of `model` decides what is allowed and paid, so whatever another parser could read
differently is refused: the boundary within a value, folded or repeated headers, two names on a part, text before the
first part. Everything else of the body stays the client's own bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Final, NamedTuple

from torouter.codecs.codec import Peek
from torouter.codecs.peeks import missing_model, repeated
from torouter.codecs.splice import Span
from torouter.errors import RequestError

__all__ = ["Field", "fields", "form_boundary", "peek_form", "replace_field"]

_MAX_FIELDS: Final = 1000
_MAX_HEAD_BYTES: Final = 16 * 1024

_TOKEN: Final = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_PARAMETER: Final = re.compile(
    rb"[ \t]*;[ \t]*(" + _TOKEN + rb')[ \t]*=[ \t]*(?:"((?:[^"\\\r\n]|\\[^\r\n])*)"|([^\s";]+))'
)
_PARAMETERS_END: Final = re.compile(rb"[ \t;]*\Z")
_FORM_TYPE: Final = re.compile(rb"[ \t]*multipart/form-data(?=[ \t]*(?:;|\Z))", re.IGNORECASE)
_DISPOSITION: Final = re.compile(rb"[ \t]*form-data(?=[ \t]*(?:;|\Z))", re.IGNORECASE)
_AFTER_DELIMITER: Final = re.compile(rb"(?:\r\n|(--)[ \t]*(?:\r\n\s*)?\Z)")
_TRUTH: Final = {b"true": True, b"1": True, b"false": False, b"0": False, b"": False}


class Field(NamedTuple):
    """A part of the form: its name, where its value stands, and whether it is a file."""

    name: bytes
    value: Span
    is_file: bool


def form_boundary(content_type: bytes) -> bytes | None:
    """The boundary of a form; `None` if the content type is not that of a form. Raises `RequestError`."""
    kind = _FORM_TYPE.match(content_type)
    if kind is None:
        return None
    boundary = _parameters(content_type, kind.end()).get(b"boundary", b"")
    if not 0 < len(boundary) <= 200 or b"\\" in boundary:
        raise RequestError("The content type `multipart/form-data` has no usable boundary.")
    return boundary


def peek_form(body: bytes, boundary: bytes) -> Peek:
    """`model` and `stream` of a form. Raises `RequestError`."""
    values: dict[bytes, bytes] = {}
    for field in fields(body, boundary):
        if field.name not in (b"model", b"stream"):
            continue
        name = field.name.decode("ascii")
        if field.name in values:
            raise repeated(name)
        if field.is_file:
            raise RequestError(f"The form field `{name}` must be text, not a file.", param=name)
        values[field.name] = body[field.value.start : field.value.end]
    if b"model" not in values:
        raise missing_model()
    return Peek(model=_model(values[b"model"]), stream=_is_true(values.get(b"stream", b"")))


def replace_field(body: bytes, boundary: bytes, name: bytes, value: bytes) -> bytes:
    """`body` with another value for the text field `name`, wherever it stands."""
    pieces: list[bytes] = []
    done = 0
    for field in fields(body, boundary):
        if field.name == name and not field.is_file:
            pieces += (body[done : field.value.start], value)
            done = field.value.end
    pieces.append(body[done:])
    return b"".join(pieces)


def fields(body: bytes, boundary: bytes) -> list[Field]:
    """The fields of a form in their order. Raises `RequestError` for a body that is not exactly such a form."""
    ends = list(_delimiters(body, b"--" + boundary))
    return [_field(body, first.end, second.start) for first, second in pairwise(ends)]


def _delimiters(body: bytes, delimiter: bytes) -> Iterator[Span]:
    """Where each delimiter stands, with its line ends. Every occurrence of the boundary has to be a delimiter."""
    if not body.startswith(delimiter):
        raise _malformed("it does not begin with its boundary")
    start, count = 0, 0
    while start >= 0:
        after = _AFTER_DELIMITER.match(body, start + len(delimiter))
        if after is None or (start and body[start - 2 : start] != b"\r\n"):
            raise _malformed("its boundary occurs within a part")
        count += 1
        if count > _MAX_FIELDS:
            raise _malformed(f"it has more than {_MAX_FIELDS} parts")
        yield Span(start - 2 if start else 0, after.end())
        if after[1]:
            return
        start = body.find(delimiter, after.end())
    raise _malformed("its closing boundary is missing")


def _field(body: bytes, start: int, end: int) -> Field:
    head_end = body.find(b"\r\n\r\n", start, min(end, start + _MAX_HEAD_BYTES))
    if head_end < 0:
        raise _malformed("a part has no header")
    dispositions = [_disposition(line) for line in body[start:head_end].split(b"\r\n") if _is_disposition(line)]
    if len(dispositions) != 1 or b"name" not in dispositions[0] or b"name*" in dispositions[0]:
        raise _malformed("a part needs exactly one content-disposition with a name")
    name = dispositions[0][b"name"]
    if b"\\" in name:
        raise _malformed("a field name holds a backslash")
    return Field(name, Span(head_end + 4, end), not {b"filename", b"filename*"}.isdisjoint(dispositions[0]))


def _is_disposition(line: bytes) -> bool:
    name, colon, _ = line.partition(b":")
    if not colon or not re.fullmatch(_TOKEN, name) or b"\r" in line or b"\n" in line:
        raise _malformed("a part's header is malformed")
    return name.lower() == b"content-disposition"


def _disposition(line: bytes) -> dict[bytes, bytes]:
    value = line.partition(b":")[2]
    kind = _DISPOSITION.match(value)
    if kind is None:
        raise _malformed("a part is no form data")
    return _parameters(value, kind.end())


def _parameters(text: bytes, position: int) -> dict[bytes, bytes]:
    """`; name=value` up to the end of a header value, names in lower case, each once."""
    found: dict[bytes, bytes] = {}
    while parameter := _PARAMETER.match(text, position):
        name = parameter[1].lower()
        if name in found:
            raise _malformed("a header repeats a parameter")
        found[name] = parameter[2] if parameter[2] is not None else parameter[3]
        position = parameter.end()
    if not _PARAMETERS_END.match(text, position):
        raise _malformed("a header's parameters are malformed")
    return found


def _model(value: bytes) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        raise RequestError("The form field `model` is not valid UTF-8.", param="model") from None


def _is_true(value: bytes) -> bool:
    truth = _TRUTH.get(value.strip().lower())
    if truth is None:
        raise RequestError("The form field `stream` must be true or false.", param="stream")
    return truth


def _malformed(why: str) -> RequestError:
    return RequestError(f"The form body is malformed: {why}.")
