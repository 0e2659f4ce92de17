from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.access.rows import account_row, changes, group_row, key_row, subscription_row
from tests.routing.channels import channel
from torouter.access.admission import Doorkeeper
from torouter.access.client import Client
from torouter.access.keyring import Keyring
from torouter.errors import TorouterError
from torouter.routing.snapshot import Snapshot
from torouter.store import AccessKeyRow, AccountRow, LimitColumns

NOW_MS = 1_000_000
HERE = Client("192.0.2.1")
SNAPSHOT = Snapshot(channels=(channel("a", "m", "n"), channel("b", "c", dialects=("anthropic",))))


def good(**given: Any) -> AccessKeyRow:
    return key_row(key_hash=b"hash of good", **given)


def doorkeeper(
    key: AccessKeyRow | None = None, account: AccountRow | None = None, now_ms: Callable[[], int] = lambda: NOW_MS
) -> Doorkeeper:
    door = Doorkeeper(Keyring(), SNAPSHOT, lambda credential: b"hash of " + credential, now_ms)
    change(door, key or good(), accounts=(account or account_row(),))
    return door


def change(door: Doorkeeper, *keys: AccessKeyRow, **others: Any) -> None:
    door.apply(door.keyring.prepare(changes(*keys, **others)))


def refusal(
    door: Doorkeeper, credential: bytes = b"good", model: str = "m", client: Client = HERE
) -> tuple[int, str | None, str | None]:
    with pytest.raises(TorouterError) as caught:
        door.admit(door.identify(door.hash_of(credential), client), "openai-chat", "chat", model)
    return caught.value.status, caught.value.type, caught.value.code


def test_a_good_key_is_admitted() -> None:
    door = doorkeeper()
    admission = door.admit(door.identify(door.hash_of(b"good"), HERE), "openai-chat", "chat", "m-thinking")
    assert (admission.key.id, admission.key.account_id, admission.model) == (7, 3, "m-thinking")
    assert admission.route.model == "m"


FAULTS: list[tuple[dict[str, Any], tuple[int, str | None, str | None]]] = [
    ({"status": "disabled"}, (401, "API_KEY_DISABLED", None)),
    ({"account": None}, (401, "USER_NOT_FOUND", None)),
    ({"account_status": "suspended"}, (401, "USER_INACTIVE", None)),
    ({"ip_allow": ("198.51.100.0/24",)}, (403, "ACCESS_DENIED", "ip_not_allowed")),
    ({"expires_ms": NOW_MS}, (403, "API_KEY_EXPIRED", None)),
    ({"models": ("n",)}, (403, "ACCESS_DENIED", "model_not_allowed")),
]
"""In the order in which they are told."""


def faulty(*faults: dict[str, Any]) -> Doorkeeper:
    given = {name: value for fault in faults for name, value in fault.items()}
    accounts = () if "account" in given else (account_row(status=given.pop("account_status", "active")),)
    given.pop("account", None)
    given.pop("account_status", None)
    door = Doorkeeper(Keyring(), SNAPSHOT, lambda credential: b"hash of " + credential, lambda: NOW_MS)
    change(door, good(**given), accounts=accounts)
    return door


@pytest.mark.parametrize(("fault", "expected"), FAULTS)
def test_refusals(fault: dict[str, Any], expected: tuple[int, str | None, str | None]) -> None:
    assert refusal(faulty(fault)) == expected


def test_no_key_and_an_unknown_one() -> None:
    assert refusal(doorkeeper(), b"") == (401, "API_KEY_REQUIRED", None)
    assert refusal(doorkeeper(), b"bad") == (401, "INVALID_API_KEY", None)


@pytest.mark.parametrize("first", range(len(FAULTS)))
@pytest.mark.parametrize("second", range(len(FAULTS)))
def test_of_two_faults_the_earlier_is_told(first: int, second: int) -> None:
    if first < second and {first, second} != {1, 2}:  # an account that is gone has no status
        assert refusal(faulty(FAULTS[first][0], FAULTS[second][0])) == FAULTS[first][1]


def test_a_key_without_its_group() -> None:
    door = doorkeeper(good(group_id=9))
    assert refusal(door) == (403, "ACCESS_DENIED", "no_group")


def test_a_key_expires_at_its_moment_and_not_before() -> None:
    now_ms = [NOW_MS]
    door = doorkeeper(good(expires_ms=NOW_MS + 1), now_ms=lambda: now_ms[0])
    assert door.admit(door.identify(door.hash_of(b"good"), HERE), "openai-chat", "chat", "m").model == "m"
    now_ms[0] += 1
    assert refusal(door) == (403, "API_KEY_EXPIRED", None)


