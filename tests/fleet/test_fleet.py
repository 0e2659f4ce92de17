"""The channels that are served: what is declared, what is kept, what is hidden or left out, and what stays the same."""

from __future__ import annotations

import logging
from typing import Any

import msgspec
import pytest

from torouter.accounts.sealing import Seal
from torouter.channels import Credential
from torouter.config import ChannelSettings, UpstreamSettings
from torouter.config.channels import demo_channel, name_channels
from torouter.errors import ConfigError
from torouter.fleet import Fleet
from torouter.routing.fallbacks import Fallbacks
from torouter.store import ChannelRow, SealedCredential
from torouter.units import Secret

PEPPER = b"pepper" * 6
DEMO = name_channels([demo_channel()])


def row(number: int, name: str, **changes: Any) -> ChannelRow:
    sealed = SEALED.setdefault((number, name), Seal(PEPPER).seal(number, Secret(f"sk-{name}")))
    credential = SealedCredential(id=number, label="default", tail="", set_ms=0, sealed=sealed)
    fields = {"kind": "openai", "spec": {"models": {name: name}}, "created_ms": 0, "credentials": (credential,)}
    return ChannelRow(id=number, name=name, **fields | changes)


SEALED: dict[tuple[int, str], bytes] = {}


def declared(name: str, **changes: Any) -> ChannelSettings:
    fields = {"kind": "openai", "source": "gateway.yaml:1", "credentials": (Credential("", Secret("sk-file")),)}
    return ChannelSettings(name=name, **fields | changes)


def fleet(*channels: ChannelSettings) -> Fleet:
    return Fleet(channels, {}, UpstreamSettings(), PEPPER, {})


def names(fleet: Fleet) -> list[str]:
    return [channel.name for channel in fleet.snapshot({}).channels]


def keep(fleet: Fleet, *rows: ChannelRow) -> list[str]:
    fleet.stored = fleet.open_stored(rows)
    return names(fleet)


def test_what_is_declared_and_what_is_kept_are_served_together() -> None:
    both = fleet(declared("file"))
    assert keep(both, row(1, "one"), row(2, "two")) == ["file", "one", "two"]
    one = both.snapshot({}).channels[1]
    assert (one.credentials[0].label, one.credentials[0].secret) == ("default", Secret("sk-one"))
    assert one.upstream_model("one") == "one"


def test_the_demo_is_there_as_long_as_nothing_else_is() -> None:
    alone = fleet(*DEMO)
    assert (names(alone), alone.is_demo, alone.named) == (["demo"], True, ())
    assert keep(alone, row(1, "one")) == ["one"]
    assert not alone.is_demo
    assert keep(alone, row(1, "one", is_enabled=False)) == [], "one that is disabled was meant to be, and no demo"
    assert keep(alone) == ["demo"]


def test_a_demo_that_was_declared_stays() -> None:
    assert keep(fleet(declared("demo", kind="demo", credentials=())), row(1, "one")) == ["demo", "one"]


def test_a_name_that_is_declared_hides_the_one_that_is_kept(caplog: pytest.LogCaptureFixture) -> None:
    both = fleet(declared("main"))
    with caplog.at_level(logging.WARNING, "torouter"):
        assert keep(both, row(1, "main"), row(2, "other")) == ["main", "other"]
        assert names(both) == ["main", "other"]
    assert both.snapshot({}).channels[0].credentials[0].secret == Secret("sk-file")
    assert [record.getMessage() for record in caplog.records] == [
        "channel of the store is hidden by one of the configuration channel=main"
    ]
    both.declare([], {})
    assert names(both) == ["main", "other"]
    assert both.snapshot({}).channels[0].credentials[0].secret == Secret("sk-main")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"kind": "of-a-later-version"}, "kind: expected one of"),
        ({"spec": {"of_a_later_version": 1}}, "unknown key"),
        (
            {"credentials": (SealedCredential(id=1, label="a", tail="", set_ms=0, sealed=b"x" * 40),)},
            "encrypted with another secret",
        ),
    ],
)
def test_one_that_cannot_be_opened_is_left_out(
    changes: dict[str, Any], words: str, caplog: pytest.LogCaptureFixture
) -> None:
    both = fleet()
    broken = row(1, "broken", **changes)
    with caplog.at_level(logging.ERROR, "torouter"):
        assert keep(both, broken, row(2, "good")) == ["good"]
        assert keep(both, broken, row(2, "good")) == ["good"]
    (record,) = caplog.records
    assert record.getMessage().startswith("channel left out channel=broken error=")
    assert words in record.getMessage()


def test_a_channel_that_did_not_change_is_the_same_object() -> None:
    both = fleet(declared("file"), declared("other"))
    keep(both, row(1, "one"), row(2, "two"))
    before = {channel.name: channel for channel in both.snapshot({}).channels}
    keep(both, row(1, "one"), row(2, "two", spec={"weight": 2}))
    both.declare([declared("file"), declared("other", weight=2)], {})
    after = {channel.name: channel for channel in both.snapshot({}).channels}
    assert {name for name in after if after[name] is before[name]} == {"file", "one"}
    assert (after["two"].weight, after["other"].weight) == (2, 2)
    again = keep(both, row(1, "one", is_enabled=False), row(2, "two", spec={"weight": 2}))
    assert again == ["file", "other", "two"]


def test_a_configuration_that_cannot_be_opened_changes_nothing() -> None:
    both = fleet(declared("file"))
    before = both.snapshot({}).channels
    with pytest.raises(ConfigError):
        both.declare([declared("new"), declared("broken", kind="openai-compatible")], {"a": Fallbacks(outage=("b",))})
    assert both.snapshot({}).channels == before
    assert both.snapshot({}).fallbacks == {}


def test_the_snapshot_has_what_else_routing_asks_for() -> None:
    both = fleet(declared("file"))
    fallbacks = {"a": Fallbacks(outage=("b",))}
    both.declare([declared("file")], fallbacks)
    both.platforms = {"team": "openai"}
    snapshot = both.snapshot({"file": ("a",), "gone": ("b",)})
    assert (snapshot.fallbacks, snapshot.platforms, snapshot.discovered) == (
        fallbacks,
        {"team": "openai"},
        {"file": ("a",)},
    )


def test_a_row_is_read_with_its_policy() -> None:
    spec = {"deadlines": {"idle_s": 4.5}, "concurrency": 3, "on_cut": "resume-if-identical", "hedge": True}
    both = fleet()
    keep(both, row(1, "one", spec=spec))
    policy = both.snapshot({}).channels[0].policy
    assert (policy.deadlines.idle_s, policy.concurrency, policy.on_cut, policy.hedges) == (
        4.5,
        3,
        "resume-if-identical",
        True,
    )
    assert msgspec.structs.asdict(policy.deadlines)["connect_s"] == UpstreamSettings().connect_s
