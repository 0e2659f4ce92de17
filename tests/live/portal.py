"""A browser's part in live tests: a session of the portal, and the keys that it is given."""

from __future__ import annotations

import json
import re
import urllib.parse

from tests.live.gateway import Gateway
from tests.live.wire import Connection, Reply
from torouter.accounts import hash_key, load_pepper
from torouter.accounts.office.entrance import LIFETIME_MS
from torouter.store import Store
from torouter.units import wall_ms

__all__ = ["Session"]

_FORM = ("content-type", "application/x-www-form-urlencoded")


class Session:
    """One that no password was asked for: hashing takes long. `csrf` is what its forms prove themselves with."""

    def __init__(self, gateway: Gateway, account_id: int = 1, token: str = "a-session-of-a-test") -> None:
        now_ms = wall_ms()
        with Store.open(gateway.data) as store:
            hashed = hash_key(load_pepper(gateway.data, {}, may_create=False), token)
            store.open_session(account_id, hashed, now_ms, now_ms + LIFETIME_MS, "127.0.0.1")
        self._gateway = gateway
        self._cookie = ("cookie", f"torouter_session={token}")
        page = self._ask("GET", "/profile", None)
        found = re.search(rb'name="csrf" value="([0-9a-f]+)"', page.body)
        assert found is not None, page.body
        self.csrf = found[1].decode()

    def post(self, path: str, **fields: str) -> Reply:
        return self._ask("POST", path, urllib.parse.urlencode({"csrf": self.csrf} | fields).encode())

    def key(self, **fields: str) -> str:
        """A new one, in force everywhere."""
        reply = self.post("/playground/key", **fields)
        assert reply.status == 200, reply.body
        return str(json.loads(reply.body)["key"])

    def _ask(self, method: str, path: str, form: bytes | None) -> Reply:
        with Connection(self._gateway.port) as connection:
            return connection.ask(method, path, (self._cookie, *((_FORM,) if form is not None else ())), form)
