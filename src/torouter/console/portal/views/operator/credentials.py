"""A channel's keys: added, renamed, replaced and removed, and never shown."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from torouter.accounts.office import channels
from torouter.accounts.office.channel_forms import CredentialEdit, NewCredential
from torouter.accounts.office.channel_views import CredentialView
from torouter.accounts.office.refused import filled
from torouter.console.portal.channel_place import Place, number, stored_place
from torouter.console.portal.key_form import Problem, problem_of
from torouter.console.portal.visit import Visit
from torouter.errors import RequestError, StoreError

__all__ = ["add_credential", "edit_credential", "remove_credential"]


def add_credential(visit: Visit) -> Response:
    place = _free_place(visit)
    if not visit.is_post:
        return _form(visit, place, None)
    try:
        form = filled(NewCredential, {"name": _label(visit), "api_key": visit.form.get("api_key", "").strip()})
        channels.add_credential(visit.desk, place.channel.id or 0, form)
    except RequestError as error:
        return _form(visit, place, None, problem_of(error), error.status)
    except StoreError as error:
        return _taken(visit, place, None, error)
    return _told(visit, place, "credential_added")


def edit_credential(visit: Visit) -> Response:
    """An empty key stays what it is."""
    place = _free_place(visit)
    credential = _credential(visit, place)
    if not visit.is_post:
        return _form(visit, place, credential)
    key = visit.form.get("api_key", "").strip()
    said: dict[str, Any] = {"name": _label(visit)} | ({"api_key": key} if key else {})
    try:
        edit = filled(CredentialEdit, said)
        channels.edit_credential(visit.desk, place.channel.id or 0, credential.id or 0, edit)
    except RequestError as error:
        return _form(visit, place, credential, problem_of(error), error.status)
    except StoreError as error:
        return _taken(visit, place, credential, error)
    return _told(visit, place, "credential_replaced" if key else "saved")


def remove_credential(visit: Visit) -> Response:
    place = _free_place(visit)
    credential = _credential(visit, place)
    problem = None
    if visit.is_post:
        try:
            channels.remove_credential(visit.desk, place.channel.id or 0, credential.id or 0)
        except RequestError as error:  # it is the last one that the channel needs
            problem = problem_of(error)
        else:
            return _told(visit, place, "credential_removed")
    status = 200 if problem is None else 400
    page = "operator/credential_remove.html"
    return visit.page(page, status, place=place, channel=place.channel, credential=credential, problem=problem)


def _free_place(visit: Visit) -> Place:
    place = stored_place(visit)
    if not place.is_free:
        raise StoreError("A configuration file manages this channel.", kind="conflict")
    return place


def _credential(visit: Visit, place: Place) -> CredentialView:
    """Raises `StoreError` (`not_found`)."""
    wanted = number(visit.part)
    found = next((each for each in place.channel.credentials if each.id == wanted), None)
    if found is None:
        raise StoreError("The channel has no such credential.", kind="not_found")
    return found


def _label(visit: Visit) -> str:
    return visit.form.get("name", "").strip()


def _form(
    visit: Visit, place: Place, credential: CredentialView | None, problem: Problem | None = None, status: int = 200
) -> Response:
    name = visit.form.get("name", "") if visit.is_post else "" if credential is None else credential.name
    page = "operator/credential.html"
    values = {"name": name}
    return visit.page(
        page, status, place=place, channel=place.channel, credential=credential, values=values, problem=problem
    )


def _taken(visit: Visit, place: Place, credential: CredentialView | None, error: StoreError) -> Response:
    if error.kind != "conflict":
        raise error
    return _form(visit, place, credential, Problem("name", 0, error.message), error.status)


def _told(visit: Visit, place: Place, what: str) -> Response:
    return visit.go(place.page, told="waiting" if visit.settle() else what)
