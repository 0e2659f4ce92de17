"""What a request asks, held to the endpoint's types. Errors name the field's path."""

from __future__ import annotations

import re
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final
from urllib.parse import parse_qsl

import msgspec
from starlette.requests import Request

from torouter.accounts.office.forms import MOST_ID
from torouter.accounts.office.refused import filled
from torouter.errors import RequestError

__all__ = ["BODY_LIMIT_BYTES", "read_body", "read_id", "read_query", "read_text", "whole_fields"]

BODY_LIMIT_BYTES: Final = 1024 * 1024

_NUMBER: Final = re.compile(r"-?[0-9]{1,25}(\.[0-9]{1,25})?([eE]\+?[0-9]{1,2})?")


async def read_body(request: Request, kind: Any) -> Any:
    """Raises `RequestError`: 400, 413, or 415 for what is not JSON."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise RequestError("The body must be JSON: content-type: application/json.", status=415)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_LIMIT_BYTES:
            raise RequestError(f"The body has more than {BODY_LIMIT_BYTES} bytes.", kind="too_large")
    try:
        return filled(kind, _with_whole_numbers(msgspec.json.decode(bytes(body))))
    except msgspec.DecodeError as error:
        raise RequestError(f"The body is not JSON: {error}.") from error
    except RecursionError as error:
        raise RequestError("The body is nested too deeply.") from error


def read_query(query: bytes, kind: type[msgspec.Struct] | None) -> Any:
    """Each parameter once. Numbers are written in digits; everything else is text."""
    try:
        pairs = parse_qsl(query.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=50)
    except ValueError as error:
        raise RequestError("The query is not readable.") from error
    names = [name for name, _ in pairs]
    for name in names:
        if kind is None:
            raise RequestError(f"{name}: there is no such parameter here.", param=name)
        if names.count(name) > 1:
            raise RequestError(f"{name}: expected it once.", param=name)
    if kind is None:
        return None
    whole = whole_fields(kind)
    return filled(kind, {name: _whole(text) if name in whole else text for name, text in pairs})


def read_id(text: str, param: str) -> int:
    number = _whole(text)
    if isinstance(number, int) and 1 <= number <= MOST_ID:
        return number
    raise RequestError(f"{param}: expected a whole number above 0.", param=param)


def read_text(text: str, param: str) -> str:
    if 0 < len(text) <= 200 and text.isprintable():
        return text
    raise RequestError(f"{param}: expected 1 to 200 printable characters.", param=param)


@lru_cache
def whole_fields(kind: type[msgspec.Struct]) -> frozenset[str]:
    """The names of those that are numbers."""
    (_,), components = msgspec.json.schema_components([kind])
    properties = components[kind.__name__]["properties"]
    return frozenset(name for name, schema in properties.items() if schema.get("type") == "integer")


def _whole(text: str) -> int | str:
    """`5`, and `5.0` or `5e3` too: to JSON Schema those are integers. Other text stays text, for the type to refuse."""
    if not _NUMBER.fullmatch(text):
        return text
    number = Decimal(text)
    return int(number) if number == number.to_integral_value() else text


def _with_whole_numbers(value: Any) -> Any:
    """Some programs write their integers as 5.0."""
    if isinstance(value, dict):
        return {name: _with_whole_numbers(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_with_whole_numbers(inner) for inner in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
