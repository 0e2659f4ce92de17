"""The verdict table, row by row, seen from outside: every fault × whole and streamed × the client's own dialect and a
translation × with another channel and without. The client is an official SDK."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest

from tests.live.scripted import FIRST_TEXT, SECOND_TEXT, Cell, Played, cells, played
from tests.live.upstream import Upstream

Results = Mapping[str, Played]

EACH_CELL = pytest.mark.parametrize("cell", list(cells()), ids=lambda cell: cell.model)

SDK_PACKAGES = {"openai-chat": "openai", "openai-responses": "openai", "anthropic": "anthropic", "gemini": "google"}


@pytest.fixture(scope="module")
def results(
    request: pytest.FixtureRequest, upstream: Upstream, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Results]:
    """Of all cells that this run has tests for, played at once."""
    params = [item.callspec.params for item in request.session.items if isinstance(item, pytest.Function) and hasattr(item, "callspec")]
    chosen = {told["cell"].model: told["cell"] for told in params if isinstance(told.get("cell"), Cell)}
    with played(tmp_path_factory.mktemp("verdicts"), upstream, chosen.values()) as found:
        yield found


@EACH_CELL
def test_what_the_caller_sees(cell: Cell, results: Results) -> None:
    """A normal answer, or the SDK's own exception; never half of one as if it were whole, never two in one."""
    outcome = results[cell.model].outcome
    texts = {"elsewhere": (SECOND_TEXT,), "itself": (FIRST_TEXT,), "anyone": (FIRST_TEXT, SECOND_TEXT)}
    if wanted := texts.get(cell.end.fate):
        assert outcome.is_answer, outcome
        assert outcome.text in wanted
        return
    assert outcome.error is not None, "an error that looks like an answer"
    assert isinstance(outcome.error, str) or type(outcome.error).__module__.startswith(SDK_PACKAGES[cell.client])
    if cell.end.fate == "told":
        assert outcome.text == ""
        assert outcome.status in cell.end.statuses, outcome.error
    else:
        assert not outcome.is_whole, "an answer that was cut has a normal end"
        assert _is_begun(outcome.text), outcome.text


def _is_begun(text: str) -> bool:
    """Text of the first channel only. (A fault may have said its words again and again.)"""
    return bool(text) and (FIRST_TEXT * 5).startswith(text)


@EACH_CELL
def test_who_was_asked(cell: Cell, results: Results) -> None:
    least, most = cell.end.visits
    found = results[cell.model]
    assert least <= len(found.first) <= most
    if cell.end.fate != "anyone":
        assert len(found.second) == (1 if cell.end.fate == "elsewhere" else 0)


@EACH_CELL
def test_what_is_on_the_books(cell: Cell, results: Results) -> None:
    """One request, each attempt with the channel's name and the word for what was wrong with it."""
    found = results[cell.model]
    usage, attempts = found.record.usage, found.record.attempts
    asked = len(found.first) + len(found.second)
    if cell.fault.place == "upstream":
        assert len(attempts) == asked
    assert len(attempts) >= 1
    assert usage.retries == len(attempts) - 1
    assert [attempt.attempt for attempt in attempts] == list(range(1, len(attempts) + 1))
    assert attempts[0].channel == cell.first
    if len(found.second):
        assert (usage.channel, attempts[-1].channel) == (f"second-{cell.upstream}", f"second-{cell.upstream}")
    failed = attempts if cell.end.fate in ("told", "broken") else attempts[:-1]
    assert {attempt.left_for for attempt in failed} <= set(cell.fault.words)
    assert (usage.outcome == "ok") == found.outcome.is_answer
