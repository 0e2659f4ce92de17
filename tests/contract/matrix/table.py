"""The matrix as a page of the documents. `python -m tests.contract.matrix.table` writes it; a test holds it to what the
other tests assert."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.contract.matrix.asks import ASKS, Ask, Refused, Reported
from tests.contract.matrix.cells import CELLS, Cell
from tests.contract.matrix.tells import TELLS
from torouter.canon.losses import FAMILIES
from torouter.units import DIALECTS, Dialect

__all__ = ["PAGE", "page"]

PAGE = Path(__file__).parents[3] / "docs" / "matrix.md"

_HEAD = """# What works across dialects

A client speaks one dialect, the model's upstream another, and the gateway translates. Each cell below is a test that
runs through a gateway with an upstream on a socket, whole and streamed (`tests/contract/matrix`); this page is written
from those tests (`make matrix`), and a test keeps it so. Within one dialect nothing is translated: bytes pass as they
are.

- **yes**: the upstream is asked for the same.
- **reported**: the answer's `x-torouter-losses` header and the usage record name the field that could not be kept.
- **refused**: a 400 names the field, and no upstream is asked.
- **–**: this dialect has no words for it.
"""


def page() -> str:
    return "\n".join([_HEAD, "## What callers ask for", *_asks(), "", "## What callers hear", *_tells(), ""])


def _asks() -> Iterator[str]:
    for client in sorted(DIALECTS):
        upstreams = [cell.upstream for cell in CELLS if cell.client == client]
        rows = [[ask.name, *(_fate(ask, Cell(client, upstream)) for upstream in upstreams)] for ask in ASKS]
        yield from ("", f"### A client of {FAMILIES[client]}", "", *_table(["", *_names(upstreams)], rows))


def _fate(ask: Ask, cell: Cell) -> str:
    if cell.client not in ask.said:
        return "–"
    match ask.fate(cell):
        case Refused(field=field):
            return f"refused: `{field}`"
        case Reported(fields=fields):
            return "reported: " + ", ".join(f"`{field}`" for field in fields)
        case None:
            return "yes"


def _tells() -> Iterator[str]:
    yield ""
    yield "Heard as it was said by official SDKs of every client's dialect, but for what is noted."
    yield ""
    yield from _table(["", "exception"], [[tell.name, tell.why or "none"] for tell in TELLS])


def _names(upstreams: Iterable[Dialect]) -> list[str]:
    return [f"over {FAMILIES[upstream]}" for upstream in upstreams]


def _table(head: list[str], rows: list[list[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(row)} |"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
