from __future__ import annotations

import msgspec
import pytest
from torouter.access.keys import keys_of

from tests.routing.channels import channel
from torouter.access.admission import Doorkeeper
from torouter.errors import TorouterError
from torouter.routing.snapshot import Snapshot
from torouter.store import AccessRow, AccessRows

NOW_MS = 1_000_000

ROW = AccessRow(
    key_id=7,
    key_hash=b"hash of good",
    key_name="k",
    key_status="enabled",
    models=(),
    expires_ms=None,
    account_id=3,
    account_status="active",
    role="user",
    group_id=1,
    group="default",
)


def doorkeeper(**changes: object) -> Doorkeeper:
    row = msgspec.structs.replace(ROW, **changes)
    channels = (channel("a", "m", "n"), channel("b", "c", dialects=("anthropic",)))
    snapshot = Snapshot(keys=keys_of(AccessRows(revision=1, keys=(row,))), channels=channels)
    return Doorkeeper(snapshot, lambda key: b"hash of " + key, lambda: NOW_MS)


def refusal(door: Doorkeeper, credential: bytes, model: str = "m") -> tuple[int, str | None, str | None]:
    with pytest.raises(TorouterError) as caught:
        door.admit(door.identify(door.hash_of(credential)), "openai-chat", "chat", model)
    return caught.value.status, caught.value.type, caught.value.code


def test_a_good_key_is_admitted() -> None:
    door = doorkeeper()
    admission = door.admit(door.identify(door.hash_of(b"good")), "openai-chat", "chat", "m-thinking")
    assert (admission.key.id, admission.key.account_id, admission.model) == (7, 3, "m-thinking")
    assert admission.route.model == "m"


@pytest.mark.parametrize(
    ("changes", "credential", "expected"),
    [
        ({}, b"", (401, "API_KEY_REQUIRED", None)),
        ({}, b"bad", (401, "INVALID_API_KEY", None)),
        ({"key_status": "disabled"}, b"good", (401, "API_KEY_DISABLED", None)),
        ({"account_status": None}, b"good", (401, "USER_NOT_FOUND", None)),
        ({"account_status": "suspended"}, b"good", (401, "USER_INACTIVE", None)),
        ({"expires_ms": NOW_MS}, b"good", (403, "API_KEY_EXPIRED", None)),
        ({"models": ("n",)}, b"good", (403, "ACCESS_DENIED", "model_not_allowed")),
    ],
)
def test_refusals(changes: dict[str, object], credential: bytes, expected: tuple[int, str, str | None]) -> None:
    assert refusal(doorkeeper(**changes), credential) == expected


def test_the_first_refusal_wins() -> None:
    door = doorkeeper(key_status="disabled", account_status="suspended", expires_ms=1, models=("n",))
    assert refusal(door, b"good") == (401, "API_KEY_DISABLED", None)


def test_a_key_expires_at_its_moment_and_not_before() -> None:
    assert doorkeeper(expires_ms=NOW_MS + 1).identify(b"hash of good").id == 7


def test_a_listed_base_model_covers_its_thinking_variant() -> None:
    door = doorkeeper(models=("m",))
    assert door.admit(door.identify(door.hash_of(b"good")), "openai-chat", "chat", "m-thinking-high").route.model == "m"


def test_unknown_models_and_models_of_other_dialects_are_404() -> None:
    assert refusal(doorkeeper(), b"good", "nope") == (404, None, "model_not_found")
    assert refusal(doorkeeper(), b"good", "c") == (404, None, "operation_not_supported")


def test_a_pass_is_remembered_for_its_snapshot_and_no_longer() -> None:
    door = doorkeeper()
    key_hash = door.hash_of(b"good")
    admission = door.admit(door.identify(key_hash), "openai-chat", "chat", "m")
    assert door.admit(door.identify(key_hash), "openai-chat", "chat", "m") is admission
    assert door.admit(door.identify(key_hash), "openai-chat", "chat", "n") is not admission
    door.snapshot = doorkeeper(models=("n",)).snapshot
    assert refusal(door, b"good") == (403, "ACCESS_DENIED", "model_not_allowed")
    door.snapshot = doorkeeper(key_status="disabled").snapshot
    assert refusal(door, b"good") == (401, "API_KEY_DISABLED", None)
    door.snapshot = Snapshot(keys={}, channels=())
    assert refusal(door, b"good") == (401, "INVALID_API_KEY", None)


def test_a_key_that_was_good_expires_all_the_same() -> None:
    now_ms = [NOW_MS]
    door = Doorkeeper(doorkeeper(expires_ms=NOW_MS + 1).snapshot, lambda key: b"hash of " + key, lambda: now_ms[0])
    assert door.admit(door.identify(door.hash_of(b"good")), "openai-chat", "chat", "m").model == "m"
    now_ms[0] += 1
    assert refusal(door, b"good") == (403, "API_KEY_EXPIRED", None)
