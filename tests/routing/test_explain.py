from __future__ import annotations

import random

from tests.routing.channels import channel
from torouter.routing.explain import Explanation, explain
from torouter.routing.fallbacks import Fallbacks
from torouter.routing.planner import Planner
from torouter.routing.snapshot import Snapshot

CHANNELS = (
    channel("well", "m", labels=("x", "y"), weight=3),
    channel("backup", "m", priority=20),
    channel("down", "m"),
    channel("told", "m"),
    channel("busy", "m", concurrency=1),
    channel("gold", "m", groups=("gold",)),
    channel("bare", "other"),
    channel("foreign", "m", dialects=("gemini",)),
)
FALLBACKS = Fallbacks(context_length=("long",), outage=("mini",))


def snapshot(**platforms: str) -> Snapshot:
    return Snapshot(channels=CHANNELS, fallbacks={"m": FALLBACKS}, platforms=platforms)


def ask(it: Snapshot, planner: Planner, model: str = "m", now_s: float = 100.5) -> Explanation:
    return explain(it, planner, group="default", dialect="openai-chat", operation="chat", model=model, now_s=now_s)


def troubled(it: Snapshot) -> Planner:
    planner = Planner(random.Random(1).random)
    route = it.route("default", "openai-chat", "chat", "m")
    assert route is not None
    named = {each.channel.name: each for each in route.candidates}
    planner.failed(named["down"], "channel", 100.0, None)
    planner.failed(named["told"], "model", 100.0, 60.5)
    planner.failed(named["backup"], "model", 100.0, None, is_sudden=False)
    planner.began(named["busy"], 100.0)
    return planner


def test_who_may_be_asked_and_why_others_may_not() -> None:
    it = snapshot()
    found = ask(it, troubled(it))
    assert [(each.channel, each.credential, each.priority, each.weight, each.state) for each in found.candidates] == [
        ("well", "x", 10, 3, "closed"),
        ("well", "y", 10, 3, "closed"),
        ("backup", "", 20, 1, "failing"),
    ]
    assert {each.model for each in found.candidates} == {"up-m"}
    whys = {each.channel: str(each.why) for each in found.others}
    assert whys.pop("down").startswith("cooling down for 0.")
    assert whys == {
        "told": "its upstream told to wait, 60 s are left",
        "busy": "full, with 1 in flight",
        "gold": "not for group default",
        "bare": "has no model m",
        "foreign": "does not offer chat in openai-chat, nor anything that it could be translated to",
    }
    assert {each.channel: each.state for each in found.others} == {
        "down": "open",
        "told": "told",
        "busy": "full",
        "gold": "",
        "bare": "",
        "foreign": "",
    }
    assert {each.why for each in found.candidates} == {None}
    assert found.fallbacks == FALLBACKS


def test_whoever_is_being_looked_at_is_no_candidate_for_others() -> None:
    it = snapshot()
    planner = troubled(it)
    state = {each.channel: each.state for each in ask(it, planner, now_s=102.0).candidates}
    assert state["down"] == "half-open"
    route = it.route("default", "openai-chat", "chat", "m")
    assert route is not None
    planner.health.probe(next(each for each in route.candidates if each.channel.name == "down"), 102.0)
    why = {each.channel: str(each.why) for each in ask(it, planner, now_s=102.0).others}
    assert why["down"] == "another request is seeing whether it has recovered"


def test_one_failure_is_not_many() -> None:
    it = snapshot()
    planner = troubled(it)
    route = it.route("default", "openai-chat", "chat", "m")
    assert route is not None
    down = next(each for each in route.candidates if each.channel.name == "down")

    def why() -> str:
        return next(str(each.why) for each in ask(it, planner, now_s=100.0).others if each.channel == "down")

    assert why().endswith(" s after 1 failure")
    planner.failed(down, "channel", 100.0, None)
    assert why().endswith(" s after 2 failures")


def test_lists_may_refuse_whatever_channels_have() -> None:
    it = snapshot()
    planner = Planner(random.Random(1).random)

    def refused(model: str, *, catalog: tuple[str, ...] = (), listed: tuple[str, ...] = ()) -> str:
        found = explain(
            it, planner, group="default", dialect="openai-chat", operation="chat", model=model, now_s=0.0,
            catalog=catalog, listed=listed,
        )  # fmt: skip
        return str(found.refused or "")

    assert refused("m") == refused("m", catalog=("m",), listed=("m",)) == refused("m-thinking", catalog=("m",)) == ""
    assert refused("m", catalog=("other",), listed=("other",)) == "The group's catalog does not have this model."
    assert refused("m", catalog=("m",), listed=("other",)) == "The key's own list does not have this model."


def test_asking_changes_nothing() -> None:
    it = snapshot()
    planner = troubled(it)
    assert ask(it, planner) == ask(it, planner)
    assert not planner._traffic.uses["busy"].was_full


def test_a_group_of_one_platform_reaches_that_kind_alone() -> None:
    it = snapshot(default="anthropic")
    assert it.route("default", "openai-chat", "chat", "m") is None
    assert it.route("other", "openai-chat", "chat", "m") is not None
    found = ask(it, Planner(random.Random(1).random))
    assert found.candidates == []
    why = {each.channel: str(each.why) for each in found.others}
    assert why["well"] == "of kind openai, the group reaches anthropic only"


def test_a_name_with_a_suffix() -> None:
    it = snapshot()
    planner = Planner(random.Random(1).random)
    found = ask(it, planner, "m-thinking-high")
    assert {each.channel for each in found.candidates} == {"well", "backup", "down", "told", "busy"}
    assert {str(each.why) for each in ask(it, planner, "no-thinking").others if each.channel == "well"} == {
        "has no model no-thinking"
    }
