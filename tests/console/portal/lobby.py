"""The portal over a real store, used in this process as a browser would."""

from __future__ import annotations

import asyncio
import random
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from secrets import token_urlsafe
from threading import Thread
from typing import Any

import httpx2 as httpx
from starlette.applications import Starlette
from starlette.testclient import TestClient

from tests.console.admin.desk import tried_out
from torouter.access.admission import Doorkeeper
from torouter.access.keyring import Keyring
from torouter.access.rehearsal import Rehearsal
from torouter.access.reserving import Reserving
from torouter.accounts import hash_key
from torouter.accounts.office.desk import Actor, Desk
from torouter.accounts.office.entrance import LIFETIME_MS, Entrance
from torouter.accounts.passwords import hash_password
from torouter.channels import KINDS, Channel
from torouter.config import ChannelSettings, Overrides, load_settings
from torouter.config.report import report
from torouter.console.admin.routing_view import RoutingView
from torouter.console.portal import Sources, portal_routes
from torouter.console.portal.doors import Doors
from torouter.fleet import Rules
from torouter.ledger.listed import Catalogue
from torouter.ledger.meters import LocalMeters
from torouter.ledger.newest_prices import own_prices
from torouter.ledger.prices import PriceBook, UnknownPrice
from torouter.relay.openings import Openings
from torouter.routing.planner import Planner
from torouter.routing.snapshot import Snapshot
from torouter.store import Store
from torouter.surfaces.stakes import Stakes
from torouter.surfaces.weighing import Weighing
from torouter.units import wall_ms

__all__ = ["ADDRESS", "PASSWORD", "PEPPER", "RUNNING", "Clock", "Lobby", "portal_application"]

PEPPER = b"pepper" * 6
PASSWORD = "correct horse battery"
ADDRESS = "203.0.113.9"

DECLARED = (ChannelSettings(name="demo", kind="demo", source="torouter.yaml:3"),)
"""What the server's own configuration says."""
RUNNING = report(load_settings(Overrides(), {"TOROUTER_DATA": "/data", "TOROUTER_REDIS": "redis://:pass-word@there"}))

_HASH = hash_password(PASSWORD)
_PRICES = PriceBook(Catalogue(b'{"form":2,"version":"none","providers":[]}'), free_kinds=("demo",))
_CSRF = re.compile(r'name="csrf" value="([0-9a-f]+)"')


class Clock:
    """Hours and seconds that a test moves."""

    def __init__(self) -> None:
        self.later_ms = 0

    def now_ms(self) -> int:
        return wall_ms() + self.later_ms

    def now_s(self) -> float:
        return self.later_ms / 1000


_OPEN: list[Sources] = []
"""Of the lobby that was opened last."""


def portal_application(**options: Any) -> Starlette:
    options = {"doors": Doors(lambda: 0.0, most_of_address=10**6, most_of_account=10**6), "confirm_s": 0.1} | options
    return Starlette(routes=portal_routes(lambda: _OPEN[0], **options))


_SHARED = portal_application()
"""Templates are compiled once for it, which takes longer than most tests."""


_LOOP = asyncio.new_event_loop()
"""Beside which the pages are served, as in the gateway."""
Thread(target=_LOOP.run_forever, daemon=True).start()


def routing_view(store: Store, snapshot: Snapshot) -> RoutingView:
    """Of the keys and groups in the store, as they are now."""
    keyring = Keyring()
    keyring.apply(keyring.prepare(store.changes_since(0), is_whole=True))
    planner = Planner(random.Random(1).random)
    openings = Openings(planner.health, time.monotonic)
    return RoutingView(
        doorkeeper=Doorkeeper(keyring, snapshot, partial(hash_key, PEPPER), wall_ms),
        planner=planner,
        held=openings.of,
        reset_channel=openings.reset,
        try_out=tried_out(store),
        place="here pid 1",
        clock=time.monotonic,
        loop=_LOOP,
    )


