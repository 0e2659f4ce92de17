"""A request's page that is asked for before its row is stored."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from tests.console.admin.desk import entry
from tests.console.portal.lobby import Lobby
from torouter.console.portal.arrivals import find_arriving
from torouter.errors import StoreError

_ID = entry(1).usage.request_id


def nothing() -> str:
    raise StoreError("There is no such request.", kind="not_found")


def after(tries: int) -> Callable[[], str]:
    left = [tries]

    def find() -> str:
        left[0] -= 1
        return "found" if left[0] < 0 else nothing()

    return find


def test_it_is_waited_for() -> None:
    pauses: list[float] = []
    assert find_arriving(_ID, after(0), pauses.append) == "found"
    assert pauses == []
    assert find_arriving(_ID, after(3), pauses.append) == "found"
    assert len(pauses) == 3


def test_not_for_ever() -> None:
    pauses: list[float] = []
    with pytest.raises(StoreError) as caught:
        find_arriving(_ID, nothing, pauses.append)
    assert caught.value.kind == "not_found"
    assert 1 <= sum(pauses) <= 3


@pytest.mark.parametrize("request_id", ["", "req_nothing", _ID + "0", _ID.upper(), f" {_ID}"])
def test_what_is_no_id_of_ours_is_not_waited_for(request_id: str) -> None:
    with pytest.raises(StoreError):
        find_arriving(request_id, nothing, lambda _: pytest.fail("waited"))


def test_a_store_that_is_away_is_not_waited_for() -> None:
    def away() -> str:
        raise StoreError("away", kind="overloaded")

    with pytest.raises(StoreError) as caught:
        find_arriving(_ID, away, lambda _: pytest.fail("waited"))
    assert caught.value.kind == "overloaded"


@pytest.mark.parametrize("path", ["/usage", "/admin/requests"])
def test_the_page_of_a_request_that_has_just_ended(lobby: Lobby, path: str) -> None:
    browser = lobby.signed()
    writing = threading.Timer(0.3, lobby.store.write_entries, ([entry(1)],))
    writing.start()
    try:
        answer = browser.get(f"{path}/{_ID}")
    finally:
        writing.join()
    assert answer.status_code == 200
    assert _ID in answer.text
