"""Before it is so: what is wrong with a key's form while it is filled in, and whether a request would pass."""

from __future__ import annotations

from typing import Final

from starlette.responses import JSONResponse, Response

from torouter.accounts.office.forms import KeyEdit, NewKey
from torouter.accounts.office.refused import filled
from torouter.console.portal.catalogue import ENDPOINTS, names_for
from torouter.console.portal.fields import lines
from torouter.console.portal.key_form import BLANK, one_field, problem_of, said
from torouter.console.portal.trying import Verdict, read_tried, shown_tried, verdict
from torouter.console.portal.views.keys import MOST_NAMES, find_key
from torouter.console.portal.visit import Visit
from torouter.errors import RequestError

__all__ = ["check_key", "try_key"]

_MOST_NAMED: Final = 5


def check_key(visit: Visit) -> Response:
    """For a script: what the form would be refused for, by field, found by the rules that hold when it is sent; and
    what is no fault but worth a word. Writes nothing."""
    problems = {field: wrong for field in BLANK if (wrong := _wrong(visit, field)) is not None}
    notes = {} if "models" in problems else _notes(visit)
    return JSONResponse({"problems": problems, "notes": notes})


def try_key(visit: Visit) -> Response:
    key = find_key(visit)
    told: Verdict | None = None
    problem: str | None = None
    status = 200
    if "model" in visit.query:
        try:
            told = verdict(visit.own, visit.sources, key, read_tried(visit.query, visit.address))
        except RequestError as error:
            problem, status = error.param, error.status
    return visit.page(
        "key_try.html",
        status,
        key=key,
        endpoints=ENDPOINTS,
        models=(key.models or names_for(visit.sources.snapshot(), visit.own.groups()))[:MOST_NAMES],
        tried=shown_tried(visit.query, visit.address),
        problem=problem,
        verdict=told,
    )


def _wrong(visit: Visit, field: str) -> str | None:
    own, key_id = visit.own, visit.form.get("key", "")
    try:
        named = one_field(visit.form, field)
        if key_id.isdecimal() and len(key_id) < 19:
            own.check_key(int(key_id), filled(KeyEdit, named))
        else:
            own.check_new_key(filled(NewKey, {"name": "-"} | named))
    except RequestError as error:
        return said(problem_of(error), visit.words)
    return None


def _notes(visit: Visit) -> dict[str, str]:
    """Models that no channel of the group has: they may come, so a list may name them."""
    group, snapshot = visit.form.get("group", "default"), visit.sources.snapshot()
    unknown = [name for name in lines(visit.form.get("models", "")) if not snapshot.has_model(group, name)]
    if not unknown:
        return {}
    names = ", ".join(unknown[:_MOST_NAMED]) + (" …" if len(unknown) > _MOST_NAMED else "")
    return {"models": visit.words.counted("key.unknown_models", len(unknown), names=names)}
