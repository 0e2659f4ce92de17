"""Plans and subscriptions: the lists with their filters, the forms and what they refuse, pausing and cancelling."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest

from tests.console.portal.lobby import Browser, Lobby
from tests.console.portal.test_groups import HOSTILE, words_of
from torouter.units import wall_ms

HOUR_MS = 3_600_000


@pytest.fixture
def ada(lobby: Lobby) -> Browser:
    """Of an operator who has the group `pro`, which is paid by the plan `monthly`."""
    lobby.store.create_group("pro", {"billing": "subscription"})
    lobby.store.create_plan("monthly", daily_nusd=5 * 10**9, monthly_nusd=60 * 10**9)
    return lobby.signed()


class TestPlans:
    def test_the_life_of_one(self, lobby: Lobby, ada: Browser) -> None:
        form = {"name": " weekly ", "weekly_usd": "$1,007.25"}
        assert ada.post("/admin/plans/new", **form).headers["location"] == "/admin/plans?told=saved"
        row = lobby.store.get_plan(2)
        assert (row.name, row.daily_nusd, row.weekly_nusd, row.monthly_nusd) == ("weekly", 0, 1_007_250_000_000, 0)
        words = words_of(ada.get("/admin/plans").text)
        assert "monthly $5.00 no limit $60.00 0" in words
        assert "weekly no limit $1,007.25 no limit 0" in words
        html = ada.get("/admin/plans/2").text
        assert 'value="1007.25"' in html
        assert re.search(r'id="daily_usd"[^>]* value=""', html)
        assert ada.post("/admin/plans/2", name="weeks", daily_usd="0.5").status_code == 303
        row = lobby.store.get_plan(2)
        assert (row.name, row.daily_nusd, row.weekly_nusd) == ("weeks", 500_000_000, 0)
        assert "Delete this plan" in ada.get("/admin/plans/2/delete").text
        assert ada.post("/admin/plans/2/delete").headers["location"] == "/admin/plans?told=plan_deleted"
        assert ada.get("/admin/plans/2").status_code == 404
        assert [row.action for row in lobby.store.audit_page(limit=3)] == ["plan.delete", "plan.edit", "plan.create"]

    @pytest.mark.parametrize(
        ("fields", "field"),
        [
            ({"name": ""}, "name"),
            ({"name": "x" * 101}, "name"),
            ({"name": "monthly"}, "name"),
            ({"daily_usd": "-1"}, "daily_usd"),
            ({"weekly_usd": "much"}, "weekly_usd"),
            ({"monthly_usd": "1000000"}, "monthly_usd"),
        ],
    )
    def test_what_is_wrong_is_said_beside_it(
        self, lobby: Lobby, ada: Browser, fields: dict[str, str], field: str
    ) -> None:
        lobby.store.create_plan("other")
        for path in ("/admin/plans/new", "/admin/plans/2"):
            answer = ada.post(path, **{"name": "plan"} | fields)
            assert answer.status_code in (400, 409)
            assert f'id="{field}-wrong"' in answer.text
        assert [row.name for row in lobby.store.list_plans()] == ["monthly", "other"]

    def test_one_that_somebody_has_stays(self, lobby: Lobby, ada: Browser) -> None:
        lobby.store.set_subscription(lobby.bob, 2, 1, "paused", 0, None)
        for answer, status in ((ada.get("/admin/plans/1/delete"), 200), (ada.post("/admin/plans/1/delete"), 409)):
            assert answer.status_code == status
            assert "1 subscription has it" in answer.text
            assert "Delete this plan" not in answer.text
        assert lobby.store.get_plan(1).deleted_ms is None

    def test_pressing_twice_makes_one(self, lobby: Lobby, ada: Browser) -> None:
        for _ in range(2):
            assert ada.post("/admin/plans/new", name="twice", once="a-form").status_code == 303
        assert len(lobby.store.list_plans()) == 2

    def test_none_yet(self, lobby: Lobby) -> None:
        browser = lobby.signed()
        assert "No plans yet" in browser.get("/admin/plans").text
        assert "create one first" in browser.get("/admin/plans/subscriptions/new").text


class TestSubscriptions:
    def test_the_life_of_one(self, lobby: Lobby, ada: Browser) -> None:
        form = {"account": " BOB@example.com ", "group": "pro", "plan_id": "1", "status": "active"}
        answer = ada.post("/admin/plans/subscriptions/new", **form, ends_on="2099-12-31")
        assert answer.headers["location"] == "/admin/plans?told=saved"
        (row,) = lobby.store.list_subscriptions()
        assert (row.account_id, row.group_id, row.plan_id, row.status) == (lobby.bob, 2, 1, "active")
        assert abs(row.started_ms - wall_ms()) < 60_000
        assert row.ends_ms == int(datetime(2100, 1, 1, tzinfo=UTC).timestamp() * 1000)
        assert re.search(r"bob@example.com Bob monthly pro Active .* Edit Pause Cancel", self.listed(ada))

        html = ada.get("/admin/plans/subscriptions/1").text
        shown = re.search(r'id="started_at"[^>]* value="([^"]+)"', html)
        assert shown is not None
        assert 'value="2099-12-31"' in html
        lobby.store.create_plan("other")
        same = {"started_at": shown[1], "ends_on": "2099-12-31"}
        assert ada.post("/admin/plans/subscriptions/1", plan_id="2", status="paused", **same).status_code == 303
        (after,) = lobby.store.list_subscriptions()
        assert (after.plan_id, after.status) == (2, "paused")
        assert (after.started_ms, after.ends_ms) == (row.started_ms, row.ends_ms), "exact to the millisecond"
        assert re.search(r"Paused .* Edit Resume Cancel", self.listed(ada))

        for status in ("active", "cancelled", "active"):
            assert ada.post("/admin/plans/subscriptions/1/status", status=status).status_code == 303
            assert lobby.store.list_subscriptions()[0].status == status
        assert {row.action for row in lobby.store.audit_page(limit=4)} == {"subscription.edit"}

    def test_times_are_changed(self, lobby: Lobby, ada: Browser) -> None:
        lobby.store.set_subscription(lobby.bob, 2, 1, "active", 5, 7)
        form = {"plan_id": "1", "status": "active", "started_at": "2026-11-01T08:30", "ends_on": ""}
        assert ada.post("/admin/plans/subscriptions/1", **form).status_code == 303
        (row,) = lobby.store.list_subscriptions()
        assert row.started_ms == int(datetime(2026, 11, 1, 8, 30, tzinfo=UTC).timestamp() * 1000)
        assert row.ends_ms is None

    def test_a_second_one_in_a_group_takes_the_firsts_place(self, lobby: Lobby, ada: Browser) -> None:
        lobby.store.set_subscription(lobby.bob, 2, 1, "cancelled", 5, 7)
        form = {"account": "bob@example.com", "group": "pro", "plan_id": "1", "status": "active"}
        assert ada.post("/admin/plans/subscriptions/new", **form).status_code == 303
        (row,) = lobby.store.list_subscriptions()
        assert (row.status, row.started_ms, row.ends_ms) == ("active", 5, None)

    @pytest.mark.parametrize(
        ("fields", "field"),
        [
            ({"account": "nobody@example.com"}, "account"),
            ({"account": "nonsense"}, "account"),
            ({"account": ""}, "account"),
            ({"plan_id": ""}, "plan_id"),
            ({"plan_id": "x"}, "plan_id"),
            ({"plan_id": "9" * 30}, "plan_id"),
            ({"plan_id": "0"}, "plan_id"),
            ({"group": ""}, "group"),
            ({"status": "gone"}, "status"),
            ({"started_at": "soon"}, "started_at"),
            ({"ends_on": "never"}, "ends_on"),
        ],
    )
    def test_what_is_wrong_is_said_beside_it(
        self, lobby: Lobby, ada: Browser, fields: dict[str, str], field: str
    ) -> None:
        form = {"account": "bob@example.com", "group": "pro", "plan_id": "1", "status": "active"} | fields
        answer = ada.post("/admin/plans/subscriptions/new", **form)
        assert answer.status_code == 400
        assert f'id="{field}-wrong"' in answer.text
        assert lobby.store.list_subscriptions() == []

    @pytest.mark.parametrize("fields", [{"group": "nowhere"}, {"plan_id": "777"}])
    def test_what_is_not_there_is_not_there(self, lobby: Lobby, ada: Browser, fields: dict[str, str]) -> None:
        form = {"account": "bob@example.com", "group": "pro", "plan_id": "1", "status": "active"} | fields
        assert ada.post("/admin/plans/subscriptions/new", **form).status_code == 404

    def test_a_status_that_is_none_is_refused(self, lobby: Lobby, ada: Browser) -> None:
        lobby.store.set_subscription(lobby.bob, 2, 1, "active", 0, None)
        assert ada.post("/admin/plans/subscriptions/1/status", status="gone").status_code == 400
        assert lobby.store.list_subscriptions()[0].status == "active"

    def test_filters(self, lobby: Lobby, ada: Browser) -> None:
        lobby.store.set_subscription(lobby.bob, 2, 1, "paused", 0, None)
        lobby.store.set_subscription(lobby.ada, 1, 1, "active", 0, None)
        everybody = self.listed(ada)
        assert everybody.index("ada@example.com") < everybody.index("bob@example.com"), "the latest first"
        for query, has_ada, has_bob in (
            ("account=bob@example.com", False, True),
            ("account=nobody@example.com", False, False),
            ("account=nonsense", False, False),
            ("group=pro", False, True),
            ("status=active", True, False),
            ("status=active&group=pro", False, False),
        ):
            found = self.listed(ada, query)
            assert ("ada@example.com" in found, "bob@example.com" in found) == (has_ada, has_bob), query

    def test_one_that_is_over_or_not_begun_says_so(self, lobby: Lobby, ada: Browser) -> None:
        lobby.store.set_subscription(lobby.bob, 2, 1, "active", 0, wall_ms() - HOUR_MS)
        lobby.store.set_subscription(lobby.ada, 2, 1, "active", wall_ms() + HOUR_MS, None)
        assert re.search(r"ada@example.com .* Begins later .* bob@example.com .* Over", self.listed(ada))
        lobby.clock.later_ms = 2 * HOUR_MS
        assert re.search(r"ada@example.com .* Active .* bob@example.com .* Over", self.listed(ada))

    def test_of_a_deleted_account(self, lobby: Lobby, ada: Browser) -> None:
        lobby.store.set_subscription(lobby.bob, 2, 1, "active", 0, None)
        lobby.store.delete_account(lobby.bob)
        assert "deleted" in self.listed(ada)
        assert ada.get("/admin/plans/subscriptions/1").status_code == 200

    def test_hostile_text_stays_text(self, lobby: Lobby, ada: Browser) -> None:
        assert ada.post("/admin/plans/1", name=HOSTILE).status_code == 303
        lobby.store.change_account(lobby.bob, {"display_name": HOSTILE})
        lobby.store.change_group(2, {"name": HOSTILE})
        lobby.store.set_subscription(lobby.bob, 2, 1, "active", 0, None)
        query = f"account={HOSTILE}&group={HOSTILE}&plan_id={HOSTILE}"
        for path in (
            "/admin/plans",
            f"/admin/plans?{query}",
            "/admin/plans/1",
            "/admin/plans/1/delete",
            f"/admin/plans/subscriptions/new?{query}",
            "/admin/plans/subscriptions/1",
        ):
            assert HOSTILE not in ada.get(path).text

    @staticmethod
    def listed(browser: Browser, query: str = "") -> str:
        return words_of(browser.get(f"/admin/plans?{query}").text.partition("<h2>Subscriptions</h2>")[2])


def test_a_start_may_be_later(lobby: Lobby, ada: Browser) -> None:
    later = datetime.now(UTC) + timedelta(days=2)
    form = {"account": "bob@example.com", "group": "pro", "plan_id": "1", "status": "active"}
    ada.post("/admin/plans/subscriptions/new", **form, started_at=later.strftime("%Y-%m-%dT%H:%M"))
    (row,) = lobby.store.list_subscriptions()
    assert row.started_ms == int(later.replace(second=0, microsecond=0).timestamp()) * 1000
