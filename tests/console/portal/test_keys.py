"""The forms of keys: what is made, changed and shown, once and to its owner."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import msgspec
import pytest

from tests.console.admin.desk import entry
from tests.console.portal.lobby import PEPPER, Browser, Lobby
from torouter.accounts import hash_key
from torouter.accounts.office import plans
from torouter.accounts.office.forms import NewPlan, SubscriptionForm
from torouter.store import KeyRow

FULL = {
    "name": " CI ",
    "cap_usd": "$1,250.5",
    "limit_5h": "100",
    "limit_1d": "1,000",
    "limit_7d": "5 000",
    "rpm": "60",
    "tpm": "90000",
    "concurrency": "4",
    "models": "gpt-5\r\n\r\ngpt-5-mini, gpt-5",
    "ip_allow": "203.0.113.7/24\n2001:db8::/32",
    "ip_deny": "203.0.113.99",
    "is_strict": "yes",
    "on_hangup": "drain",
    "keep_responses": "no",
    "expires_on": "2031-12-31",
    "group": "default",
}


def fields_of(browser: Browser, key_id: int) -> dict[str, str]:
    """The edit form as a browser would send it back untouched."""
    html = browser.get(f"/keys/{key_id}").text
    found = dict(re.findall(r'<input id="(\w+)" name="\w+" type="\w+" value="([^"]*)"', html))
    found |= dict(re.findall(r'<textarea id="(\w+)"[^>]*>([^<]*)</textarea>', html))
    for name, options in re.findall(r'<select id="(\w+)"[^>]*>(.*?)</select>', html):
        chosen = re.search(r'<option(?: value="(\w*)")? selected>([^<]*)', options)
        assert chosen is not None, name
        found[name] = chosen[2] if chosen[1] is None else chosen[1]
    return found


class TestMaking:
    def test_every_field_reaches_the_store(self, lobby: Lobby) -> None:
        key_id, secret = lobby.signed().make_key(**FULL)
        row = lobby.store.get_key(key_id)
        assert lobby.store.find_key(hash_key(PEPPER, secret)) == row
        assert (row.name, row.account_id, row.group, row.status) == ("CI", lobby.ada, "default", "enabled")
        limits = row.limits
        assert (limits.cap_nusd, limits.limit_5h, limits.limit_1d) == (1_250_500_000_000, 100, 1000)
        assert (limits.limit_7d, limits.rpm, limits.tpm, limits.concurrency) == (5000, 60, 90_000, 4)
        assert (row.models, row.ip_allow) == (("gpt-5", "gpt-5-mini"), ("203.0.113.0/24", "2001:db8::/32"))
        assert (row.ip_deny, row.is_strict, row.on_hangup, row.keep_responses) == (
            ("203.0.113.99/32",),
            True,
            "drain",
            False,
        )
        assert row.expires_ms == datetime(2032, 1, 1, tzinfo=UTC).timestamp() * 1000
        made = lobby.store.audit_page(limit=1)[0]
        assert (made.action, made.actor, made.address) == (
            "key.create",
            f"account {lobby.ada} (ada@example.com)",
            "203.0.113.9",
        )

    def test_a_name_is_enough(self, lobby: Lobby) -> None:
        key_id, _ = lobby.signed("bob@example.com").make_key()
        row = lobby.store.get_key(key_id)
        assert (row.account_id, row.expires_ms, row.models, row.is_strict) == (lobby.bob, None, (), None)

    def test_an_account_cannot_be_chosen(self, lobby: Lobby) -> None:
        key_id, _ = lobby.signed("bob@example.com").make_key(account_id=str(lobby.ada))
        assert lobby.store.get_key(key_id).account_id == lobby.bob

    def test_the_secret_is_shown_once_with_settings_for_every_client(self, lobby: Lobby) -> None:
        browser = lobby.signed(base_url="https://llm.example.com:8443")
        browser.client.cookies.set("__Host-torouter_session", browser.client.cookies["torouter_session"])
        answer = browser.post("/keys/new", name="laptop")
        secret = re.search(r"data-secret>(sk-\w+)<", answer.text)
        assert secret is not None
        for client in ("curl", "Python", "Node", "Claude Code", "Codex CLI", "Gemini CLI", "Cursor", "Cline"):
            assert client in answer.text
        assert answer.text.count(secret[1]) >= 9
        assert answer.text.count("https://llm.example.com:8443") >= 9
        assert all(secret[1] not in browser.get(path).text for path in ("/keys", "/keys/1", "/dashboard"))

    @pytest.mark.parametrize(
        ("field", "text", "told"),
        [
            ("name", "", "Give it a name"),
            ("name", "   ", "Give it a name"),
            ("cap_usd", "12,5.0.0", "Expected US dollars"),
            ("cap_usd", "-1", "Expected US dollars"),
            ("rpm", "many", "Expected a whole number"),
            ("tpm", "1.5", "Expected a whole number"),
            ("limit_5h", "9" * 14, "Expected a whole number"),
            ("ip_allow", "203.0.113.0/24\n300.1.1.1", "Line 2: Expected an address"),
            ("ip_deny", "fe80::1%eth0", "Line 1: Expected an address"),
            ("models", "m" * 201, "Line 1: Expected the name of a model"),
            ("expires_on", "soon", "Expected a date"),
            ("group", "platinum", "cannot use that group"),
        ],
    )
    def test_what_is_wrong_is_said_at_its_field(self, lobby: Lobby, field: str, text: str, told: str) -> None:
        answer = lobby.signed().post("/keys/new", **FULL | {field: text})
        assert answer.status_code == 400
        shown = re.search(rf'id="{field}-wrong">(.*?)</p>', answer.text)
        assert shown is not None
        assert told in shown[1]
        assert 'aria-invalid="true"' in answer.text
        assert 'value="4"' in answer.text, "what was typed stays"
        assert lobby.store.list_keys() == []


class TestGroups:
    @pytest.fixture
    def grouped(self, lobby: Lobby) -> Lobby:
        """Bob is subscribed to `team`; `closed` is for nobody yet."""
        for name in ("team", "closed"):
            lobby.store.create_group(name, {"billing": "subscription"})
        desk = lobby.desk()
        plan = plans.create_plan(desk, NewPlan(name="basic"))
        plans.subscribe(desk, SubscriptionForm(account_id=lobby.bob, group="team", plan_id=plan.id))
        return lobby

    @pytest.mark.parametrize(
        ("email", "group", "status"),
        [
            ("bob@example.com", "default", 200),
            ("bob@example.com", "team", 200),
            ("bob@example.com", "closed", 400),
            ("ada@example.com", "closed", 200),
        ],
    )
    def test_are_those_of_the_account(self, grouped: Lobby, email: str, group: str, status: int) -> None:
        browser = grouped.signed(email)
        assert browser.post("/keys/new", name="x", group=group).status_code == status
        assert (f">{group}</option>" in browser.get("/keys/new").text) == (status == 200)

    def test_a_key_stays_where_an_operator_has_put_it(self, grouped: Lobby) -> None:
        browser = grouped.signed("bob@example.com")
        key_id, _ = browser.make_key()
        grouped.store.change_key(key_id, {"group": "closed"})
        assert browser.post(f"/keys/{key_id}", **fields_of(browser, key_id) | {"name": "new"}).status_code == 303
        assert grouped.store.get_key(key_id).group == "closed"


class TestChanging:
    def test_an_untouched_form_changes_nothing(self, lobby: Lobby) -> None:
        browser = lobby.signed()
        key_id, _ = browser.make_key(**FULL)
        lobby.store.change_key(key_id, {"expires_ms": 1_956_000_000_123})
        before = lobby.store.get_key(key_id)
        assert browser.post(f"/keys/{key_id}", **fields_of(browser, key_id)).status_code == 303
        assert lobby.store.get_key(key_id) == before

    def test_every_field_can_be_emptied(self, lobby: Lobby) -> None:
        browser = lobby.signed()
        key_id, _ = browser.make_key(**FULL)
        emptied = dict.fromkeys(FULL, "") | {"name": "bare", "group": "default"}
        assert browser.post(f"/keys/{key_id}", **emptied).headers["location"] == "/keys?told=saved"
        plain, _ = browser.make_key(name="bare")
        assert _settings(lobby.store.get_key(key_id)) == _settings(lobby.store.get_key(plain))

    def test_it_can_be_disabled_and_enabled(self, lobby: Lobby) -> None:
        browser = lobby.signed()
        key_id, _ = browser.make_key()
        for status in ("disabled", "enabled"):
            assert browser.post(f"/keys/{key_id}/status", status=status).headers["location"] == f"/keys?told={status}"
            assert lobby.store.get_key(key_id).status == status
        assert browser.post(f"/keys/{key_id}/status", status="gone").status_code == 400

    def test_deleting_asks_first(self, lobby: Lobby) -> None:
        browser = lobby.signed()
        key_id, _ = browser.make_key()
        assert "This cannot be undone" in browser.get(f"/keys/{key_id}/delete").text
        assert lobby.store.get_key(key_id).deleted_ms is None
        assert browser.post(f"/keys/{key_id}/delete").headers["location"] == "/keys?told=deleted"
        assert lobby.store.get_key(key_id).deleted_ms is not None
        assert browser.get(f"/keys/{key_id}").status_code == 404
        assert "laptop" not in browser.get("/keys").text

    @pytest.mark.parametrize("hours", ["0", "24"])
    def test_rotating_shows_a_new_secret(self, lobby: Lobby, hours: str) -> None:
        browser = lobby.signed()
        key_id, secret = browser.make_key(rpm="7")
        answer = browser.post(f"/keys/{key_id}/rotate", overlap_h=hours)
        new = re.search(r"data-secret>(sk-\w+)<", answer.text)
        assert new is not None
        assert new[1] != secret
        old, row = lobby.store.get_key(key_id), lobby.store.find_key(hash_key(PEPPER, new[1]))
        assert row is not None
        assert (row.replaces_id, row.limits.rpm) == (key_id, 7)
        assert (old.deleted_ms is None) == (hours == "24")


def _settings(row: KeyRow) -> tuple[object, ...]:
    return (row.name, row.group, row.limits, row.models, row.ip_allow, row.ip_deny, row.is_strict, row.expires_ms)


class TestTheList:
    def test_shows_what_is_spent_and_used(self, lobby: Lobby) -> None:
        browser = lobby.signed()
        key_id, secret = browser.make_key(cap_usd="2", limit_5h="10")
        now_ms = lobby.clock.now_ms()
        requests = [entry(number, key_id=key_id, account_id=1, at_ms=now_ms, cost_nusd=10**9) for number in range(3)]
        lobby.store.write_entries([msgspec.structs.replace(each, is_windowed=True) for each in requests])
        html = browser.get("/keys").text
        assert "$3.00" in html
        assert "/ $2.00" in html
        assert "Cap reached" in html
        assert re.search(r"5 h: 3 <span[^>]*>/ 10", html)
        assert secret[-4:] in html
        assert secret not in html

    def test_limits_of_the_group_hold_where_a_key_has_none(self, lobby: Lobby) -> None:
        browser = lobby.signed()
        browser.make_key()
        lobby.store.change_group(1, {"defaults": {"cap_nusd": 5 * 10**9, "limit_1d": 50}})
        html = browser.get("/keys").text
        assert "/ $5.00" in html
        assert "1 d: 0" in html

    @pytest.mark.parametrize(
        ("changes", "state"),
        [({}, "Active"), ({"status": "disabled"}, "Disabled"), ({"expires_ms": 1}, "Expired")],
    )
    def test_says_how_a_key_stands(self, lobby: Lobby, changes: dict[str, object], state: str) -> None:
        browser = lobby.signed()
        key_id, _ = browser.make_key()
        if changes:
            lobby.store.change_key(key_id, changes)
        assert f">{state}<" in browser.get("/keys").text

    def test_a_long_one_comes_in_parts(self, lobby: Lobby) -> None:
        for number in range(120):
            lobby.store.create_key(
                account_id=lobby.ada, group="default", name=f"k{number}", key_hash=bytes([number]), head="a", tail="b"
            )
        browser = lobby.signed()
        seen: list[str] = []
        for part, count in (("", 50), ("?page=2", 50), ("?page=3", 20)):
            answer = browser.get(f"/keys{part}")
            listed = re.findall(r'<th scope="row"><a href="/keys/\d+">(k\d+)</a>', answer.text)
            assert len(listed) == count
            assert len(answer.content) < 70_000
            seen += listed
        assert seen == [f"k{number}" for number in range(120)]
        assert 'href="?page=3" rel="next"' in browser.get("/keys?page=2&told=enabled").text

    def test_names_are_text(self, lobby: Lobby) -> None:
        browser = lobby.signed()
        browser.make_key(name="<script>alert(1)</script>")
        assert "<script>alert" not in browser.get("/keys").text + browser.get("/keys/1").text
