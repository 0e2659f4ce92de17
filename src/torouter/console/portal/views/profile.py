"""Who one is: name and password."""

from __future__ import annotations

from starlette.responses import Response

from torouter.accounts.office import people
from torouter.accounts.office.forms import AccountEdit
from torouter.accounts.office.refused import filled
from torouter.accounts.passwords import LEAST_CHARACTERS
from torouter.console.portal.visit import Visit
from torouter.errors import AuthError, LimitError, RequestError

__all__ = ["change_password", "profile"]


def profile(visit: Visit) -> Response:
    if not visit.is_post:
        return _page(visit)
    try:
        edit = filled(AccountEdit, {"display_name": visit.form.get("display_name", "")})
        people.edit_account(visit.desk, visit.signed.account.id, edit)
    except RequestError as error:
        return _page(visit, error.status, "display_name")
    return visit.go("/profile", told="saved")


def change_password(visit: Visit) -> Response:
    """This browser stays signed in, and no other does."""
    current, new = visit.form.get("password", ""), visit.form.get("new_password", "")
    if new != visit.form.get("again", ""):
        return _page(visit, 400, "passwords_differ")
    try:
        with visit.doors.trying(visit.address, visit.signed.account.email):
            opened = visit.sources.entrance.change_password(visit.signed, current, new, visit.address)
    except RequestError as error:
        return _page(visit, error.status, "password_length")
    except AuthError:
        return _page(visit, 403, "current_password")
    except LimitError as error:
        return _page(visit, error.status, "too_many_tries")
    return visit.signed_in(opened, "/profile?told=password_changed")


def _page(visit: Visit, status: int = 200, problem: str | None = None) -> Response:
    account = visit.signed.account
    name = visit.form.get("display_name", account.display_name)
    return visit.page("profile.html", status, account=account, name=name, problem=problem, least=LEAST_CHARACTERS)
