"""Who may: everything under `/admin/v1` needs an admin token, unless its path stands in `OPEN_PATHS`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

from starlette.requests import Request

from torouter.accounts.office.desk import Desk
from torouter.accounts.office.office import Office
from torouter.console.admin.threads import Threads
from torouter.console.admin.throttle import Throttle
from torouter.errors import AuthError, TorouterError

__all__ = ["OPEN_PATHS", "Gate"]

OPEN_PATHS: Final = ("/admin/v1/openapi.json",)
"""It says the same in every installation."""

_MOST_CHARACTERS: Final = 500


class Gate:
    """`office` is `None` until the store is open."""

    def __init__(self, office: Callable[[], Office | None], throttle: Throttle, threads: Threads) -> None:
        self._office = office
        self._threads = threads
        self._throttle = throttle

    async def admit(self, request: Request) -> Desk:
        """Raises `AuthError`, `AccessError`, `LimitError`."""
        office = self._office()
        if office is None:
            raise TorouterError("The gateway is starting.", kind="overloaded", retry_after_s=1)
        address = "" if request.client is None else request.client.host
        self._throttle.check(address)
        token = _token(request)
        try:
            return await self._threads.work(partial(office.admit, token, address))
        except AuthError:
            self._throttle.note(address)
            raise


def _token(request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise AuthError("Send an admin token: authorization: Bearer tra-…", code="token_required")
    if len(token) > _MOST_CHARACTERS:
        raise AuthError("This admin token is not known.", code="invalid_token")
    return token.strip()
