"""The gateway as the server adapter sees it: a path → an endpoint, a credential → an admission, then the relay.

This is where a refusal gets its clothes: whatever `TorouterError` comes out of the line is rendered by the codec of the
dialect that the client spoke.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Mapping
from math import ceil
from typing import Final

from torouter.access.admission import Admission, Doorkeeper
from torouter.access.client import Client
from torouter.access.freshness import Freshness
from torouter.access.reserving import Reserving
from torouter.access.standing import Standing
from torouter.access.terms import Terms
from torouter.codecs import CODECS, Codec
from torouter.errors import InternalError, LimitError, RequestError, RoutingError, TorouterError
from torouter.relay.call import Call, answer_headers
from torouter.relay.observing import Observer
from torouter.relay.others import NO_OTHERS, Others
from torouter.relay.run import Relay
from torouter.relay.wire_view import WireView
from torouter.surfaces import anthropic, openai
from torouter.surfaces.catalog import CatalogRequest, names_for, parse_catalog, render_list, render_model
from torouter.surfaces.clients import Clients
from torouter.surfaces.cors import Cors
from torouter.surfaces.credentials import credential_of, without_key
from torouter.surfaces.endpoint import Endpoint
from torouter.surfaces.fallbacks import named_fallbacks
from torouter.surfaces.gemini import GeminiCall, is_beta_path, parse_call
from torouter.surfaces.kept import KeptCall, KeptSurface, parse_kept
from torouter.surfaces.reading import Reading
from torouter.surfaces.requests import RequestCall, RequestSurface, parse_request
from torouter.surfaces.responses_socket import Answerer, ResponsesSocket
from torouter.surfaces.stakes import Stakes
from torouter.surfaces.watching import check_watching
from torouter.surfaces.weighing import Weighing
from torouter.units import Dialect
from torouter.wire.asgi import ASGIApp, run_asgi
from torouter.wire.exchange import Exchange
from torouter.wire.server import Connection, Limits
from torouter.wire.websocket import accept

__all__ = ["Gateway"]

_ROUTES: Final[dict[bytes, Endpoint]] = {**openai.ROUTES, **anthropic.ROUTES}
_GATEWAY_PATH: Final = re.compile(rb"/(?:api/)?v1(?:beta|alpha)?(?:/.*)?|/api/.+|/models/.*")
_RESPONSES_PATHS: Final = frozenset({b"/v1/responses", b"/api/v1/responses"})
_JSON: Final = b"content-type: application/json\r\n"
_STRICT: Final = b"x-torouter-strict"
_WIRE: Final = b"x-torouter-wire"
_OFF: Final = frozenset({b"", b"0", b"false", b"no", b"off"})
_READS: Final = frozenset({b"GET", b"HEAD"})
_RETRY_S: Final = 1.0
"""What is told with a 503 that nobody knows the end of."""


class Gateway:
    """A `wire.server.Site`. Pages (portal, health, metrics) are an ASGI application. `is_strict`: what a translation
    would lose is refused, unless the request says otherwise. `freshness` says whether what is known of keys may be
    gone by."""

    def __init__(
        self,
        *,
        doorkeeper: Doorkeeper,
        reserving: Reserving,
        stakes: Stakes,
        clients: Clients,
        freshness: Freshness,
        relay: Relay,
        kept: KeptSurface,
        requests: RequestSurface,
        pages: ASGIApp,
        limits: Limits,
        cors: Cors,
        is_strict: bool = False,
    ) -> None:
        self.limits = limits
        self.connections: set[Connection] = set()
        self._doorkeeper = doorkeeper
        self._reserving = reserving
        self._stakes = stakes
        self._weighing = Weighing(doorkeeper, reserving, stakes)
        self._clients = clients
        self._freshness = freshness
        self._relay = relay
        self._kept = kept
        self._requests = requests
        self._pages = pages
        self._cors = cors
        self._is_strict = is_strict

    def serve(self, exchange: Exchange) -> Awaitable[None]:
        reading = exchange.head.reading
        if isinstance(reading, Reading):
            return self._call(exchange, reading)
        endpoint = _ROUTES.get(exchange.path)
        if endpoint is not None and exchange.method == b"POST":
            return self._read_and_call(exchange, endpoint)
        return self._serve(exchange, endpoint)

    async def _serve(self, exchange: Exchange, endpoint: Endpoint | None) -> None:
        path = exchange.path
        if exchange.method == b"OPTIONS" and _GATEWAY_PATH.fullmatch(path):
            self._preflight(exchange)
            return
        if endpoint is not None:
            if _is_socket(exchange):
                await self._converse(exchange, endpoint)
            else:
                self._answer(exchange, endpoint.codec, _wrong_method(exchange), b"allow: POST, OPTIONS\r\n")
            return
        kept = parse_kept(path)
        if kept is not None:
            await self._serve_kept(exchange, kept)
            return
        gemini = parse_call(path, exchange.query)
        if gemini is not None:
            await self._gemini(exchange, gemini)
            return
        fields = exchange.fields
        catalog = parse_catalog(path, exchange.query, fields)
        request = parse_request(path, fields)
        if catalog is not None:
            self._catalog(exchange, catalog, fields)
        elif request is not None:
            await self._serve_request(exchange, request, fields)
        elif _GATEWAY_PATH.fullmatch(path):
            self._answer(exchange, _codec_of(path, fields), _unknown_path(path))
        else:
            pages, clients = self._pages, self._clients
            address, is_secure = clients.of(exchange).address, clients.is_secure(exchange)
            await asyncio.create_task(run_asgi(pages, exchange, address, is_secure=is_secure))

    def refuse(self, exchange: Exchange, error: TorouterError | None) -> None:
        if error is None:
            error = InternalError(
                "Something went wrong in the gateway. The fault is logged under this answer's request id."
            )
        self._answer(exchange, _codec_of(exchange.path, exchange.fields), error)

    async def _read_and_call(self, exchange: Exchange, endpoint: Endpoint, gemini: GeminiCall | None = None) -> None:
        try:
            reading = self._read(exchange, endpoint, gemini)
        except TorouterError as error:
            self._answer(exchange, endpoint.codec, error)
            return
        if reading.is_watched:
            await self._show(exchange, reading)
            return
        exchange.head.reading = reading
        await self._call(exchange, reading)

    def _read(self, exchange: Exchange, endpoint: Endpoint, gemini: GeminiCall | None) -> Reading:
        codec, fields, query = endpoint.codec, exchange.fields, exchange.query
        credential = credential_of(
            fields,
            query,
            is_anthropic=codec.dialect == "anthropic",
            may_be_in_query=gemini is not None and is_beta_path(exchange.path),
        )
        return Reading(
            codec=codec,
            operation=endpoint.operation,
            key_hash=self._doorkeeper.hash_of(credential),
            content_type=fields.get(b"content-type", b"application/json"),
            answer_headers=self._cors_block(fields),
            is_strict=self._wants_strict(fields),
            is_watched=fields.get(_WIRE, b"").strip().lower() not in _OFF,
            fallbacks=named_fallbacks(exchange.head),
            model=None if gemini is None else gemini.model,
            verb="" if gemini is None else gemini.verb,
            framing=None if gemini is None else gemini.framing,
            query=without_key(query) if query else b"",
        )

    def _wants_strict(self, fields: Mapping[bytes, bytes]) -> bool:
        """What the request says wins over what is configured."""
        said = fields.get(_STRICT)
        return self._is_strict if said is None else said.strip().lower() not in _OFF

    async def _show(self, exchange: Exchange, reading: Reading) -> None:
        """The wire view. Who may not have it gets a refusal, and no frames. Its reading is not kept with the head, so
        that nobody else's request is asked whether it is watched."""
        try:
            standing = self._identify(reading.key_hash, self._seen(exchange, reading))
            check_watching(standing, reading.operation)
        except TorouterError as error:
            self._answer(exchange, reading.codec, error)
            return
        view = WireView(
            exchange,
            target=b"%b?%b" % (exchange.path, reading.query) if reading.query else exchange.path,
            headers=reading.answer_headers,
            is_admin=standing.account.is_admin,
            clock=asyncio.get_running_loop().time,
        )
        try:
            await self._call(view.exchange, reading, observer=view)
        except Exception:
            if not view.exchange.has_begun:
                self.refuse(view.exchange, None)
            elif not view.exchange.has_ended:
                view.exchange.abort()
            view.close()
            raise
        view.close()

    async def _call(
        self,
        exchange: Exchange,
        reading: Reading,
        answerer: Answerer | None = None,
        observer: Observer | None = None,
    ) -> None:
        codec = reading.codec
        try:
            client = reading.clients.get(exchange.connection.client_address) or self._seen(exchange, reading)
            standing = self._identify(reading.key_hash, client)
            try:
                admission, call = self._admit(exchange, reading, standing)
            except TorouterError:
                await self._reserving.check(standing)  # whose money is used up hears of that first
                raise
            others = NO_OTHERS
            if reading.fallbacks is not None or standing.group.fallbacks or admission.snapshot.fallbacks:
                others = self._weighing.others(reading.fallbacks, standing, admission, call)
            if standing.is_free:
                self._stakes.check_price(admission, call)
                terms = self._reserving.free(standing, client)
            elif answerer is not None:
                await self._reserving.check(standing)
                terms = self._reserving.free(standing, client)
            else:
                terms = await self._reserve(exchange, standing, client, admission, call, others)
            if answerer is None:
                await self._relay.run(exchange, admission, call, terms, others, observer)
            else:
                await answerer(exchange, admission, call, terms)
        except TorouterError as error:
            if exchange.has_begun:  # a fault of ours: an answer within an answer would be taken for more of it
                raise
            self._answer(exchange, codec, error)

    def _identify(self, key_hash: bytes | None, client: Client) -> Standing:
        """Raises `AuthError`, `AccessError`; `LimitError` where what is known is too old to go by."""
        if self._freshness.is_refusing:
            raise LimitError(
                "The gateway cannot read its store, and so cannot tell whether this API key still holds. Try again.",
                kind="overloaded",
                type="store_unavailable",
                retry_after_s=_RETRY_S,
            )
        return self._doorkeeper.identify(key_hash, client)

    def _admit(self, exchange: Exchange, reading: Reading, standing: Standing) -> tuple[Admission, Call]:
        codec, operation = reading.codec, reading.operation
        peek = codec.peek(operation, exchange.body, reading.content_type)
        model = reading.model or peek.model
        assert model is not None, "peek refuses a body without a model where the path has none"
        admission = self._doorkeeper.admit(standing, codec.dialect, operation, model)
        return admission, reading.call(reading.framing or ("sse" if peek.stream else "whole"))

    async def _reserve(
        self, exchange: Exchange, standing: Standing, client: Client, admission: Admission, call: Call, others: Others
    ) -> Terms:
        try:
            stake = self._weighing.stake(exchange.body, standing, admission, call, others)
        except TorouterError:
            await self._reserving.check(standing)
            raise
        return await self._reserving.reserve(standing, client, stake)

    def _seen(self, exchange: Exchange, reading: Reading) -> Client:
        client = self._clients.of(exchange)
        reading.remember(exchange.client_address, client)
        return client

    async def _converse(self, exchange: Exchange, endpoint: Endpoint) -> None:
        """The WebSocket form of an endpoint. Who may not use it gets an HTTP answer, and no socket."""
        codec = endpoint.codec
        try:
            reading = self._read(exchange, endpoint, None)
            standing = self._identify(reading.key_hash, self._seen(exchange, reading))
            if reading.is_watched:
                check_watching(standing, None)
            websocket = accept(exchange, self.limits)
        except TorouterError as error:
            self._answer(exchange, codec, error)
            return
        await ResponsesSocket(
            websocket,
            exchange.head,
            answer=lambda turn, answerer: self._call(turn, reading, answerer),
            refuse=lambda turn, error: self._answer(turn, codec, error),
            body_limit_bytes=self.limits.body_bytes,
        ).run()

    async def _gemini(self, exchange: Exchange, call: GeminiCall) -> None:
        codec = CODECS["gemini"]
        if call.endpoint is None:
            self._answer(exchange, codec, _unknown_path(exchange.path))
        elif exchange.method != b"POST":
            self._answer(exchange, codec, _wrong_method(exchange), b"allow: POST, OPTIONS\r\n")
        else:
            await self._read_and_call(exchange, call.endpoint, call)

    async def _serve_kept(self, exchange: Exchange, call: KeptCall) -> None:
        codec, doorkeeper = CODECS["openai-responses"], self._doorkeeper
        if exchange.method not in call.methods:
            allowed = b"allow: %b, OPTIONS\r\n" % b", ".join(call.methods)
            self._answer(exchange, codec, _wrong_method(exchange), allowed)
            return
        try:
            credential = credential_of(exchange.fields, exchange.query, is_anthropic=False, may_be_in_query=False)
            standing = self._identify(doorkeeper.hash_of(credential), self._clients.of(exchange))
            headers = self._answer_headers(exchange, codec)
            await self._kept.answer(exchange, call, standing, doorkeeper.snapshot, headers)
        except TorouterError as error:
            self._answer(exchange, codec, error)

    def _catalog(self, exchange: Exchange, request: CatalogRequest, fields: Mapping[bytes, bytes]) -> None:
        codec = CODECS[request.dialect]
        if exchange.method not in _READS:
            self._answer(exchange, codec, _wrong_method(exchange), b"allow: GET, HEAD, OPTIONS\r\n")
            return
        try:
            standing = self._identify(self._listing_key(exchange, request.dialect, fields), self._clients.of(exchange))
            names = names_for(standing, self._doorkeeper.snapshot, request.name)
            body = render_list(request, names) if request.name is None else render_model(request, names)
        except TorouterError as error:
            self._answer(exchange, codec, error)
        else:
            exchange.respond(200, _JSON + self._answer_headers(exchange, codec), body)

    async def _serve_request(self, exchange: Exchange, call: RequestCall, fields: Mapping[bytes, bytes]) -> None:
        codec = CODECS[call.dialect]
        if exchange.method not in _READS:
            self._answer(exchange, codec, _wrong_method(exchange), b"allow: GET, HEAD, OPTIONS\r\n")
            return
        try:
            standing = self._identify(self._listing_key(exchange, call.dialect, fields), self._clients.of(exchange))
            await self._requests.answer(exchange, call, standing, self._answer_headers(exchange, codec))
        except TorouterError as error:
            self._answer(exchange, codec, error)

    def _listing_key(self, exchange: Exchange, dialect: Dialect, fields: Mapping[bytes, bytes]) -> bytes | None:
        """The hash of the key that what is only looked at is asked with; `None` where none was sent."""
        credential = credential_of(
            fields,
            exchange.query,
            is_anthropic=dialect == "anthropic",
            may_be_in_query=is_beta_path(exchange.path),
        )
        return self._doorkeeper.hash_of(credential)

    def _preflight(self, exchange: Exchange) -> None:
        origin = exchange.fields.get(b"origin")
        if origin:
            block = self._cors.preflight_block(origin, exchange.fields.get(b"access-control-request-headers", b""))
        else:
            block = b"allow: GET, POST, DELETE, HEAD, OPTIONS\r\n"
        exchange.respond(204, block, b"")

    def _cors_block(self, fields: Mapping[bytes, bytes]) -> bytes:
        origin = fields.get(b"origin")
        return b"" if origin is None else self._cors.block(origin)

    def _answer_headers(self, exchange: Exchange, codec: Codec) -> bytes:
        """Of the answers that the gateway makes itself."""
        return answer_headers(codec, self._cors_block(exchange.fields), exchange.request_id)

    def _answer(self, exchange: Exchange, codec: Codec, error: TorouterError, extra: bytes = b"") -> None:
        """A refusal or failure, in the caller's dialect. Nothing has been given to the client before."""
        block = _JSON + self._answer_headers(exchange, codec) + extra
        retry_after_s = _RETRY_S if error.retry_after_s is None and error.status == 503 else error.retry_after_s
        if retry_after_s is not None:
            block += b"retry-after: %d\r\n" % max(1, ceil(retry_after_s))
        if error.is_terminal:
            block += b"x-should-retry: false\r\n"  # what OpenAI's and Anthropic's SDKs heed before anything else
        if error.status == 426:
            block += b"upgrade: websocket\r\nsec-websocket-version: 13\r\n"
        if error.status == 401:
            block += b"www-authenticate: Bearer\r\n"
        exchange.respond(error.status, block, codec.render_error(error, exchange.request_id.decode("ascii")))


