"""What would have to change for a store to be as a file says: rows and declarations in, steps out."""

from __future__ import annotations

from msgspec.structs import replace

from torouter.channels import Credential
from torouter.config import ChannelSettings
from torouter.config.declaration import Declaration
from torouter.config.groups import GroupSettings
from torouter.config.planning import plan
from torouter.store import ChannelRow, GroupRow, SealedCredential
from torouter.units import Secret

KEY = Secret("hunter2")
CHANNEL = ChannelSettings(name="a", kind="vllm", source="f.yaml:2", weight=2, credentials=(Credential("default", KEY),))
ROW = ChannelRow(
    id=1,
    name="a",
    kind="vllm",
    spec={"weight": 2},
    created_ms=0,
    managed_by="file",
    credentials=(SealedCredential(id=1, label="default", tail="", sealed=b"", set_ms=0),),
)
GROUP = GroupRow(id=2, name="g", created_ms=0, managed_by="file")


def lines(
    declared: Declaration, channels: list[ChannelRow], groups: list[GroupRow], *, is_same_key: bool = True
) -> list[str]:
    return [step.view.line for step in plan(declared, channels, groups, lambda row, label, key: is_same_key)]


def test_nothing_differs() -> None:
    declared = Declaration(file="f.yaml", channels=(CHANNEL,), groups=(GroupSettings(name="g"),))
    assert lines(declared, [ROW], [GROUP]) == []


def test_a_default_that_is_said_is_no_difference() -> None:
    declared = Declaration(file="f.yaml", channels=(CHANNEL,))
    assert lines(declared, [replace(ROW, spec={"weight": 2, "priority": 10, "hedge": False})], []) == []


def test_a_key_is_compared_and_not_shown() -> None:
    declared = Declaration(file="f.yaml", channels=(CHANNEL,))
    assert lines(declared, [ROW], [], is_same_key=False) == ["~ channel a: credential default: another key"]


def test_one_that_this_version_cannot_read_is_set_anew() -> None:
    declared = Declaration(file="f.yaml", channels=(CHANNEL,))
    for row in (replace(ROW, kind="of-tomorrow"), replace(ROW, spec={"of_tomorrow": 1})):
        assert lines(declared, [row], []) == ["~ channel a: what the store has cannot be read: all of it is set anew"]


def test_only_what_the_file_speaks_of_and_manages_goes() -> None:
    by_hand = replace(ROW, id=2, name="b", managed_by="")
    assert lines(Declaration(file="f.yaml"), [ROW, by_hand], [GROUP]) == []
    assert lines(Declaration(file="f.yaml", channels=()), [ROW, by_hand], [GROUP]) == ["- channel a"]
    assert lines(Declaration(file="f.yaml", groups=()), [ROW, by_hand], [GROUP]) == ["- group g"]


def test_groups_come_first_and_go_last() -> None:
    declared = Declaration(
        file="f.yaml", channels=(replace(CHANNEL, name="new"),), groups=(GroupSettings(name="n", models=("m",)),)
    )
    assert lines(declared, [ROW], [GROUP]) == [
        '+ group n: models: ["m"]',
        '+ channel new: kind: "vllm"; weight: 2; credential default',
        "- channel a",
        "- group g",
    ]
