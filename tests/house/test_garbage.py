"""No request leaves anything for the garbage collector: what holds itself is found only by going through all there is,
and until then it is memory."""

from __future__ import annotations

import gc
from pathlib import Path

import pytest
import uvloop
from bench.cells import exchange
from bench.in_process import KEY, PEPPER, measure

from torouter.accounts import ensure_first
from torouter.store import Store
from torouter.units import DIALECTS, Dialect

REQUESTS = 10
PIECES = 10
PAIRS = [*zip(DIALECTS, DIALECTS, strict=True), *zip(DIALECTS, DIALECTS[1:] + DIALECTS[:1], strict=True)]
"""Each dialect over its own, and over another."""


@pytest.mark.parametrize(("client", "upstream"), PAIRS)
def test_a_request_leaves_nothing_behind_that_holds_itself(tmp_path: Path, client: Dialect, upstream: Dialect) -> None:
    for is_stream in (False, True):
        assert left_behind(tmp_path, client, upstream, is_stream=is_stream) == []


def left_behind(folder: Path, client: Dialect, upstream: Dialect, *, is_stream: bool) -> list[str]:
    """Kinds of our own objects that reference counting alone has not freed."""
    with Store.open(folder) as store:
        ensure_first(store, PEPPER, KEY)
        gc.collect()
        gc.disable()
        try:
            asked = exchange(client, upstream, is_stream=is_stream)
            uvloop.run(measure(store, asked, REQUESTS, PIECES if is_stream else 0))
            gc.set_debug(gc.DEBUG_SAVEALL)
            gc.collect()
            return sorted({type(each).__name__ for each in gc.garbage if type(each).__module__.startswith("torouter")})
        finally:
            gc.set_debug(0)
            gc.garbage.clear()
            gc.enable()
