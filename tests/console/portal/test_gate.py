"""Who may: every page with every sort of caller, forms from elsewhere, and the headers of all answers."""

from __future__ import annotations

import posixpath
import re

import httpx2 as httpx
import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from tests.console.admin.desk import entry
from tests.console.portal.lobby import Browser, Lobby
from torouter.accounts.office import tokens
from torouter.accounts.office.forms import NewToken
from torouter.console.portal import PAGES, portal_routes
from torouter.console.portal.routes import Page

OF_ADA = entry(1)
"""A request that the first account made with the first key."""

CLOSED = [page for page in PAGES if page.who != "anyone"]
GETS = [page for page in CLOSED if "GET" in page.methods]
POSTS = [page for page in CLOSED if "POST" in page.methods]
WITH_TARGET = [page for page in CLOSED if "{target}" in page.path and page.who == "signed"]
OPERATORS = [page for page in CLOSED if page.who == "admin"]
ELSEWHERE = {"/admin": "/admin/traffic"}
"""Pages that only lead to another."""

_QUERIES = {
    "/model": "?name=gpt-5",
    "/admin/traffic.json": "?after=0",
    "/admin/channels/declared": "?name=demo",
}


def path_of(page: Page, target: str = "1") -> str:
    is_request = page.path.startswith(("/usage", "/admin/requests"))
    target = OF_ADA.usage.request_id if is_request and target == "1" else target
    path = page.path.replace("{target}", target).replace("{part}", target)
    return path + _QUERIES.get(page.path, "")


@pytest.fixture
def peopled(lobby: Lobby) -> Lobby:
    """Ada has a key and has made a request with it; there are an admin token and a channel, a plan and a price."""
    browser = lobby.signed()
    browser.make_key()
    assert browser.post("/admin/channels/new", name="main", kind="openai", api_key="sk-upstream-1").status_code == 303
    tokens.create_token(lobby.desk(), NewToken(name="ci"))
    lobby.store.write_entries([OF_ADA])
    lobby.store.set_subscription(lobby.bob, 1, lobby.store.create_plan("monthly").id, "active", 0, None)
    lobby.store.add_price("gpt-5*", "", 0, {"input_per_mtok": 10**9}, "")
    return lobby


@pytest.mark.parametrize("cookie", [None, "", "wrong", "x" * 5000], ids=["none", "empty", "wrong", "long"])
def test_strangers_are_sent_to_sign_in(peopled: Lobby, cookie: str | None) -> None:
    browser = peopled.browser()
    if cookie is not None:
        browser.client.cookies.set("torouter_session", cookie)
    before = len(peopled.store.audit_page(limit=100))
    for method, path in [(method, path_of(page)) for page in CLOSED for method in page.methods]:
        answer = browser.client.request(method, path)
        assert answer.status_code == 303, (method, path)
        assert answer.headers["location"].startswith("/sign-in?next=%2F")
        assert answer.headers["cache-control"] == "no-store"
    assert len(peopled.store.audit_page(limit=100)) == before


def test_the_owner_sees_it(peopled: Lobby) -> None:
    browser = peopled.signed()
    for page in GETS:
        answer = browser.get(path_of(page))
        assert answer.status_code == (303 if page.path in ELSEWHERE else 200), page.path
        assert answer.headers.get("location") == ELSEWHERE.get(page.path)
        assert_sealed(answer)
        assert browser.client.head(path_of(page)).status_code == answer.status_code


@pytest.mark.parametrize("email", ["bob@example.com", "eve@example.com"], ids=["a user", "an administrator"])
def test_what_is_anothers_is_not_there(peopled: Lobby, email: str) -> None:
    if email.startswith("eve"):
        peopled.account(email, "admin")
    browser = peopled.signed(email)
    before = len(peopled.store.audit_page(limit=100))
    form = {"csrf": browser.csrf, "name": "mine", "status": "disabled", "overlap_h": "0"}
    for page, method in [(each, method) for each in WITH_TARGET for method in each.methods]:
        answer = browser.client.request(method, path_of(page), data=form if method == "POST" else None)
        assert answer.status_code == 404, (method, page.path)
        nowhere = path_of(page).replace("/1", "/777").replace(OF_ADA.usage.request_id, "req_nowhere")
        twin = browser.client.request(method, nowhere, data=form if method == "POST" else None)
        assert without_path(twin.text, nowhere) == without_path(answer.text, path_of(page))
    assert len(peopled.store.audit_page(limit=100)) == before
    assert peopled.store.get_key(1).status == "enabled"


def test_what_is_the_operators_is_not_for_users(peopled: Lobby) -> None:
    browser = peopled.signed("bob@example.com")
    before = len(peopled.store.audit_page(limit=100))
    assert "/admin/" not in browser.get("/dashboard").text
    for page, method in [(each, method) for each in OPERATORS for method in each.methods]:
        for target in ("1", str(peopled.bob), "777"):
            form = {"csrf": browser.csrf, "status": "suspended"} if method == "POST" else None
            answer = browser.client.request(method, path_of(page, target), data=form)
            assert answer.status_code == 403, (method, page.path)
            assert "ada@example.com" not in answer.text
            assert_sealed(answer)
    assert len(peopled.store.audit_page(limit=100)) == before


