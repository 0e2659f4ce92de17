"""Tables and lists for people, JSON for programs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from datetime import datetime

    from torouter.cli.place import Place

__all__ = ["minute", "print_one", "print_rows", "print_table", "said"]

Row = TypeVar("Row")


def print_rows(
    place: Place, rows: Sequence[Row], heads: Sequence[str], cells: Callable[[Row], Sequence[object]]
) -> None:
    if place.is_json:
        _print_json(rows)
    else:
        print_table(heads, ([_text(cell) for cell in cells(row)] for row in rows))


def print_one(place: Place, view: Any) -> None:
    """Every field on a line of its own."""
    import msgspec

    if place.is_json:
        _print_json(view)
        return
    fields = [(name, getattr(view, name)) for name in view.__struct_fields__]
    width = max(len(name) for name, _ in fields)
    for name, value in fields:
        is_nested = isinstance(value, msgspec.Struct | dict) or (isinstance(value, list) and _has_structs(value))
        shown = msgspec.json.encode(value).decode() if is_nested else _text(value)
        click.echo(f"{name.ljust(width)}  {shown}".rstrip())


def said(place: Place, view: object, sentence: str) -> None:
    """Of a change: what it made, as a sentence or as JSON."""
    if place.is_json:
        _print_json(view)
    else:
        click.echo(sentence)


def minute(at: datetime | None) -> str:
    return "never" if at is None else at.strftime("%Y-%m-%d %H:%M UTC")


def print_table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    lines = [heads, *rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def _has_structs(values: Sequence[object]) -> bool:
    import msgspec

    return any(isinstance(value, msgspec.Struct) for value in values)


def _print_json(value: object) -> None:
    import msgspec

    click.echo(msgspec.json.format(msgspec.json.encode(value), indent=2))


def _text(value: object) -> str:
    from datetime import datetime

    if isinstance(value, datetime):
        return minute(value)
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if value is None:
        return "-"
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)
