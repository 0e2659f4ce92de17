"""The management API over a real store, called in this process; and what a test needs to know of every endpoint."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from starlette.applications import Starlette
from starlette.testclient import TestClient

from torouter.access.admission import Doorkeeper
from torouter.access.keyring import Keyring
from torouter.accounts.office.office import Office
from torouter.channels import KINDS, Channel, Credential, Policy
from torouter.console.admin.routing_view import RoutingView
from torouter.console.admin.site import PREFIX, admin_routes
from torouter.console.admin.throttle import Throttle
from torouter.fleet import Rules
from torouter.relay.openings import Openings
from torouter.routing.planner import Planner
from torouter.routing.snapshot import Snapshot
from torouter.routing.tryouts import Tryout, Wanted
from torouter.store import Entry, LedgerRow, Store, UsageRow
from torouter.units import Secret, wall_ms

__all__ = [
    "OPERATORS_TOKEN",
    "PEPPER",
    "Api",
    "admin_application",
    "bodies",
    "entry",
    "prepare",
    "routing_view",
    "signed_in",
    "tried_out",
]

PEPPER = b"pepper" * 6
OPERATORS_TOKEN = "operators-own-admin-token-0001"


def admin_application(
    store: Store, *, confirm_s: float = 1.0, most_failures: int = 1000, now_ms: Callable[[], int] = wall_ms
) -> Starlette:
    office = Office(store, PEPPER, Secret(OPERATORS_TOKEN), now_ms, Rules())
    throttle = Throttle(most_failures, 60.0, time.monotonic)
    planner = Planner(random.Random(1).random)
    openings = Openings(planner.health, time.monotonic)

    def routing() -> RoutingView:
        return routing_view(store, planner, openings)

    return Starlette(routes=admin_routes(lambda: office, routing, confirm_s=confirm_s, throttle=throttle))


def routing_view(store: Store, planner: Planner, openings: Openings) -> RoutingView:
    """Of the groups in the store, and the channels `main` (priority 1, with two credentials) and `spare`, which is for
    the group `research`."""
    keyring = Keyring()
    keyring.apply(keyring.prepare(store.changes_since(0), is_whole=True))
    credentials = tuple(Credential(label, Secret(f"sk-{label}")) for label in ("a", "b"))
    channels = (
        Channel(
            name="main", kind=KINDS["openai"], credentials=credentials, models={"gpt-5": "gpt-5-2025"}, priority=1,
            policy=Policy(concurrency=20),
        ),
        Channel(
            name="spare", kind=KINDS["openai"], credentials=credentials[:1], models={"gpt-5": "gpt-5"},
            groups=frozenset({"research"}),
        ),
    )  # fmt: skip
    return RoutingView(
        doorkeeper=Doorkeeper(keyring, Snapshot(channels=channels), bytes, wall_ms),
        planner=planner,
        held=openings.of,
        reset_channel=openings.reset,
        try_out=tried_out(store),
        place="here pid 1",
        clock=time.monotonic,
        loop=asyncio.get_running_loop(),
    )


def tried_out(store: Store) -> Callable[[Wanted], Awaitable[Tryout]]:
    """Of the channels in the store; every credential is a wrong one."""

    async def ask(wanted: Wanted) -> Tryout:
        row = store.get_channel(wanted.channel_id)
        return Tryout(
            finding="bad_credential", channel=row.name, credential=wanted.credential or "a", model=wanted.model,
            operation=wanted.operation, dialect=wanted.dialect or "openai-chat", status=401, verdict="bad_credential",
            url="POST https://api.openai.com:443/v1/chat/completions", message="Incorrect API key provided: ***.",
        )  # fmt: skip

    return ask


@dataclass(frozen=True)
class Api:
    client: TestClient
    token: str = OPERATORS_TOKEN

    def call(self, method: str, path: str, body: object = None, **query: Any) -> Any:
        headers = {"authorization": f"Bearer {self.token}"}
        return self.client.request(method, PREFIX + path, json=body, params=query or None, headers=headers)

    def data(self, method: str, path: str, body: object = None, **query: Any) -> Any:
        answer = self.call(method, path, body, **query)
        assert answer.status_code in (200, 201), answer.text
        return answer.json()["data"]


def prepare(api: Api) -> None:
    """One of everything, with the id 2 for what is to be changed."""
    api.data("POST", "/accounts", {"email": "operator@example.com", "role": "admin"})
    api.data("POST", "/accounts", {"email": "ada@example.com", "role": "admin"})
    api.data("POST", "/groups", {"name": "research"})
    api.data("POST", "/groups", {"name": "empty"})
    for name in ("first", "second"):
        api.data("POST", "/keys", {"name": name, "account_id": 1, "group": "research"})
        api.data("POST", "/plans", {"name": name, "daily_usd": "5"})
        api.data("POST", "/prices", {"model": f"{name}-*", "rates": {"input_per_mtok": 1}})
        api.data("POST", "/tokens", {"name": name, "account_id": 1})
        keys = [{"name": key, "api_key": f"sk-{name}-{key}-0123456789"} for key in ("a", "b")]
        api.data("POST", "/channels", {"name": name, "kind": "openai", "credentials": keys})
    for account_id in (1, 2):
        api.data("PUT", "/subscriptions", {"account_id": account_id, "group": "research", "plan_id": 1})


def signed_in(store: Store, account_id: int, *names: str) -> None:
    """With a password, and with a browser for each name."""
    store.set_password(account_id, "hash")
    for name in names:
        store.open_session(account_id, name.encode(), wall_ms(), wall_ms() + 86_400_000, "203.0.113.9")


def bodies() -> dict[str, tuple[str, object]]:
    """By endpoint, a path of what `prepare` made and a body that changes it."""
    return {
        "create_key": ("/keys", {"name": "third", "account_id": 1}),
        "edit_key": ("/keys/2", {"cap_usd": "7"}),
        "delete_key": ("/keys/2", None),
        "rotate_key": ("/keys/2/rotate", {}),
        "create_group": ("/groups", {"name": "other"}),
        "edit_group": ("/groups/2", {"multiplier": "1.5"}),
        "delete_group": ("/groups/3", None),
        "create_account": ("/accounts", {"email": "grace@example.com"}),
        "edit_account": ("/accounts/2", {"status": "suspended"}),
        "delete_account": ("/accounts/2", None),
        "clear_password": ("/accounts/2/password", None),
        "end_sessions": ("/accounts/2/sessions", None),
        "move_money": ("/accounts/2/money", {"kind": "top_up", "amount_usd": "25"}),
        "create_plan": ("/plans", {"name": "third"}),
        "edit_plan": ("/plans/2", {"weekly_usd": "9"}),
        "delete_plan": ("/plans/2", None),
        "subscribe": ("/subscriptions", {"account_id": 2, "group": "research", "plan_id": 2}),
        "edit_subscription": ("/subscriptions/2", {"status": "paused"}),
        "create_channel": ("/channels", {"name": "third", "kind": "openai", "api_key": "sk-third-0123456789"}),
        "edit_channel": (
            "/channels/2",
            {"weight": 7, "models": {"gpt-5": {"model": "up", "deadlines": {"idle_s": 5}}}},
        ),
        "delete_channel": ("/channels/2", None),
        "add_credential": ("/channels/2/credentials", {"name": "c", "api_key": "sk-third-c-0123456789"}),
        "edit_credential": ("/channels/2/credentials/3", {"api_key": "sk-other-a-0123456789"}),
        "remove_credential": ("/channels/2/credentials/3", None),
        "add_price": ("/prices", {"model": "gpt-*", "rates": {"output_per_mtok": 10}}),
        "end_price": ("/prices/2", None),
        "explain": ("/explain", {"model": "gpt-5"}),
        "reset_health": ("/health/reset", {"channel": "main"}),
        "test_channel": ("/channels/2/test", {"model": "gpt-5"}),
        "create_token": ("/tokens", {"name": "third", "account_id": 1}),
        "revoke_token": ("/tokens/2", None),
    }


def entry(number: int, **changes: Any) -> Entry:
    """A request with one attempt: `changes` are columns of `usage`."""
    usage = UsageRow(
        request_id=f"req_{number:024x}",
        at_ms=1_796_000_000_000 + number,
        account_id=1,
        key_id=1,
        channel="main",
        surface="openai",
        operation="chat",
        dialect_in="openai-chat",
        dialect_out="openai-chat",
        model="gpt-5",
        upstream_model="gpt-5-2025",
        status=200,
        outcome="ok",
        is_stream=False,
        retries=0,
        input_tokens=10,
        cache_read_tokens=0,
        cache_write_tokens=0,
        cache_write_5m_tokens=0,
        cache_write_1h_tokens=0,
        tool_input_tokens=0,
        output_tokens=5,
        reasoning_tokens=0,
        quality="reported",
        latency_ms=100,
        first_token_ms=None,
        losses=None,
        cost_nusd=1,
    )._replace(**changes)
    attempt = LedgerRow(
        at_ms=usage.at_ms,
        account_id=usage.account_id,
        key_id=usage.key_id,
        request_id=usage.request_id,
        attempt=1,
        kind="attempt",
        amount_nusd=-usage.cost_nusd,
        channel=usage.channel,
        upstream_model=usage.upstream_model,
        status=usage.status,
        outcome=usage.outcome,
        latency_ms=usage.latency_ms,
        first_token_ms=None,
        note="",
    )
    return Entry(usage, (attempt,))
