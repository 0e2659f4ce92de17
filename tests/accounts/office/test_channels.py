"""Channels at the office, on both engines: refused whole, changed in part, and never with a key in sight."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from torouter.accounts.office import channels, groups, records
from torouter.accounts.office.channel_forms import ChannelEdit, CredentialEdit, NewChannel, NewCredential
from torouter.accounts.office.channel_views import ChannelView
from torouter.accounts.office.desk import Desk
from torouter.accounts.office.forms import AuditQuery, GroupEdit, NewGroup
from torouter.accounts.office.refused import filled
from torouter.accounts.sealing import Seal, tail_of
from torouter.channels import Credential
from torouter.config import ChannelSettings
from torouter.errors import InternalError, RequestError, StoreError, TorouterError
from torouter.fleet import Rules
from torouter.units import Secret

KEY = "sk-the-key-of-an-upstream-9876"
OTHER = "sk-another-key-of-theirs-5432"


@pytest.fixture
def at(desk: Desk) -> Desk:
    """A desk that looks after channels."""
    return replace(desk, rules=Rules(lambda: [DECLARED]))


DECLARED = ChannelSettings(
    name="declared", kind="openai", source="gateway.yaml:7", credentials=(Credential("a", Secret(KEY)),)
)


def new(**named: Any) -> NewChannel:
    return filled(NewChannel, {"name": "main", "kind": "openai", "api_key": KEY} | named)


def edit(desk: Desk, channel_id: int, **named: Any) -> ChannelView:
    return channels.edit_channel(desk, channel_id, filled(ChannelEdit, named))


class TestMaking:
    def test_every_setting_is_shown_as_it_was_named(self, at: Desk) -> None:
        named: dict[str, Any] = {
            "base_url": "https://up.example/v1", "dialects": ["openai-chat"], "models": {"gpt-5": "up-5"},
            "priority": -3, "weight": 7, "groups": ["team"], "deadlines": {"idle_s": 4.5, "total_s": 0.0},
            "concurrency": 20, "queue_s": 0.0, "on_cut": "resume-if-identical", "hedge": False, "probe_s": 30.0,
            "is_enabled": False,
        }  # fmt: skip
        made = msgspec.to_builtins(channels.create_channel(at, new(**named)))
        assert {name: made[name] for name in named} == named
        assert [(each["name"], each["shown"]) for each in made["credentials"]] == [("default", "…9876")]

    def test_models_may_be_a_list_and_may_have_deadlines(self, at: Desk) -> None:
        made = channels.create_channel(at, new(models=["a", "b"]))
        assert made.models == {"a": "a", "b": "b"}
        named = {"a": {"model": "up-a", "deadlines": {"first_token_s": 120.0}}, "b": {"model": "up-b"}}
        assert msgspec.to_builtins(edit(at, made.id or 0, models=named).models) == {"a": named["a"], "b": "up-b"}

    @pytest.mark.parametrize(
        ("named", "param", "words"),
        [
            ({"kind": "nope"}, "kind", "kind: expected one of openai, anthropic"),
            ({"base_url": "ftp://x"}, "base_url", "base_url: expected"),
            ({"base_url": "http://up?k=1"}, "base_url", "base_url: "),
            ({"kind": "openai-compatible"}, "base_url", "channel main: kind openai-compatible needs a base_url"),
            ({"dialects": ["gemini"]}, "dialects", "channel main: openai does not speak gemini"),
            ({"credentials": [{"name": "a", "api_key": KEY}]}, "api_key", "api_key: name either this or credentials"),
        ],
    )
    def test_what_cannot_be_opened_is_refused_whole(
        self, at: Desk, named: dict[str, Any], param: str, words: str
    ) -> None:
        before = at.store.revision()
        with pytest.raises(RequestError) as refused:
            channels.create_channel(at, new(**named))
        assert refused.value.param == param
        assert refused.value.message.startswith(words)
        assert (at.store.list_channels(), at.store.revision(), at.store.audit_page()) == ([], before, [])

    def test_one_without_a_key_is_for_servers_that_ask_for_none(self, at: Desk) -> None:
        with pytest.raises(RequestError, match="credentials: a channel of kind openai needs one"):
            channels.create_channel(at, filled(NewChannel, {"name": "main", "kind": "openai"}))
        local = {"name": "local", "kind": "vllm", "base_url": "http://127.0.0.1:8001/v1"}
        assert channels.create_channel(at, filled(NewChannel, local)).credentials == []

    def test_a_name_is_taken_once_by_the_store_or_by_the_configuration(self, at: Desk) -> None:
        channels.create_channel(at, new())
        with pytest.raises(StoreError, match="There is a channel named main already") as taken:
            channels.create_channel(at, new())
        with pytest.raises(StoreError, match=r"a channel named declared: see gateway\.yaml:7") as declared:
            channels.create_channel(at, new(name="declared"))
        with pytest.raises(StoreError, match="a channel named declared"):
            edit(at, 1, name="declared")
        assert (taken.value.kind, declared.value.kind) == ("conflict", "conflict")

    def test_two_credentials_of_one_name_are_refused_whole(self, at: Desk) -> None:
        twice = [{"name": "a", "api_key": KEY}, {"name": "a", "api_key": OTHER}]
        with pytest.raises(StoreError, match="a credential named a already"):
            channels.create_channel(at, filled(NewChannel, {"name": "main", "kind": "openai", "credentials": twice}))
        assert at.store.list_channels() == []

    def test_a_desk_that_looks_after_no_channels_makes_none(self, desk: Desk) -> None:
        with pytest.raises(InternalError):
            channels.create_channel(desk, new())


class TestEditing:
    def test_what_is_not_named_stays(self, at: Desk) -> None:
        made = channels.create_channel(at, new(models=["a"], deadlines={"idle_s": 4, "connect_s": 2}, weight=3))
        assert edit(at, 1) == made
        assert edit(at, 1, weight=5) == msgspec.structs.replace(made, weight=5)
        after = edit(at, 1, weight=None, models=None, deadlines={"idle_s": None, "head_s": 9}, is_enabled=False)
        assert (after.weight, after.models, after.is_enabled) == (None, None, False)
        assert after.deadlines == {"connect_s": 2.0, "head_s": 9.0}
        assert edit(at, 1, deadlines=None, groups=[]).deadlines is None

    @pytest.mark.parametrize(
        ("named", "param"),
        [
            ({"kind": "openai-compatible"}, "base_url"),
            ({"base_url": "x", "weight": 9}, "base_url"),
            ({"dialects": ["anthropic"]}, "dialects"),
        ],
    )
    def test_a_bad_edit_changes_nothing(self, at: Desk, named: dict[str, Any], param: str) -> None:
        made = channels.create_channel(at, new())
        before = at.store.revision()
        with pytest.raises(RequestError) as refused:
            edit(at, 1, **named)
        assert refused.value.param == param
        assert (channels.get_channel(at, 1), at.store.revision()) == (made, before)

    def test_a_deleted_one_is_not_there(self, at: Desk) -> None:
        channels.create_channel(at, new())
        assert channels.delete_channel(at, 1).credentials == []
        for act in (
            lambda: channels.get_channel(at, 1),
            lambda: edit(at, 1, weight=2),
            lambda: channels.delete_channel(at, 1),
            lambda: channels.add_credential(at, 1, NewCredential(name="b", api_key=OTHER)),
            lambda: channels.remove_credential(at, 1, 1),
        ):
            with pytest.raises(StoreError, match="Channel 1 was deleted") as refused:
                act()
            assert refused.value.kind == "not_found"

    def test_the_list_has_those_of_the_configuration_too(self, at: Desk) -> None:
        channels.create_channel(at, new())
        main, declared = channels.list_channels(at)
        assert (main.id, main.name, main.managed_by) == (1, "main", "")
        assert (declared.id, declared.name, declared.managed_by) == (None, "declared", "gateway.yaml:7")
        assert [(each.name, each.shown) for each in declared.credentials] == [("a", "…9876")]


class TestCredentials:
    def test_they_are_sealed_for_their_channel(self, at: Desk) -> None:
        channels.create_channel(at, new())
        row = at.store.get_channel(1)
        (kept,) = row.credentials
        assert KEY.encode() not in kept.sealed
        seal = Seal(at.pepper)
        assert seal.open(1, kept.sealed) == Secret(KEY)
        for channel_id, pepper in ((2, at.pepper), (1, b"another" * 5)):
            with pytest.raises(StoreError, match="encrypted with another secret"):
                Seal(pepper).open(channel_id, kept.sealed)
        assert channels.has_key(at, row, "default", Secret(KEY))
        assert not channels.has_key(at, row, "default", Secret(OTHER))
        assert not channels.has_key(at, row, "other", Secret(KEY))
        assert not channels.has_key(replace(at, pepper=b"another" * 5), row, "default", Secret(KEY))

    def test_they_are_added_replaced_renamed_and_removed(self, at: Desk) -> None:
        channels.create_channel(at, new())
        added = channels.add_credential(at, 1, NewCredential(name="second", api_key=OTHER))
        assert [(each.name, each.shown) for each in added.credentials] == [("default", "…9876"), ("second", "…5432")]
        found = channels.credential_id(at, 1, "second")
        channels.edit_credential(at, 1, found, CredentialEdit(api_key=KEY + "-new"))
        renamed = channels.edit_credential(at, 1, found, CredentialEdit(name="spare"))
        assert [(each.name, each.shown) for each in renamed.credentials] == [("default", "…9876"), ("spare", "…-new")]
        assert channels.has_key(at, at.store.get_channel(1), "spare", Secret(KEY + "-new"))
        left = channels.remove_credential(at, 1, channels.credential_id(at, 1, "default"))
        assert [each.name for each in left.credentials] == ["spare"]
        with pytest.raises(RequestError, match="credentials: a channel of kind openai needs one"):
            channels.remove_credential(at, 1, found)
        with pytest.raises(StoreError, match="no credential named default; there are: spare"):
            channels.credential_id(at, 1, "default")
        with pytest.raises(StoreError, match="Channel 1 has no credential 99"):
            channels.edit_credential(at, 1, 99, CredentialEdit(name="x"))

    def test_of_short_keys_nothing_is_shown(self) -> None:
        assert (tail_of(Secret("0123456789")), tail_of(Secret("0123456789abcdef"))) == ("", "cdef")

    def test_the_audit_says_that_a_key_was_replaced_and_shows_none(self, at: Desk) -> None:
        """Also by one that looks the same from outside."""
        channels.create_channel(at, new())
        channels.edit_credential(at, 1, 1, CredentialEdit(api_key=f"sk-other{KEY[-4:]}0123456789{KEY[-4:]}"))
        channels.add_credential(at, 1, NewCredential(name="second", api_key=OTHER))
        channels.remove_credential(at, 1, 2)
        channels.delete_channel(at, 1)
        rows = records.list_audit(at, AuditQuery(object_kind="channel", object_id=1), before_id=None, limit=50)
        assert [row.action for row in rows][::-1] == [
            "channel.create",
            "channel.edit_credential",
            "channel.add_credential",
            "channel.remove_credential",
            "channel.delete",
        ]
        said = msgspec.json.encode(rows).decode()
        for secret in (KEY, OTHER):
            assert secret not in said
            assert secret[3:-4] not in said


class TestWhatAFileManages:
    def test_a_channel_is_changed_by_the_file_alone(self, at: Desk) -> None:
        made = channels.create_channel(at, new(), by_file=True)
        assert made.managed_by == "file"
        attempts: tuple[Callable[[], object], ...] = (
            lambda: edit(at, 1, weight=2),
            lambda: edit(at, 1),
            lambda: channels.delete_channel(at, 1),
            lambda: channels.add_credential(at, 1, NewCredential(name="b", api_key=OTHER)),
            lambda: channels.edit_credential(at, 1, 1, CredentialEdit(name="b")),
            lambda: channels.remove_credential(at, 1, 1),
        )
        for attempt in attempts:
            with pytest.raises(
                StoreError, match=r"Channel main is managed by a configuration file.*config apply"
            ) as no:
                attempt()
            assert no.value.kind == "conflict"
        assert channels.get_channel(at, 1) == made
        assert channels.edit_channel(at, 1, ChannelEdit(weight=2), by_file=True).weight == 2
        assert channels.delete_channel(at, 1, by_file=True).deleted_at is not None

    def test_what_it_changes_is_its_own_from_then_on(self, at: Desk) -> None:
        channels.create_channel(at, new())
        assert channels.edit_channel(at, 1, ChannelEdit(), by_file=True).managed_by == "file"

    def test_a_group(self, at: Desk) -> None:
        made = groups.create_group(at, NewGroup(name="team"), by_file=True)
        for attempt in (
            lambda: groups.edit_group(at, made.id, GroupEdit(multiplier="2")),
            lambda: groups.delete_group(at, made.id),
        ):
            with pytest.raises(TorouterError, match="Group team is managed by a configuration file"):
                attempt()
        assert groups.edit_group(at, made.id, GroupEdit(multiplier="2"), by_file=True).multiplier == "2"
        assert groups.delete_group(at, made.id, by_file=True).deleted_at is not None


class TestRoutingOfGroups:
    def test_it_is_named_and_taken_back(self, desk: Desk) -> None:
        fallbacks = {"gpt-5": {"outage": ["gpt-5-mini", "o3"]}, "o3": {"context_length": ["gpt-5"]}}
        named = {"name": "team", "on_cut": "resume-if-identical", "fallbacks": fallbacks}
        made = groups.create_group(desk, filled(NewGroup, named))
        assert (made.on_cut, made.fallbacks) == ("resume-if-identical", fallbacks)
        kept = groups.edit_group(desk, made.id, GroupEdit(multiplier="2"))
        assert (kept.on_cut, kept.fallbacks) == ("resume-if-identical", fallbacks)
        after = groups.edit_group(desk, made.id, filled(GroupEdit, {"on_cut": None, "fallbacks": {"a": {}}}))
        assert (after.on_cut, after.fallbacks) == ("error", {})

    def test_a_model_does_not_stand_in_for_itself(self, desk: Desk) -> None:
        with pytest.raises(RequestError, match="expected models other than a itself") as refused:
            groups.create_group(desk, filled(NewGroup, {"name": "team", "fallbacks": {"a": {"outage": ["b", "a"]}}}))
        assert refused.value.param == "fallbacks.a.outage"