@dataclass
class Lobby:
    """`ada` is an administrator and the first account, `bob` is a user; both have `PASSWORD`."""

    store: Store
    clock: Clock = field(default_factory=Clock)
    ada: int = 0
    bob: int = 0
    is_demo: bool = True

    def __post_init__(self) -> None:
        self.serve(Channel(name="demo", kind=KINDS["demo"]))
        self.ada = self.account("ada@example.com", "admin")
        self.bob = self.account("bob@example.com", "user")

    def serve(self, *channels: Channel, unknown_price: UnknownPrice = "refuse-if-limited", **snapshot: Any) -> None:
        """With these channels, and with the groups and prices that the store has by now."""
        entrance = Entrance(self.store, PEPPER, self.clock.now_ms, Rules(lambda: DECLARED))
        seen = Snapshot(channels=channels, **snapshot)
        self._routing = routing_view(self.store, seen)
        book = _PRICES.changed(own_prices(self.store.list_prices()))
        doorkeeper, reserving = self._routing.doorkeeper, self._reserving()
        weighing = Weighing(doorkeeper, reserving, Stakes(book, self.clock.now_ms, unknown_price))
        _OPEN[:] = [
            Sources(
                entrance=entrance,
                snapshot=lambda: seen,
                prices=lambda: book,
                routing=self._routing,
                is_demo=lambda: self.is_demo,
                unknown_price=unknown_price,
                running=RUNNING,
                in_flight=lambda: 3,
                rehearsal=Rehearsal(doorkeeper, reserving, weighing.foretell, self.clock.now_ms, _LOOP),
            )
        ]

    def follow(self) -> None:
        """Learns what the store has of keys and groups, as a gateway does all the time."""
        doorkeeper = self._routing.doorkeeper
        doorkeeper.apply(doorkeeper.keyring.prepare(self.store.changes_since(0), is_whole=True))

    def _reserving(self) -> Reserving:
        meters = LocalMeters(
            read_spent=self.store.read_spent, read_minutes=self.store.read_minutes, now_ms=self.clock.now_ms
        )
        return Reserving(meters, self.clock.now_ms)

    def account(self, email: str, role: Any) -> int:
        account_id = self.store.create_account(email, email.partition("@")[0].title(), role, "unlimited").id
        self.store.set_password(account_id, _HASH)
        return account_id

    def browser(self, **options: Any) -> Browser:
        address = options.pop("address", ADDRESS)
        base_url = options.pop("base_url", "http://testserver")
        application = portal_application(**options) if options else _SHARED
        return Browser(TestClient(application, base_url=base_url, client=(address, 1), follow_redirects=False))

    def signed(self, email: str = "ada@example.com", **options: Any) -> Browser:
        """With a session that no password was asked for: hashing takes long."""
        browser, token = self.browser(**options), token_urlsafe()
        account_id = next(row.id for row in self.store.list_accounts() if row.email == email)
        now_ms = self.clock.now_ms()
        self.store.open_session(account_id, hash_key(PEPPER, token), now_ms, now_ms + LIFETIME_MS, ADDRESS)
        browser.client.cookies.set("torouter_session", token)
        return browser

    def desk(self) -> Desk:
        return Desk(self.store, PEPPER, Actor("test"), self.clock.now_ms)


@dataclass
class Browser:
    """Follows no redirect by itself. `csrf` is that of its session."""

    client: TestClient

    def get(self, path: str, **headers: str) -> httpx.Response:
        return self.client.get(path, headers=_named(headers))

    def sign_in(self, email: str, password: str = PASSWORD, then: str = "/dashboard") -> httpx.Response:
        return self.client.post("/sign-in", data={"email": email, "password": password, "next": then})

    @property
    def csrf(self) -> str:
        found = _CSRF.search(self.get("/profile").text)
        assert found is not None
        return found[1]

    def post(self, path: str, headers: dict[str, str] | None = None, **fields: str) -> httpx.Response:
        """A form of the session's own."""
        return self.client.post(path, data={"csrf": self.csrf} | fields, headers=headers)

    def send(self, path: str, fields: Mapping[str, str]) -> httpx.Response:
        """The same, of fields that are in a table."""
        return self.client.post(path, data={"csrf": self.csrf, **fields})

    def make_key(self, **fields: str) -> tuple[int, str]:
        """Its id and its text."""
        answer = self.post("/keys/new", **{"name": "laptop"} | fields)
        assert answer.status_code == 200, answer.text
        secret = re.search(r"data-secret>(sk-\w+)<", answer.text)
        assert secret is not None
        listed = re.findall(r'href="/keys/(\d+)"', self.get("/keys").text)
        return int(listed[-1]), secret[1]


def _named(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}
