"""Responses by their id: to read, to delete, to list what led to them.

What is kept here is answered here, to its own account alone. Any other id may be that of an upstream which keeps its
answers itself, so it is asked for at the key's own Responses channels.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qs

import msgspec

from torouter.access.guards import in_catalog
from torouter.access.standing import Standing
from torouter.codecs.openai_responses.input_items import input_page
from torouter.codecs.openai_responses.kept import response_of
from torouter.errors import RequestError, RoutingError
from torouter.relay.elsewhere import Elsewhere
from torouter.relay.turn import Shelf
from torouter.routing.snapshot import Snapshot
from torouter.surfaces.credentials import without_key
from torouter.wire.exchange import Exchange
from torouter.wire.upstream import Request

__all__ = ["KeptCall", "KeptSurface", "parse_kept"]

_PATH: Final = re.compile(
    rb"(?:/api)?/v1/responses(/(?!(?:compact|input_tokens)(?:/|$))(\w[\w.-]{0,255})(?:/(input_items|cancel))?)"
)
_METHODS: Final[dict[bytes, tuple[bytes, ...]]] = {
    b"": (b"GET", b"DELETE"),
    b"input_items": (b"GET",),
    b"cancel": (b"POST",),
}
_JSON: Final = b"content-type: application/json\r\n"
_PAGE: Final = 20
_LONGEST_PAGE: Final = 100


@dataclass(frozen=True, slots=True)
class KeptCall:
    """`part` is what is asked for of the response: nothing more, `input_items`, or `cancel`. `below` is the path behind
    `/v1/responses`."""

    below: bytes
    kept_id: str
    part: bytes

    @property
    def methods(self) -> tuple[bytes, ...]:
        return _METHODS[self.part]


def parse_kept(path: bytes) -> KeptCall | None:
    match = _PATH.fullmatch(path)
    return None if match is None else KeptCall(match[1], match[2].decode("ascii"), match[3] or b"")


class KeptSurface:
    """Answers calls by id. `shelf` has what is kept here, `elsewhere` asks upstreams."""

    def __init__(self, shelf: Shelf, elsewhere: Elsewhere) -> None:
        self._shelf = shelf
        self._elsewhere = elsewhere

    async def answer(
        self, exchange: Exchange, call: KeptCall, standing: Standing, snapshot: Snapshot, headers: bytes
    ) -> None:
        """`headers` are those of every answer. Raises the `TorouterError` to answer with."""
        body = await self._body(exchange, call, standing.key.account_id)
        if body is not None:
            exchange.respond(200, _JSON + headers, body)
        elif not await self._elsewhere.answer(exchange, _requests(exchange, call, standing, snapshot), headers):
            raise RoutingError(f"Response with id '{call.kept_id}' not found.", kind="not_found", param="id")

    async def _body(self, exchange: Exchange, call: KeptCall, account_id: int) -> bytes | None:
        """`None` for what is not kept here."""
        if exchange.method == b"DELETE":
            is_deleted = await self._shelf.delete(account_id, call.kept_id)
            told = {"id": call.kept_id, "object": "response", "deleted": True}
            return msgspec.json.encode(told) if is_deleted else None
        document = await self._shelf.find(account_id, call.kept_id)
        if document is None:
            return None
        if call.part == b"cancel":
            raise RequestError("Only responses that are made in the background can be cancelled.", param="id")
        options = _options(exchange.query)
        if call.part == b"input_items":
            return _page(call.kept_id, document, options)
        if options.get("stream", "false") != "false":
            raise RequestError("A response that is kept here cannot be streamed again.", param="stream")
        return response_of(document)


def _options(query: bytes) -> dict[str, str]:
    return {name: values[-1] for name, values in parse_qs(query.decode("latin-1"), keep_blank_values=True).items()}


def _page(kept_id: str, document: bytes, options: dict[str, str]) -> bytes:
    limit, order = options.get("limit", str(_PAGE)), options.get("order", "desc")
    if not (limit.isascii() and limit.isdecimal() and len(limit) < 4 and 1 <= int(limit) <= _LONGEST_PAGE):
        raise RequestError(f"`limit` must be a number from 1 to {_LONGEST_PAGE}.", param="limit")
    if order not in ("asc", "desc"):
        raise RequestError("`order` must be `asc` or `desc`.", param="order")
    return input_page(
        kept_id, document, limit=int(limit), is_ascending=order == "asc", after=options.get("after") or None
    )


def _requests(exchange: Exchange, call: KeptCall, standing: Standing, snapshot: Snapshot) -> Iterator[Request]:
    passed, query, usable = exchange.head.upstream_block, without_key(exchange.query), _usable(standing, snapshot)
    for channel in sorted(snapshot.channels_of(standing.group.name), key=lambda channel: channel.priority):
        if usable is not None and channel.name not in usable:
            continue
        request = channel.kept_request(exchange.method, call.below, passed, query)
        if request is not None:
            yield request


def _usable(standing: Standing, snapshot: Snapshot) -> frozenset[str] | None:
    """Names of the channels that a key may use for any of its models; `None` for one that may use all models."""
    group, models = standing.group, standing.key.models or standing.group.models
    if not models:
        return None
    found = ((model, snapshot.route(group.name, "openai-responses", "chat", model)) for model in models)
    routes = (in_catalog(group, model, route) for model, route in found)
    buckets = (bucket for route in routes if route is not None for bucket in route.buckets)
    return frozenset(candidate.channel.name for bucket in buckets for candidate in bucket.candidates)
