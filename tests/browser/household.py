"""A gateway with an account that signs in, keys, and days of use: what pages look like when they have something to
show."""

from __future__ import annotations

import math

from tests.console.admin.desk import entry
from tests.live.gateway import Gateway
from torouter.accounts import hash_key, load_pepper
from torouter.accounts.office import keys, people, tokens
from torouter.accounts.office.desk import Actor, Desk
from torouter.accounts.office.entrance import LIFETIME_MS
from torouter.accounts.office.forms import (
    AccountEdit,
    Adjustment,
    KeyEdit,
    NewAccount,
    NewKey,
    NewToken,
    Refund,
    TopUp,
)
from torouter.accounts.passwords import hash_password
from torouter.ledger.cost import Cost, parts_text
from torouter.store import Entry, LimitColumns, Store
from torouter.units import wall_ms

__all__ = ["CHANNELS", "CROWD", "EMAIL", "MANY", "PASSWORD", "crowd", "furnish", "session_token"]

CHANNELS = [{"name": "house", "kind": "demo", "priority": 20}]
"""What the gateway's own configuration declares."""

MANY = [f"vendor-{number % 7}/model-{number:03d}-of-some-router-2026-11:free" for number in range(420)]
"""As many names, and as long ones, as routers of routers have."""
CROWD = [*CHANNELS, {"name": "many", "kind": "demo", "models": dict.fromkeys(MANY, "claude-sonnet-4-5")}]

EMAIL = "ada@example.com"
PASSWORD = "correct horse battery"

_HOUR_MS = 3_600_000
_MODELS = (("gpt-5", 1_250_000_000, 10_000_000_000), ("claude-opus-4-7", 5_000_000_000, 25_000_000_000))


def furnish(gateway: Gateway, requests: int = 240) -> None:
    """The first account gets an address and a password, two keys, and requests over the last 20 days."""
    with Store.open(gateway.data) as store:
        store.change_account(1, {"email": EMAIL, "display_name": "Ada Lovelace"})
        store.set_password(1, hash_password(PASSWORD))
        store.create_key(
            account_id=1, group="default", name="laptop", key_hash=b"laptop" * 6, head="sk-lap…", tail="a1b2"
        )
        store.change_key(2, {"cap_nusd": 5 * 10**9, "limit_5h": 100, "limit_7d": 2000, "models": ["gpt-5"]})
        store.write_entries([_request(number, wall_ms()) for number in range(requests)])
        _bring_others(store)
        _manage(store)
        _add_channels(store)


def crowd(gateway: Gateway) -> None:
    """For a gateway that is furnished already: the first account has hundreds of keys, had hundreds of session keys,
    and has used hundreds of models today."""
    with Store.open(gateway.data) as store:
        for number in range(300):
            made = {"account_id": 1, "group": "default", "head": "sk-abc…", "tail": f"{number:04d}"}
            store.create_key(name=f"machine {number}", key_hash=f"own {number}".encode(), **made)
            past = store.create_key(name="Playground", key_hash=f"past {number}".encode(), session_id=7, **made)
            store.delete_key(past.id)
        now_ms = wall_ms()
        entries = [
            entry(1000 + number, at_ms=now_ms - 1000 * number, key_id=3 + number, model=model, upstream_model=model)
            for number, model in enumerate(MANY)
        ]
        store.write_entries(entries)


def _manage(store: Store) -> None:
    """The group `research` with a plan that somebody has, the empty group `trial`, and a price."""
    store.create_group(
        "research",
        {
            "billing": "subscription",
            "multiplier_ppm": 1_250_000,
            "models": ["gpt-5", "gpt-5-mini", "claude-opus-4-7", "nobodys-model"],
            "defaults": LimitColumns(cap_nusd=20 * 10**9, rpm=60, limit_1d=2000),
            "routing": {"fallbacks": {"gpt-5": {"outage": ["claude-opus-4-7"], "context_length": ["gpt-5-mini"]}}},
        },
    )
    store.create_group("trial", {"managed_by": "file", "models": ["gpt-5-mini"]})
    store.create_group("empty")
    grace = store.create_account("grace@example.com", "Grace Hopper", "user", "prepaid")
    plan = store.create_plan("monthly", daily_nusd=5 * 10**9, monthly_nusd=60 * 10**9)
    store.create_plan("spare", weekly_nusd=7 * 10**9)
    store.set_subscription(grace.id, 2, plan.id, "active", wall_ms() - 40 * _HOUR_MS, None)
    store.set_subscription(1, 2, plan.id, "paused", wall_ms() - 400 * _HOUR_MS, wall_ms() + 400 * _HOUR_MS)
    rates = {"input_per_mtok": 1_250_000_000, "cache_read_per_mtok": 125_000_000, "output_per_mtok": 10 * 10**9}
    store.add_price("gpt-5*", "", wall_ms() - 500 * _HOUR_MS, rates, "as of the contract")
    store.add_price("claude-opus-4-7", "main", wall_ms() + 500 * _HOUR_MS, rates | {"request_nusd": 10**6}, "")


