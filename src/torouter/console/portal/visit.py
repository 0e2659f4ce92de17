"""One request for a page: who asks, in which language, and what was said."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final, Protocol, TypeVar

import msgspec
from starlette.responses import RedirectResponse, Response

from torouter.accounts.office.desk import Desk
from torouter.accounts.office.entrance import LIFETIME_MS, Opened, Session
from torouter.accounts.office.office import waiting_for
from torouter.accounts.office.once import do_once
from torouter.accounts.office.own import Own
from torouter.accounts.office.views import ProcessView
from torouter.console.portal.doors import Doors
from torouter.console.portal.fields import Fields
from torouter.console.portal.sources import Sources
from torouter.console.portal.tryouts import Tryouts
from torouter.console.portal.words import Words
from torouter.errors import AuthError, StoreError

__all__ = ["SESSION_COOKIE", "Renderer", "Visit", "cookie_name", "inner_path"]

T = TypeVar("T")

SESSION_COOKIE: Final = "torouter_session"
_LIFETIME_S: Final = LIFETIME_MS // 1000
_KEEP_MS: Final = 120_000
"""How long a form that was sent is known again: what it was answered may be a secret."""


class Renderer(Protocol):
    def __call__(self, template: str, visit: Visit, values: dict[str, Any], status: int) -> Response: ...


@dataclass(frozen=True, kw_only=True)
class Visit:
    """`base` is this host's own address, without a slash at its end. `target` is what the path names, where it
    does, and `part` something within that. `theme` is `light`, `dark` or, if nobody chose, empty."""

    sources: Sources
    method: str
    path: str
    query: Fields
    form: Fields
    target: str
    part: str
    base: str
    address: str
    is_secure: bool
    words: Words
    theme: str
    session: Session | None
    doors: Doors = field(repr=False)
    tryouts: Tryouts = field(repr=False)
    confirm_s: float
    renderer: Renderer = field(repr=False)

    @property
    def signed(self) -> Session:
        """Raises `AuthError`, which pages for everybody do not ask for."""
        if self.session is None:
            raise AuthError("Sign in first.")
        return self.session

    @property
    def desk(self) -> Desk:
        return self.sources.entrance.desk(self.signed, self.address)

    @cached_property
    def own(self) -> Own:
        return Own(self.desk, self.signed.account.id, is_admin=self.signed.is_admin)

    def target_id(self, what: str) -> int:
        """The number that the path names. Raises `StoreError` (`not_found`) where it is none."""
        return _number(self.target, what)

    def part_id(self, what: str) -> int:
        return _number(self.part, what)

    @property
    def is_post(self) -> bool:
        return self.method == "POST"

    def page(self, template: str, status: int = 200, **values: Any) -> Response:
        return self.renderer(template, self, values, status)

    def fragment(self, template: str, **values: Any) -> str:
        """A part of a page, for a script that puts it in."""
        return bytes(self.renderer(template, self, values, 200).body).decode()

    def data(self, found: object) -> Response:
        """JSON, for a script of ours."""
        return Response(msgspec.json.encode(found), media_type="application/json")

    def settle(self) -> list[ProcessView]:
        """Waits until what was changed is in force in every process; those that have not said so in time."""
        return waiting_for(self.desk, self.confirm_s)

    def do_once(self, made: type[T], work: Callable[[], T]) -> T:
        """See `do_once` of the office: however often the button is pressed, and in whichever process. The form is known
        again by the word that it was given when it was shown, with what stands in it: who goes back and sends it with
        something else means that. A form without a word is new. What waits stands behind the call, and not in `work`.
        """
        if not self.form.get("once"):
            return work()
        said = [text for field in sorted(self.form.items()) if field[0] != "csrf" for text in field]
        return do_once(self.desk, [self.path, *said], made, _KEEP_MS, work)

    def done(self, path: str, told: str) -> Response:
        """After a change: to another page, which says what was done once it is in force."""
        return self.go(path, told="waiting" if self.settle() else told)

    def go(self, path: str, **told: str) -> Response:
        """To another page, which is asked for anew."""
        query = "&".join(f"{name}={value}" for name, value in told.items())
        return RedirectResponse(f"{path}?{query}" if query else path, status_code=303)

    def signed_in(self, opened: Opened, path: str) -> Response:
        response = self.go(path)
        response.set_cookie(
            cookie_name(self.is_secure), opened.token, max_age=_LIFETIME_S, path="/", secure=self.is_secure,
            httponly=True, samesite="lax",
        )  # fmt: skip
        return response

    def signed_out(self, path: str) -> Response:
        response = self.go(path)
        response.delete_cookie(
            cookie_name(self.is_secure), path="/", secure=self.is_secure, httponly=True, samesite="lax"
        )
        return response


def cookie_name(is_secure: bool) -> str:
    """Over TLS with the prefix by which browsers promise that no neighbour of this host has set it."""
    return f"__Host-{SESSION_COOKIE}" if is_secure else SESSION_COOKIE


def _number(text: str, what: str) -> int:
    if not text.isdecimal() or len(text) > 18:
        raise StoreError(f"There is no such {what}.", kind="not_found")
    return int(text)


def inner_path(wanted: str, otherwise: str = "/dashboard") -> str:
    """A path of this host, and never another's address: where somebody is sent back to."""
    is_path = wanted.startswith("/") and not wanted.startswith(("//", "/\\"))
    is_plain = all(" " < character < "\x7f" and character != "\\" for character in wanted)
    return wanted if is_path and is_plain and len(wanted) <= 2000 else otherwise
