"""What upstreams say is what callers hear, through the vendors' own SDKs."""

from __future__ import annotations

import pytest

from tests.contract.matrix.asks.ask import A, C, G, R, chat, gemini, messages, responses
from tests.contract.matrix.cells import CELLS, FRAMINGS, Cell, Framing, Stage
from tests.contract.matrix.hearing import heard
from tests.contract.matrix.tells import TELLS, Tell, expected

ASKED = {
    C: chat("hi"),
    R: responses("hi", reasoning={"summary": "auto"}),
    A: messages("hi", thinking={"type": "adaptive", "display": "summarized"}),
    G: gemini("hi", generationConfig={"thinkingConfig": {"includeThoughts": True}}),
}
"""Each client asks to see the thought, where its dialect lets it."""


@pytest.mark.parametrize("framing", FRAMINGS)
@pytest.mark.parametrize("cell", CELLS, ids=str)
@pytest.mark.parametrize("tell", TELLS, ids=lambda tell: tell.name)
def test_what_is_heard(stage: Stage, tell: Tell, cell: Cell, framing: Framing) -> None:
    besides = tell.asks.get(cell.client, {}) if cell.upstream in tell.asks else {}
    asked = stage.play(cell, framing, {**ASKED[cell.client], **besides}, tell.said)
    assert asked.reply.status == 200, asked.reply.body
    assert heard(cell.client, framing, asked.reply.body) == expected(tell, cell)
