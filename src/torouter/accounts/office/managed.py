"""What a configuration file manages is changed there, and nowhere else."""

from __future__ import annotations

from typing import Final

from torouter.errors import StoreError

__all__ = ["FILE", "refuse_managed"]

FILE: Final = "file"


def refuse_managed(what: str, managed_by: str) -> None:
    """Raises `StoreError` (`conflict`) for what is not changed by hand."""
    if managed_by:
        raise StoreError(
            f"{what} is managed by a configuration file: change it there, and run `torouter config apply`.",
            kind="conflict",
        )
