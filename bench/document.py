"""The part of README.md that is measured: between two marks, made from the raw rows, never typed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bench.rows import Machine, Row, read_rows
from bench.table import render, render_costs, render_machine

__all__ = ["FOLDER", "README", "measured_part", "raw_file", "render_report", "write_between", "write_part"]

FOLDER = Path(__file__).parent
README = FOLDER / "README.md"
_BEGIN, _END = "<!-- measured by `python -m bench --write`: begin -->\n", "<!-- measured: end -->\n"
_LINK = "Raw rows: ["


def render_report(raw: Path) -> str:
    """The table, the machine and a link to the raw rows, which must lie in this folder."""
    rows = read_rows(raw)
    link = raw.relative_to(FOLDER).as_posix()
    parts = [render(rows), f"{render_machine(_machine(rows))}\n- {_LINK}{link}]({link})", render_costs(rows)]
    return "\n" + "".join(f"{part}\n\n" for part in parts)


def measured_part(text: str) -> str:
    """What stands between the marks now."""
    return text.partition(_BEGIN)[2].partition(_END)[0]


def raw_file(part: str) -> Path:
    """The raw rows that a measured part names."""
    return FOLDER / part.partition(_LINK)[2].partition("]")[0]


def write_part(raw: Path) -> None:
    write_between(_BEGIN, render_report(raw))


def write_between(begin_mark: str, part: str) -> None:
    """Puts a measured part into README.md, between its own mark and the next end."""
    text = README.read_text("utf-8")
    before, begin, rest = text.partition(begin_mark)
    _, end, after = rest.partition(_END)
    assert begin, "README.md has lost the mark where the measured part begins"
    assert end, "README.md has lost the mark where the measured part ends"
    README.write_text(before + begin + part + end + after, "utf-8")


def _machine(rows: Sequence[Row]) -> Machine:
    return next(row for row in rows if isinstance(row, Machine))
