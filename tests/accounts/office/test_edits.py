"""An edit never touches what it does not name: any subset of the fields, on everything that can be edited."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from torouter.accounts.dollars import dollars, nano_dollars
from torouter.accounts.office import channels, fields, groups, keys, people, plans
from torouter.accounts.office.channel_forms import ChannelEdit, NewChannel
from torouter.accounts.office.desk import Actor, Desk
from torouter.accounts.office.forms import (
    AccountEdit,
    GroupEdit,
    KeyEdit,
    NewAccount,
    NewGroup,
    NewKey,
    NewPlan,
    PlanEdit,
)
from torouter.accounts.office.refused import filled
from torouter.fleet import Rules
from torouter.store import Store

AMOUNTS = st.integers(0, 10**14).map(dollars)
LIMITS = st.sampled_from([0, 1, 10**12]) | st.integers(0, 10**12)
MODELS = st.lists(st.sampled_from(["gpt-5", "claude-haiku-4-5", "openai/gpt-5"]), unique=True)
NETWORKS = st.lists(st.ip_addresses().map(str), max_size=3)
NAMES = st.text("abc é", min_size=1, max_size=20).filter(str.strip)

LIMIT_FIELDS = dict.fromkeys(("limit_5h", "limit_1d", "limit_7d", "rpm", "tpm", "concurrency"), LIMITS)
KEY_FIELDS: dict[str, st.SearchStrategy[Any]] = LIMIT_FIELDS | {
    "name": NAMES,
    "group": st.sampled_from(["default", "research"]),
    "models": MODELS,
    "expires_at": st.none() | st.integers(1, 4_000_000_000).map(lambda s: datetime.fromtimestamp(s, UTC).isoformat()),
    "cap_usd": AMOUNTS,
    "ip_allow": NETWORKS,
    "ip_deny": NETWORKS,
    "is_strict": st.sampled_from([None, True, False]),
    "on_hangup": st.sampled_from([None, "cancel", "drain"]),
    "keep_responses": st.sampled_from([None, True, False]),
    "status": st.sampled_from(["enabled", "disabled"]),
}
GROUP_FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "platform": st.sampled_from(["", "openai", "anthropic"]),
    "billing": st.sampled_from(["balance", "subscription"]),
    "multiplier": st.sampled_from(["0", "1", "1.25", "0.000001"]),
    "models": MODELS,
    "defaults": st.fixed_dictionaries({}, optional=LIMIT_FIELDS | {"cap_usd": AMOUNTS}),
    "on_cut": st.sampled_from(["error", "resume-if-identical"]),
    "fallbacks": st.dictionaries(
        st.sampled_from(["a", "b"]),
        st.fixed_dictionaries({"outage": st.lists(st.sampled_from(["x", "y"]), min_size=1, unique=True)}),
    ),
}
CHANNEL_FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "kind": st.sampled_from(["openai", "anthropic", "vllm"]),
    "base_url": st.sampled_from([None, "https://up.example/v1"]),
    "models": st.none() | st.dictionaries(st.sampled_from(["a", "b"]), st.just("up"), min_size=1),
    "priority": st.none() | st.integers(-5, 5),
    "weight": st.none() | st.integers(1, 5),
    "groups": st.none() | st.just(["team"]),
    "concurrency": st.none() | st.integers(0, 5),
    "queue_s": st.none() | st.just(2.5),
    "on_cut": st.sampled_from([None, "error", "resume-if-identical"]),
    "hedge": st.sampled_from([None, True, False]),
    "probe_s": st.none() | st.just(30.5),
    "is_enabled": st.booleans(),
    "deadlines": st.fixed_dictionaries(
        {}, optional=dict.fromkeys(("connect_s", "head_s", "first_token_s", "idle_s", "total_s"), st.floats(0.5, 50))
    ),
}
ACCOUNT_FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "display_name": NAMES,
    "role": st.sampled_from(["user", "admin"]),
    "billing": st.sampled_from(["prepaid", "unlimited"]),
    "status": st.sampled_from(["active", "suspended"]),
}
PLAN_FIELDS: dict[str, st.SearchStrategy[Any]] = dict.fromkeys(("daily_usd", "weekly_usd", "monthly_usd"), AMOUNTS)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with Store.open(Path(tmp_path_factory.mktemp("edits"))) as store:
        desk = Desk(store, b"pepper" * 6, Actor("test"), rules=Rules())
        people.create_account(desk, NewAccount(email="operator@example.com", role="admin"))
        people.create_account(desk, NewAccount(email="ada@example.com"))
        keys.create_key(desk, NewKey(name="key"))
        groups.create_group(desk, NewGroup(name="research"))
        plans.create_plan(desk, NewPlan(name="pro"))
        channels.create_channel(desk, NewChannel(name="main", kind="openai", api_key="sk-x"))
        yield desk


def meant(name: str, value: Any) -> Any:
    """A field as it is shown after it was named so."""
    if name.endswith("_usd"):
        return dollars(nano_dollars(value, name))
    if name in ("ip_allow", "ip_deny"):
        return fields.networks(value, name)
    if name == "name" or name == "display_name":
        return value.strip(" ")
    if name == "expires_at" and value is not None:
        return value.replace("+00:00", "Z")
    return value


def hold(before: Any, after: Any, named: dict[str, Any]) -> None:
    old, new = msgspec.to_builtins(before), msgspec.to_builtins(after)
    expected = old | {
        name: meant(name, value) for name, value in named.items() if name not in ("defaults", "deadlines")
    }
    if "defaults" in named:
        expected["defaults"] = old["defaults"] | {name: meant(name, value) for name, value in named["defaults"].items()}
    if "deadlines" in named:
        expected["deadlines"] = ((old["deadlines"] or {}) | named["deadlines"]) or None
    assert new == expected


CASES: list[tuple[str, dict[str, st.SearchStrategy[Any]], Callable[[Desk, int], Any], Callable[..., Any], Any, int]] = [
    ("key", KEY_FIELDS, keys.get_key, keys.edit_key, KeyEdit, 1),
    ("group", GROUP_FIELDS, groups.get_group, groups.edit_group, GroupEdit, 2),
    ("account", ACCOUNT_FIELDS, people.get_account, people.edit_account, AccountEdit, 2),
    ("plan", PLAN_FIELDS, plans.get_plan, plans.edit_plan, PlanEdit, 1),
    ("channel", CHANNEL_FIELDS, channels.get_channel, channels.edit_channel, ChannelEdit, 1),
]


@pytest.mark.parametrize(
    ("fields_of", "get", "edit", "form", "object_id"), [case[1:] for case in CASES], ids=[c[0] for c in CASES]
)
def test_what_is_not_named_stays(
    desk: Desk, fields_of: Any, get: Callable[..., Any], edit: Callable[..., Any], form: Any, object_id: int
) -> None:
    @settings(max_examples=60, deadline=None)
    @given(st.fixed_dictionaries({}, optional=fields_of))
    def law(named: dict[str, Any]) -> None:
        before = get(desk, object_id)
        hold(before, edit(desk, object_id, filled(form, _parsed(named))), named)

    law()


def _parsed(named: dict[str, Any]) -> dict[str, Any]:
    """As a body says it: JSON, there and back."""
    parsed: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(named))
    return parsed


@pytest.mark.parametrize(
    ("form", "tried"),
    [
        (KeyEdit, KEY_FIELDS),
        (GroupEdit, GROUP_FIELDS),
        (AccountEdit, ACCOUNT_FIELDS),
        (PlanEdit, PLAN_FIELDS),
        (ChannelEdit, CHANNEL_FIELDS),
    ],
)
def test_the_law_knows_every_field(form: Any, tried: dict[str, Any]) -> None:
    named = {"name"} if form in (GroupEdit, PlanEdit, ChannelEdit) else set()
    untried = {"expires_in_days", "email"} | named | ({"dialects"} if form is ChannelEdit else set())
    assert set(form.__struct_fields__) - untried == set(tried)
