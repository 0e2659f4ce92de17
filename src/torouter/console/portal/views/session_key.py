"""The key that the playground calls with: of the session, and for an hour."""

from __future__ import annotations

from starlette.responses import JSONResponse, Response

from torouter.accounts.keys import DEFAULT_GROUP
from torouter.console.portal.shown import iso
from torouter.console.portal.visit import Visit
from torouter.errors import RequestError

__all__ = ["open_key"]


def open_key(visit: Visit) -> Response:
    """For a script, so in JSON; in force everywhere when it is answered."""
    try:
        made = visit.own.create_session_key(visit.signed.id, visit.form.get("group", "").strip() or DEFAULT_GROUP)
    except RequestError as error:
        return JSONResponse({"error": {"message": error.message, "param": error.param}}, error.status)
    visit.settle()
    expires_at = made.key.expires_at
    assert expires_at is not None, "a session's key is for an hour"
    return JSONResponse({"key": made.secret, "expires_at": iso(expires_at), "group": made.key.group})
