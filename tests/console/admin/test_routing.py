"""Why a request would go where, how channels fare, and an operator who says that something is mended."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from tests.console.admin.desk import OPERATORS_TOKEN, PEPPER, Api, prepare, routing_view
from torouter.accounts.office.office import Office
from torouter.console.admin.site import admin_routes
from torouter.fleet import Rules
from torouter.relay.openings import Openings
from torouter.routing.health import Note
from torouter.routing.planner import Planner
from torouter.store import Store
from torouter.units import Secret


@pytest.fixture
def planner() -> Planner:
    return Planner(random.Random(1).random)


@pytest.fixture
def openings(planner: Planner) -> Openings:
    return Openings(planner.health, time.monotonic)


@pytest.fixture
def desk(store: Store, planner: Planner, openings: Openings) -> Iterator[Api]:
    office = Office(store, PEPPER, Secret(OPERATORS_TOKEN), rules=Rules())
    routes = admin_routes(lambda: office, lambda: routing_view(store, planner, openings))
    with TestClient(Starlette(routes=routes), client=("203.0.113.9", 1)) as client:
        yield Api(client)


def test_an_explanation_names_everybody(desk: Api) -> None:
    prepare(desk)
    found = desk.data("POST", "/explain", {"model": "gpt-5"})
    assert (found["answered_by"], found["group"], found["refused"]) == ("here pid 1", "default", "")
    assert [(each["channel"], each["credential"], each["model"]) for each in found["candidates"]] == [
        ("main", "a", "gpt-5-2025"), ("main", "b", "gpt-5-2025"),
    ]  # fmt: skip
    [other] = found["others"]
    assert (other["channel"], other["why"]) == ("spare", "not for group default")
    theirs = desk.data("POST", "/explain", {"model": "gpt-5", "group": "research"})
    assert [each["channel"] for each in theirs["candidates"]] == ["main", "main", "spare"]


def test_an_explanation_for_a_key(desk: Api) -> None:
    prepare(desk)
    desk.data("PATCH", "/keys/2", {"models": ["gpt-5", "o3"]})
    assert desk.data("POST", "/explain", {"model": "gpt-5", "key_id": 2})["group"] == "research"
    desk.data("PATCH", "/keys/2", {"models": ["o3"]})
    found = desk.data("POST", "/explain", {"model": "gpt-5", "key_id": 2})
    assert (found["refused"], len(found["candidates"])) == ("The key's own list does not have this model.", 3)
    desk.data("PATCH", "/groups/2", {"models": ["o3"]})
    found = desk.data("POST", "/explain", {"model": "gpt-5", "group": "research"})
    assert found["refused"] == "The group's catalog does not have this model."


def test_an_explanation_of_what_nobody_serves(desk: Api) -> None:
    found = desk.data("POST", "/explain", {"model": "nothing", "dialect": "gemini"})
    assert found["candidates"] == []
    assert {each["channel"] for each in found["others"]} == {"main", "spare"}
    assert all(each["why"] for each in found["others"])


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ({}, 400, "model: it is missing."),
        ({"model": "m", "dialect": "cobol"}, 400, "dialect: "),
        ({"model": "m", "group": "none"}, 404, "There is no group named none"),
        ({"model": "m", "key_id": 99}, 404, "There is no key 99"),
        ({"model": "m", "group": "default", "key_id": 1}, 400, "key_id: name either this or group, not both."),
    ],
)
def test_what_cannot_be_explained(desk: Api, body: object, status: int, words: str) -> None:
    answer = desk.call("POST", "/explain", body)
    assert (answer.status_code, answer.json()["error"]["message"][: len(words)]) == (status, words)


def test_health_and_a_reset(desk: Api, openings: Openings) -> None:
    openings.learn(Note("main", "a", "", "credential", failures=3, left_s=600.0, is_told=False))
    found = desk.data("GET", "/health")
    assert (found["answered_by"], found["processes"]) == ("here pid 1", 1)
    main, spare = found["channels"]
    assert (main["channel"], main["concurrency"], main["in_flight"], spare["held"]) == ("main", 20, 0, [])
    [held] = main["held"]
    assert (held["credential"], held["blame"], 590 < held["left_s"] <= 600) == ("a", "credential", True)
    [after] = desk.data("POST", "/health/reset", {"channel": "main"})["channels"]
    assert (after["channel"], after["held"], openings.of("main")) == ("main", [], [])
    [row] = desk.data("GET", "/audit")
    assert (row["action"], row["after"]) == ("health.reset", {"channel": "main"})
    assert desk.call("POST", "/health/reset", {"channel": "nobody"}).status_code == 404


def test_before_the_house_stands(store: Store) -> None:
    office = Office(store, PEPPER, Secret(OPERATORS_TOKEN), rules=Rules())
    with TestClient(Starlette(routes=admin_routes(lambda: office, lambda: None))) as client:
        assert Api(client).call("GET", "/health").status_code == 503


def test_a_channel_is_really_asked(desk: Api) -> None:
    prepare(desk)
    before = len(desk.data("GET", "/audit"))
    found = desk.data("POST", "/channels/2/test", {"credential": "b", "model": "gpt-5", "dialect": "anthropic"})
    assert (found["finding"], found["status"], found["credential"]) == ("bad_credential", 401, "b")
    assert (found["channel"], found["model"], found["dialect"]) == ("second", "gpt-5", "anthropic")
    rows = desk.data("GET", "/audit")
    assert (len(rows), rows[0]["action"], rows[0]["object_id"]) == (before + 1, "channel.test", 2)
    assert (rows[0]["after"]["finding"], rows[0]["after"]["status"]) == ("bad_credential", 401)
    assert "message" not in rows[0]["after"], "what an upstream says is not for the record"


@pytest.mark.parametrize(
    ("path", "body", "status", "words"),
    [
        ("/channels/99/test", {}, 404, "There is no channel 99"),
        ("/channels/2/test", {"dialect": "cobol"}, 400, "dialect: "),
        ("/channels/2/test", {"operation": "images"}, 400, "operation: "),
        ("/channels/2/test", {"model": "a\nb"}, 400, "model: "),
        ("/channels/2/test", {"base_url": "http://169.254.169.254"}, 400, "base_url: there is no such field."),
    ],
)
def test_what_cannot_be_asked(desk: Api, path: str, body: object, status: int, words: str) -> None:
    prepare(desk)
    before = len(desk.data("GET", "/audit"))
    answer = desk.call("POST", path, body)
    assert (answer.status_code, answer.json()["error"]["message"][: len(words)]) == (status, words)
    assert len(desk.data("GET", "/audit")) == before
