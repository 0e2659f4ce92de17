"""US dollars as people write them, and as they are kept: whole nano-dollars. No float is ever in between."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

from torouter.errors import RequestError
from torouter.units import dollars

__all__ = ["SIGNED_PATTERN", "UNSIGNED_PATTERN", "dollars", "nano_dollars"]

UNSIGNED_PATTERN: Final = r"^[0-9]{1,6}(\.[0-9]{1,9})?$"
SIGNED_PATTERN: Final = r"^-?[0-9]{1,6}(\.[0-9]{1,9})?$"
"""Below a million at a time: nine thousand of those still are a number of 64 bits."""

_FORM: Final = re.compile(SIGNED_PATTERN)


def nano_dollars(text: str, field: str) -> int:
    """`12.50` is 12 500 000 000. Raises `RequestError`, which names the field."""
    if not _FORM.fullmatch(text):
        raise RequestError(
            f"{field}: expected US dollars such as 12.50: below a million, with at most nine decimals.", param=field
        )
    return int(Decimal(text).scaleb(9))
