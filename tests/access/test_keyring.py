from __future__ import annotations

from tests.access.rows import account_row, changes, group_row, key_row, subscription_row
from torouter.access.keyring import NO_LIMITS, Keyring
from torouter.routing.fallbacks import Fallbacks
from torouter.store import Changes, LimitColumns


def filled(*of: Changes) -> Keyring:
    keyring = Keyring()
    for each in of:
        keyring.apply(keyring.prepare(each))
    return keyring


def test_keys_accounts_groups_and_subscriptions_are_found() -> None:
    keyring = filled(
        changes(
            key_row(1, models=("m",), limits=LimitColumns(rpm=2)),
            accounts=(account_row(billing="prepaid", credited_nusd=9),),
            groups=(group_row(name="gold", multiplier_ppm=1_500_000),),
            subscriptions=(subscription_row(weekly_nusd=4),),
        )
    )
    key = keyring.key(b"hash of 1")
    assert key is not None
    assert (key.id, key.models, key.limits.rpm) == (1, frozenset({"m"}), 2)
    account, group, subscription = keyring.account(3), keyring.group(1), keyring.subscription(3, 1)
    assert account is not None
    assert group is not None
    assert subscription is not None
    assert (account.billing, account.credited_nusd) == ("prepaid", 9)
    assert (group.name, group.multiplier_ppm, subscription.weekly_nusd) == ("gold", 1_500_000, 4)
    assert keyring.key(b"nobody's") is None


def test_an_edit_changes_what_it_names_and_nothing_else() -> None:
    keyring = filled(changes(key_row(1), key_row(2), accounts=(account_row(),)))
    one, account = keyring.key(b"hash of 1"), keyring.account(3)
    touched = keyring.apply(keyring.prepare(changes(key_row(2, status="disabled"), revision=2)))
    assert (touched.key_hashes, touched.account_ids, touched.is_everybody) == ({b"hash of 2"}, frozenset(), False)
    assert keyring.key(b"hash of 1") is one
    assert keyring.account(3) is account
    two = keyring.key(b"hash of 2")
    assert two is not None
    assert not two.is_enabled
    assert (len(keyring), keyring.revision) == (2, 2)


def test_what_is_deleted_is_gone() -> None:
    keyring = filled(
        changes(key_row(1), accounts=(account_row(),), subscriptions=(subscription_row(),)),
        changes(key_row(1, is_deleted=True), accounts=(account_row(deleted_ms=1),), groups=(group_row(deleted_ms=1),)),
    )
    assert (keyring.key(b"hash of 1"), keyring.account(3), keyring.group(1)) == (None, None, None)
    assert keyring.subscription(3, 1) is None
    keyring.apply(keyring.prepare(changes(key_row(1, is_deleted=True))))  # a second time is nothing
    assert len(keyring) == 0


def test_everything_anew_takes_the_place_of_everything() -> None:
    keyring = filled(changes(key_row(1)))
    touched = keyring.apply(keyring.prepare(changes(key_row(2)), is_whole=True))
    assert touched.is_everybody
    assert keyring.key(b"hash of 1") is None
    assert keyring.key(b"hash of 2") is not None


def test_a_change_of_a_group_or_a_subscription_touches_everybody() -> None:
    keyring = filled(changes(key_row(1)))
    assert not keyring.apply(keyring.prepare(changes())).is_everybody
    assert keyring.apply(keyring.prepare(changes(groups=(group_row(multiplier_ppm=2),)))).is_everybody
    assert keyring.apply(
        keyring.prepare(changes(groups=(group_row(multiplier_ppm=2),), subscriptions=(subscription_row(),)))
    ).is_everybody


def test_what_keys_have_in_common_is_one_object() -> None:
    limits = [LimitColumns(rpm=5), LimitColumns(rpm=5)]
    keyring = filled(
        changes(
            key_row(1, models=("a", "b"), limits=limits[0], ip_allow=("10.0.0.0/8",)),
            key_row(2, models=("a", "b"), limits=limits[1], ip_allow=("10.0.0.0/8",)),
            key_row(3, limits=LimitColumns()),
        )
    )
    one, two, three = (keyring.key(f"hash of {number}".encode()) for number in (1, 2, 3))
    assert one is not None
    assert two is not None
    assert three is not None
    assert one.models is two.models
    assert one.limits is two.limits
    assert one.ip_allow is two.ip_allow
    assert three.limits is NO_LIMITS


def test_a_group_says_how_its_requests_are_routed() -> None:
    routing = {"on_cut": "resume-if-identical", "fallbacks": {"a": {"outage": ["b"]}}}
    keyring = Keyring()
    keyring.apply(keyring.prepare(changes(groups=(group_row(), group_row(2, "team", routing=routing)))))
    plain, team = keyring.group(1), keyring.group(2)
    assert plain is not None
    assert team is not None
    assert (plain.on_cut, plain.fallbacks) == ("error", {})
    assert (team.on_cut, team.fallbacks) == ("resume-if-identical", {"a": Fallbacks(outage=("b",))})