def _add_channels(store: Store) -> None:
    """One that answers, and one that is not enabled, with two keys."""
    store.create_channel("main", "demo", {"spec": {"concurrency": 50}, "is_enabled": True, "managed_by": ""})
    models = {"gpt-5": "gpt-5", "fast": "gpt-5-mini", "slow": {"model": "o3", "deadlines": {"first_token_s": 120.0}}}
    spec = {"base_url": "http://127.0.0.1:9/v1", "models": models, "groups": ["default"], "weight": 3}
    spare = store.create_channel("spare", "openai", {"spec": spec, "is_enabled": False, "managed_by": ""})
    for label in ("work", "private"):
        store.add_credential(spare.id, label, "a1b2", b"sealed by nobody")


def _bring_others(store: Store) -> None:
    """Accounts beside the first one: the second, Bob's, has a key and money that moved; and a token is there. All of it
    is on record in the audit trail."""
    desk = Desk(store, b"pepper" * 6, Actor(f"account 1 ({EMAIL})", "192.0.2.7", 1))
    for name, role in (("bob", "user"), ("carol", "user"), ("dan", "admin")):
        form = NewAccount(email=f"{name}@example.com", display_name=name.title(), role=role)  # type: ignore[arg-type]
        people.create_account(desk, form)
    people.edit_account(desk, 3, AccountEdit(status="suspended"))
    for amount_usd, note in (("50.00", "invoice 17"), ("12.50", "invoice 21")):
        people.move_money(desk, 2, TopUp(amount_usd=amount_usd, note=note))
    people.move_money(desk, 2, Adjustment(amount_usd="-0.35", note="counted twice"))
    people.move_money(desk, 2, Refund(amount_usd="5", note="invoice 21, in part"))
    keys.create_key(desk, NewKey(name="ci", account_id=2, cap_usd="20", models=["gpt-5", "claude-opus-4-7"]))
    keys.edit_key(desk, 3, KeyEdit(rpm=60, ip_allow=["203.0.113.0/24"]))
    tokens.create_token(desk, NewToken(name="terraform", account_id=1, expires_in_days=90))


def _request(number: int, now_ms: int) -> Entry:
    model, rate_in, rate_out = _MODELS[number % 3 == 0]
    read, written = 400 + number * 37 % 9000, 60 + number * 53 % 1500
    parts = (
        ("input", read, rate_in, read * rate_in // 10**6),
        ("output", written, rate_out, written * rate_out // 10**6),
    )
    total = sum(part[3] for part in parts)
    is_good = number % 23 != 7
    wave = 1 + math.sin(number / 9)
    return entry(
        number,
        at_ms=now_ms - int(number * 2 * _HOUR_MS * (0.6 + wave / 2)),
        key_id=1 + number % 2,
        model=model,
        upstream_model=model,
        channel="main",
        status=200 if is_good else 502,
        outcome="ok" if is_good else "upstream_error",
        is_stream=number % 2 == 0,
        input_tokens=read if is_good else 0,
        output_tokens=written if is_good else 0,
        cost_nusd=total if is_good else 0,
        price_version="own 3",
        cost_parts=parts_text(Cost(total_nusd=total, multiplier_ppm=10**6, parts=parts)) if is_good else None,
        latency_ms=700 + number * 91 % 9000,
        first_token_ms=180 + number * 17 % 900 if number % 2 == 0 else None,
    )


def session_token(gateway: Gateway, token: str = "a-session-of-a-test", account_id: int = 1) -> str:
    """Of a session that is opened without a password: hashing one takes long."""
    now_ms = wall_ms()
    with Store.open(gateway.data) as store:
        hashed = hash_key(load_pepper(gateway.data, {}, may_create=False), token)
        if store.find_session(hashed) is None:
            store.open_session(account_id, hashed, now_ms, now_ms + LIFETIME_MS, "127.0.0.1")
    return token
