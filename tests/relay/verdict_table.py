"""The verdict table as docs/failover.md shows it. `python -m tests.relay.verdict_table` writes it there."""

from __future__ import annotations

from pathlib import Path

from torouter.relay.verdict import TABLE, Row

__all__ = ["DOCUMENT", "MARKS", "rendered"]

DOCUMENT = Path(__file__).parents[2] / "docs" / "failover.md"
MARKS = "<!-- verdicts -->\n", "<!-- end of verdicts -->\n"

_HEAD = "| what happened | word | then | blamed | same again | other models |\n|---|---|---|---|---|---|\n"
_STEPS = {None: "**its answer is the answer**", "next_credential": "next credential", "next_channel": "next channel"}
_BLAMED = {"nobody": "–", "credential": "the credential", "model": "the model at this credential", "channel": "channel"}
_AGAIN = {"no": "no", "alone": "if it is the only one", "yes": "yes"}
_OTHERS = {None: "no", "context_length": "`context_length`", "outage": "`outage`"}


def rendered() -> str:
    return _HEAD + "".join(map(_line, TABLE))


def _line(row: Row) -> str:
    blamed = _BLAMED[row.blame]
    if row.blame != "nobody":
        blamed += ", at once" if row.is_sudden else ", after some"
    assert row.step != "again", "what a table lets follow is another candidate"
    cells = row.about, f"`{row.name}`", _STEPS[row.step], blamed, _AGAIN[row.again], _OTHERS[row.fallback]
    return f"| {' | '.join(cells)} |\n"


def written(text: str) -> str:
    """The document with the table of today."""
    begin, end = MARKS
    head, _, rest = text.partition(begin)
    _, _, tail = rest.partition(end)
    return f"{head}{begin}{rendered()}{end}{tail}"


if __name__ == "__main__":
    DOCUMENT.write_text(written(DOCUMENT.read_text("utf-8")), "utf-8")
