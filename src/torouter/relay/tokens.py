"""Texts to tokens, by a real tokenizer: OpenAI's `o200k_base`. Its vocabulary is in the package; nothing is fetched.

Loaded with the first text (a tenth of a second and 35 MB of a process), and run in a thread of its own, where one piece
of a text holds the interpreter for two milliseconds at the most.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from importlib.machinery import PathFinder
from importlib.util import find_spec, module_from_spec
from typing import Final

__all__ = ["Tokenizer", "count_tokens"]

_PIECE_CHARACTERS: Final = 4096
"""The slowest texts (one sign, again and again) take half a millisecond per thousand characters."""
_PIECES_LIMIT: Final = 1024
"""Four million characters are counted one by one; of more, as many, evenly spread."""


class Tokenizer:
    """Counts one request after the other, away from the event loop."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="torouter-tokenizer")

    async def count(self, texts: Sequence[str]) -> int:
        """The tokens of all texts together; the same for the same texts."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, count_tokens, texts)


def count_tokens(texts: Sequence[str]) -> int:
    """The same at once, for callers that may block."""
    count = _load()
    pieces = [(text, start) for text in texts for start in range(0, len(text), _PIECE_CHARACTERS)]
    step = -(-len(pieces) // _PIECES_LIMIT) or 1
    tokens = seen = 0
    for text, start in pieces[::step]:
        piece = text[start : start + _PIECE_CHARACTERS]
        tokens += count(piece)
        seen += len(piece)
    if step == 1:
        return tokens
    return round(tokens * sum(map(len, texts)) / seen)


@cache
def _load() -> Callable[[str], int]:
    """Of the package only the compiled part: the rest would fill 70 MB with tables that counting does not need."""
    package = find_spec("bpe_openai")
    assert package is not None, "it is among the dependencies"
    spec = PathFinder.find_spec("bpe_openai._bindings", package.submodule_search_locations)
    assert spec is not None, "every wheel has it"
    assert spec.loader is not None
    bindings = module_from_spec(spec)
    spec.loader.exec_module(bindings)
    count: Callable[[str], int] = bindings.tokenizer_for_encoding("o200k_base").count
    return count