@pytest.mark.parametrize("target", ["777", "0", "abc", "-1", "9" * 30, "%00", "1%2F2", "<script>"])
def test_what_is_not_there_is_not_there_for_operators_either(peopled: Lobby, target: str) -> None:
    browser = peopled.signed()
    before = len(peopled.store.audit_page(limit=100))
    for page, method in [(each, method) for each in OPERATORS if "{target}" in each.path for method in each.methods]:
        form = {"csrf": browser.csrf, "status": "suspended", "password": "long enough"} if method == "POST" else None
        answer = browser.client.request(method, path_of(page, target), data=form)
        assert answer.status_code == 404, (method, page.path)
        assert "<script>" not in answer.text.replace('<script type="module"', "")
    assert len(peopled.store.audit_page(limit=100)) == before


def without_path(html: str, path: str) -> str:
    return html.replace(path, "")


def test_no_key_has_such_a_name(lobby: Lobby) -> None:
    browser = lobby.signed()
    for target in ("0", "abc", "1.0", "-1", "9" * 30, "%00", "1%2F2", "²"):
        assert browser.get(f"/keys/{target}").status_code == 404, target


def test_lists_hold_ones_own_only(peopled: Lobby) -> None:
    bob = peopled.signed("bob@example.com")
    assert "laptop" not in bob.get("/keys").text
    assert OF_ADA.usage.request_id not in bob.get("/usage?since=2000-01-01").text
    assert OF_ADA.usage.request_id not in bob.get("/usage.csv").text
    assert OF_ADA.usage.request_id not in bob.get("/usage?key=1").text
    assert "laptop" not in bob.get("/dashboard").text
    ada = peopled.signed()
    assert OF_ADA.usage.request_id in ada.get("/usage?since=2000-01-01&until=").text
    assert OF_ADA.usage.request_id in ada.get("/usage.csv?since=2000-01-01&until=").text


class TestForms:
    @pytest.mark.parametrize("csrf", [None, "", "0" * 40, "ü"], ids=["none", "empty", "wrong", "no ASCII"])
    def test_a_form_needs_the_sessions_word(self, peopled: Lobby, csrf: str | None) -> None:
        browser = peopled.signed()
        before = len(peopled.store.audit_page(limit=100))
        form = {} if csrf is None else {"csrf": csrf}
        for page in POSTS:
            answer = browser.client.post(path_of(page), data={"name": "x", "status": "disabled"} | form)
            assert answer.status_code == 403, page.path
        assert len(peopled.store.audit_page(limit=100)) == before
        assert browser.get("/keys").status_code == 200, "the session goes on"

    def test_the_word_of_another_session_is_none(self, peopled: Lobby) -> None:
        mine, other = peopled.signed(), peopled.signed()
        assert mine.csrf != other.csrf
        assert mine.client.post("/keys/1/delete", data={"csrf": other.csrf}).status_code == 403

    @pytest.mark.parametrize(
        ("headers", "is_ours"),
        [
            ({}, True),
            ({"origin": "http://testserver"}, True),
            ({"origin": "https://testserver"}, True),
            ({"origin": "http://evil.example"}, False),
            ({"origin": "http://testserver.evil.example"}, False),
            ({"origin": "null"}, False),
            ({"origin": ""}, False),
            ({"sec-fetch-site": "same-origin"}, True),
            ({"sec-fetch-site": "same-origin", "origin": "https://behind.a.proxy"}, True),
            ({"sec-fetch-site": "same-site"}, False),
            ({"sec-fetch-site": "cross-site", "origin": "http://testserver"}, False),
            ({"sec-fetch-site": "none"}, False),
        ],
    )
    def test_forms_of_other_sites_do_nothing(self, peopled: Lobby, headers: dict[str, str], is_ours: bool) -> None:
        browser = peopled.signed()
        answer = browser.post("/profile", headers, display_name="Changed")
        assert answer.status_code == (303 if is_ours else 403)
        assert (peopled.store.get_account(peopled.ada).display_name == "Changed") == is_ours
        stranger = peopled.browser()
        form = {"email": "ada@example.com", "password": "correct horse battery"}
        signed = stranger.client.post("/sign-in", data=form, headers=headers)
        assert signed.status_code == (303 if is_ours else 403), "nobody is signed in by another site either"

    def test_what_is_no_form_is_refused(self, peopled: Lobby) -> None:
        browser = peopled.signed()
        assert browser.client.post("/keys/new", json={"csrf": browser.csrf}).status_code == 415
        assert browser.post("/keys/new", name="x" * 300_000).status_code == 413
        assert browser.post("/keys/new", **{f"f{number}": "" for number in range(200)}).status_code == 400

    def test_methods_are_those_of_the_page(self, peopled: Lobby) -> None:
        browser = peopled.signed()
        for page in PAGES:
            for method in {"GET", "POST", "PUT", "DELETE"} - set(page.methods):
                answer = browser.client.request(method, path_of(page))
                assert answer.status_code == 405, (method, page.path)
                assert answer.headers["allow"]


