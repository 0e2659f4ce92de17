"""Forms whose button is pressed twice, and the presses reach two processes: done once, and both are answered alike."""

from __future__ import annotations

import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from tests.console.portal.lobby import ADDRESS, Browser, Lobby, portal_application

FORMS: Mapping[str, tuple[str, dict[str, str]]] = {
    "key": ("/keys/new", {"name": "laptop"}),
    "rotated key": ("/keys/1/rotate", {"overlap_h": "0"}),
    "rotated key with overlap": ("/keys/1/rotate", {"overlap_h": "24"}),
    "account": (
        "/admin/accounts/new",
        {"email": "eve@example.com", "display_name": "Eve", "role": "user", "billing": "prepaid"},
    ),
    "money": ("/admin/accounts/2/money", {"kind": "top_up", "amount_usd": "25.00"}),
    "account's key": ("/admin/accounts/2/keys/new", {"name": "ci", "group": "default"}),
    "group": ("/admin/groups/new", {"name": "team", "billing": "balance", "on_cut": "error", "models": "gpt-5"}),
    "channel": (
        "/admin/channels/new",
        {"name": "main", "kind": "openai", "api_key": "sk-0123456789abcdef", "models": "a\nb = c ; idle_s=5"},
    ),
    "plan": ("/admin/plans/new", {"name": "basic", "daily_usd": "5"}),
    "subscription": (
        "/admin/plans/subscriptions/new",
        {"account": "bob@example.com", "group": "pro", "plan_id": "1", "status": "active"},
    ),
    "price": ("/admin/prices/new", {"model": "gpt-*", "input": "1", "sure": "yes"}),
    "token": ("/admin/settings/tokens", {"name": "ci", "days": "30"}),
}
_CHANGES = re.compile(r'name="once" value="[^"]*"')


@pytest.fixture(scope="module")
def elsewhere() -> Starlette:
    """Another process, as far as it has a memory of its own."""
    return portal_application()


def there(elsewhere: Starlette, browser: Browser) -> Browser:
    """The same browser, whose connection reaches the other process."""
    client = TestClient(elsewhere, client=(ADDRESS, 1), follow_redirects=False)
    client.cookies.update(browser.client.cookies)
    return Browser(client)


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_done_once(lobby: Lobby, elsewhere: Starlette, form: str) -> None:
    browser = lobby.signed()
    browser.make_key()
    lobby.store.create_group("pro", {"billing": "subscription"})
    lobby.store.create_plan("monthly")
    path, fields = FORMS[form]
    before = len(lobby.store.audit_page())
    first = browser.send(path, fields | {"once": "a"})
    assert first.status_code in (200, 303), first.text
    done = len(lobby.store.audit_page())
    assert done > before
    second = there(elsewhere, browser).send(path, fields | {"once": "a"})
    assert second.status_code == first.status_code, second.text
    assert second.headers.get("location") == first.headers.get("location")
    assert _CHANGES.sub("", second.text) == _CHANGES.sub("", first.text), "a secret is shown to both"
    assert len(lobby.store.audit_page()) == done


def test_at_the_same_time(lobby: Lobby, elsewhere: Starlette) -> None:
    ada = lobby.signed()
    browsers = [ada, *(there(elsewhere, ada) for _ in range(3)), *(there(ada.client.app, ada) for _ in range(2))]  # type: ignore[arg-type]
    csrf = ada.csrf

    def press(browser: Browser, path: str, **fields: str) -> tuple[int, str]:
        answer = browser.client.post(path, data={"csrf": csrf, "once": "a", **fields})
        secret = re.search(r"data-secret>(sk-\w+)<", answer.text)
        return answer.status_code, secret[1] if secret else answer.headers["location"]

    with ThreadPoolExecutor(len(browsers)) as hands:
        path = f"/admin/accounts/{lobby.bob}/money"
        money = list(hands.map(lambda browser: press(browser, path, kind="top_up", amount_usd="5"), browsers))
        keys = list(hands.map(lambda browser: press(browser, "/keys/new", name="laptop"), browsers))
    assert {status for status, _ in money} == {303}
    assert lobby.store.get_account(lobby.bob).balance_nusd == 5_000_000_000
    assert len(set(keys)) == len(lobby.store.list_keys()) == 1
    assert keys[0][0] == 200


def test_the_page_gives_its_form_a_word(lobby: Lobby) -> None:
    browser = lobby.signed()
    words = re.findall(r'name="once" value="([^"]+)"', browser.get("/keys/new").text + browser.get("/keys/new").text)
    assert len(set(words)) == 2
    answers = [browser.post("/keys/new", name="laptop", once=word).text for word in (*words, *words)]
    assert len({found[1] for text in answers if (found := re.search(r"data-secret>(sk-\w+)<", text))}) == 2


def test_what_failed_may_be_sent_again(lobby: Lobby, elsewhere: Starlette) -> None:
    browser = lobby.signed()
    form = FORMS["account"][1] | {"email": "bob@example.com", "once": "a"}
    assert browser.post("/admin/accounts/new", **form).status_code == 409
    lobby.store.delete_account(lobby.bob)
    assert there(elsewhere, browser).post("/admin/accounts/new", **form).status_code == 303


def test_who_goes_back_and_sends_something_else_means_it(lobby: Lobby) -> None:
    browser = lobby.signed()
    for amount in ("5", "50", "5", "50"):
        browser.post(f"/admin/accounts/{lobby.bob}/money", kind="top_up", amount_usd=amount, once="a")
    assert lobby.store.get_account(lobby.bob).balance_nusd == 55_000_000_000


def test_but_not_for_ever_and_for_nobody_else(lobby: Lobby) -> None:
    browser = lobby.signed()
    browser.post("/keys/new", name="laptop", once="a")
    lobby.signed("bob@example.com").post("/keys/new", name="laptop", once="a")
    assert len(lobby.store.list_keys()) == 2
    lobby.clock.later_ms += 121_000
    browser.post("/keys/new", name="laptop", once="a")
    assert len(lobby.store.list_keys()) == 3


def test_a_secret_cannot_be_read_from_the_store(lobby: Lobby) -> None:
    _, secret = lobby.signed().make_key(once="a")
    files = [path.read_bytes() for path in lobby.store.data_dir.iterdir()]
    assert any(b"done_once" in file for file in files)
    assert not any(secret.encode() in file or secret[5:-5].encode() in file for file in files)