def test_an_address_that_is_not_certain_is_inside_no_rule() -> None:
    for rules in ({"ip_allow": ("192.0.2.0/24",)}, {"ip_deny": ("203.0.113.0/24",)}):
        door = doorkeeper(good(**rules))
        assert door.identify(door.hash_of(b"good"), HERE).key.id == 7
        assert refusal(door, client=Client(HERE.address, False)) == (403, "ACCESS_DENIED", "ip_not_allowed")
    door = doorkeeper()
    assert door.identify(door.hash_of(b"good"), Client(HERE.address, False)).key.id == 7


def test_a_listed_base_model_covers_its_thinking_variant() -> None:
    door = doorkeeper(good(models=("m",)))
    standing = door.identify(door.hash_of(b"good"), HERE)
    assert door.admit(standing, "openai-chat", "chat", "m-thinking-high").route.model == "m"


def test_unknown_models_and_models_of_other_dialects_are_404() -> None:
    assert refusal(doorkeeper(), model="nope") == (404, None, "model_not_found")
    assert refusal(doorkeeper(), model="c") == (404, None, "operation_not_supported")


def test_a_groups_catalog_narrows_what_its_channels_have() -> None:
    door = doorkeeper()
    change(door, groups=(group_row(models=("m",)),))
    standing = door.identify(door.hash_of(b"good"), HERE)
    assert door.admit(standing, "openai-chat", "chat", "m-thinking").route.model == "m"
    assert refusal(door, model="n") == (404, None, "model_not_found")
    assert refusal(door, model="c") == (404, None, "model_not_found")
    change(door, groups=(group_row(models=("m", "c")),))
    assert refusal(door, model="c") == (404, None, "operation_not_supported")


class TestWhatIsRemembered:
    def test_a_pass_lasts_until_something_changes(self) -> None:
        door = doorkeeper()
        key_hash = door.hash_of(b"good")
        standing = door.identify(key_hash, HERE)
        admission = door.admit(standing, "openai-chat", "chat", "m")
        assert door.identify(key_hash, HERE) is standing
        assert door.admit(standing, "openai-chat", "chat", "m") is admission
        assert door.admit(standing, "openai-chat", "chat", "n") is not admission

    @pytest.mark.parametrize(
        ("edit", "expected"),
        [
            ({"keys": (good(status="disabled"),)}, (401, "API_KEY_DISABLED", None)),
            ({"keys": (good(is_deleted=True),)}, (401, "INVALID_API_KEY", None)),
            ({"keys": (good(models=("n",)),)}, (403, "ACCESS_DENIED", "model_not_allowed")),
            ({"keys": (good(ip_deny=("192.0.2.1/32",)),)}, (403, "ACCESS_DENIED", "ip_not_allowed")),
            ({"keys": (good(expires_ms=1),)}, (403, "API_KEY_EXPIRED", None)),
            ({"accounts": (account_row(status="suspended"),)}, (401, "USER_INACTIVE", None)),
            ({"accounts": (account_row(deleted_ms=1),)}, (401, "USER_NOT_FOUND", None)),
            ({"groups": ()}, (403, "ACCESS_DENIED", "no_group")),
            ({"groups": (group_row(models=("n",)),)}, (404, None, "model_not_found")),
        ],
    )
    def test_an_edit_is_in_force_for_the_next_request(
        self, edit: dict[str, Any], expected: tuple[int, str | None, str | None]
    ) -> None:
        door = doorkeeper()
        door.admit(door.identify(door.hash_of(b"good"), HERE), "openai-chat", "chat", "m")
        change(door, *edit.pop("keys", ()), **edit)
        assert refusal(door) == expected

    def test_an_edit_of_another_key_or_account_changes_nothing_here(self) -> None:
        door = doorkeeper()
        standing = door.identify(door.hash_of(b"good"), HERE)
        change(door, key_row(8, account_id=4), accounts=(account_row(4),))
        assert door.identify(door.hash_of(b"good"), HERE) is standing

    def test_new_limits_and_a_new_subscription_count_at_once(self) -> None:
        door = doorkeeper()
        assert door.identify(door.hash_of(b"good"), HERE).is_free
        change(door, groups=(group_row(defaults=LimitColumns(rpm=3)),))
        assert door.identify(door.hash_of(b"good"), HERE).windows[0].limit == 3
        change(door, accounts=(account_row(billing="prepaid"),), groups=(group_row(billing="subscription"),))
        assert door.identify(door.hash_of(b"good"), HERE).dues(NOW_MS).fault is not None
        change(door, groups=(group_row(billing="subscription"),), subscriptions=(subscription_row(daily_nusd=5),))
        assert door.identify(door.hash_of(b"good"), HERE).dues(NOW_MS).fault is None

    def test_a_new_snapshot_ends_it(self) -> None:
        door = doorkeeper()
        door.admit(door.identify(door.hash_of(b"good"), HERE), "openai-chat", "chat", "m")
        door.snapshot = Snapshot(channels=())
        assert refusal(door) == (404, None, "model_not_found")
