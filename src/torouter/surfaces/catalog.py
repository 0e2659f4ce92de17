"""The models that a key may call, listed in the shape of each dialect. Facts that are not known are left out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final
from urllib.parse import parse_qs, unquote_to_bytes

import msgspec

from torouter.access.guards import shown
from torouter.access.standing import Standing
from torouter.errors import RequestError, RoutingError
from torouter.routing.names import split_thinking
from torouter.routing.snapshot import Snapshot
from torouter.units import Dialect

__all__ = ["CatalogRequest", "dialect_of", "names_for", "parse_catalog", "render_list", "render_model"]

_PATH: Final = re.compile(rb"(?:/api)?((?:/v1(?:beta|alpha)?){1,2})/models(?:/(.+))?")
_EPOCH: Final = "1970-01-01T00:00:00Z"
"""Both vendors' types require a creation date; none is known."""
_ANTHROPIC_PAGE: Final = 20
_GEMINI_PAGE: Final = 50
_LONGEST_PAGE: Final = 1000
_MOST_DIGITS: Final = 9


class CatalogRequest(msgspec.Struct, frozen=True):
    """`name` is that of one model, or `None` for the list."""

    dialect: Dialect
    name: str | None
    query: str


def parse_catalog(path: bytes, query: bytes, fields: dict[bytes, bytes]) -> CatalogRequest | None:
    """`GET …/v1/models` is asked by three dialects, told apart by their headers; under `/v1beta` it is Gemini's."""
    match = _PATH.fullmatch(path)
    if match is None:
        return None
    name = match[2]
    text = None if name is None else _unquote(name)
    return CatalogRequest(dialect_of(match[1], fields), text, query.decode("latin-1"))


def dialect_of(version: bytes, fields: dict[bytes, bytes]) -> Dialect:
    """Of a path that several dialects have, by the version in it and what else their clients send."""
    if version != b"/v1" and version != b"/v1/v1":
        return "gemini"
    if b"x-goog-api-key" in fields:
        return "gemini"
    if b"anthropic-version" in fields or (b"x-api-key" in fields and b"authorization" not in fields):
        return "anthropic"
    return "openai-chat"


def names_for(standing: Standing, snapshot: Snapshot, asked: str | None = None) -> list[str]:
    """Sorted. The group's catalog narrows what its channels have, and the key's own list that. `asked` is one of them
    too if it is a listed name in other clothes: with a vendor's prefix or a `-thinking` suffix."""
    group = standing.group
    names = {name for channel in snapshot.channels_of(group.name) for name in snapshot.names_of(channel)}
    for listed in (group.models, standing.key.models):
        if listed:
            names = {name for name in listed if name in names or snapshot.has_model(group.name, name, group.models)}
    if asked is not None and _is_variant(asked, names, snapshot, group.name):
        names.add(asked)
    return sorted(names)


def _is_variant(asked: str, names: set[str], snapshot: Snapshot, group: str) -> bool:
    split = split_thinking(asked)
    bases = (asked, *(() if split is None else split[:1]))
    return any(
        channel.upstream_model(base) is not None and not names.isdisjoint((base, channel.kind.bare(base)))
        for channel in snapshot.channels_of(group)
        for base in bases
    )


def render_list(request: CatalogRequest, names: Sequence[str]) -> bytes:
    """Raises `RequestError` for paging parameters that make no sense."""
    options = {name: values[-1] for name, values in parse_qs(request.query).items()}
    if request.dialect == "anthropic":
        return _anthropic_page(names, options)
    if request.dialect == "gemini":
        return _gemini_page(names, options)
    return msgspec.json.encode({"object": "list", "data": [_openai_model(name) for name in names]})


def render_model(request: CatalogRequest, names: Sequence[str]) -> bytes:
    """Raises `RoutingError` 404 for a model that is not in the list."""
    name = request.name or ""
    if name not in names:
        raise RoutingError(
            f"The model `{shown(name)}` does not exist here, or this key may not use it.",
            kind="not_found",
            code="model_not_found",
            param="model",
        )
    shape = {"anthropic": _anthropic_model, "gemini": _gemini_model}.get(request.dialect, _openai_model)
    return msgspec.json.encode(shape(name))


def _openai_model(name: str) -> dict[str, object]:
    return {"id": name, "object": "model", "created": 0, "owned_by": "torouter"}


def _anthropic_model(name: str) -> dict[str, object]:
    return {"type": "model", "id": name, "display_name": name, "created_at": _EPOCH}


def _gemini_model(name: str) -> dict[str, object]:
    return {
        "name": f"models/{name}",
        "displayName": name,
        "supportedGenerationMethods": ["generateContent", "streamGenerateContent", "countTokens"],
    }


def _anthropic_page(names: Sequence[str], options: dict[str, str]) -> bytes:
    limit = _count(options, "limit", _ANTHROPIC_PAGE)
    if "before_id" in options:
        end = _position(names, options, "before_id")
        page = names[max(0, end - limit) : end]
        has_more = end - limit > 0
    else:
        start = _position(names, options, "after_id") + 1 if "after_id" in options else 0
        page = names[start : start + limit]
        has_more = start + limit < len(names)
    return msgspec.json.encode(
        {
            "data": [_anthropic_model(name) for name in page],
            "has_more": has_more,
            "first_id": page[0] if page else None,
            "last_id": page[-1] if page else None,
        }
    )


def _gemini_page(names: Sequence[str], options: dict[str, str]) -> bytes:
    """A `pageSize` of 0 is Google's word for none."""
    size = _GEMINI_PAGE if options.get("pageSize") == "0" else _count(options, "pageSize", _GEMINI_PAGE)
    start = _position(names, options, "pageToken") + 1 if options.get("pageToken") else 0
    page = names[start : start + size]
    body: dict[str, object] = {"models": [_gemini_model(name) for name in page]}
    if start + size < len(names):
        body["nextPageToken"] = page[-1]
    return msgspec.json.encode(body)


def _count(options: dict[str, str], name: str, default: int) -> int:
    text = options.get(name, str(default))
    number = int(text) if text.isdecimal() and len(text) <= _MOST_DIGITS else 0
    if number < 1:
        raise RequestError(f"`{name}` must be a number from 1 to {_LONGEST_PAGE}.", param=name)
    return min(number, _LONGEST_PAGE)


def _position(names: Sequence[str], options: dict[str, str], name: str) -> int:
    try:
        return names.index(options[name])
    except ValueError:
        raise RequestError(f"`{name}` names no model of this list.", param=name) from None


def _unquote(name: bytes) -> str:
    return unquote_to_bytes(name).decode("utf-8", "replace").removeprefix("models/")
