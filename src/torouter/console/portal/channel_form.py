"""The form of a channel: from its fields to what the office takes, and back. Keys are in none of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from torouter.accounts.office.channel_views import ChannelView, ModelView
from torouter.console.portal.fields import Fields, lines
from torouter.console.portal.key_form import Problem, problem_of
from torouter.errors import RequestError
from torouter.units import DIALECTS

__all__ = ["BLANK", "DEADLINES", "RARE", "channel_problem", "named_fields", "shown_fields", "typed_fields"]

DEADLINES: Final = ("connect_s", "head_s", "first_token_s", "idle_s", "total_s")
RARE: Final = ("dialects", "queue_s", "hedge", "probe_s", "on_cut", *DEADLINES)
"""What stands folded away."""
_WHOLE: Final = re.compile(r"-?[0-9]{1,9}")
_DECIMAL: Final = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9})?")
_CHOICES: Final[Mapping[str, bool | None]] = {"": None, "yes": True, "no": False}

BLANK: Final[Mapping[str, str]] = dict.fromkeys(
    (
        *("name", "kind", "base_url", "models", "groups", "priority", "weight", "concurrency"),
        *RARE,
    ),
    "",
)


def typed_fields(form: Fields) -> dict[str, str]:
    """All but the keys, as it was typed. Each dialect has a box of its own."""
    typed = {name: form.get(name, "").replace("\r\n", "\n") for name in BLANK}
    typed["dialects"] = ",".join(name for name in DIALECTS if form.get(f"dialect.{name}"))
    return typed


def shown_fields(channel: ChannelView) -> dict[str, str]:
    deadlines = channel.deadlines or {}
    return {
        "name": channel.name,
        "kind": channel.kind,
        "base_url": channel.base_url or "",
        "models": "\n".join(_line(name, said) for name, said in (channel.models or {}).items()),
        "groups": "\n".join(channel.groups or ()),
        "dialects": ",".join(name for name in DIALECTS if name in (channel.dialects or ())),
        "on_cut": channel.on_cut or "",
        "hedge": {None: "", True: "yes", False: "no"}[channel.hedge],
        **{name: _number(getattr(channel, name)) for name in ("priority", "weight", "concurrency")},
        **{name: _number(getattr(channel, name)) for name in ("queue_s", "probe_s")},
        **{name: _number(deadlines.get(name)) for name in DEADLINES},
    }


def named_fields(typed: Mapping[str, str], shown: Mapping[str, str] | None = None) -> dict[str, Any]:
    """What the form says, by the office's names. Of a channel that is there, what stands as it was `shown` is not
    named, so that it stays exactly as it is. Raises `RequestError`."""
    changed = [name for name in BLANK if shown is None or typed[name].strip() != shown[name].strip()]
    said = {name: _READERS[name](typed[name].strip(), name) for name in changed}
    deadlines = {name: said.pop(name) for name in DEADLINES if name in said}
    return said | ({"deadlines": deadlines} if deadlines else {})


def channel_problem(error: RequestError) -> Problem:
    """At the field, where the office names one within others."""
    outer, _, inner = (error.param or "").partition(".")
    if outer == "deadlines" and inner in DEADLINES:
        return Problem(inner, 0, error.message)
    if outer.startswith("credentials") or outer == "api_key":
        return Problem("credential_name" if inner == "name" else "api_key", 0, error.message)
    return problem_of(error)


def _line(name: str, said: str | ModelView) -> str:
    theirs = said if isinstance(said, str) else said.model
    text = name if theirs == name and "=" not in name else f"{name} = {theirs}"
    deadlines = {} if isinstance(said, str) else said.deadlines
    told = " ".join(f"{deadline}={_number(seconds)}" for deadline, seconds in deadlines.items())
    return f"{text} ; {told}" if told else text


def _models(text: str, field: str) -> dict[str, Any] | None:
    """A line each: `fast = gpt-5-mini`, or one name for both; behind a semicolon the model's own deadlines."""
    found: dict[str, Any] = {}
    for number, line in enumerate(text.split("\n")):
        if not line.strip():
            continue
        names, _, told = line.partition(";")
        client, _, theirs = names.partition(" = " if " = " in names else "=")
        client, theirs = client.strip(), theirs.strip() or client.strip()
        if not client or client in found:
            raise _refused(f"{field}[{number}]", "expected a name that stands here once")
        deadlines = _deadlines(told, f"{field}[{number}]")
        found[client] = {"model": theirs, "deadlines": deadlines} if deadlines else theirs
    return found or None


def _deadlines(text: str, field: str) -> dict[str, float]:
    pairs = [pair.partition("=") for pair in text.replace(",", " ").split()]
    if any(name not in DEADLINES for name, _, _ in pairs):
        raise _refused(field, f"behind the semicolon expected some of {', '.join(DEADLINES)}, such as idle_s=20")
    return {name: _decimal(seconds, field) or 0.0 for name, _, seconds in pairs}


def _text(text: str, field: str) -> str | None:
    return text or None


def _required(text: str, field: str) -> str:
    return text


def _whole(text: str, field: str) -> int | None:
    if text and not _WHOLE.fullmatch(text):
        raise _refused(field, "expected a whole number")
    return int(text) if text else None


def _decimal(text: str, field: str) -> float | None:
    if text and not _DECIMAL.fullmatch(text):
        raise _refused(field, "expected a number of seconds such as 2.5")
    return float(text) if text else None


def _choice(text: str, field: str) -> bool | None:
    return _CHOICES.get(text)


def _names(text: str, field: str) -> list[str] | None:
    return lines(text) or None


def _refused(field: str, expected: str) -> RequestError:
    return RequestError(f"{field}: {expected}.", param=field)


def _number(number: float | None) -> str:
    return "" if number is None else repr(number).removesuffix(".0")


_READERS: Final[Mapping[str, Callable[[str, str], Any]]] = {
    "name": _required,
    "kind": _required,
    "base_url": _text,
    "models": _models,
    "groups": _names,
    "dialects": _names,
    "on_cut": _text,
    "hedge": _choice,
    **dict.fromkeys(("priority", "weight", "concurrency"), _whole),
    **dict.fromkeys(("queue_s", "probe_s", *DEADLINES), _decimal),
}
