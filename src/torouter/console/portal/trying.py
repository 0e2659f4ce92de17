"""Would a request of a key pass? What is asked, and what the gateway's own guards say to it, in words for people."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from torouter.access.client import Client
from torouter.access.ip_rules import address_of
from torouter.accounts.dollars import dollars
from torouter.accounts.office.own import Own, WindowView
from torouter.accounts.office.views import KeyView
from torouter.console.portal.catalogue import ENDPOINTS
from torouter.console.portal.fields import Fields, whole
from torouter.console.portal.sources import Sources
from torouter.errors import RequestError, TorouterError
from torouter.ledger.holds import expected_tokens
from torouter.ledger.meters import Meter
from torouter.routing.explain import Explanation
from torouter.units import Dialect, Operation

__all__ = ["Left", "Tried", "Verdict", "read_tried", "shown_tried", "verdict"]

_MOST_NAME: Final = 200
_FIRST: Final = ENDPOINTS[0][0]
_KINDS: Final = {"k": "cap", "a": "balance", "p": "plan"}


@dataclass(frozen=True, slots=True)
class Tried:
    """A request to think of. `path` is one of the catalogue's; `output_tokens` is how long its answer may be, as it
    was typed, empty where the request does not say."""

    model: str = ""
    path: str = _FIRST
    address: str = ""
    output_tokens: str = ""

    @property
    def ceiling(self) -> int | None:
        """Raises `RequestError`."""
        return whole(self.output_tokens, "output_tokens") or None


@dataclass(frozen=True, slots=True)
class Left:
    """Of a limit of money. `name` says which: the key's cap, the balance, or a window of the plan."""

    name: str
    left_usd: str
    limit_usd: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """`refusal`: what the API would answer with; `None`: the request passes all checks. `code` is the refusal's own
    word. `expected_tokens`: of the answer that all of this is said of. `is_ready`: may an upstream be asked right now?
    `routing` is for operators."""

    refusal: TorouterError | None
    code: str
    expected_tokens: int
    is_ready: bool
    money: list[Left]
    windows: list[WindowView]
    routing: Explanation | None


def read_tried(query: Fields, address: str) -> Tried:
    """Raises `RequestError` that names the field."""
    tried = shown_tried(query, address)
    if not tried.model or len(tried.model) > _MOST_NAME:
        raise RequestError("model: expected the name of a model.", param="model")
    if _endpoint(tried.path) is None:
        raise RequestError("path: expected one of the endpoints.", param="path")
    if address_of(tried.address) is None:
        raise RequestError("address: expected an address such as 203.0.113.7.", param="address")
    _ = tried.ceiling
    return tried


def shown_tried(query: Fields, address: str) -> Tried:
    """As it was said, right or wrong. The address is the reader's own until another is named."""
    model, seen = query.get("model", "").strip(), query.get("address", address).strip()
    return Tried(model, query.get("path", _FIRST), seen, query.get("output_tokens", "").strip())


def verdict(own: Own, sources: Sources, key: KeyView, tried: Tried) -> Verdict:
    """Asks the guards of the process that answers. Changes nothing."""
    endpoint, address = _endpoint(tried.path), address_of(tried.address)
    assert endpoint is not None
    assert address is not None
    dialect, operation = endpoint
    found = sources.rehearsal.run(
        own.key_hash(key.id), Client(str(address)), dialect, operation, tried.model, tried.ceiling
    )
    refusal = found.refusal
    routing = None
    if refusal is None:
        routing = sources.routing.explain(own.group_id(key), key.models, dialect, operation, tried.model)
    return Verdict(
        refusal=refusal,
        expected_tokens=expected_tokens(operation, 0, tried.ceiling)[1],
        code="" if refusal is None else refusal.code or refusal.type or refusal.kind,
        is_ready=routing is not None and bool(routing.candidates),
        money=_left(own, found.money),
        windows=own.windows(key),
        routing=routing,
    )


def _endpoint(path: str) -> tuple[Dialect, Operation] | None:
    return next(((dialect, operation) for each, dialect, operation in ENDPOINTS if each == path), None)


def _left(own: Own, meters: tuple[Meter, ...]) -> list[Left]:
    spent = own.spent([meter.name for meter in meters])
    return [
        Left(_named(meter.name), dollars(max(0, meter.limit_nusd - spent[meter.name])), dollars(meter.limit_nusd))
        for meter in meters
    ]


def _named(meter: str) -> str:
    kind, _, rest = meter.partition(":")
    return f"{_KINDS[kind]}_{rest.split(':')[1]}" if kind == "p" else _KINDS[kind]
