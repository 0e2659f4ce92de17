"""What the names mean that clients use, at every channel and for one group."""

from __future__ import annotations

from torouter.channels import KINDS, Channel
from torouter.routing.mappings import Meaning, mappings, meanings, open_channels
from torouter.routing.snapshot import Snapshot

SNAPSHOT = Snapshot(
    channels=(
        Channel(name="late", kind=KINDS["demo"], models={"gpt-5": "openai/gpt-5"}, priority=20),
        Channel(name="light", kind=KINDS["demo"], models={"gpt-5": "gpt-5", "qwen-thinking": "q"}, priority=1),
        Channel(name="heavy", kind=KINDS["demo"], models={"gpt-5": "gpt-5-2025"}, priority=1, weight=5),
        Channel(name="lab", kind=KINDS["demo"], models={"qwen": "qwen3"}, groups=frozenset({"research", "a"})),
        Channel(name="told", kind=KINDS["openai-compatible"], base_url="http://127.0.0.1:9/v1", priority=30),
    ),
    discovered={"told": ("llama", "gpt-5")},
    platforms={"research": "demo"},
)


def places(found: list[Meaning]) -> list[tuple[str, str, str]]:
    return [(each.name, each.channel, each.upstream_model) for each in found]


def test_all_that_channels_say_by_name_and_priority() -> None:
    assert places(mappings(SNAPSHOT)) == [
        ("gpt-5", "heavy", "gpt-5-2025"),
        ("gpt-5", "light", "gpt-5"),
        ("gpt-5", "late", "openai/gpt-5"),
        ("gpt-5", "told", "gpt-5"),
        ("llama", "told", "llama"),
        ("qwen", "lab", "qwen3"),
        ("qwen-thinking", "light", "q"),
    ]
    assert not any(each.is_passed for each in mappings(SNAPSHOT))
    assert mappings(SNAPSHOT)[-2].groups == ("a", "research")


def test_a_search_looks_at_both_names() -> None:
    for search, found in (("OPENAI/", ("gpt-5", "late", "openai/gpt-5")), ("2025", ("gpt-5", "heavy", "gpt-5-2025"))):
        assert places([each for each in mappings(SNAPSHOT, search) if not each.is_passed]) == [found]


def test_a_search_finds_who_would_take_exactly_that_name() -> None:
    (passed,) = [each for each in mappings(SNAPSHOT, "qwen") if each.is_passed]
    assert (passed.channel, passed.upstream_model) == ("told", "qwen")
    assert [each.channel for each in mappings(SNAPSHOT, "gpt-5")].count("told") == 1, "it has said that it has this one"
    assert open_channels(SNAPSHOT) == ["told"]


def test_a_group_has_its_channels_only() -> None:
    assert [each.channel for each in meanings(SNAPSHOT, "gpt-5")] == ["heavy", "light", "late", "told"]
    assert [each.channel for each in meanings(SNAPSHOT, "gpt-5", "research")] == ["heavy", "light", "late"]
    assert [each.channel for each in meanings(SNAPSHOT, "qwen", "research")] == ["lab"]
    assert [each.channel for each in meanings(SNAPSHOT, "qwen", "default")] == ["told"]


def test_a_thinking_name_is_the_one_before_it_unless_it_is_somebodys() -> None:
    assert places(meanings(SNAPSHOT, "gpt-5-thinking-high", "research")) == [
        ("gpt-5", "heavy", "gpt-5-2025"),
        ("gpt-5", "light", "gpt-5"),
        ("gpt-5", "late", "openai/gpt-5"),
    ]
    assert places(meanings(SNAPSHOT, "qwen-thinking", "research")) == [("qwen-thinking", "light", "q")]
    assert meanings(SNAPSHOT, "nobodys-thinking", "research") == []
