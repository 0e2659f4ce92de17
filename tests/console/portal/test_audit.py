"""Who changed what, as operators read it."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.console.portal.lobby import Browser, Lobby
from torouter.accounts.office.views import AuditView
from torouter.console.portal.views.operator import audit
from torouter.console.portal.views.operator.audit import Change, changes_in
from torouter.units import moment


@pytest.fixture
def ada(lobby: Lobby) -> Browser:
    """Bob's account was changed by Ada, a key by a command, and 100 groups by a token."""
    browser = lobby.signed()
    browser.post(f"/admin/accounts/{lobby.bob}", display_name="<b>Robert</b>")
    _written(lobby, "cli root@host", "key.edit", 7, {"rpm": 0}, {"rpm": 5})
    for number in range(100):
        _written(lobby, "token 3 (ci)", "group.edit", number, {"name": "a"}, {"name": f"b{number}"})
    return browser


def _written(lobby: Lobby, actor: str, action: str, object_id: int, before: Any, after: Any) -> None:
    lobby.store.write_audit(actor, "192.0.2.1", action, action.partition(".")[0], object_id, before, after)


def shown(html: str) -> list[str]:
    return re.findall(r'mono small">([\w.]+)<', html)


class TestList:
    def test_shows_the_difference(self, lobby: Lobby, ada: Browser) -> None:
        html = ada.get("/admin/audit?kind=account").text
        assert "<del>Bob</del>" in html
        assert "<ins>&lt;b&gt;Robert&lt;/b&gt;</ins>" in html
        assert "account 1 (ada@example.com)" in html
        assert f'href="/admin/accounts/{lobby.bob}"' in html

    @pytest.mark.parametrize(
        ("query", "count"),
        [
            ("", 50),
            ("actor=ada@", 1),
            ("actor=cli", 1),
            ("actor=%25", 0),
            ("kind=key", 1),
            ("kind=key&object=7", 1),
            ("kind=key&object=8", 0),
            ("object=7", 2),
            ("kind=price", 0),
            ("until=2000-01-01", 0),
            ("since=2000-01-01&until=2999-01-01&actor=ci", 50),
            ("since=2999-01-01", 0),
        ],
    )
    def test_filters(self, ada: Browser, query: str, count: int) -> None:
        html = ada.get(f"/admin/audit?{query}").text
        assert len(shown(html)) == count
        assert ("No changes" in html) == (count == 0)

    @pytest.mark.parametrize("query", ["kind=secret", "object=x", "object=" + "9" * 30, "since=soon", "actor=%00"])
    def test_filters_that_cannot_be_read(self, ada: Browser, query: str) -> None:
        answer = ada.get(f"/admin/audit?{query}")
        assert answer.status_code == 400
        assert "One of the fields cannot be read" in answer.text

    @pytest.mark.parametrize("look_rows", [10, 1000])
    def test_pages_follow_each_other(self, ada: Browser, look_rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(audit, "_LOOK_ROWS", look_rows)
        path, seen = "/admin/audit?actor=ci", []
        while path:
            html = ada.get(path).text
            seen += re.findall(r"<ins>b(\d+)</ins>", html)
            following = re.search(r'href="([^"]+)" rel="next"', html)
            path = following[1].replace("&amp;", "&") if following else ""
        assert seen == [str(number) for number in reversed(range(100))]

    def test_a_cursor_of_ones_own_making_does_no_harm(self, ada: Browser) -> None:
        for cursor in ("x", "-1", "9" * 30, "0"):
            assert ada.get(f"/admin/audit?before={cursor}").status_code == 200


def _row(before: Any, after: Any) -> AuditView:
    return AuditView(
        id=1, at=moment(0), actor="a", address="", action="key.edit", object_kind="key", object_id=1, before=before,
        after=after,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("before", "after", "changes"),
    [
        ({"rpm": 0}, {"rpm": 5}, [Change("rpm", "0", "5")]),
        ({"models": []}, {"models": ["a", "b"]}, [Change("models", "", '["a","b"]')]),
        ({"is_strict": None}, {"is_strict": False}, [Change("is_strict", "", "false")]),
        (None, {"name": "x", "note": "", "deleted_at": None}, [Change("name", "", "x")]),
        ({"name": "x"}, None, [Change("name", "x", "")]),
        (None, None, []),
        ({"name": "x" * 401}, None, [Change("name", "x" * 400 + "…", "")]),
    ],
)
def test_differences_are_read_field_by_field(before: Any, after: Any, changes: list[Change]) -> None:
    assert changes_in(_row(before, after)) == changes
