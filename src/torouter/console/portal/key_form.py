"""The form of a key: from its fields to what the office takes, and back."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

from torouter.accounts.office.views import KeyView
from torouter.console.portal.fields import Fields, day_ends, lines, money, whole
from torouter.console.portal.shown import last_day
from torouter.console.portal.words import Words
from torouter.errors import RequestError, StoreError

__all__ = [
    "BLANK",
    "COUNTS",
    "Problem",
    "named_fields",
    "one_field",
    "problem_of",
    "said",
    "shown_fields",
    "taken",
]

COUNTS: Final = ("limit_5h", "limit_1d", "limit_7d", "rpm", "tpm", "concurrency")
_LISTS: Final = ("models", "ip_allow", "ip_deny")
_CHOICES: Final = ("is_strict", "keep_responses")
_THREE: Final = {"": None, "yes": True, "no": False}
_PARAM: Final = re.compile(r"(\w+)(?:\[(\d+)\])?.*", re.DOTALL)

BLANK: Final = {
    "name": "",
    "group": "default",
    "expires_on": "",
    "cap_usd": "",
    **dict.fromkeys((*COUNTS, *_LISTS, *_CHOICES), ""),
    "on_hangup": "",
}


@dataclass(frozen=True, slots=True)
class Problem:
    """`line` counts from 1, in a field of several; 0 elsewhere."""

    field: str
    line: int
    message: str


def named_fields(form: Fields, before: Fields | None = None) -> dict[str, Any]:
    """What the form says, by the office's names. A day that is the one that was shown is not named, so that an end
    within it stays. Raises `RequestError`."""
    said: dict[str, Any] = {"name": form.get("name", ""), "group": form.get("group") or "default"}
    said["cap_usd"] = money(form.get("cap_usd", "")) or "0"
    said |= {name: whole(form.get(name, ""), name) for name in COUNTS}
    said |= {name: lines(form.get(name, "")) for name in _LISTS}
    said |= {name: _THREE.get(form.get(name, "")) for name in _CHOICES}
    said["on_hangup"] = form.get("on_hangup") or None
    expires_on = form.get("expires_on", "")
    if before is None or expires_on != before["expires_on"]:
        said["expires_at"] = day_ends(expires_on, "expires_on")
    return said


def shown_fields(key: KeyView) -> dict[str, str]:
    return {
        "name": key.name,
        "group": key.group,
        "expires_on": last_day(key.expires_at),
        "cap_usd": "" if key.cap_usd == "0.00" else key.cap_usd,
        **{name: str(getattr(key, name) or "") for name in COUNTS},
        **{name: "\n".join(getattr(key, name)) for name in _LISTS},
        **{name: {None: "", True: "yes", False: "no"}[getattr(key, name)] for name in _CHOICES},
        "on_hangup": key.on_hangup or "",
    }


def one_field(form: Fields, field: str) -> dict[str, Any]:
    """What the form says in one of its fields, by the office's names, as if the rest were as in a new form. Raises
    `RequestError`."""
    named = named_fields({**BLANK, field: form.get(field, "")})
    name = "expires_at" if field == "expires_on" else field
    return {name: named[name]}


def said(problem: Problem, words: Words) -> str:
    """In the reader's language, where somebody has put it into words."""
    text = words.named("problem.key", problem.field)
    text = problem.message if text == problem.field else text
    return f"{words('problem.line', line=problem.line)} {text}" if problem.line else text


def problem_of(error: RequestError) -> Problem:
    found = _PARAM.fullmatch(error.param or "")
    if found is None:
        return Problem("", 0, error.message)
    return Problem(found[1], int(found[2]) + 1 if found[2] else 0, error.message)


def taken(error: StoreError) -> Problem:
    """Of a name that something else has; whatever else the store says is raised."""
    if error.kind != "conflict":
        raise error
    return Problem("name", 0, error.message)
