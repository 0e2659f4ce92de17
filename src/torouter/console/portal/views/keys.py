"""Keys: the list, and the forms that make, change, replace and delete them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from starlette.responses import Response

from torouter.accounts.office.forms import KeyEdit, NewKey, Replacement
from torouter.accounts.office.own import WindowView
from torouter.accounts.office.refused import filled
from torouter.accounts.office.views import KeyView, LimitsView, MadeKey
from torouter.console.portal.catalogue import ENDPOINTS, names_for
from torouter.console.portal.key_form import BLANK, Problem, named_fields, problem_of, said, shown_fields
from torouter.console.portal.slices import slice_of
from torouter.console.portal.snippets import snippets
from torouter.console.portal.trying import Tried
from torouter.console.portal.visit import Visit
from torouter.errors import RequestError

__all__ = ["MOST_NAMES", "create_key", "delete_key", "edit_key", "find_key", "list_keys", "rotate_key", "set_status"]

MOST_NAMES: Final = 200
"""Of models, on a page that is not about them."""
_HOUR_S: Final = 3600


@dataclass(frozen=True, slots=True)
class _Line:
    """Of the list."""

    key: KeyView
    state: str
    limits: LimitsView
    windows: list[WindowView]


def list_keys(visit: Visit) -> Response:
    found = slice_of(visit.own.list_keys(), visit.query)
    return visit.page("keys.html", found=found, keys=[_line(visit, key) for key in found.rows])


def create_key(visit: Visit) -> Response:
    if not visit.is_post:
        return _form(visit, None, BLANK)
    try:
        form = filled(NewKey, named_fields(visit.form))
        made = visit.do_once(MadeKey, lambda: visit.own.create_key(form))
    except RequestError as error:
        return _form(visit, None, visit.form, problem_of(error), error.status)
    return _made(visit, made)


def edit_key(visit: Visit) -> Response:
    key = find_key(visit)
    if not visit.is_post:
        return _form(visit, key, shown_fields(key))
    try:
        visit.own.edit_key(key.id, filled(KeyEdit, named_fields(visit.form, shown_fields(key))))
    except RequestError as error:
        return _form(visit, key, visit.form, problem_of(error), error.status)
    return _told(visit, "saved")


def set_status(visit: Visit) -> Response:
    visit.own.edit_key(find_key(visit).id, filled(KeyEdit, {"status": visit.form.get("status", "")}))
    return _told(visit, visit.form["status"])


def rotate_key(visit: Visit) -> Response:
    if not visit.is_post:
        return visit.page("key_rotate.html", key=find_key(visit))
    hours = visit.form.get("overlap_h", "0")
    replacement = filled(Replacement, {"overlap_s": int(hours) * _HOUR_S if hours.isdecimal() else hours})
    key_id = visit.target_id("key")  # it may be gone, if the button was pressed before
    made = visit.do_once(MadeKey, lambda: visit.own.rotate_key(key_id, replacement))
    return _made(visit, made)


def delete_key(visit: Visit) -> Response:
    key = find_key(visit)
    if not visit.is_post:
        return visit.page("key_delete.html", key=key)
    visit.own.delete_key(key.id)
    return _told(visit, "deleted")


def find_key(visit: Visit) -> KeyView:
    """The one that the path names. Raises `StoreError` (`not_found`)."""
    return visit.own.key(visit.target_id("key"))


def _line(visit: Visit, key: KeyView) -> _Line:
    return _Line(key, visit.own.state(key), visit.own.limits(key), visit.own.windows(key))


def _form(
    visit: Visit, key: KeyView | None, values: Any, problem: Problem | None = None, status: int = 200
) -> Response:
    fields = {name: values.get(name, "") for name in BLANK}
    names = names_for(visit.sources.snapshot(), visit.own.groups())
    return visit.page(
        "key_form.html",
        status,
        key=key,
        values=fields,
        problem=problem,
        told_problem=None if problem is None else said(problem, visit.words),
        groups=_group_names(visit, key),
        models=names[:MOST_NAMES],
        models_total=len(names),
        tried_models=(names if key is None else key.models or names)[:MOST_NAMES],
        endpoints=ENDPOINTS,
        tried=Tried(address=visit.address),
    )


def _group_names(visit: Visit, key: KeyView | None) -> list[str]:
    """With the one that the key is in, which may be one that others have put it into."""
    names = [group.name for group in visit.own.groups()]
    return names if key is None or key.group in names else [key.group, *names]


def _made(visit: Visit, made: MadeKey) -> Response:
    """It is shown when it is good."""
    visit.settle()
    groups = [group for group in visit.own.groups() if group.name == made.key.group]
    models = made.key.models or names_for(visit.sources.snapshot(), groups)
    return visit.page(
        "key_made.html", secret=made.secret, key=made.key, snippets=snippets(visit.base, made.secret, models)
    )


def _told(visit: Visit, what: str) -> Response:
    return visit.done("/keys", what)
