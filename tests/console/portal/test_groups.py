"""Groups: the list, the form and what it refuses, deleting, what a group reaches and why, and what every name means."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest

from tests.console.portal.lobby import Browser, Lobby
from torouter.channels import KINDS, Channel
from torouter.store import LimitColumns

HOSTILE = '<script>alert("1")</script>'


@pytest.fixture
def ada(lobby: Lobby) -> Browser:
    return lobby.signed()


def channels() -> tuple[Channel, ...]:
    demo = KINDS["demo"]
    return (
        Channel(name="spare", kind=demo, models={"gpt-5": "openai/gpt-5"}, priority=20),
        Channel(name="west", kind=demo, models={"gpt-5": "gpt-5-2025", "gpt-5-mini": "gpt-5-mini"}, priority=1),
        Channel(name="lab", kind=demo, models={"qwen": "qwen3"}, groups=frozenset({"research"})),
        Channel(name="any", kind=KINDS["openai-compatible"], base_url="http://127.0.0.1:9/v1", priority=30),
    )


def words_of(html: str) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]*>", " ", html)))


def made(lobby: Lobby, **columns: Any) -> int:
    return lobby.store.create_group("research", columns).id


class TestTheForm:
    def test_a_group_with_everything(self, lobby: Lobby, ada: Browser) -> None:
        answer = ada.post(
            "/admin/groups/new",
            name=" research ",
            platform="openai",
            billing="subscription",
            multiplier="1.25",
            models="gpt-5\r\ngpt-5-mini, gpt-5\r\n",
            more_models="claude-opus-4-7",
            cap_usd="$1,250.50",
            limit_5h="1",
            limit_1d="2,000",
            limit_7d="3",
            rpm="4",
            tpm="5",
            concurrency="6",
            on_cut="resume-if-identical",
            outage="gpt-5 = gpt-5-mini, gpt-4.1\r\n\r\ngpt-5-mini = gpt-4.1",
            context_length="gpt-5=gpt-4.1",
        )
        assert (answer.status_code, answer.headers["location"]) == (303, "/admin/groups/2/models?told=saved")
        row = lobby.store.get_group("research")
        assert (row.platform, row.billing, row.multiplier_ppm) == ("openai", "subscription", 1_250_000)
        assert row.models == ("gpt-5", "gpt-5-mini", "claude-opus-4-7")
        assert row.defaults == LimitColumns(
            cap_nusd=1_250_500_000_000, limit_5h=1, limit_1d=2000, limit_7d=3, rpm=4, tpm=5, concurrency=6
        )
        assert row.routing == {
            "on_cut": "resume-if-identical",
            "fallbacks": {
                "gpt-5": {"outage": ["gpt-5-mini", "gpt-4.1"], "context_length": ["gpt-4.1"]},
                "gpt-5-mini": {"outage": ["gpt-4.1"]},
            },
        }
        (audit,) = lobby.store.audit_page(limit=1)
        assert (audit.action, audit.address) == ("group.create", "203.0.113.9")

    def test_what_is_shown_and_saved_again_changes_nothing(self, lobby: Lobby, ada: Browser) -> None:
        """Not even a list with names that have commas or equals signs in them."""
        group_id = made(
            lobby,
            models=["a,b", "c = d"],
            defaults=LimitColumns(cap_nusd=5 * 10**9, rpm=7),
            routing={"fallbacks": {"x = y": {"outage": ["a,b"]}}, "on_cut": "resume-if-identical"},
            multiplier_ppm=800_000,
        )
        before = lobby.store.get_group(group_id)
        html = ada.get(f"/admin/groups/{group_id}").text
        fields = {name: unescape(value) for name, value in re.findall(r'<input id="(\w+)"[^>]* value="([^"]*)"', html)}
        areas = re.findall(r'<textarea id="(\w+)"[^>]*>([^<]*)</textarea>', html)
        fields |= {name: unescape(text).replace("\n", "\r\n") for name, text in areas}
        chosen = re.findall(r'<select id="(\w+)".*?<option value="([^"]*)" selected>', html)
        rows = len(lobby.store.audit_page(limit=100))
        assert ada.post(f"/admin/groups/{group_id}", **fields, **dict(chosen)).status_code == 303
        assert lobby.store.get_group(group_id) == before
        assert len(lobby.store.audit_page(limit=100)) == rows

    def test_lists_are_emptied(self, lobby: Lobby, ada: Browser) -> None:
        group_id = made(lobby, models=["gpt-5"], routing={"fallbacks": {"gpt-5": {"outage": ["x"]}}})
        assert ada.post(f"/admin/groups/{group_id}", name="research", billing="balance", on_cut="error")
        row = lobby.store.get_group(group_id)
        assert (row.models, row.routing.get("fallbacks")) == ((), None)

    @pytest.mark.parametrize(
        ("fields", "field"),
        [
            ({"name": ""}, "name"),
            ({"name": "default"}, "name"),
            ({"name": "x" * 101}, "name"),
            ({"name": "two\nlines"}, "name"),
            ({"multiplier": "much"}, "multiplier"),
            ({"multiplier": "-1"}, "multiplier"),
            ({"platform": "Open AI"}, "platform"),
            ({"billing": "gold"}, "billing"),
            ({"on_cut": "weep"}, "on_cut"),
            ({"cap_usd": "a lot"}, "cap_usd"),
            ({"rpm": "-1"}, "rpm"),
            ({"tpm": "1.5"}, "tpm"),
            ({"models": "x" * 201}, "models"),
            ({"more_models": "x" * 201}, "models"),
            ({"outage": "gpt-5"}, "outage"),
            ({"outage": "= gpt-5"}, "outage"),
            ({"outage": "gpt-5 = ,"}, "outage"),
            ({"context_length": "gpt-5 = gpt-5"}, "context_length"),
            ({"outage": "gpt-5 = " + "y" * 201}, "outage"),
        ],
    )
    def test_what_is_wrong_is_said_beside_it(
        self, lobby: Lobby, ada: Browser, fields: dict[str, str], field: str
    ) -> None:
        rows = len(lobby.store.audit_page(limit=100))
        form = {"name": "g", "billing": "balance", "on_cut": "error", "multiplier": "1"} | fields
        answer = ada.post("/admin/groups/new", **form)
        assert answer.status_code in (400, 409)
        assert f'id="{field}-wrong"' in answer.text
        assert f'<a href="#{field}">' in answer.text
        assert len(lobby.store.audit_page(limit=100)) == rows
        assert len(lobby.store.list_groups()) == 1

    def test_a_line_that_is_wrong_is_named(self, ada: Browser) -> None:
        answer = ada.post(
            "/admin/groups/new", name="g", billing="balance", on_cut="error", outage="a = b\nnonsense\nc = d"
        )
        assert "Line 2:" in answer.text

    def test_a_name_that_is_taken_on_an_edit(self, lobby: Lobby, ada: Browser) -> None:
        group_id = made(lobby)
        answer = ada.post(f"/admin/groups/{group_id}", name="default", billing="balance", on_cut="error")
        assert (answer.status_code, 'id="name-wrong"' in answer.text) == (409, True)
        assert ada.post("/admin/groups/1", name="other", billing="balance", on_cut="error").status_code == 409
        assert [row.name for row in lobby.store.list_groups()] == ["default", "research"]

    def test_pressing_twice_makes_one_group(self, lobby: Lobby, ada: Browser) -> None:
        form = {"name": "twice", "billing": "balance", "on_cut": "error", "once": "a-form"}
        answers = [ada.post("/admin/groups/new", **form) for _ in range(2)]
        assert {answer.headers["location"] for answer in answers} == {"/admin/groups/2/models?told=saved"}
        assert len(lobby.store.list_groups()) == 2

    def test_hostile_text_stays_text(self, lobby: Lobby, ada: Browser) -> None:
        wrong = ada.post("/admin/groups/new", name=HOSTILE, billing="balance", models=HOSTILE, multiplier="no")
        assert HOSTILE not in wrong.text
        assert ada.post("/admin/groups/new", name=HOSTILE, billing="balance", on_cut="error").status_code == 303
        for path in ("/admin/groups", "/admin/groups/2", "/admin/groups/2/models", "/admin/groups/2/delete"):
            html = ada.get(path).text
            assert HOSTILE not in html
            assert "&lt;script&gt;" in html
        assert HOSTILE not in ada.get(f"/admin/groups/2/models?model={HOSTILE}&search={HOSTILE}").text
        assert HOSTILE not in ada.get(f"/admin/groups/mappings?search={HOSTILE}&channel={HOSTILE}").text


class TestOfAFile:
    def test_it_is_shown_and_not_changed(self, lobby: Lobby, ada: Browser) -> None:
        group_id = made(lobby, managed_by="file", models=["gpt-5"])
        html = ada.get(f"/admin/groups/{group_id}").text
        assert "torouter config apply" in html
        assert re.search(r"<fieldset disabled[ >]", html)
        assert ">Save</button>" not in html
        assert f'href="/admin/groups/{group_id}/delete"' not in html
        form = {"name": "mine", "billing": "balance", "on_cut": "error"}
        assert ada.post(f"/admin/groups/{group_id}", **form).status_code == 409
        assert ada.post(f"/admin/groups/{group_id}/delete").status_code == 409
        assert lobby.store.get_group(group_id).name == "research"
        assert "managed by a file" in ada.get("/admin/groups").text


class TestDeleting:
    def test_an_empty_one(self, lobby: Lobby, ada: Browser) -> None:
        group_id = made(lobby)
        assert "Delete this group" in ada.get(f"/admin/groups/{group_id}/delete").text
        answer = ada.post(f"/admin/groups/{group_id}/delete")
        assert answer.headers["location"] == "/admin/groups?told=group_deleted"
        assert ada.post(f"/admin/groups/{group_id}/delete").status_code == 404

    def test_what_is_in_the_way_is_said(self, lobby: Lobby, ada: Browser) -> None:
        group_id = made(lobby)
        ada.make_key(group="research")
        lobby.store.set_subscription(lobby.bob, group_id, lobby.store.create_plan("p").id, "paused", 0, None)
        for answer, status in (
            (ada.get(f"/admin/groups/{group_id}/delete"), 200),
            (ada.post(f"/admin/groups/{group_id}/delete"), 409),
        ):
            assert answer.status_code == status
            assert "1 key is in it" in answer.text
            assert "1 subscription is to it" in answer.text
            assert "Delete this group" not in answer.text
        lobby.store.set_subscription(lobby.bob, group_id, 1, "cancelled", 0, None)
        assert "subscription is to it" not in ada.get(f"/admin/groups/{group_id}/delete").text

    def test_the_default_one_stays(self, ada: Browser) -> None:
        assert ada.post("/admin/groups/1/delete").status_code == 409


class TestTheList:
    def test_says_what_each_has(self, lobby: Lobby, ada: Browser) -> None:
        made(lobby, models=["gpt-5", "gone"], multiplier_ppm=1_250_000, defaults=LimitColumns(rpm=60))
        lobby.store.create_group("nowhere", {"platform": "anthropic"})
        lobby.serve(*channels(), platforms={"nowhere": "anthropic"})
        ada.make_key(group="research")
        words = words_of(ada.get("/admin/groups").text)
        assert re.search(
            r"research Paid from the balance × 1\.25 2 models of its catalog spare, west, lab and 1 more", words
        )
        assert "Requests a minute: 60" in words
        assert re.search(r"nowhere .* 0 models .* No channel only of kind anthropic no limit 0", words)


class TestReach:
    def test_channels_are_in_order_with_their_names(self, lobby: Lobby, ada: Browser) -> None:
        group_id = made(lobby, models=["gpt-5", "qwen", "gpt-5-mini-thinking", "nobodys"])
        lobby.serve(*channels()[:3])
        html = ada.get(f"/admin/groups/{group_id}/models").text
        words = words_of(html)
        assert "gpt-5 west → gpt-5-2025 Priority 1 spare → openai/gpt-5 Priority 20" in words
        assert "qwen lab → qwen3" in words
        assert "gpt-5-mini-thinking west → gpt-5-mini" in words
        assert "1 model of the catalog is served by no channel: nobodys" in words
        default = words_of(ada.get("/admin/groups/1/models").text)
        assert "lab" not in default, "it is for another group"
        found = words_of(ada.get(f"/admin/groups/{group_id}/models?search=QWEN").text)
        assert "What its keys can call 1 model Model Goes to qwen lab" in found

    def test_nobody_is_said(self, lobby: Lobby, ada: Browser) -> None:
        lobby.serve()
        assert "every request is refused" in ada.get("/admin/groups/1/models").text

    def test_many_names_come_in_parts(self, lobby: Lobby, ada: Browser) -> None:
        names = [f"model-{number:03}" for number in range(120)]
        lobby.serve(Channel(name="many", kind=KINDS["demo"], models=dict.fromkeys(names, "x")))
        first = ada.get("/admin/groups/1/models").text
        assert "1–50 of 120" in first
        assert "model-049" in first
        assert "model-050" not in first
        (later,) = re.findall(r'href="(\?[^"]*)" rel="next"', first)
        assert "51–100 of 120" in ada.get(f"/admin/groups/1/models{unescape(later)}").text
        for page in ("3", "999", "0", "-1", "x", "9" * 40):
            assert ada.get(f"/admin/groups/1/models?page={page}").status_code == 200
        assert "101–120 of 120" in ada.get("/admin/groups/1/models?page=999").text


class TestExplaining:
    def test_who_is_asked_and_who_not(self, lobby: Lobby, ada: Browser) -> None:
        lobby.serve(*channels())
        words = words_of(ada.get("/admin/groups/1/models?model=gpt-5&dialect=anthropic").text)
        asked, _, others = words.partition("Not asked")
        assert re.search(r"Asked in this order .* west .* gpt-5-2025 .* spare .* openai/gpt-5", asked)
        assert "not for group default" in others
        assert "As this process sees it: here pid 1" in others

    def test_the_catalog_may_refuse(self, lobby: Lobby, ada: Browser) -> None:
        group_id = made(lobby, models=["gpt-5-mini"])
        lobby.serve(*channels())
        assert "catalog does not have" in ada.get(f"/admin/groups/{group_id}/models?model=gpt-5").text

    def test_nobody_serves_it(self, lobby: Lobby, ada: Browser) -> None:
        lobby.serve(*channels()[:2])
        words = words_of(ada.get("/admin/groups/1/models?model=claude").text)
        assert "Nobody can be asked for this now" in words
        assert "has no model claude" in words

    def test_in_the_readers_language(self, lobby: Lobby, ada: Browser) -> None:
        lobby.serve(*channels())
        group_id = made(lobby, models=["gpt-5-mini"])
        lobby.follow()
        ada.client.cookies.set("torouter_language", "zh-CN")
        refused = ada.get(f"/admin/groups/{group_id}/models?model=gpt-5").text
        assert "分组的目录中没有此模型" in refused
        html = ada.get("/admin/groups/1/models?model=gpt-5&dialect=anthropic").text
        assert "不供分组 default 使用" in html
        assert "有一个字段无法识别" in ada.get("/admin/groups/1/models?model=gpt-5&dialect=latin").text

    @pytest.mark.parametrize(
        "query", ["model=gpt-5&dialect=latin", "model=gpt-5&operation=sing", "model=" + "x" * 300, "model=a%00b"]
    )
    def test_nonsense_is_refused_with_the_page(self, ada: Browser, query: str) -> None:
        answer = ada.get(f"/admin/groups/1/models?{query}")
        assert answer.status_code == 400
        assert 'role="alert"' in answer.text


class TestMappings:
    def test_every_name_at_every_channel(self, lobby: Lobby, ada: Browser) -> None:
        lobby.serve(*channels())
        words = words_of(ada.get("/admin/groups/mappings").text)
        assert "gpt-5 west demo gpt-5-2025 all 1 1 gpt-5 spare demo openai/gpt-5 all 20 1 gpt-5-mini west" in words
        assert "qwen lab demo qwen3 research 10 1" in words
        assert "Take other names too, by their look: any" in words

    def test_looking_for_one(self, lobby: Lobby, ada: Browser) -> None:
        lobby.serve(*channels())
        words = words_of(ada.get("/admin/groups/mappings?search=qwen").text)
        assert "qwen lab" in words
        assert "qwen passed on by its look any" in words
        assert "west" not in words_of(
            ada.get("/admin/groups/mappings?search=gpt-5&channel=spare").text.partition("<tbody")[2]
        )
        assert "No models" in ada.get("/admin/groups/mappings?channel=nobody").text
