"""What a form may not be, in words: the field first, then what was expected of it."""

from __future__ import annotations

import re
from typing import Any, Final, TypeVar

import msgspec

from torouter.accounts.dollars import SIGNED_PATTERN, UNSIGNED_PATTERN
from torouter.accounts.office.channel_forms import KEY_PATTERN, LABEL_PATTERN
from torouter.accounts.office.fields import MULTIPLIER_PATTERN
from torouter.accounts.office.forms import PLAIN_PATTERN, SHOWN_PATTERN, STATUS_PATTERN
from torouter.errors import RequestError

__all__ = ["filled", "refused"]

T = TypeVar("T")

_AT: Final = re.compile(r"^(.*?)(?: - at `\$\.?(.*)`)?$", re.DOTALL)
_NAMED: Final = re.compile(r"(?:missing required|unknown) field `([^`]*)`")
_WORDS: Final = {
    UNSIGNED_PATTERN: "expected US dollars such as 12.50, below a million, with at most nine decimals, as text",
    SIGNED_PATTERN: "expected US dollars such as -12.50, below a million, with at most nine decimals, as text",
    MULTIPLIER_PATTERN: "expected a number such as 1.25, below 10000 and with at most six decimals, as text",
    SHOWN_PATTERN: "expected text on one line, and not only spaces",
    PLAIN_PATTERN: "expected text on one line",
    STATUS_PATTERN: "expected an HTTP status such as 429, or a class of them, 4xx or 5xx",
    KEY_PATTERN: "expected a key of printable ASCII characters without spaces or line ends",
    LABEL_PATTERN: "expected at most 40 letters, digits and . _ - / @, and no key",
}


def filled(kind: type[T], named: Any) -> T:
    """A form of what was named. Raises `RequestError`."""
    try:
        return msgspec.convert(named, kind)
    except msgspec.ValidationError as error:
        raise refused(error) from error


def refused(error: msgspec.ValidationError) -> RequestError:
    found = _AT.match(str(error))
    assert found is not None
    sentence, path = found[1], found[2] or ""
    named = _NAMED.search(sentence)
    param = ".".join(part for part in (path, named[1] if named else "") if part)
    return RequestError(f"{param}: {_said(sentence)}." if param else f"{_said(sentence)}.", param=param or None)


def _said(sentence: str) -> str:
    """msgspec's words; ours where a pattern or a field's name would be all that they say."""
    if "missing required field" in sentence:
        return "it is missing"
    if "contains unknown field" in sentence:
        return "there is no such field"
    shown = sentence.replace("\\\\", "\\")  # as Python would write the pattern
    return next((words for pattern, words in _WORDS.items() if pattern in shown), sentence)
