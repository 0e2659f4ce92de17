"""What a model's name asks for: the `-thinking` suffixes. A name that is in the catalog is never taken apart."""

from __future__ import annotations

import re
from typing import Final, cast, get_args

from torouter.canon.reasoning import Depth, Reasoning

__all__ = ["split_thinking"]

_SUFFIX: Final = re.compile(
    r"(?P<base>.+?)-(?:(?P<off>nothinking)|thinking(?:-(?P<detail>\d{1,7}|low|medium|high|xhigh|max))?)"
)


def split_thinking(name: str) -> tuple[str, Reasoning] | None:
    """`claude-opus-4-7-thinking` → the base name and the provider's default depth; `-thinking-high` a depth,
    `-thinking-8000` a budget in tokens, `-nothinking` off. `None` if the name has no such suffix."""
    match = _SUFFIX.fullmatch(name)
    if match is None:
        return None
    base, off, detail = match["base"], match["off"], match["detail"]
    if off:
        return base, Reasoning(depth="off")
    if detail is None:
        return base, Reasoning(depth="auto")
    if detail.isdigit():
        return base, Reasoning(depth="auto", budget_tokens=int(detail))
    assert detail in get_args(Depth)
    return base, Reasoning(depth=cast(Depth, detail))
