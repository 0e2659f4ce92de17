"""What a configuration file manages is changed there, and nowhere else: of groups and channels."""

from __future__ import annotations

from typing import Final, TypeVar

from torouter.errors import StoreError
from torouter.store import ChannelRow, GroupRow

__all__ = ["FILE", "free", "there"]

Row = TypeVar("Row", GroupRow, ChannelRow)

FILE: Final = "file"
_NAMES: Final = {GroupRow: "Group", ChannelRow: "Channel"}


def there(row: Row) -> Row:
    """Raises `StoreError` (`not_found`) for one that was deleted."""
    if row.deleted_ms is not None:
        raise StoreError(f"{_NAMES[type(row)]} {row.id} was deleted.", kind="not_found")
    return row


def free(row: Row, *, by_file: bool) -> Row:
    """Raises `StoreError`: `not_found`, and `conflict` for what is not changed by hand."""
    there(row)
    if row.managed_by and not by_file:
        raise StoreError(
            f"{_NAMES[type(row)]} {row.name} is managed by a configuration file: change it there, and run "
            "`torouter config apply`.",
            kind="conflict",
        )
    return row
