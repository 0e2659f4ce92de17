"""A request by its id, to the account that made it: what became of it, and why each attempt was left.

It is no call of a vendor's API, so it stands beside all of them: any form of credential is good, and a refusal is in
the dialect that the head speaks of.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Protocol

import msgspec

from torouter.access.standing import Standing
from torouter.errors import RoutingError
from torouter.surfaces.catalog import dialect_of
from torouter.units import Dialect
from torouter.wire.exchange import Exchange

__all__ = ["Record", "RequestCall", "RequestSurface", "parse_request"]

_PATH: Final = re.compile(rb"(?:/api)?(/v1(?:beta)?)/requests/(\w[\w.:-]{0,199})")
_HEADERS: Final = b"content-type: application/json\r\ncache-control: no-store\r\n"


@dataclass(frozen=True, slots=True)
class RequestCall:
    """`dialect` is the one to refuse in."""

    request_id: str
    dialect: Dialect


class Record(Protocol):
    async def find(self, account_id: int, request_id: str, /) -> msgspec.Struct | None:
        """What may be shown to the account. `None`: it has no request of that id, or it has not ended. Raises
        `StoreError`."""
        ...


def parse_request(path: bytes, fields: dict[bytes, bytes]) -> RequestCall | None:
    match = _PATH.fullmatch(path)
    return None if match is None else RequestCall(match[2].decode("ascii"), dialect_of(match[1], fields))


class RequestSurface:
    def __init__(self, record: Record) -> None:
        self._record = record

    async def answer(self, exchange: Exchange, call: RequestCall, standing: Standing, headers: bytes) -> None:
        """`headers` are those of every answer. Raises the `TorouterError` to answer with."""
        found = await self._record.find(standing.key.account_id, call.request_id)
        if found is None:
            raise RoutingError(
                f"No request `{call.request_id}` of this account is on record. One is there as soon as its answer has "
                "ended, or a moment later: try again if it has only just.",
                kind="not_found",
                code="request_not_found",
                param="id",
            )
        exchange.respond(200, _HEADERS + headers, msgspec.json.encode(found))
