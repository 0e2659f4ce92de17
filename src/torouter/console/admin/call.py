"""An endpoint as data, and a call of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from torouter.accounts.office.desk import Desk
from torouter.console.admin.routing_view import RoutingView
from torouter.console.admin.shapes import Answer, Changed, Page

__all__ = ["Call", "Endpoint", "Shape"]

Shape = Literal["one", "page", "change", "csv"]


@dataclass(frozen=True, slots=True)
class Call:
    """`target` is the id in the path: a number, or a request's text; `part` the id of a part of it, where the path has
    a second one. `body` and `query` are of the endpoint's types."""

    desk: Desk
    target: Any = None
    part: Any = None
    body: Any = None
    query: Any = None
    routing: RoutingView | None = None
    """`None` until the house stands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """`data` is the type under `data` in the answer. `handle` blocks: of a page it returns rows and the next cursor, of
    a CSV file its name and its lines. `is_long`: it waits for an upstream, and is to keep nobody else waiting."""

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
    path: str
    name: str
    summary: str
    shape: Shape
    data: Any
    handle: Callable[[Call], Any]
    body: type[msgspec.Struct] | Any = None
    query: type[msgspec.Struct] | None = None
    status: int = 200
    is_long: bool = False

    @property
    def may_be_repeated(self) -> bool:
        """It makes something in the store, and is done once where its caller gives it a name."""
        return self.method == "POST" and self.shape == "change"

    @property
    def answer(self) -> Any:
        """The whole answer's type; a file has none."""
        outer: dict[Shape, Any] = {"one": Answer, "page": Page, "change": Changed}
        return None if self.shape == "csv" else outer[self.shape][self.data]
