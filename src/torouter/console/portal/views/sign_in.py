"""Coming in and going out."""

from __future__ import annotations

from starlette.responses import Response

from torouter.accounts.passwords import LEAST_CHARACTERS
from torouter.console.portal.visit import Visit, inner_path
from torouter.errors import AuthError, LimitError, RequestError, StoreError

__all__ = ["set_up", "sign_in", "sign_out"]


def sign_in(visit: Visit) -> Response:
    wanted = inner_path((visit.form if visit.is_post else visit.query).get("next", ""))
    if not visit.is_post:
        return visit.go(wanted) if visit.session else _sign_in_page(visit, wanted)
    email, password = visit.form.get("email", ""), visit.form.get("password", "")
    try:
        with visit.doors.trying(visit.address, email):
            opened = visit.sources.entrance.sign_in(email, password, visit.address)
    except AuthError:
        return _sign_in_page(visit, wanted, 401, "wrong_password")
    except LimitError as error:
        wait_s = max(1, round(error.retry_after_s or 1))
        response = _sign_in_page(visit, wanted, 429, "too_many_tries", wait_s)
        response.headers["retry-after"] = str(wait_s)
        return response
    return visit.signed_in(opened, wanted)


def sign_out(visit: Visit) -> Response:
    visit.sources.entrance.sign_out(visit.signed)
    visit.settle()
    return visit.signed_out("/sign-in?told=signed_out")


def set_up(visit: Visit) -> Response:
    """The first account's address and password, for whoever has the token that the server printed."""
    token = (visit.form if visit.is_post else visit.query).get("token", "")
    try:
        with visit.doors.trying(visit.address, "setup"):
            if not visit.sources.entrance.may_set_up(token):
                raise AuthError("This setup address is not good, or no longer.", code="setup_over")
    except AuthError:
        return visit.page("setup.html", 403, is_over=True, token="", email="", problem=None, least=LEAST_CHARACTERS)
    if not visit.is_post:
        return _setup_page(visit, token)
    if visit.form.get("password", "") != visit.form.get("again", ""):
        return _setup_page(visit, token, 400, "passwords_differ")
    try:
        opened = visit.sources.entrance.set_up(
            token, visit.form.get("email", ""), visit.form.get("password", ""), visit.address
        )
    except RequestError as error:
        return _setup_page(visit, token, error.status, "password_length" if error.param == "password" else "email")
    except StoreError as error:
        if error.kind != "conflict":
            raise
        return _setup_page(visit, token, error.status, "email_taken")
    return visit.signed_in(opened, "/dashboard")


def _sign_in_page(
    visit: Visit, wanted: str, status: int = 200, problem: str | None = None, wait_s: int = 0
) -> Response:
    return visit.page(
        "sign_in.html", status, next=wanted, email=visit.form.get("email", ""), problem=problem, wait_s=wait_s
    )


def _setup_page(visit: Visit, token: str, status: int = 200, problem: str | None = None) -> Response:
    account = visit.sources.entrance.store.first_account()
    email = visit.form.get("email") or (account.email if account else "")
    return visit.page(
        "setup.html", status, is_over=False, token=token, email=email, problem=problem, least=LEAST_CHARACTERS
    )
