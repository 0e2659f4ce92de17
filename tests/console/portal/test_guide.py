"""The first page, the guide, and addresses that nothing has: for strangers and for who is signed in."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.testclient import TestClient

from tests.console.portal import lobby as lobbies
from tests.console.portal.lobby import Browser, Lobby
from tests.console.portal.test_gate import assert_sealed
from torouter.console.portal.guide import NAMES
from torouter.console.portal.site import Site

HOSTILE = ['x"><script>alert(1)</script>', "x;rm -rf ~", "evil.example/$(id)", "x' onload='y", "a .evil"]
SIDE = '<nav aria-label="Main">'


def gateway(lobby: Lobby, host: str = "gateway.example") -> TestClient:
    return lobby.browser(base_url=f"http://{host}").client


class TestLanding:
    @pytest.mark.parametrize("path", ["/", "/api", "/api/"])
    def test_it_names_this_hosts_urls_and_loads_nothing_from_elsewhere(self, lobby: Lobby, path: str) -> None:
        page = gateway(lobby).get(path)
        assert page.status_code == 200
        for url in ("http://gateway.example/v1", "http://gateway.example", "http://gateway.example/v1beta"):
            assert f">{url}</code>" in page.text
        assert "http" not in page.text.replace("http://gateway.example", "")
        assert_sealed(page)

    def test_clients_may_ask_for_its_head(self, lobby: Lobby) -> None:
        for path in ("/", "/api", "/api/"):
            assert gateway(lobby).head(path).status_code == 200
            assert gateway(lobby).get(path, headers={"accept": "application/json"}).status_code == 200
            assert gateway(lobby).post(path).status_code == 405

    def test_the_demo_is_called_the_demo(self, lobby: Lobby) -> None:
        assert "built-in demo" in gateway(lobby).get("/").text
        lobby.is_demo = False
        assert "built-in demo" not in gateway(lobby).get("/").text

    @pytest.mark.parametrize("host", HOSTILE)
    def test_what_stands_in_the_host_header_is_not_repeated(self, lobby: Lobby, host: str) -> None:
        for path in ("/", "/docs", "/docs/getting-started", "/docs/agents", "/docs?q=curl", "/nowhere"):
            page = gateway(lobby).get(path, headers={"host": host})
            assert "<script>" not in page.text
            assert host not in page.text
            assert "evil" not in page.text

    def test_it_leads_on(self, lobby: Lobby) -> None:
        stranger, ada = lobby.browser().get("/").text, lobby.signed().get("/").text
        assert 'href="/sign-in"' in stranger
        assert 'href="/dashboard"' not in stranger
        assert 'href="/dashboard"' in ada
        assert 'href="/sign-in' not in ada
        assert 'href="/docs/getting-started"' in stranger

    def test_it_speaks_the_readers_language(self, lobby: Lobby) -> None:
        page = lobby.browser().get("/", accept_language="zh").text
        assert '<html lang="zh-CN">' in page
        assert "一个密钥" in page


class TestGuide:
    @pytest.mark.parametrize("name", NAMES)
    def test_anybody_may_read_each_page(self, lobby: Lobby, name: str) -> None:
        stranger, ada = lobby.browser().get(f"/docs/{name}"), lobby.signed().get(f"/docs/{name}")
        for page in (stranger, ada):
            assert page.status_code == 200
            assert_sealed(page)
            assert f'href="/docs/{name}" aria-current="page"' in page.text
            assert not re.search(r"\bon\w+=|\bstyle=|<style|<script(?![^>]* src=)", page.text)
            assert all(url.startswith("/") for url in re.findall(r'(?:src|href)="([^"#]+)"', page.text))
            ids = re.findall(r'\bid="([^"]+)"', page.text)
            assert len(ids) == len(set(ids))
        assert "Sign out" not in stranger.text
        assert "Sign out" in ada.text

    def test_a_page_has_this_hosts_address(self, lobby: Lobby) -> None:
        text = gateway(lobby, "llm.example.com:8443").get("/docs/getting-started").text
        assert "http://llm.example.com:8443/v1/chat/completions" in text
        assert "{{" not in text

    def test_models_are_those_that_the_reader_may_call(self, lobby: Lobby) -> None:
        lobby.store.change_group(1, {"models": ["gpt-5-mini"]})
        assert '"model": "gpt-5-mini"' in _unescaped(lobby.signed().get("/docs/getting-started").text)
        assert '"model": "gpt-5"' in _unescaped(lobby.browser().get("/docs/getting-started").text)

    def test_languages_change_and_lead_back(self, lobby: Lobby) -> None:
        browser = lobby.browser()
        back = browser.client.post("/preferences", data={"language": "zh-CN", "back": "/docs/keys"})
        assert back.headers["location"] == "/docs/keys"
        assert "<h1>密钥</h1>" in browser.get("/docs/keys").text

    def test_neighbours_are_linked(self, lobby: Lobby) -> None:
        text = lobby.browser().get("/docs/models").text
        assert 'href="/docs/base-urls" rel="prev"' in text
        assert 'href="/docs/clients" rel="next"' in text
        assert 'rel="prev"' not in lobby.browser().get(f"/docs/{NAMES[0]}").text
        assert 'rel="next"' not in lobby.browser().get(f"/docs/{NAMES[-1]}").text

    def test_the_list_has_every_page(self, lobby: Lobby) -> None:
        text = lobby.browser().get("/docs").text
        assert [name for name in NAMES if f'href="/docs/{name}"' not in text] == []
        assert 'href="/docs/keys#rotation"' in text

    @pytest.mark.parametrize("name", ["nope", "Errors", "errors.md", "%2e%2e", "%00", "x" * 3000])
    def test_other_names_are_none(self, lobby: Lobby, name: str) -> None:
        for browser in (lobby.browser(), lobby.signed()):
            answer = browser.get(f"/docs/{name}")
            assert answer.status_code == 404
            assert_sealed(answer)
            assert browser.get("/docs/..%2Fen%2Ferrors").status_code == 404


class TestSearch:
    def test_it_finds_sections(self, lobby: Lobby) -> None:
        text = lobby.browser().get("/docs?q=rotation").text
        assert 'href="/docs/keys#rotation"' in text
        assert 'value="rotation"' in text

    def test_it_says_when_there_is_nothing(self, lobby: Lobby) -> None:
        assert "No section has all of these words" in lobby.browser().get("/docs?q=xyzzy").text
        assert "Getting started" in lobby.browser().get("/docs?q=%20%20").text

    @pytest.mark.parametrize("wanted", ["<script>alert(1)</script>", '"><b>', "{{ base }}", "e" * 5000, "\x00"])
    def test_words_are_only_words(self, lobby: Lobby, wanted: str) -> None:
        page = lobby.browser().client.get("/docs", params={"q": wanted})
        assert page.status_code == 200
        assert "<script>" not in page.text
        assert '"><b>' not in page.text
        assert "e" * 101 not in page.text


class TestNothing:
    def answer(self, lobby: Lobby, browser: Browser, path: str) -> tuple[int, str]:
        site = Site(lambda: lobbies._OPEN[0])
        client = TestClient(Starlette(exception_handlers={404: _shown_by(site)}), follow_redirects=False)
        client.cookies = browser.client.cookies
        page = client.get(path)
        assert_sealed(page)
        return page.status_code, page.text

    def test_a_stranger_is_shown_ways_on(self, lobby: Lobby) -> None:
        status, text = self.answer(lobby, lobby.browser(), "/nowhere/at/all")
        assert status == 404
        assert "There is nothing here" in text
        assert 'href="/docs"' in text
        assert 'href="/sign-in"' in text

    def test_who_is_signed_in_keeps_the_frame(self, lobby: Lobby) -> None:
        status, text = self.answer(lobby, lobby.signed(), "/admin/nowhere")
        assert status == 404
        assert "Sign out" in text
        assert 'href="/dashboard"' in text

    @pytest.mark.parametrize("path", ["/%3Cscript%3Ealert(1)%3C/script%3E", '/"><b>', "/%00", "/" + "x" * 4000])
    def test_the_address_is_only_an_address(self, lobby: Lobby, path: str) -> None:
        for browser in (lobby.browser(), lobby.signed()):
            status, text = self.answer(lobby, browser, path)
            assert status == 404
            assert "<script>" not in text
            assert '"><b>' not in text


def test_a_browser_that_asks_for_an_icon_gets_ours(lobby: Lobby) -> None:
    client = lobby.browser().client
    answer = client.get("/favicon.ico")
    assert answer.status_code == 307
    picture = client.get(answer.headers["location"])
    assert (picture.status_code, picture.headers["content-type"]) == (200, "image/svg+xml")


def test_pages_of_the_portal_lead_to_the_guide(lobby: Lobby) -> None:
    browser = lobby.signed()
    made = browser.post("/keys/new", name="laptop")
    assert 'href="/docs/agents"' in made.text


def _shown_by(site: Site) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def shown(request: Request, _: Exception) -> Response:
        return await site.nothing_here(request)

    return shown


def _unescaped(text: str) -> str:
    return text.replace("&quot;", '"')
