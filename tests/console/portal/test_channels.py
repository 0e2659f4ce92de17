"""The operator's pages of channels: what they make and change, what they never show, and a test call behind them."""

from __future__ import annotations

import re
from typing import Any, Final

import pytest

from tests.console.portal.lobby import Browser, Lobby
from torouter.accounts.office.desk import NO_CHANNELS
from torouter.console.admin.routing_view import ChannelHealth
from torouter.console.portal.channel_form import named_fields, typed_fields
from torouter.console.portal.channel_health import fares
from torouter.routing.reports import HealthReport, Note
from torouter.store import ChannelRow, UsageFilter

KEY = "sk-the-upstreams-own-key-1234"
HOSTILE = '"><script>alert(1)</script>'


def make(browser: Browser, **fields: str) -> Any:
    said = {"name": "main", "kind": "openai", "api_key": KEY, "is_enabled": "yes"} | fields
    return browser.post("/admin/channels/new", **said)


def rows(lobby: Lobby) -> list[ChannelRow]:
    return list(lobby.store.list_channels())


def actions(lobby: Lobby) -> list[str]:
    return [row.action for row in lobby.store.audit_page(limit=100)]


def values(browser: Browser, path: str = "/admin/channels/1") -> dict[str, str]:
    """What the form of a page says, as a browser would send it."""
    html = browser.get(path).text
    form = html[html.index('<form class="stack"') :]
    found = dict(re.findall(r'<input id="\w+" name="(\w+)" type="\w+" value="([^"]*)"', form))
    found |= dict(re.findall(r'<textarea[^>]* name="(\w+)"[^>]*>([^<]*)<', form))
    for name, options in re.findall(r'<select[^>]* name="(\w+)"[^>]*>(.*?)</select>', form):
        chosen = re.search(r'<option value="([^"]*)" selected', options)
        found[name] = chosen[1] if chosen else ""
    for name in re.findall(r'<input type="checkbox" name="(dialect\.[\w-]+)" value="yes" checked', form):
        found[name] = "yes"
    return found


