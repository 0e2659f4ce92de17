"""The table of fates: a section for each dialect of clients, a row for each field, a column for each upstream."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from tests.contract.fates.answer_verdicts import judge_answer
from tests.contract.fates.answers import Element, elements
from tests.contract.fates.probes import Probe, probes
from tests.contract.fates.roots import UNKNOWN
from tests.contract.fates.verdicts import UPSTREAMS, Verdict, judge
from torouter.canon.losses import FAMILIES
from torouter.units import Dialect

__all__ = ["ANSWERS", "DOCUMENT", "REQUESTS", "between", "judged", "judged_answers", "rendered", "rendered_answers"]

DOCUMENT = Path(__file__).parents[3] / "docs" / "translation.md"
REQUESTS = "<!-- fates -->\n", "<!-- end of fates -->\n"
ANSWERS = "<!-- fates of answers -->\n", "<!-- end of fates of answers -->\n"
_READS_ITS_PARTS = frozenset({"moderation"})
"""Objects whose whole is reported, and some part of which is refused."""
_ALIKE = re.compile(r"input\[(additional_tools|tool_search_output)\]\.tools\[")
"""Tools within items have the fates of the tools at the top."""
_WORDS = {"reported": "reported", "refused": "**refused**", "error": "**error**", "hint": "hint", "no-op": "no-op"}
_MOST_TARGETS = 3

Row = tuple[Probe, dict[Dialect, Verdict]]


@cache
def judged(dialect: Dialect) -> tuple[Row, ...]:
    """Each probe of a client's dialect with its verdicts."""
    others = [upstream for upstream in UPSTREAMS if upstream != dialect]
    verdicts: dict[tuple[str, str], dict[Dialect, Verdict]] = {}

    def ask(probe: Probe) -> dict[Dialect, Verdict]:
        key = probe.shown, probe.form
        if key not in verdicts:
            verdicts[key] = {upstream: judge(probe, upstream) for upstream in others}
        return verdicts[key]

    def is_dead(probe: Probe) -> bool:
        return probe.shown not in _READS_ITS_PARTS and all(verdict.is_whole for verdict in ask(probe).values())

    return tuple((probe, ask(probe)) for probe in probes(dialect, is_dead))


def between(text: str, marks: tuple[str, str]) -> tuple[str, str, str]:
    """What stands before the marks' inside, inside, and after."""
    begin, end = marks
    head, _, rest = text.partition(begin)
    inside, _, tail = rest.partition(end)
    return head + begin, inside, end + tail


def rendered() -> str:
    """What of the document is about requests."""
    return "\n".join(_section(dialect) for dialect in UPSTREAMS)


def rendered_answers() -> str:
    """The same of answers: a section for each dialect of upstreams, a column for each client's."""
    return "\n".join(_answers(dialect) for dialect in UPSTREAMS)


@cache
def judged_answers(upstream: Dialect) -> tuple[tuple[Element, dict[Dialect, Verdict]], ...]:
    clients = [client for client in UPSTREAMS if client != upstream]
    return tuple(
        (element, {client: judge_answer(element, client) for client in clients}) for element in elements(upstream)
    )


def _answers(upstream: Dialect) -> str:
    clients = [client for client in UPSTREAMS if client != upstream]
    head = ["element", *(f"for {FAMILIES[client]}" for client in clients)]
    told = {
        element.shown: [_told(verdicts[client]) for client in clients] for element, verdicts in judged_answers(upstream)
    }
    lines = [_line(head), _line(["---"] * len(head)), *(_line([name, *cells]) for name, cells in _merged(told))]
    return "\n".join([f"### Of {FAMILIES[upstream]}", "", *lines, ""])


def _section(dialect: Dialect) -> str:
    others = [upstream for upstream in UPSTREAMS if upstream != dialect]
    head = ["field", *(f"to {FAMILIES[upstream]}" for upstream in others)]
    rows: dict[str, list[Row]] = {}
    for probe, verdicts in judged(dialect):
        if not probe.shown.endswith(f".{UNKNOWN}") and not _ALIKE.match(probe.shown):
            rows.setdefault(probe.shown, []).append((probe, verdicts))
    told = {shown: [_cell(forms, upstream) for upstream in others] for shown, forms in rows.items()}
    lines = [_line(head), _line(["---"] * len(head)), *(_line([name, *cells]) for name, cells in _merged(told))]
    return "\n".join([f"### From {FAMILIES[dialect]}", "", *lines, ""])


def _merged(told: dict[str, list[str]]) -> Iterable[tuple[str, list[str]]]:
    """Neighbours within one object that share their fates share a row."""
    names: list[str] = []
    before: tuple[str, list[str]] | None = None
    for shown, cells in told.items():
        parent = shown.rpartition(".")[0], cells
        if names and parent != before:
            yield _names(names), before[1] if before else []
            names = []
        names.append(shown)
        before = parent
    if before is not None:
        yield _names(names), before[1]


def _names(names: list[str]) -> str:
    first, *others = names
    return ", ".join([f"`{first}`", *(f"`{name.rpartition('.')[2]}`" for name in others)])


def _cell(forms: list[Row], upstream: Dialect) -> str:
    """One fate, or one for each group of values."""
    grouped: dict[str, list[str]] = {}
    for probe, verdicts in forms:
        grouped.setdefault(_told(verdicts[upstream]), []).append(probe.form)
    if len(grouped) == 1:
        return next(iter(grouped))
    return "; ".join(f"{_values(values)}: {told}" for told, values in grouped.items())


def _values(values: list[str]) -> str:
    return ", ".join(f"`{value}`" for value in values if value) or "else"


def _told(verdict: Verdict) -> str:
    if verdict.fate == "mapped" and not verdict.detail:
        return "said"
    if verdict.fate == "mapped":
        return f"→ {_targets(verdict.detail.replace('`', '').split(', '))}"
    if verdict.fate == "answer":
        return "shapes the answer"
    word = _WORDS[verdict.fate]
    return f"{word}: {verdict.detail}" if verdict.detail else word


def _targets(paths: list[str]) -> str:
    """The places, or the one that they all are in."""
    if len(paths) > _MOST_TARGETS:
        steps = list(zip(*(path.split(".") for path in paths), strict=False))
        shared = [each[0] for each in itertools.takewhile(lambda each: len(set(each)) == 1, steps)]
        paths = [".".join(shared)] if shared else [*paths[:_MOST_TARGETS], "…"]
    return ", ".join(f"`{path}`" for path in paths)


def _line(cells: list[str]) -> str:
    text = " | ".join(cell.replace("|", "&#124;") for cell in cells)
    return f"| {text} |"
