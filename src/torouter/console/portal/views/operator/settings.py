"""What this gateway runs with, and the tokens of the management API."""

from __future__ import annotations

from itertools import groupby
from typing import Final

from starlette.responses import Response

from torouter.accounts.office import people, records, tokens
from torouter.accounts.office.forms import NewToken
from torouter.accounts.office.refused import filled
from torouter.accounts.office.views import MadeToken, TokenView
from torouter.console.portal.visit import Visit
from torouter.errors import RequestError, StoreError

__all__ = ["make_token", "revoke_token", "show_settings"]

_DAYS: Final = (30, 90, 365, 0)
"""How long a token may live; 0: for ever."""


def show_settings(visit: Visit) -> Response:
    return _page(visit)


def make_token(visit: Visit) -> Response:
    """In the name of whoever asks."""
    days = visit.form.get("days", "")
    named = {
        "name": visit.form.get("name", ""),
        "account_id": visit.signed.account.id,
        "expires_in_days": int(days) if days.isdecimal() and len(days) < 9 else days,
    }
    try:
        form = filled(NewToken, named)
        made = visit.do_once(MadeToken, lambda: tokens.create_token(visit.desk, form))
    except RequestError as error:
        return _page(visit, error.param or "name", error.status)
    example = f'curl {visit.base}/admin/v1/accounts -H "Authorization: Bearer {made.secret}"'
    return visit.page("operator/token_made.html", secret=made.secret, token=made.token, example=example)


def revoke_token(visit: Visit) -> Response:
    token = _token_of(visit)
    if not visit.is_post:
        return visit.page("operator/token_revoke.html", token=token)
    tokens.revoke_token(visit.desk, token.id)
    return visit.go("/admin/settings", told="token_revoked")


def _page(visit: Visit, problem: str | None = None, status: int = 200) -> Response:
    desk, running = visit.desk, visit.sources.running
    listed = tokens.list_tokens(desk)
    by_section = groupby(running.settings, key=lambda setting: setting.section)
    return visit.page(
        "operator/settings.html",
        status,
        running=running,
        sections=[(section, list(settings)) for section, settings in by_section],
        store_place=desk.store.place,
        schema=desk.store.schema,
        revision=desk.store.revision(),
        processes=records.list_processes(desk),
        answered_by=visit.sources.routing.place,
        tokens=listed,
        now=visit.desk.now_ms() / 1000,
        owners=people.addresses_of(desk, {token.account_id for token in listed}),
        days=_DAYS,
        problem=problem,
        values={"name": visit.form.get("name", ""), "days": visit.form.get("days", "90")},
    )


def _token_of(visit: Visit) -> TokenView:
    """Raises `StoreError` (`not_found`)."""
    token_id = visit.target_id("token")
    found = next((token for token in tokens.list_tokens(visit.desk) if token.id == token_id), None)
    if found is None:
        raise StoreError(f"There is no token {token_id}.", kind="not_found")
    return found
