"""State of other providers, taken out of a body that goes to an upstream of the client's own dialect.

Such an upstream can have issued none of what is in a capsule, and would refuse the request for it. Everything else
leaves as it came, to the byte. A body without the mark of a capsule costs one search.
"""

from __future__ import annotations

from collections.abc import Callable

from torouter.canon.capsule import MARK, is_capsule
from torouter.canon.losses import Loss, LossLog
from torouter.codecs.figures import decoded
from torouter.codecs.splice import edit, edit_elements, values_of
from torouter.units import Dialect

__all__ = ["Withdrawal", "holds_capsule"]

Change = Callable[[str, bytes], bytes | None]
"""(path of an object, its bytes) → what becomes of it; `None`: it goes."""


def holds_capsule(values: dict[str, bytes], *names: str) -> bool:
    """Is one of these members a capsule?"""
    found = (decoded(values[name]) for name in names if MARK in values.get(name, b""))
    return any(isinstance(value, str) and is_capsule(value) for value in found)


class Withdrawal:
    """One body's. Only objects that hold the mark are looked at."""

    def __init__(self, dialect: Dialect) -> None:
        self._log = LossLog(dialect)

    @property
    def losses(self) -> tuple[Loss, ...]:
        return self._log.losses()

    def report(self, path: str) -> None:
        self._log.report_once(path, "dropped", "reasoning goes back only to the provider that issued it")

    def within(self, text: bytes, path: str, name: str, change: Change) -> bytes:
        """The object with the elements of its list `name` as `change` makes them. A list that loses its last element
        goes as well."""
        value = values_of(text).get(name, b"")
        if not value.startswith(b"[") or MARK not in value:
            return text

        def changed(index: int, element: bytes) -> bytes | None:
            if MARK not in element or not element.startswith(b"{"):
                return element
            return change(f"{path}.{name}.{index}" if path else f"{name}.{index}", element)

        left = edit_elements(value, changed)
        return text if left == value else edit(text, {name: left if left.strip(b"[] \t\r\n") else None})
