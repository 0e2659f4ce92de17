"""Requests that have only just ended: what they used is stored a moment after they were answered, and somebody who
follows the link at once finds it."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Final, TypeVar

from torouter.errors import StoreError

__all__ = ["find_arriving"]

T = TypeVar("T")

_OURS: Final = re.compile(r"req_[0-9a-f]{24}")
_PAUSES: Final = 20
_PAUSE_S: Final = 0.1
"""In all some flushes of the ledger (`ledger.books`), also where the machine is busy."""


def find_arriving(request_id: str, find: Callable[[], T], sleep: Callable[[float], None] = time.sleep) -> T:
    """What `find` finds under an id that is one of ours, now or in a moment. Blocks. Raises what `find` raises."""
    for _ in range(_PAUSES if _OURS.fullmatch(request_id) else 0):
        try:
            return find()
        except StoreError as error:
            if error.kind != "not_found":
                raise
        sleep(_PAUSE_S)
    return find()
