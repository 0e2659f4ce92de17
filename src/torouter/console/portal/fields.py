"""Forms as browsers send them, and from their texts to what the office's forms take."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from urllib.parse import parse_qsl

from starlette.requests import Request

from torouter.errors import RequestError

__all__ = [
    "BODY_LIMIT_BYTES",
    "Fields",
    "at_minute",
    "cursor",
    "day_begins",
    "day_ends",
    "lines",
    "money",
    "read_form",
    "read_query",
    "whole",
]

BODY_LIMIT_BYTES: Final = 256 * 1024
_MOST_FIELDS: Final = 100
_WHOLE: Final = re.compile(r"[0-9]{1,15}")

Fields = Mapping[str, str]
"""By name; of a name that stands there twice the last."""


async def read_form(request: Request) -> dict[str, str]:
    """Raises `RequestError`: 400, 413, or 415 for what no form of ours is."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise RequestError("This address takes forms only.", status=415)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_LIMIT_BYTES:
            raise RequestError("This form is too long.", kind="too_large")
    return _pairs(bytes(body).decode("ascii", "replace"))


def read_query(request: Request) -> dict[str, str]:
    return _pairs(request.scope["query_string"].decode("ascii", "replace"))


def _pairs(text: str) -> dict[str, str]:
    try:
        return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=_MOST_FIELDS))
    except ValueError as error:
        raise RequestError("This form has too many fields.") from error


def whole(text: str, field: str) -> int:
    """A whole number; empty is 0. Commas and spaces that group its digits do not count."""
    bare = re.sub(r"[\s,_]", "", text)
    if not bare:
        return 0
    if not _WHOLE.fullmatch(bare):
        raise RequestError(f"{field}: expected a whole number.", param=field)
    return int(bare)


def money(text: str) -> str:
    """US dollars as the office takes them: without the sign, spaces and commas that people write; empty stays empty."""
    return text.strip().removeprefix("$").replace(",", "")


def lines(text: str) -> list[str]:
    """One of each line, or of a line's parts between commas."""
    return [part for part in (piece.strip() for piece in re.split(r"[\n\r,]+", text)) if part]


def cursor(text: str) -> tuple[int, int] | None:
    """Where a page of requests begins, `1796000000000-17`; `None` for what is none."""
    at, _, row_id = text.partition("-")
    is_cursor = at.isdecimal() and row_id.isdecimal() and len(at) <= 18 and len(row_id) <= 18
    return (int(at), int(row_id)) if is_cursor else None


def day_begins(text: str, field: str) -> datetime | None:
    """The first moment of a day, UTC; `None` where nothing was chosen."""
    return _at_midnight(text, field, 0)


def day_ends(text: str, field: str) -> datetime | None:
    """The end of a day, UTC, that is the first moment of the next; `None` where nothing was chosen."""
    return _at_midnight(text, field, 1)


def at_minute(text: str, field: str) -> datetime | None:
    """A time, UTC, as browsers write it (`2026-12-31T18:00`) or as a day; `None` where nothing was chosen."""
    if not text.strip():
        return None
    try:
        return datetime.fromisoformat(text.strip()).replace(tzinfo=UTC)
    except ValueError as error:
        raise RequestError(f"{field}: expected a time such as 2026-12-31T18:00, in UTC.", param=field) from error


def _at_midnight(text: str, field: str, days: int) -> datetime | None:
    if not text.strip():
        return None
    try:
        return datetime.combine(date.fromisoformat(text.strip()) + timedelta(days=days), time(), UTC)
    except (ValueError, OverflowError) as error:
        raise RequestError(f"{field}: expected a date such as 2026-12-31.", param=field) from error
