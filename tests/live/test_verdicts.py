"""The verdict table, row by row, seen from outside: every fault × whole and streamed × the client's own dialect and a
translation × with another channel and without. The client is an official SDK."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from tests.live.faults import FIRST
from tests.live.scripted import FIRST_TEXT, SECOND_TEXT, Cell, Played, Row, played, rows
from tests.live.upstream import Upstream

pytestmark = pytest.mark.alone

Results = Mapping[str, Played]

EACH_ROW = pytest.mark.parametrize("row", rows(), ids=lambda row: row.name)

SDK_PACKAGES = {"openai-chat": "openai", "openai-responses": "openai", "anthropic": "anthropic", "gemini": "google"}


@pytest.fixture(scope="module")
def results(request: pytest.FixtureRequest, upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Results:
    """Of all rows that this run has tests for, played at once."""
    told = [getattr(item, "callspec", None) for item in request.session.items]
    given = [spec.params.get("row") for spec in told if spec]
    chosen = {row.name: row for row in given if isinstance(row, Row)}
    every = [cell for row in chosen.values() for cell in row.cells]
    return played(tmp_path_factory.mktemp("verdicts"), upstream, every)


def _assert_each(row: Row, results: Results, complaint: Callable[[Cell, Played], str]) -> None:
    """All eight pairs of dialects, and those that are wrong by name."""
    told = [f"{cell.model}: {said}" for cell in row.cells if (said := complaint(cell, results[cell.model]))]
    assert not told, "\n".join(told)


@EACH_ROW
def test_what_the_caller_sees(row: Row, results: Results) -> None:
    """A normal answer, or the SDK's own exception; never half of one as if it were whole, never two in one."""
    _assert_each(row, results, _seen_wrongly)


def _seen_wrongly(cell: Cell, found: Played) -> str:
    outcome, fate = found.outcome, cell.end.fate
    texts = {"elsewhere": (SECOND_TEXT,), "itself": (FIRST_TEXT,), "anyone": (FIRST_TEXT, SECOND_TEXT)}
    if fate in texts:
        return "" if outcome.is_answer and outcome.text in texts[fate] else f"not answered: {outcome}"
    if outcome.error is None or outcome.is_whole:
        return f"no error: {outcome}"
    if not isinstance(outcome.error, str) and not _is_of_the_sdk(outcome.error, cell.client):
        return f"not the SDK's: {outcome.error!r}"
    if fate == "told":
        return "" if outcome.status in cell.end.statuses and not outcome.text else f"told otherwise: {outcome}"
    return "" if _is_begun(outcome.text) else f"other text: {outcome}"


def _is_of_the_sdk(error: Exception, dialect: str) -> bool:
    return type(error).__module__.startswith(SDK_PACKAGES[dialect])


def _is_begun(text: str) -> bool:
    """Words of the first channel only. (One of the faults has it say them again and again.)"""
    left = text
    while left and (word := next((each for each in FIRST if left.startswith(each)), "")):
        left = left.removeprefix(word)
    return bool(text) and not left


@EACH_ROW
def test_who_was_asked(row: Row, results: Results) -> None:
    _assert_each(row, results, _asked_wrongly)


def _asked_wrongly(cell: Cell, found: Played) -> str:
    least, most = cell.end.visits
    if not least <= len(found.first) <= most:
        return f"{len(found.first)} times, not {least} to {most}"
    wanted = {"elsewhere": (1,), "anyone": (0, 1)}.get(cell.end.fate, (0,))
    return "" if len(found.second) in wanted else f"the second: {len(found.second)} times"


@EACH_ROW
def test_what_is_on_the_books(row: Row, results: Results) -> None:
    """One request, and each attempt with the channel's name and the word for what was wrong with it."""
    _assert_each(row, results, _booked_wrongly)


def _booked_wrongly(cell: Cell, found: Played) -> str:
    usage, attempts = found.record.usage, found.record.attempts
    asked = len(found.first) + len(found.second) - found.resent
    if not attempts or (cell.fault.place == "upstream" and len(attempts) != asked):
        return f"{len(attempts)} attempts on {asked} visits"
    if usage.retries != len(attempts) - 1 or [each.attempt for each in attempts] != list(range(1, len(attempts) + 1)):
        return f"{usage.retries} retries, attempts {[each.attempt for each in attempts]}"
    last = f"second-{cell.upstream}" if found.second else cell.first
    if (attempts[0].channel, attempts[-1].channel, usage.channel) != (cell.first, last, last):
        return f"channels {found.record.channels}, {usage.channel}"
    failed = attempts if cell.end.fate == "told" else attempts[:-1]
    if not {each.left_for for each in failed} <= set(cell.fault.words):
        return f"left for {[each.left_for for each in failed]}"
    if not all(each.picked for each in attempts):
        return f"picked for {[each.picked for each in attempts]}"
    is_good = usage.outcome == attempts[-1].outcome == "ok"
    return "" if is_good == found.outcome.is_answer else f"outcome {usage.outcome}, {attempts[-1].outcome}"