def _codec_of(path: bytes, fields: Mapping[bytes, bytes]) -> Codec:
    """The dialect to refuse in, where no endpoint says it: by path, else by what only one vendor's clients send."""
    dialect: Dialect = "openai-chat"
    if is_beta_path(path) or b"x-goog-api-key" in fields:
        dialect = "gemini"
    elif b"/messages" in path or b"anthropic-version" in fields:
        dialect = "anthropic"
    elif b"/responses" in path:
        dialect = "openai-responses"
    return CODECS[dialect]


def _is_socket(exchange: Exchange) -> bool:
    """Does the request open a WebSocket where one is served?"""
    is_asked = exchange.upgrade == b"websocket" and exchange.method == b"GET"
    return is_asked and exchange.path in _RESPONSES_PATHS


def _wrong_method(exchange: Exchange) -> RequestError:
    return RequestError(
        f"This path does not take {exchange.method.decode('ascii', 'replace')}.", status=405, code="method_not_allowed"
    )


def _unknown_path(path: bytes) -> RoutingError:
    shown = path[:200].decode("ascii", "backslashreplace")
    return RoutingError(
        f"There is nothing at `{shown}`. The OpenAI base URL ends in /v1, Anthropic's is the host root, Gemini's ends "
        "in /v1beta.",
        kind="not_found",
        code="unknown_path",
    )
