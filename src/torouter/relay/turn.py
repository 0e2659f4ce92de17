"""Turns of a dialect whose requests may refer to earlier answers by id (Responses): what a request refers to is put in
its place before it is routed, and a translated answer is kept before its end is given to the client.

Where client and upstream speak this dialect both, the upstream keeps its own answers, and its bytes pass untouched.
"""

from __future__ import annotations

from typing import Protocol

import msgspec

from torouter.access.admission import Admission
from torouter.access.guards import shown
from torouter.access.keyring import Key
from torouter.canon.request import ChatRequest
from torouter.codecs import KeptForm, References, Resolved
from torouter.errors import RequestError
from torouter.relay.call import Call
from torouter.wire.exchange import Exchange

__all__ = ["Keeper", "Shelf", "Turn"]

_FIELD = "previous_response_id"


class Shelf(Protocol):
    """Documents that are kept for accounts, by id. All but `keep` raise `StoreError`."""

    async def keep(self, account_id: int, key_id: int, kept_id: str, document: bytes, /) -> bool:
        """Has it been kept?"""
        ...

    async def find(self, account_id: int, kept_id: str, /) -> bytes | None:
        """`None` where this account has none of that id."""
        ...

    async def delete(self, account_id: int, kept_id: str, /) -> bool:
        """Was there one?"""
        ...


class Keeper:
    """Whose answers are kept, and where. `is_default` is the operator's setting, for keys that say nothing;
    `body_limit_bytes` holds for requests with all that they refer to."""

    __slots__ = ("_body_limit_bytes", "_is_default", "shelf")

    def __init__(self, shelf: Shelf, *, is_default: bool, body_limit_bytes: int) -> None:
        self.shelf = shelf
        self._is_default = is_default
        self._body_limit_bytes = body_limit_bytes

    def keeps_for(self, key: Key) -> bool:
        return self._is_default if key.keep_responses is None else key.keep_responses

    def turn(self, exchange: Exchange, admission: Admission, call: Call) -> Turn | None:
        """`None` for requests that neither refer to anything nor may be referred to. Raises `RequestError`."""
        form = call.codec.kept
        if form is None or call.operation != "chat":
            return None
        return Turn(self, form, exchange, admission, form.references(exchange.body, self._body_limit_bytes))


class Turn:
    """One request. `previous` is the id that it went on from."""

    __slots__ = ("_exchange", "_form", "_keeper", "_key", "_references", "admission", "previous")

    def __init__(
        self, keeper: Keeper, form: KeptForm, exchange: Exchange, admission: Admission, references: References | None
    ) -> None:
        self._keeper = keeper
        self._form = form
        self._exchange = exchange
        self._key = admission.key
        self._references = references
        self.admission = admission
        self.previous: str | None = None

    @property
    def refers(self) -> bool:
        return self._references is not None

    async def recall(self, call: Call) -> None:
        """Puts what is kept here into the request's body. What is not may be kept by an upstream of the same dialect:
        if there is any, only such are asked. Raises `RequestError`, and `StoreError`."""
        references, key = self._references, self._key
        assert references is not None, "a request that refers to something"
        for kept_id in references.wanted:
            document = await self._keeper.shelf.find(key.account_id, kept_id)
            if document is not None:
                references.learn(kept_id, document)
        resolved = references.resolved()
        self._exchange.body = resolved.body
        self.previous = resolved.previous
        if resolved.missing is not None:
            native = self.admission.route.speaking(call.codec.dialect)
            if native is None:
                raise self._not_kept(resolved, resolved.missing)
            self.admission = msgspec.structs.replace(self.admission, route=native)

    def keeps(self, chat: ChatRequest) -> bool:
        return chat.may_keep and self._keeper.keeps_for(self._key)

    async def keep(self, last: bytes) -> bytes:
        """Keeps the turn that an answer's last bytes end, and gives the bytes to be given to the client. A request that
        could be answered and yet cannot be taken apart is not kept."""
        try:
            found = self._form.document(self._exchange.body, last)
        except RequestError:
            return self._form.disclaim(last)
        if found is None:
            return last
        key = self._key
        is_kept = await self._keeper.shelf.keep(key.account_id, key.id, *found)
        return last if is_kept else self._form.disclaim(last)

    def _not_kept(self, resolved: Resolved, path: str) -> RequestError:
        """In the words that clients know from OpenAI, so that they send the whole conversation instead."""
        if self._keeper.keeps_for(self._key):
            what = (
                f"Previous response with id '{shown(resolved.previous or '')}'"
                if path == _FIELD
                else f"The item of `{path}`"
            )
            message = f"{what} not found."
        else:
            message = (
                f"`{path}` refers to an answer that is not kept here. This gateway keeps none for this API key: its "
                "operator may turn on `responses.keep`, or make keys with `--keep-responses`. Send the whole "
                "conversation as `input` instead."
            )
        return RequestError(message, code="previous_response_not_found", param=path)
