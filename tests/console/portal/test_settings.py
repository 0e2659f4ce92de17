"""What a gateway says of itself to operators, and the tokens that they make there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.console.portal.lobby import RUNNING, Browser, Lobby
from torouter.accounts.office.office import Office
from torouter.config import Overrides, load_settings
from torouter.config.report import report
from torouter.console.portal.words import Words
from torouter.errors import AuthError
from torouter.store import ProcessRow
from torouter.store.migrate import REVISIONS
from torouter.units import Secret

SECRETS = {
    "TOROUTER_DATA": "/data",
    "TOROUTER_DATABASE": "postgresql://me:hidden-word@db.example/gw",
    "TOROUTER_REDIS": "redis://:hidden-word@redis.example",
    "TOROUTER_ADMIN_TOKEN": "hidden-word-of-at-least-24-characters",
}


@pytest.fixture
def ada(lobby: Lobby) -> Browser:
    return lobby.signed()


class TestReport:
    def test_says_who_said_so(self, tmp_path: Path) -> None:
        file = tmp_path / "gateway.yaml"
        file.write_text("server: {port: 9000, workers: 2, grace_s: 5}\nlimits: {strict: true}\n")
        environ = {"TOROUTER_WORKERS": "3", "TOROUTER_HOST": "::1", "TOROUTER_CONFIG": str(file), "HOME": "/home/me"}
        found = {each.name: each for each in report(load_settings(Overrides(host="127.0.0.2"), environ)).settings}
        assert {name: (found[name].value, found[name].origin) for name in (
            "server.host", "server.workers", "server.port", "server.grace_s", "limits.strict", "limits.drain_s",
            "config", "data", "server.cors_origins",
        )} == {
            "server.host": ("127.0.0.2", "option"),
            "server.workers": ("3", "environment"),
            "server.port": ("9000", "file"),
            "server.grace_s": ("5", "file"),
            "limits.strict": ("true", "file"),
            "limits.drain_s": ("60", "default"),
            "config": (str(file), "environment"),
            "data": ("/home/me/.local/share/torouter", "default"),
            "server.cors_origins": ("[*]", "default"),
        }  # fmt: skip

    def test_never_holds_a_secret(self) -> None:
        running = report(load_settings(Overrides(redis=Secret("redis://:hidden-word@there")), SECRETS))
        assert "hidden-word" not in repr(running)
        told = {each.name: (each.is_set, each.is_secret, each.origin) for each in running.settings if each.is_secret}
        assert told == {
            "admin_token": (True, True, "environment"),
            "store.database": (True, True, "environment"),
            "redis.url": (True, True, "option"),
        }
        assert (running.has_redis, running.is_postgresql) == (True, True)

    @pytest.mark.parametrize("language", ["en", "zh-CN"])
    def test_every_setting_has_its_meaning(self, language: str) -> None:
        texts = Words.read(language).texts
        named = {f"setting.{setting.name}" for setting in RUNNING.settings}
        assert named == {key for key in texts if key.startswith("setting.")}


class TestPage:
    def test_says_what_runs(self, lobby: Lobby, ada: Browser) -> None:
        now_ms = lobby.clock.now_ms()
        lobby.store.beat(ProcessRow(id="a", place="here pid 1", replica="r", started_ms=1, seen_ms=now_ms, revision=0))
        html = ada.get("/admin/settings").text
        assert REVISIONS[-1] in html
        assert "here pid 1" in html
        assert "answered this page" in html
        assert "not up to date yet" in html, "it works by revision 0"
        assert str(lobby.store.data_dir) in html
        assert "pass-word" not in html, "it stands in the URL of Redis"

    def test_is_the_same_in_every_language(self, ada: Browser) -> None:
        html = ada.get("/admin/settings", accept_language="zh").text
        assert "监听地址" in html


class TestTokens:
    def test_one_is_made_and_shown_once(self, lobby: Lobby, ada: Browser) -> None:
        answer = ada.post("/admin/settings/tokens", name="ci", days="30", once="a")
        found = re.search(r"data-secret>(tra-\w+)<", answer.text)
        assert found is not None
        again = ada.post("/admin/settings/tokens", name="ci", days="30", once="a")
        assert found[1] in again.text
        (row,) = lobby.store.list_admin_tokens()
        assert (row.account_id, row.name) == (lobby.ada, "ci")
        assert row.expires_ms is not None
        html = ada.get("/admin/settings").text
        assert found[1] not in html
        assert row.head in html
        assert found[1] not in str(lobby.store.audit_page(limit=10))
        office = Office(lobby.store, lobby.desk().pepper)
        assert office.admit(found[1], "").actor.account_id == lobby.ada
        assert ada.get(f"/admin/settings/tokens/{row.id}/revoke").status_code == 200
        assert ada.post(f"/admin/settings/tokens/{row.id}/revoke").status_code == 303
        with pytest.raises(AuthError):
            office.admit(found[1], "")
        assert ada.post(f"/admin/settings/tokens/{row.id}/revoke").status_code == 404

    @pytest.mark.parametrize(
        "form", [{"name": "", "days": "30"}, {"name": "a", "days": "soon"}, {"name": "a", "days": "-1"}, {"name": "a"},
                 {"name": "a" * 101, "days": "0"}, {"name": "a", "days": "99999"}, {"name": "a", "days": "9" * 30}]
    )  # fmt: skip
    def test_what_is_wrong_is_said(self, lobby: Lobby, ada: Browser, form: dict[str, str]) -> None:
        answer = ada.send("/admin/settings/tokens", form)
        assert answer.status_code == 400
        assert 'role="alert"' in answer.text
        assert lobby.store.list_admin_tokens() == []

    def test_for_ever(self, lobby: Lobby, ada: Browser) -> None:
        ada.post("/admin/settings/tokens", name="ci", days="0")
        assert lobby.store.list_admin_tokens()[0].expires_ms is None
