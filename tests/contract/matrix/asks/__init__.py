"""What callers ask for."""

from __future__ import annotations

from typing import Final

from tests.contract.matrix.asks.ask import Ask, Refused, Reported
from tests.contract.matrix.asks.calls import CALLS
from tests.contract.matrix.asks.content import CONTENT
from tests.contract.matrix.asks.settings import SETTINGS
from tests.contract.matrix.asks.tools import TOOLS
from tests.contract.matrix.asks.turns import TURNS

__all__ = ["ASKS", "Ask", "Refused", "Reported"]

ASKS: Final = (*TURNS, *CONTENT, *TOOLS, *CALLS, *SETTINGS)
