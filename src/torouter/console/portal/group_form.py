"""The form of a group: from its fields to what the office takes, and back."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from torouter.accounts.office.forms import FallbacksForm
from torouter.accounts.office.views import GroupView
from torouter.console.portal.fields import Fields, lines, money, whole
from torouter.console.portal.key_form import COUNTS, Problem, problem_of
from torouter.errors import RequestError

__all__ = ["BLANK", "DEFAULTS", "named_fields", "shown_fields", "whose_problem"]

DEFAULTS: Final = ("cap_usd", *COUNTS)
_CAUSES: Final = FallbacksForm.__struct_fields__

BLANK: Final = {
    "name": "",
    "platform": "",
    "billing": "balance",
    "multiplier": "1",
    "models": "",
    "more_models": "",
    **dict.fromkeys(DEFAULTS, ""),
    "on_cut": "error",
    **dict.fromkeys(_CAUSES, ""),
}


def named_fields(form: Fields, before: Fields | None = None) -> dict[str, Any]:
    """What the form says, by the office's names. Lists that are as they were shown are not named, so that names which
    cannot be written in them stay. Raises `RequestError`."""
    said: dict[str, Any] = {
        "name": form.get("name", ""),
        "platform": form.get("platform", "").strip(),
        "billing": form.get("billing", ""),
        "multiplier": form.get("multiplier", "").strip() or "1",
        "on_cut": form.get("on_cut", ""),
        "defaults": {
            "cap_usd": money(form.get("cap_usd", "")) or "0",
            **{name: whole(form.get(name, ""), name) for name in COUNTS},
        },
    }
    if not _is_same(form, before, "models", "more_models"):
        said["models"] = lines(form.get("models", "")) + lines(form.get("more_models", ""))
    if not _is_same(form, before, *_CAUSES):
        said["fallbacks"] = _fallbacks(form)
    return said


def shown_fields(group: GroupView) -> dict[str, str]:
    return {
        "name": group.name,
        "platform": group.platform,
        "billing": group.billing,
        "multiplier": group.multiplier,
        "models": "\n".join(group.models),
        "more_models": "",
        "cap_usd": "" if group.defaults.cap_usd == "0.00" else group.defaults.cap_usd,
        **{name: str(getattr(group.defaults, name) or "") for name in COUNTS},
        "on_cut": group.on_cut,
        **{
            cause: "\n".join(
                f"{model} = {', '.join(causes[cause])}" for model, causes in group.fallbacks.items() if cause in causes
            )
            for cause in _CAUSES
        },
    }


def whose_problem(error: RequestError) -> Problem:
    """The field of this form that the office's path means."""
    path = error.param or ""
    cause = next((cause for cause in _CAUSES if path.startswith("fallbacks") and cause in path), None)
    if cause is not None or path.startswith("fallbacks"):
        return Problem(cause or _CAUSES[0], 0, error.message)
    found = problem_of(error)
    return replace(found, field=path.removeprefix("defaults.")) if path.startswith("defaults.") else found


def _is_same(form: Fields, before: Fields | None, *names: str) -> bool:
    """Browsers end lines in their own way."""
    return before is not None and all(form.get(name, "").splitlines() == before[name].splitlines() for name in names)


def _fallbacks(form: Fields) -> dict[str, dict[str, list[str]]]:
    found: dict[str, dict[str, list[str]]] = {}
    for cause in _CAUSES:
        for number, line in enumerate(form.get(cause, "").splitlines()):
            model, equals, others = (part.strip() for part in line.partition("="))
            if not line.strip():
                continue
            if not model or not equals or not lines(others):
                raise RequestError(f"{cause}: expected a line such as gpt-5 = gpt-5-mini.", param=f"{cause}[{number}]")
            found.setdefault(model, {}).setdefault(cause, []).extend(lines(others))
    return found
