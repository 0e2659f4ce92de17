"""What callers ask for is what upstreams are asked."""

from __future__ import annotations

import pytest

from tests.contract.matrix.asks import ASKS, Ask, Refused, Reported
from tests.contract.matrix.cells import CELLS, FRAMINGS, Cell, Framing, Stage, faults
from tests.contract.matrix.matching import difference
from tests.contract.matrix.vendors import Said

SAID = [(ask, cell) for ask in ASKS for cell in CELLS if cell.client in ask.said]


@pytest.mark.parametrize("framing", FRAMINGS)
@pytest.mark.parametrize(("ask", "cell"), SAID, ids=[f"{ask.name}-{cell}" for ask, cell in SAID])
def test_what_is_asked(stage: Stage, ask: Ask, cell: Cell, framing: Framing) -> None:
    asked = stage.play(cell, framing, ask.said[cell.client], Said(text="ok"))
    fate = ask.fate(cell)
    if isinstance(fate, Refused):
        assert asked.body is None
        assert asked.reply.status == 400
        assert f"`{fate.field}`" in str(asked.reply.error["message"])
        return
    assert asked.body is not None, asked.reply.body
    assert asked.reply.status == 200
    assert faults(cell.upstream, asked.body) == []
    problem = difference(ask.pattern(cell), asked.body)
    assert problem is None
    assert asked.losses == list(fate.fields if isinstance(fate, Reported) else ())
