"""The items that led to a kept response, as a list in pages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec
from msgspec import Raw

from torouter.codecs.json_objects import Json
from torouter.codecs.openai_responses.history import kept_input
from torouter.codecs.splice import elements
from torouter.codecs.surrogates import lenient_decoder
from torouter.errors import RequestError

__all__ = ["input_page"]

_PREFIXES: Final[Mapping[str, str]] = {
    "message": "msg",
    "function_call": "fc",
    "function_call_output": "fco",
    "custom_tool_call": "ctc",
    "custom_tool_call_output": "ctco",
    "tool_search_call": "tsc",
    "tool_search_output": "tso",
    "reasoning": "rs",
}
_WITHOUT_STATUS: Final = frozenset({"reasoning"})

_read_item = lenient_decoder(dict[str, Raw])
_read_word = lenient_decoder(str)


def input_page(response_id: str, document: bytes, *, limit: int, is_ascending: bool, after: str | None) -> bytes:
    """A page of a document's input, in the API's own form. Raises `RequestError` for an `after` that names no item."""
    said = kept_input(document)
    seed = response_id.removeprefix("resp_")
    items = [_listed(said[span.start : span.end], f"{seed}_in{n}") for n, span in enumerate(elements(said))]
    if not is_ascending:
        items.reverse()
    start = 0 if after is None else _place_after(items, after)
    page = [item for _, item in items[start : start + limit]]
    ids = [item_id for item_id, _ in items[start : start + limit]]
    listed: Json = {
        "object": "list",
        "data": page,
        "first_id": ids[0] if ids else None,
        "last_id": ids[-1] if ids else None,
        "has_more": start + limit < len(items),
    }
    return msgspec.json.encode(listed)


def _place_after(items: list[tuple[str, Json]], after: str) -> int:
    for place, (item_id, _) in enumerate(items):
        if item_id == after:
            return place + 1
    raise RequestError("`after` names no item of this list.", param="after")


def _listed(raw: bytes, suffix: str) -> tuple[str, Json]:
    """The item with what the API's items always have and clients need not say: a type, an id, a status, and the
    contents of a message as parts."""
    item: Json = dict(_read_item(raw))
    kind = _word(item.get("type")) or "message"
    item_id = _word(item.get("id")) or f"{_PREFIXES.get(kind, 'item')}_{suffix}"
    item |= {"type": kind, "id": item_id}
    if kind in _PREFIXES and kind not in _WITHOUT_STATUS:
        item.setdefault("status", "completed")
    content = item.get("content")
    if kind == "message" and isinstance(content, Raw) and bytes(content).startswith(b'"'):
        item["content"] = [_part(content, is_said=_word(item.get("role")) == "assistant")]
    return item_id, item


def _part(text: Raw, *, is_said: bool) -> Json:
    return {"type": "output_text", "text": text, "annotations": []} if is_said else {"type": "input_text", "text": text}


def _word(raw: object) -> str | None:
    return _read_word(raw) if isinstance(raw, Raw) and bytes(raw).startswith(b'"') else None
