"""The playground's page, and the models that it offers."""

from __future__ import annotations

import re
from html import escape
from typing import Any

import pytest

from tests.console.portal.lobby import Browser, Lobby
from torouter.channels import KINDS, Channel


def serve(lobby: Lobby, *names: str, upstream_model: str = "m", **channel: Any) -> None:
    models = dict.fromkeys(names, upstream_model)
    lobby.serve(Channel(name="many", kind=KINDS["openai"], models=models, **channel))


def found(browser: Browser, search: str = "", group: str = "default") -> list[str]:
    answer = browser.client.get("/playground/models.json", params={"group": group, "search": search})
    assert answer.status_code == 200
    return [each["name"] for each in answer.json()["models"]]


def offered(html: str) -> list[str]:
    listed = re.search(r'<datalist id="models">(.*?)</datalist>', html, re.DOTALL)
    assert listed is not None
    return re.findall(r'<option value="(.*?)"></option>', listed[1])


def group_chosen(html: str) -> list[str]:
    return re.findall(r"<option selected>(.*?)</option>", html)


def numbered(count: int) -> list[str]:
    return [f"model-{number:04d}" for number in range(count)]


class TestModels:
    def test_are_told_to_scripts(self, lobby: Lobby) -> None:
        serve(lobby, "thinker", upstream_model="claude-sonnet-4-5")
        answer = lobby.signed("bob@example.com").get("/playground/models.json?group=default&search=think")
        assert answer.headers["content-type"] == "application/json"
        assert answer.headers["cache-control"] == "no-store"
        assert answer.json() == {"models": [{"name": "thinker", "thinks_by_budget": True}]}
        serve(lobby, "thinker", upstream_model="gpt-5")
        answer = lobby.signed("bob@example.com").get("/playground/models.json?group=default&search=think")
        assert answer.json() == {"models": [{"name": "thinker", "thinks_by_budget": False}]}

    def test_are_for_who_is_signed_in(self, lobby: Lobby) -> None:
        answer = lobby.browser().get("/playground/models.json?group=default")
        assert answer.status_code == 303
        assert answer.headers["location"].startswith("/sign-in?next=")
        assert lobby.signed().post("/playground/models.json").status_code == 405

    @pytest.mark.parametrize(
        ("search", "names"),
        [
            ("gpt-5", ["gpt-5", "GPT-5-mini", "gpt-5-nano", "openai/gpt-5"]),
            ("GPT-5", ["GPT-5-mini", "gpt-5", "gpt-5-nano", "openai/gpt-5"]),
            (" mini ", ["GPT-5-mini"]),
            ("%", []),
            ("5'", []),
            ("", ["GPT-5-mini", "gpt-5", "gpt-5-nano", "o3", "openai/gpt-5"]),
        ],
    )
    def test_are_searched_by_a_part_of_their_names(self, lobby: Lobby, search: str, names: list[str]) -> None:
        serve(lobby, "o3", "openai/gpt-5", "gpt-5-nano", "GPT-5-mini", "gpt-5")
        assert found(lobby.signed(), search) == names

    def test_come_fifty_at_a_time_and_the_one_that_is_named_first(self, lobby: Lobby) -> None:
        serve(lobby, *numbered(5000), "9")
        browser = lobby.signed()
        assert found(browser) == ["9", *numbered(49)]
        assert found(browser, "9") == ["9", *(name for name in numbered(5000) if "9" in name)][:50]
        assert found(browser, "MODEL-4999") == ["model-4999"]

    def test_are_those_of_a_group_that_the_account_may_use(self, lobby: Lobby) -> None:
        lobby.store.create_group("plus", {"models": ["secret"]})
        serve(lobby, "secret", "plain")
        assert found(lobby.signed(), group="plus") == ["secret"]
        bob = lobby.signed("bob@example.com")
        assert found(bob, group="plus") == found(bob, group="nowhere") == found(bob, group="") == []
        assert found(bob) == ["plain", "secret"]
        plus = lobby.store.get_group("plus")
        lobby.store.set_subscription(lobby.bob, plus.id, lobby.store.create_plan("large").id, "active", 0, None)
        assert found(bob, group="plus") == ["secret"]


class TestPage:
    @pytest.mark.parametrize("count", [60, 5000])
    def test_weighs_the_same_however_many_models_there_are(self, lobby: Lobby, count: int) -> None:
        serve(lobby, *numbered(count))
        html = lobby.signed().get("/playground").text
        assert offered(html) == numbered(50)
        assert 'id="model-0" list="models" value="model-0000"' in html
        assert 'id="model-1" list="models" value="model-0001"' in html
        assert len(html) < 25_000

    def test_fetches_no_dialect(self, lobby: Lobby) -> None:
        html = lobby.signed().get("/playground").text
        scripts = re.findall(r'src="/assets/\w+/([\w/.]+\.js)"', html)
        assert scripts == ["portal.js", "playground/main.js"]
        assert "preload" not in html
        assert "prefetch" not in html

    @pytest.mark.parametrize("name", ['"><script>x</script>', "a'b&c", "</datalist>", "模型"])
    def test_names_are_text(self, lobby: Lobby, name: str) -> None:
        serve(lobby, name)
        browser = lobby.signed()
        assert found(browser) == [name]
        assert offered(browser.get("/playground").text) == [
            escape(name).replace("&quot;", "&#34;").replace("&#x27;", "&#39;")
        ]

    def test_begins_in_a_group_that_has_the_model(self, lobby: Lobby) -> None:
        lobby.store.change_group(1, {"models": ["plain"]})
        for group in ("first", "second"):
            lobby.store.create_group(group, {"models": [f"of-{group}"]})
        serve(lobby, "plain", "of-first", "of-second")
        browser = lobby.signed()
        for query, group, offer in (
            ("", "default", "plain"),
            ("?model=of-second", "second", "of-second"),
            ("?model=of-second-thinking", "second", "of-second"),
            ("?model=nowhere", "default", "plain"),
        ):
            html = browser.get(f"/playground{query}").text
            assert group in group_chosen(html), query
            assert offered(html) == [offer], query

    def test_begins_where_there_is_a_model(self, lobby: Lobby) -> None:
        lobby.store.change_group(1, {"models": ["nobodys"]})
        lobby.store.create_group("first", {"models": ["there"]})
        serve(lobby, "there")
        html = lobby.signed().get("/playground").text
        assert "first" in group_chosen(html)
        assert offered(html) == ["there"]
        html = lobby.signed("bob@example.com").get("/playground").text
        assert offered(html) == []
        assert "No model can be called yet" in html
        assert 'data-group="default"' in html