class TestList:
    def test_those_of_the_store_and_of_the_configuration(self, lobby: Lobby) -> None:
        browser = lobby.signed()
        make(browser, priority="3", models="a\nb = c", groups="default")
        html = browser.get("/admin/channels").text
        assert html.index(">main<") < html.index(">demo<"), "by priority"
        assert 'href="/admin/channels/declared?name=demo"' in html
        assert "2 models" in html
        assert "by a file" in html

    def test_before_there_are_any(self, lobby: Lobby, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("tests.console.portal.lobby.DECLARED", ())
        html = lobby.signed().get("/admin/channels").text
        assert "No channels yet" in html
        assert "<table" not in html

    def test_one_that_another_hides_is_not_served(self, lobby: Lobby) -> None:
        lobby.store.create_channel("demo", "openai", {"spec": {}, "is_enabled": True, "managed_by": ""})
        browser = lobby.signed()
        assert "Not served" in browser.get("/admin/channels/1").text
        assert "Not served" not in browser.get("/admin/channels/declared?name=demo").text

    def test_a_priority_of_zero_comes_before_others(self, lobby: Lobby) -> None:
        browser = lobby.signed()
        make(browser, name="aaa")
        make(browser, name="zzz", priority="0")
        html = browser.get("/admin/channels").text
        assert html.index(">zzz<") < html.index(">aaa<")

    def test_a_kind_that_this_version_does_not_know_stays(self, lobby: Lobby) -> None:
        lobby.store.create_channel("old", "cobol", {"spec": {}, "is_enabled": True, "managed_by": ""})
        assert '<option value="cobol">cobol</option>' in lobby.signed().get("/admin/channels/1").text


class TestMaking:
    def test_a_channel_with_everything(self, lobby: Lobby) -> None:
        browser = lobby.signed()
        answer = make(
            browser, base_url="https://llm.example.com/v1", credential_name="work",
            models="gpt-5\r\nfast = gpt-5-mini\r\n\r\nslow=o3 ; first_token_s=120 idle_s=20.5",
            groups="default\r\nresearch",
            priority="-2", weight="3", concurrency="7", queue_s="2.5", on_cut="error", hedge="yes", probe_s="5",
            connect_s="1.5", total_s="0", **{"dialect.anthropic": "yes", "dialect.openai-chat": "yes"},
        )  # fmt: skip
        assert (answer.status_code, answer.headers["location"]) == (303, "/admin/channels/1?told=channel_made")
        [row] = rows(lobby)
        assert (row.name, row.kind, row.is_enabled, [each.label for each in row.credentials]) == (
            "main", "openai", True, ["work"],
        )  # fmt: skip
        assert row.spec == {
            "base_url": "https://llm.example.com/v1",
            "dialects": ["openai-chat", "anthropic"],
            "models": {
                "gpt-5": "gpt-5",
                "fast": "gpt-5-mini",
                "slow": {"model": "o3", "deadlines": {"first_token_s": 120.0, "idle_s": 20.5}},
            },
            "groups": ["default", "research"],
            "priority": -2,
            "weight": 3,
            "concurrency": 7,
            "queue_s": 2.5,
            "on_cut": "error",
            "hedge": True,
            "probe_s": 5.0,
            "deadlines": {"connect_s": 1.5, "total_s": 0.0},
        }
        assert actions(lobby)[0] == "channel.create"
        assert KEY not in str(lobby.store.audit_page(limit=10))

    def test_nothing_more_than_is_needed(self, lobby: Lobby) -> None:
        assert make(lobby.signed(), is_enabled="").status_code == 303
        [row] = rows(lobby)
        assert (row.spec, row.is_enabled, row.credentials[0].label) == ({}, False, "default")

    @pytest.mark.parametrize(
        ("fields", "field", "word"),
        [
            ({"name": ""}, "name", "Expected a name"),
            ({"name": "x" * 101}, "name", "Expected a name"),
            ({"kind": ""}, "kind", "Choose one"),
            ({"kind": "cobol"}, "kind", "Choose one"),
            ({"base_url": "ftp://x.example"}, "base_url", "without a user"),
            ({"base_url": "https://user:pass@x.example"}, "base_url", "without a user"),
            ({"base_url": "memory://demo/v1"}, "base_url", "without a user"),
            ({"base_url": "https://x.example/?key=1"}, "base_url", "without a user"),
            ({"api_key": ""}, "api_key", "most kinds need one"),
            ({"api_key": "sk with spaces"}, "api_key", "without spaces"),
            ({"credential_name": "sk-oops"}, "credential_name", "never the key itself"),
            ({"models": "a\n= b"}, "models", "Line 2:"),
            ({"models": "a\na = b"}, "models", "Line 2:"),
            ({"models": "a ; cobol=1"}, "models", "Line 1:"),
            ({"models": "a ; idle_s=soon"}, "models", "Line 1:"),
            ({"priority": "high"}, "priority", "whole number"),
            ({"weight": "0"}, "weight", "at least 1"),
            ({"concurrency": "-1"}, "concurrency", "whole number"),
            ({"idle_s": "0"}, "idle_s", "more than 0"),
            ({"probe_s": "1e9"}, "probe_s", "seconds"),
            ({"queue_s": "-1"}, "queue_s", "seconds"),
        ],
    )
    def test_a_problem_stands_at_its_field(self, lobby: Lobby, fields: dict[str, str], field: str, word: str) -> None:
        answer = make(lobby.signed(), **{"models": "gpt-5", "credential_name": "kept"} | fields)
        assert answer.status_code == 400
        found = re.search(rf'id="{field}-wrong">([^<]*)<', answer.text)
        assert found is not None, re.findall(r'id="(\w+)-wrong"', answer.text)
        assert word in found[1].replace("&#39;", "'")
        assert f'href="#{field}"' in answer.text
        assert f'aria-describedby="{field}-wrong"' in answer.text
        assert fields.get("models", "gpt-5") in answer.text, "what was typed stays"
        assert KEY not in answer.text
        assert rows(lobby) == []

    def test_a_name_that_is_taken(self, lobby: Lobby) -> None:
        browser = lobby.signed()
        make(browser)
        for name in ("main", "demo"):
            answer = make(browser, name=name, weight="77")
            assert answer.status_code == 409
            assert 'id="name-wrong"' in answer.text
            assert 'value="77"' in answer.text
        assert len(rows(lobby)) == 1

    def test_a_rare_field_with_a_problem_is_unfolded(self, lobby: Lobby) -> None:
        browser = lobby.signed()
        assert '<details class="card" open>' not in browser.get("/admin/channels/new").text
        assert '<details class="card" open>' in make(browser, idle_s="never").text

    def test_a_button_pressed_twice_makes_one(self, lobby: Lobby) -> None:
        browser = lobby.signed()
        first, second = (make(browser, once="the-same") for _ in range(2))
        assert first.headers["location"] == second.headers["location"]
        assert len(rows(lobby)) == 1

    def test_hostile_text_is_text(self, lobby: Lobby) -> None:
        browser = lobby.signed()
        assert make(browser, name=HOSTILE, models=HOSTILE, groups=HOSTILE).status_code == 303
        for path in ("/admin/channels", "/admin/channels/1", "/admin/channels/1/delete", "/admin/channels/new"):
            assert "<script>alert" not in browser.get(path).text, path
        assert "<script>alert" not in make(browser, name=HOSTILE, base_url=HOSTILE).text
        assert "<script>alert" not in browser.post("/admin/channels/1/test", model=HOSTILE).text

    def test_what_is_huge_is_refused(self, lobby: Lobby) -> None:
        assert make(lobby.signed(), models="m\n" * 200_000).status_code == 413
        assert make(lobby.signed(), priority="9" * 5000).status_code == 400
        assert rows(lobby) == []


FULL: Final = {
    "models": "gpt-5\nfast = gpt-5-mini\nslow = o3 ; first_token_s=120 idle_s=20.5", "groups": "default",
    "priority": "2", "hedge": "no", "idle_s": "4.25", "queue_s": "0", "on_cut": "resume-if-identical",
    "dialect.anthropic": "yes", "base_url": "https://llm.example.com/v1",
}  # fmt: skip


class TestChanging:
    def test_what_is_sent_as_it_was_shown_changes_nothing(self, lobby: Lobby) -> None:
        browser = lobby.signed()
        make(browser, **FULL)
        [before] = rows(lobby)
        shown = values(browser)
        assert shown["models"] == FULL["models"]
        answer = browser.post("/admin/channels/1", **shown)
        assert answer.headers["location"] == "/admin/channels/1?told=saved"
        assert rows(lobby) == [before]
        assert actions(lobby) == ["channel.create"]

    def test_what_is_changed_is_and_nothing_else(self, lobby: Lobby) -> None:
        browser = lobby.signed()
        make(browser, **FULL)
        [before] = rows(lobby)
        shown = values(browser) | {"name": "other", "idle_s": "", "weight": "5"}
        assert browser.post("/admin/channels/1", **shown).status_code == 303
        [after] = rows(lobby)
        assert after.name == "other"
        assert after.spec == {name: said for name, said in before.spec.items() if name != "deadlines"} | {"weight": 5}
        assert after.credentials == before.credentials

    def test_a_problem_leaves_it_as_it_is(self, lobby: Lobby) -> None:
        browser = lobby.signed()
        make(browser)
        answer = browser.post("/admin/channels/1", **values(browser) | {"base_url": "no url", "weight": "5"})
        assert answer.status_code == 400
        assert 'id="base_url-wrong"' in answer.text
        assert 'value="no url"' in answer.text
        assert rows(lobby)[0].spec == {}

    def test_switching_off_and_on(self, lobby: Lobby) -> None:
        browser = lobby.signed()
        make(browser)
        for status, is_enabled in (("disabled", False), ("enabled", True)):
            answer = browser.post("/admin/channels/1/status", status=status)
            assert answer.headers["location"] == f"/admin/channels/1?told=channel_{status}"
            assert rows(lobby)[0].is_enabled is is_enabled
        assert browser.post("/admin/channels/1/status", status="broken").status_code == 400

    def test_deleting_asks_first(self, lobby: Lobby) -> None:
        browser = lobby.signed()
        make(browser)
        assert "cannot be undone" in browser.get("/admin/channels/1/delete").text
        assert len(rows(lobby)) == 1
        assert browser.post("/admin/channels/1/delete").headers["location"] == "/admin/channels?told=channel_deleted"
        assert rows(lobby) == []
        for method, path in (("GET", ""), ("POST", ""), ("POST", "/test"), ("POST", "/delete"), ("POST", "/reset")):
            answer = browser.client.request(
                method, f"/admin/channels/1{path}", data={"csrf": browser.csrf} if method == "POST" else None
            )
            assert answer.status_code == 404, (method, path)

    @pytest.mark.parametrize("target", ["0", "777", "abc", "-1", "9" * 30, "%00", "²"])
    def test_no_channel_has_such_a_number(self, lobby: Lobby, target: str) -> None:
        browser = lobby.signed()
        make(browser)
        assert browser.get(f"/admin/channels/{target}").status_code == 404
        assert browser.get(f"/admin/channels/1/credentials/{target}").status_code == 404
        assert browser.post(f"/admin/channels/{target}/test").status_code == 404

    def test_what_the_form_has_no_field_for_is_in_the_readers_language_too(self, lobby: Lobby) -> None:
        browser = lobby.signed()
        make(browser, kind="demo", api_key="")
        browser.client.cookies.set("torouter_language", "zh-CN")
        answer = browser.send("/admin/channels/1", values(browser) | {"kind": "openai"})
        assert answer.status_code == 400
        assert re.search(r'role="alert">密钥应为', answer.text), answer.text


class TestManagedElsewhere:
    def test_what_the_configuration_declares_is_only_shown(self, lobby: Lobby) -> None:
        html = lobby.signed().get("/admin/channels/declared?name=demo").text
        assert "torouter.yaml:3" in html
        assert '<form class="stack"' not in html
        assert "/delete" not in html

    def test_there_is_no_other(self, lobby: Lobby) -> None:
        browser = lobby.signed()
        for query in ("", "?name=", "?name=nobody", "?name=%00", "?name=" + "x" * 5000):
            assert browser.get(f"/admin/channels/declared{query}").status_code == 404, query
        assert browser.post("/admin/channels/declared/test", name="nobody").status_code == 404

    def test_what_a_file_manages_is_not_changed_here(self, lobby: Lobby) -> None:
        browser = lobby.signed()
        make(browser)
        lobby.store.change_channel(1, {"managed_by": "file"})
        before = rows(lobby)
        html = browser.get("/admin/channels/1").text
        assert "torouter config apply" in html
        assert '<form class="stack"' not in html
        for path, fields in (
            ("", {"name": "mine", "kind": "openai"}),
            ("/status", {"status": "disabled"}),
            ("/delete", {}),
            ("/credentials", {"name": "x", "api_key": "sk-x-012345"}),
            ("/credentials/1", {"name": "x"}),
            ("/credentials/1/remove", {}),
        ):
            assert browser.post(f"/admin/channels/1{path}", **fields).status_code == 409, path
        assert rows(lobby) == before
        assert browser.post("/admin/channels/1/test").status_code == 200, "it may be tested"


class TestCredentials:
    def test_their_life(self, lobby: Lobby) -> None:
        browser = lobby.signed()
        make(browser)
        path = "/admin/channels/1/credentials"
        added = browser.post(path, name="second", api_key="sk-the-second-key-5678")
        assert added.headers["location"] == "/admin/channels/1?told=credential_added"
        assert browser.post(f"{path}/2", name="renamed", api_key="").headers["location"].endswith("told=saved")
        sealed = rows(lobby)[0].credentials[1]
        assert sealed.label == "renamed"
        replaced = browser.post(f"{path}/2", name="renamed", api_key="sk-a-third-key-9012")
        assert replaced.headers["location"].endswith("told=credential_replaced")
        assert rows(lobby)[0].credentials[1].sealed != sealed.sealed
        assert "Remove renamed" in browser.get(f"{path}/2/remove").text
        assert browser.post(f"{path}/1/remove").headers["location"].endswith("told=credential_removed")
        assert [each.label for each in rows(lobby)[0].credentials] == ["renamed"]
        assert "key" not in str(lobby.store.audit_page(limit=100)[0].after).replace("api_key", "")

    def test_the_last_one_stays_where_one_is_needed(self, lobby: Lobby) -> None:
        browser = lobby.signed()
        make(browser)
        answer = browser.post("/admin/channels/1/credentials/1/remove")
        assert answer.status_code == 400
        assert "needs a credential" in answer.text
        assert len(rows(lobby)[0].credentials) == 1

    @pytest.mark.parametrize(
        ("fields", "status", "field"),
        [
            ({"name": "", "api_key": "sk-0123456789"}, 400, "name"),
            ({"name": "sk-abc", "api_key": "sk-0123456789"}, 400, "name"),
            ({"name": "default", "api_key": "sk-0123456789"}, 409, "name"),
            ({"name": "x", "api_key": ""}, 400, "api_key"),
            ({"name": "x", "api_key": "sk\u00e9"}, 400, "api_key"),
        ],
    )
    def test_a_problem_stands_at_its_field(self, lobby: Lobby, fields: dict[str, str], status: int, field: str) -> None:
        browser = lobby.signed()
        make(browser)
        answer = browser.post("/admin/channels/1/credentials", **fields)
        assert answer.status_code == status
        assert f'id="{field}-wrong"' in answer.text
        assert "sk-0123456789" not in answer.text
        assert len(rows(lobby)[0].credentials) == 1

    def test_no_page_shows_a_key_or_a_part_of_it(self, lobby: Lobby) -> None:
        browser = lobby.signed()
        make(browser)
        for path in ("", "/1", "/1/credentials", "/1/credentials/1", "/1/credentials/1/remove", "/1/delete"):
            html = browser.get(f"/admin/channels{path}").text
            assert KEY not in html
            assert KEY[-4:] not in html, path

    def test_of_another_channel_it_is_not_there(self, lobby: Lobby) -> None:
        browser = lobby.signed()
        make(browser)
        make(browser, name="other")
        assert browser.get("/admin/channels/2/credentials/1").status_code == 404
        assert browser.post("/admin/channels/2/credentials/1", name="x").status_code == 404


class TestTrying:
    def test_what_was_found_is_explained(self, lobby: Lobby) -> None:
        browser = lobby.signed()
        make(browser, is_enabled="")
        answer = browser.post("/admin/channels/1/test", model="gpt-5", dialect="anthropic")
        assert answer.status_code == 200
        for words in ("The key is refused", "Replace the credential", "POST https://api.openai.com:443/v1/", "401"):
            assert words in answer.text
        row = lobby.store.audit_page(limit=1)[0]
        assert (row.action, row.object_id) == ("channel.test", 1)
        assert lobby.store.usage_totals(UsageFilter()).requests == 0, "it is on nobody's bill"

    def test_in_another_language(self, lobby: Lobby) -> None:
        browser = lobby.signed()
        make(browser)
        browser.client.cookies.set("torouter_language", "zh-CN")
        assert "密钥被拒绝" in browser.post("/admin/channels/1/test").text

    def test_a_page_that_is_loaded_again_asks_nobody_again(self, lobby: Lobby) -> None:
        browser = lobby.signed()
        make(browser)
        for once in ("a", "a", "b"):
            assert browser.post("/admin/channels/1/test", once=once).status_code == 200
        assert actions(lobby).count("channel.test") == 2

    def test_what_nobody_can_be_asked(self, lobby: Lobby) -> None:
        browser = lobby.signed()
        make(browser)
        for fields in ({"dialect": "cobol"}, {"operation": "images"}, {"model": "x" * 300}):
            assert browser.post("/admin/channels/1/test", **fields).status_code == 400, fields
        assert "channel.test" not in actions(lobby)

    def test_a_fresh_start(self, lobby: Lobby) -> None:
        browser = lobby.signed()
        answer = browser.post("/admin/channels/declared/reset", name="demo")
        assert answer.headers["location"] == "/admin/channels/declared?name=demo&told=channel_reset"
        assert actions(lobby)[0] == "health.reset"
        make(browser)
        assert browser.post("/admin/channels/1/reset").status_code == 404, "of one that is not served nothing is known"


def test_a_desk_without_channels_knows_no_kinds() -> None:
    assert NO_CHANNELS.kinds() == ()


def test_the_form_and_back() -> None:
    typed = typed_fields({"name": "x", "kind": "openai", "dialect.gemini": "yes", "dialect.cobol": "yes"})
    assert typed["dialects"] == "gemini"
    said = named_fields(typed)
    assert (said["dialects"], said["models"], said["deadlines"]["idle_s"]) == (["gemini"], None, None)


def report(**changes: Any) -> HealthReport:
    facts: dict[str, Any] = {
        "channel": "c", "credential": "a", "model": "m", "state": "closed", "left_s": 0.0, "is_told": False,
        "failures_in_row": 0, "failure_ratio": 0.0, "requests": 0, "first_token_p50_s": None,
        "first_token_p95_s": None, "last_failure": "", "last_failure_s": None,
    }  # fmt: skip
    return HealthReport(**facts | changes)


def note(blame: Any, left_s: float = 5.0) -> Note:
    return Note("c", "a", "m", blame, failures=1, left_s=left_s, is_told=False)


@pytest.mark.parametrize(
    ("held", "models", "state"),
    [
        ([], [], "idle"),
        ([], [report()], "good"),
        ([note("channel")], [report()], "held"),
        ([note("credential"), note("channel")], [report()], "held"),
        ([note("credential")], [report()], "partly_held"),
        ([note("model", 0.0)], [report(state="half-open")], "trying"),
    ],
)
def test_a_state_in_a_word(held: list[Note], models: list[HealthReport], state: str) -> None:
    health = ChannelHealth(channel="c", in_flight=0, concurrency=0, held=held, models=models)
    assert fares(health, is_enabled=True).state == state


def test_sums_over_models() -> None:
    models = [
        report(model="b", requests=30, failure_ratio=0.5, first_token_p50_s=0.5, first_token_p95_s=1.25),
        report(model="a", requests=10, failure_ratio=0.0, first_token_p50_s=9.0, first_token_p95_s=9.0),
    ]
    found = fares(ChannelHealth(channel="c", in_flight=2, concurrency=4, held=[], models=models), is_enabled=True)
    assert (found.requests, found.failure_ratio) == (40, 0.375)
    assert (found.first_token_p50_ms, found.first_token_p95_ms) == (500, 1250)
    assert [each.model for each in found.models] == ["a", "b"]
    assert fares(None, is_enabled=True).state == "unserved"
    assert fares(None, is_enabled=False).state == "disabled"