def assert_sealed(answer: httpx.Response) -> None:
    headers = answer.headers
    policy = headers["content-security-policy"]
    assert policy == (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    )
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["x-frame-options"] == "DENY"


def test_every_answer_is_sealed(peopled: Lobby) -> None:
    browser = peopled.signed()
    for answer in (
        browser.get("/sign-in"),
        peopled.browser().get("/sign-in"),
        peopled.browser().get("/setup"),
        peopled.browser().sign_in("x", "y"),
        browser.get("/keys/777"),
        browser.post("/keys/new", name=""),
        browser.client.post("/keys/new"),
        browser.client.put("/keys"),
        browser.post("/preferences", theme="dark"),
        browser.post("/sign-out"),
    ):
        assert_sealed(answer)


class TestAssets:
    def test_what_pages_name_is_there_for_ever_and_nothing_is_elsewhere(self, peopled: Lobby) -> None:
        browser = peopled.signed()
        for page in GETS:
            if page.path == "/usage.csv":
                continue
            html = browser.get(path_of(page)).text
            assert not re.search(r"<script(?![^>]* src=)|\bon\w+=|\bstyle=|<style", html), "the policy would refuse it"
            named = re.findall(r'(?:src|href)="([^"#]+)"', html)
            assert all(address.startswith("/") for address in named), named
            for address in {each for each in named if each.startswith("/assets/")}:
                answer = browser.get(address)
                assert answer.status_code == 200
                assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
                assert answer.headers["x-content-type-options"] == "nosniff"

    def test_addresses_hold_a_hash(self, lobby: Lobby) -> None:
        browser = lobby.browser()
        folder = folder_of(browser.get("/sign-in").text)
        assert re.fullmatch(r"/assets/[0-9a-f]{16}/", folder)
        for name in ("style.css", "portal.js", "playground/main.js", "playground/dialects/anthropic.js"):
            assert browser.get(folder + name).status_code == 200, name
            assert browser.get(f"/assets/{name}").status_code == 404
            assert browser.get(f"/assets/0000000000000000/{name}").status_code == 404
        for name in ("", "playground", "playground/", "nothing.js", "..%2Fassets.py", "%2E%2E/assets.py"):
            assert browser.get(folder + name).status_code == 404, name

    def test_scripts_import_what_is_beside_them(self, lobby: Lobby) -> None:
        """Whatever a module names is there, and nothing names an address of its own making."""
        browser = lobby.browser()
        folder = folder_of(browser.get("/sign-in").text)
        found, waiting = set[str](), ["playground/main.js", "portal.js"]
        while waiting:
            name = waiting.pop()
            found.add(name)
            answer = browser.get(folder + name)
            assert answer.status_code == 200, name
            assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
            named = re.findall(
                r'(?:^import (?:.* from )?|(?:= |await |=> )import\()"([^"]+)"', answer.text, re.MULTILINE
            )
            assert all(each.startswith(("./", "../")) for each in named), (name, named)
            near = {posixpath.normpath(posixpath.join(posixpath.dirname(name), each)) for each in named}
            waiting += near - found
        assert {
            "copying.js",
            "playground/dialects/anthropic.js",
            "playground/frames.js",
            "playground/view/wire.js",
        } <= found


def folder_of(html: str) -> str:
    """The folder of all assets, with a slash at its end."""
    found = re.search(r'src="([^"]*/)portal\.js"', html)
    assert found is not None
    return found[1]


def test_preferences_are_kept_in_the_browser(lobby: Lobby) -> None:
    browser = lobby.browser()
    answer = browser.client.post("/preferences", data={"theme": "dark", "language": "zh-CN", "back": "/sign-in"})
    assert answer.headers["location"] == "/sign-in"
    html = browser.get("/sign-in").text
    assert '<html lang="zh-CN" data-theme="dark">' in html
    browser.client.post("/preferences", data={"theme": "auto", "language": "xx"})
    assert '<html lang="en">' in browser.get("/sign-in").text
    assert '<html lang="zh-CN">' in browser.get("/sign-in", accept_language="fr, zh;q=0.8, en;q=0.5").text


def test_before_the_store_is_open_it_says_so() -> None:
    with TestClient(Starlette(routes=portal_routes(lambda: None))) as client:
        answer = client.get("/keys")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")


def test_a_fault_has_a_page_and_shows_nothing(lobby: Lobby, caplog: pytest.LogCaptureFixture) -> None:
    browser: Browser = lobby.signed()
    lobby.store.close()
    (lobby.store.data_dir / "torouter.db").write_bytes(b"no database" * 1000)
    answer = browser.get("/keys")
    assert answer.status_code == 503
    assert "torouter.db" not in answer.text
    assert "store is not usable" in caplog.text
