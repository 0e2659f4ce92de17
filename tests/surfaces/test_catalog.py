from __future__ import annotations

import json
from typing import Any

import pytest
from msgspec.structs import replace

from tests.relay.stage import ACCOUNT, GROUP, KEY
from tests.routing.channels import channel
from torouter.access.keyring import Group
from torouter.access.standing import Standing
from torouter.errors import RequestError, RoutingError
from torouter.routing.snapshot import Snapshot
from torouter.surfaces.catalog import names_for, parse_catalog, render_list, render_model

NAMES = [f"m{number:02d}" for number in range(60)]


def listed(path: bytes, query: bytes = b"", fields: dict[bytes, bytes] | None = None) -> Any:
    request = parse_catalog(path, query, fields or {})
    assert request is not None
    return json.loads(render_list(request, NAMES))


@pytest.mark.parametrize(
    ("path", "fields", "dialect"),
    [
        (b"/v1/models", {}, "openai-chat"),
        (b"/api/v1/models", {b"authorization": b"Bearer k"}, "openai-chat"),
        (b"/v1/models", {b"anthropic-version": b"2023-06-01"}, "anthropic"),
        (b"/v1/models", {b"anthropic-version": b"2026-10-21", b"authorization": b"Bearer k"}, "anthropic"),
        (b"/v1/models", {b"x-api-key": b"k"}, "anthropic"),
        (b"/v1/models", {b"x-goog-api-key": b"k"}, "gemini"),
        (b"/v1beta/models", {}, "gemini"),
        (b"/api/v1beta/models", {}, "gemini"),
        (b"/v1beta/v1beta/models", {}, "gemini"),
        (b"/v1beta/v1/models", {}, "gemini"),
    ],
)
def test_one_path_three_dialects(path: bytes, fields: dict[bytes, bytes], dialect: str) -> None:
    request = parse_catalog(path, b"", fields)
    assert request is not None
    assert request.dialect == dialect


def test_no_catalog() -> None:
    for path in (b"/v1/modelsx", b"/models", b"/v2/models", b"/v1/chat/completions"):
        assert parse_catalog(path, b"", {}) is None


def test_openai_lists_all() -> None:
    body = listed(b"/v1/models")
    assert body["object"] == "list"
    assert [model["id"] for model in body["data"]] == NAMES


def test_anthropic_pages_both_ways() -> None:
    version = {b"anthropic-version": b"2023-06-01"}
    first = listed(b"/v1/models", b"", version)
    assert ([model["id"] for model in first["data"]], first["has_more"]) == (NAMES[:20], True)
    assert (first["first_id"], first["last_id"]) == ("m00", "m19")
    after = listed(b"/v1/models", b"limit=50&after_id=m19", version)
    assert ([model["id"] for model in after["data"]], after["has_more"]) == (NAMES[20:], False)
    before = listed(b"/v1/models", b"limit=5&before_id=m10", version)
    assert ([model["id"] for model in before["data"]], before["has_more"]) == (NAMES[5:10], True)


def test_gemini_pages_by_token() -> None:
    seen: list[str] = []
    token = ""
    while True:
        page = listed(b"/v1beta/models", f"pageSize=25&pageToken={token}".encode())
        seen += [model["name"] for model in page["models"]]
        token = page.get("nextPageToken", "")
        if not token:
            break
    assert seen == [f"models/{name}" for name in NAMES]


def test_a_page_size_of_0_is_none() -> None:
    assert listed(b"/v1beta/models", b"pageSize=0") == listed(b"/v1beta/models")


@pytest.mark.parametrize(
    "query",
    [b"limit=0", b"limit=x", b"limit=-1", b"limit=" + b"9" * 5000, b"after_id=nobody"],
    ids=lambda each: each[:12],
)
def test_paging_that_makes_no_sense_is_refused(query: bytes) -> None:
    with pytest.raises(RequestError) as caught:
        listed(b"/v1/models", query, {b"anthropic-version": b"2023-06-01"})
    assert caught.value.param == query.split(b"=")[0].decode()


def test_one_model_and_a_missing_one() -> None:
    request = parse_catalog(b"/v1beta/models/m07", b"", {})
    assert request is not None
    assert json.loads(render_model(request, NAMES))["name"] == "models/m07"
    missing = parse_catalog(b"/v1/models/vendor%2Fnope", b"", {})
    assert missing is not None
    assert missing.name == "vendor/nope"
    with pytest.raises(RoutingError) as caught:
        render_model(missing, NAMES)
    assert caught.value.status == 404


def test_one_model_by_its_other_names() -> None:
    """What may be called may be looked up: vendors' prefixes and `-thinking` are not listed, and known."""
    snapshot = Snapshot(channels=(channel("a", "x", "kimi-thinking"), channel("b", "z", groups=("gold",))))
    vendor = snapshot.channels[0].kind.vendor
    for asked, is_known in (
        ("x", True),
        ("x-thinking", True),
        ("x-thinking-high", True),
        ("x-nothinking", True),
        (f"{vendor}/x", True),
        (f"{vendor}/x-thinking", True),
        ("kimi-thinking", True),
        ("kimi", False),
        ("another/x", False),
        ("y", False),
        ("z", False),
    ):
        assert (asked in names_for(standing(GROUP), snapshot, asked)) == is_known, asked
    assert "x-thinking" not in names_for(standing(GROUP), snapshot)
    assert "x-thinking" in names_for(standing(GROUP, "x"), snapshot, "x-thinking")
    assert "x-thinking" not in names_for(standing(GROUP, "kimi-thinking"), snapshot, "x-thinking")
    few = replace(GROUP, models=frozenset({"kimi-thinking"}))
    assert "x-thinking" not in names_for(standing(few), snapshot, "x-thinking")


def standing(group: Group, *models: str) -> Standing:
    return Standing(replace(KEY, models=frozenset(models)), ACCOUNT, group, None, 0)


def test_a_keys_list_and_its_group_narrow_the_catalog() -> None:
    snapshot = Snapshot(channels=(channel("a", "x", "y"), channel("b", "z", groups=("gold",))))
    gold = Group(id=1, name="gold")
    assert names_for(standing(GROUP), snapshot) == ["x", "y"]
    assert names_for(standing(gold), snapshot) == ["x", "y", "z"]
    assert names_for(standing(gold, "z", "gone"), snapshot) == ["z"]
    few = replace(gold, models=frozenset({"x", "z", "gone"}))
    assert names_for(standing(few), snapshot) == ["x", "z"]
    assert names_for(standing(few, "y", "z"), snapshot) == ["z"]
