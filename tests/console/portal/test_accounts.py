"""What operators do with accounts: find, make, change and suspend them, move their money, look after their keys."""

from __future__ import annotations

import re

import pytest

from tests.console.admin.desk import entry
from tests.console.portal.lobby import PASSWORD, Browser, Lobby
from torouter.accounts.office import people, plans
from torouter.accounts.office.forms import NewPlan, SubscriptionForm, TopUp
from torouter.store import AuditFilter

HOSTILE = '"><script>alert(1)</script>'


@pytest.fixture
def ada(lobby: Lobby) -> Browser:
    return lobby.signed()


def once_in(html: str) -> str:
    found = re.search(r'name="once" value="([^"]+)"', html)
    assert found is not None
    return found[1]


def actions(lobby: Lobby) -> list[str]:
    return [row.action for row in reversed(lobby.store.audit_page(limit=100))]


class TestList:
    def test_says_what_each_has(self, lobby: Lobby, ada: Browser) -> None:
        lobby.store.change_account(lobby.bob, {"billing": "prepaid"})
        people.move_money(lobby.desk(), lobby.bob, TopUp(amount_usd="12.5"))
        lobby.signed("bob@example.com").make_key()
        row = re.split("<tr>", ada.get("/admin/accounts").text)[3]
        assert "bob@example.com" in row
        assert "$12.50" in row
        assert "never" in row
        assert re.search(r'data-label="API keys">1<', row)

    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ("", {"ada", "bob"}),
            ("text=BOB", {"bob"}),
            ("text=example.com", {"ada", "bob"}),
            ("text=%25", set()),
            ("text=_", set()),
            ("role=admin", {"ada"}),
            ("status=suspended", set()),
            ("status=active&role=user", {"bob"}),
        ],
    )
    def test_filters(self, ada: Browser, query: str, found: set[str]) -> None:
        html = ada.get(f"/admin/accounts?{query}").text
        assert {name for name in ("ada", "bob") if f">{name}@example.com</a>" in html} == found
        assert ("No accounts" in html) == (not found)

    @pytest.mark.parametrize("query", ["role=king", "status=x", "text=" + "x" * 300, "text=%00"])
    def test_filters_that_cannot_be_read(self, ada: Browser, query: str) -> None:
        answer = ada.get(f"/admin/accounts?{query}")
        assert answer.status_code == 400
        assert "One of the fields cannot be read" in answer.text

    def test_pages_follow_each_other(self, lobby: Lobby, ada: Browser) -> None:
        for number in range(120):
            lobby.store.create_account(f"a{number}@many.example", "", "user")
        path, seen = "/admin/accounts?text=many", []
        while path:
            html = ada.get(path).text
            seen += re.findall(r">a(\d+)@many", html)
            following = re.search(r'href="([^"]+)" rel="next"', html)
            path = following[1].replace("&amp;", "&") if following else ""
        assert seen == [str(number) for number in range(120)]


class TestMaking:
    def test_it_is_made_once(self, lobby: Lobby, ada: Browser) -> None:
        form = {
            "email": "Eve@Example.com",
            "display_name": "Eve",
            "role": "user",
            "billing": "prepaid",
            "once": once_in(ada.get("/admin/accounts/new").text),
        }
        first, second = ada.send("/admin/accounts/new", form), ada.send("/admin/accounts/new", form)
        assert first.headers["location"] == second.headers["location"] == "/admin/accounts/3?told=account_made"
        row = lobby.store.get_account(3)
        assert (row.email, row.display_name, row.role, row.billing) == ("eve@example.com", "Eve", "user", "prepaid")
        assert actions(lobby) == ["account.create"]

    @pytest.mark.parametrize(
        ("changes", "status", "words"),
        [
            ({"email": "nobody"}, 400, "Expected an e-mail address"),
            ({"email": "BOB@example.com"}, 409, "Another account has this address"),
            ({"display_name": "x" * 101}, 400, "Expected a name on one line"),
            ({"role": "king"}, 400, "Nothing was changed"),
            ({"billing": ""}, 400, "Nothing was changed"),
        ],
    )
    def test_what_is_wrong_is_said(
        self, lobby: Lobby, ada: Browser, changes: dict[str, str], status: int, words: str
    ) -> None:
        form = {"email": "eve@example.com", "display_name": "Eve", "role": "user", "billing": "prepaid"} | changes
        answer = ada.send("/admin/accounts/new", form)
        assert answer.status_code == status
        assert words in answer.text
        assert len(lobby.store.list_accounts()) == 2

    def test_names_are_shown_as_they_are(self, ada: Browser) -> None:
        ada.post("/admin/accounts/new", email="eve@example.com", display_name=HOSTILE, role="user", billing="prepaid")
        for path in ("/admin/accounts", "/admin/accounts/3", "/admin/audit", "/admin/accounts/3/money"):
            html = ada.get(path).text
            assert "<script>alert" not in html


class TestChanging:
    def test_fields(self, lobby: Lobby, ada: Browser) -> None:
        answer = ada.post(
            f"/admin/accounts/{lobby.bob}", email="bob@new.example", display_name="B", role="admin", billing="prepaid"
        )
        assert answer.headers["location"] == f"/admin/accounts/{lobby.bob}?told=saved"
        row = lobby.store.get_account(lobby.bob)
        assert (row.email, row.display_name, row.role, row.billing) == ("bob@new.example", "B", "admin", "prepaid")

    def test_what_is_wrong_is_said_and_kept(self, lobby: Lobby, ada: Browser) -> None:
        answer = ada.post(f"/admin/accounts/{lobby.bob}", email="ada@example.com", display_name="Bobby")
        assert answer.status_code == 409
        assert "Another account has this address" in answer.text
        assert 'value="Bobby"' in answer.text
        assert lobby.store.get_account(lobby.bob).display_name == "Bob"

    def test_suspending_and_activating(self, lobby: Lobby, ada: Browser) -> None:
        path = f"/admin/accounts/{lobby.bob}"
        assert ada.post(f"{path}/status", status="suspended").headers["location"] == f"{path}?told=account_suspended"
        assert lobby.signed("bob@example.com").get("/dashboard").status_code == 303, "signed out with it"
        assert "Activate" in ada.get(path).text
        ada.post(f"{path}/status", status="active")
        assert lobby.store.get_account(lobby.bob).status == "active"
        assert ada.post(f"{path}/status", status="gone").status_code == 400

    def test_deleting(self, lobby: Lobby, ada: Browser) -> None:
        path = f"/admin/accounts/{lobby.bob}"
        lobby.signed("bob@example.com")
        assert "bob@example.com" in ada.get(f"{path}/delete").text
        assert lobby.store.get_account(lobby.bob).deleted_ms is None, "it asks first"
        assert ada.post(f"{path}/delete").headers["location"] == "/admin/accounts?told=account_deleted"
        assert lobby.store.get_account(lobby.bob).deleted_ms is not None
        assert lobby.store.list_sessions(lobby.bob) == []
        assert ada.get(path).status_code == 404


class TestOneself:
    """No administrator loses their own rights by accident, and somebody is left who has them."""

    @pytest.mark.parametrize(
        ("path", "form"), [("", {"role": "user"}), ("/status", {"status": "suspended"}), ("/delete", {})]
    )
    def test_is_refused_in_words(self, lobby: Lobby, ada: Browser, path: str, form: dict[str, str]) -> None:
        lobby.account("eve@example.com", "admin")
        answer = ada.send(f"/admin/accounts/{lobby.ada}{path}", form)
        assert answer.status_code == 409
        assert "This is your own account" in answer.text
        row = lobby.store.get_account(lobby.ada)
        assert (row.role, row.status, row.deleted_ms) == ("admin", "active", None)

    def test_the_page_does_not_offer_it(self, lobby: Lobby, ada: Browser) -> None:
        html = ada.get(f"/admin/accounts/{lobby.ada}").text
        assert "/status" not in html
        assert f"/admin/accounts/{lobby.ada}/delete" not in html
        assert 'href="/profile"' in html

    def test_another_administrator_can(self, lobby: Lobby) -> None:
        lobby.account("eve@example.com", "admin")
        eve = lobby.signed("eve@example.com")
        assert eve.post(f"/admin/accounts/{lobby.ada}", role="user").status_code == 303
        assert lobby.store.get_account(lobby.ada).role == "user"


class TestMoney:
    def test_moves_once_however_often_it_is_sent(self, lobby: Lobby, ada: Browser) -> None:
        path = f"/admin/accounts/{lobby.bob}/money"
        form = {"kind": "top_up", "amount_usd": "$1,234.50", "note": "invoice 17", "once": once_in(ada.get(path).text)}
        for _ in range(3):
            assert ada.send(path, form).headers["location"] == f"{path}?told=money_moved"
        assert lobby.store.get_account(lobby.bob).balance_nusd == 1_234_500_000_000
        html = ada.get(path).text
        assert "$1,234.50" in html
        assert "invoice 17" in html
        assert actions(lobby) == ["account.top_up"]
        ada.send(path, form | {"once": once_in(html)})
        assert lobby.store.get_account(lobby.bob).balance_nusd == 2_469_000_000_000, "a form that was shown anew"

    @pytest.mark.parametrize("amount", ["-0.35", "\N{MINUS SIGN}0.35"])
    def test_a_correction_may_be_negative(self, lobby: Lobby, ada: Browser, amount: str) -> None:
        path = f"/admin/accounts/{lobby.bob}/money"
        assert ada.post(path, kind="adjustment", amount_usd=amount).status_code == 303
        assert lobby.store.get_account(lobby.bob).balance_nusd == -350_000_000

    @pytest.mark.parametrize(
        ("form", "status", "words"),
        [
            ({"kind": "top_up", "amount_usd": "-5"}, 400, "Expected US dollars"),
            ({"kind": "top_up", "amount_usd": ""}, 400, "Expected US dollars"),
            ({"kind": "top_up", "amount_usd": "1e3"}, 400, "Expected US dollars"),
            ({"kind": "top_up", "amount_usd": "1000000"}, 400, "Expected US dollars"),
            ({"kind": "top_up", "amount_usd": "0.0000000001"}, 400, "Expected US dollars"),
            ({"kind": "refund", "amount_usd": "0.01"}, 409, "more than the balance"),
            ({"kind": "theft", "amount_usd": "1"}, 400, "Nothing was changed"),
            ({"kind": "top_up", "amount_usd": "1", "note": "x" * 501}, 400, "at most 500 characters"),
            ({"kind": "attempt", "amount_usd": "1"}, 400, "Nothing was changed"),
        ],
    )
    def test_what_is_wrong_is_said_and_kept(
        self, lobby: Lobby, ada: Browser, form: dict[str, str], status: int, words: str
    ) -> None:
        answer = ada.send(f"/admin/accounts/{lobby.bob}/money", form)
        assert answer.status_code == status
        assert words in answer.text
        assert f'value="{form["amount_usd"]}"' in answer.text
        assert lobby.store.ledger_page(lobby.bob) == []

    def test_movements_are_paged(self, lobby: Lobby, ada: Browser) -> None:
        for number in range(120):
            people.move_money(lobby.desk(), lobby.bob, TopUp(amount_usd="1", note=f"note {number}."))
        path, seen = f"/admin/accounts/{lobby.bob}/money", []
        while path:
            html = ada.get(path).text
            seen += re.findall(r"note (\d+)\.", html)
            following = re.search(r'href="([^"]+)" rel="next"', html)
            path = following[1] if following else ""
        assert seen == [str(number) for number in reversed(range(120))]

    def test_an_attempt_leads_to_its_request(self, lobby: Lobby, ada: Browser) -> None:
        made = entry(5, account_id=lobby.bob, cost_nusd=2_000_000)
        lobby.store.write_entries([made])
        html = ada.get(f"/admin/accounts/{lobby.bob}/money").text
        assert f'href="/admin/requests/{made.usage.request_id}"' in html
        assert "−$0.002000" in html


class TestKeys:
    def test_one_is_made_and_shown_once(self, lobby: Lobby, ada: Browser) -> None:
        path = f"/admin/accounts/{lobby.bob}/keys/new"
        answer = ada.post(path, name="ci", group="default", cap_usd="$5", once="a")
        assert answer.status_code == 200
        found = re.search(r"data-secret>(sk-\w+)<", answer.text)
        assert found is not None
        (key,) = lobby.store.list_keys(account_id=lobby.bob)
        assert (key.name, key.limits.cap_nusd) == ("ci", 5_000_000_000)
        assert found[1] not in ada.get(f"/admin/accounts/{lobby.bob}").text
        ada.post(path, name="ci", group="default", cap_usd="$5", once="a")
        assert len(lobby.store.list_keys(account_id=lobby.bob)) == 1
        assert found[1] not in str(lobby.store.audit_page(limit=10))

    @pytest.mark.parametrize(
        ("form", "words"),
        [
            ({"name": ""}, "Give it a name"),
            ({"name": "a", "cap_usd": "much"}, "Expected US dollars"),
            ({"name": "a", "expires_on": "soon"}, "Expected a date"),
        ],
    )
    def test_what_is_wrong_is_said(self, lobby: Lobby, ada: Browser, form: dict[str, str], words: str) -> None:
        answer = ada.send(f"/admin/accounts/{lobby.bob}/keys/new", form)
        assert answer.status_code == 400
        assert words in answer.text
        assert lobby.store.list_keys() == []

    def test_disabling_enabling_deleting(self, lobby: Lobby, ada: Browser) -> None:
        key_id, _ = lobby.signed("bob@example.com").make_key()
        path = f"/admin/accounts/{lobby.bob}/keys/{key_id}"
        for status in ("disabled", "enabled"):
            ada.post(f"{path}/status", status=status)
            assert lobby.store.get_key(key_id).status == status
        assert lobby.store.get_key(key_id).deleted_ms is None
        ada.get(f"{path}/delete")
        assert ada.post(f"{path}/delete").headers["location"] == f"/admin/accounts/{lobby.bob}?told=deleted"
        assert lobby.store.get_key(key_id).deleted_ms is not None

    def test_many_come_in_parts(self, lobby: Lobby, ada: Browser) -> None:
        for number in range(70):
            lobby.store.create_key(
                account_id=lobby.bob, group="default", name=f"k{number}", key_hash=bytes([number]), head="a", tail="b"
            )
        path = f"/admin/accounts/{lobby.bob}"
        first, second = ada.get(path).text, ada.get(f"{path}?keys=2").text
        listed = [re.findall(r'<th scope="row">(k\d+)<', html) for html in (first, second)]
        assert listed == [[f"k{number}" for number in range(50)], [f"k{number}" for number in range(50, 70)]]
        wrong = ada.post(f"{path}/password", password="short")
        for html in (first, wrong.text):
            assert f'href="{path}?keys=2" rel="next"' in html

    def test_a_key_of_another_account_is_not_there(self, lobby: Lobby, ada: Browser) -> None:
        key_id, _ = lobby.signed("bob@example.com").make_key()
        path = f"/admin/accounts/{lobby.ada}/keys/{key_id}"
        assert ada.post(f"{path}/status", status="disabled").status_code == 404
        assert ada.post(f"{path}/delete").status_code == 404
        assert lobby.store.get_key(key_id).status == "enabled"


class TestAccess:
    def test_a_password_is_set_and_its_browsers_leave(self, lobby: Lobby, ada: Browser) -> None:
        bob = lobby.signed("bob@example.com")
        path = f"/admin/accounts/{lobby.bob}"
        assert ada.post(f"{path}/password", password="short").status_code == 400
        assert bob.get("/dashboard").status_code == 200
        assert ada.post(f"{path}/password", password="quite another").status_code == 303
        assert bob.get("/dashboard").status_code == 303
        assert lobby.browser().sign_in("bob@example.com", "quite another").status_code == 303
        assert "quite another" not in str(lobby.store.audit_page(limit=10))

    def test_a_password_is_taken_away(self, lobby: Lobby, ada: Browser) -> None:
        assert ada.post(f"/admin/accounts/{lobby.bob}/password", do="clear").status_code == 303
        assert lobby.browser().sign_in("bob@example.com", PASSWORD).status_code == 401
        assert actions(lobby) == ["account.password_cleared"]

    def test_never_ones_own_or_the_first_accounts(self, lobby: Lobby, ada: Browser) -> None:
        lobby.account("eve@example.com", "admin")
        own = ada.post(f"/admin/accounts/{lobby.ada}/password", do="clear")
        assert (own.status_code, "your own account" in own.text) == (409, True)
        first = lobby.signed("eve@example.com").post(f"/admin/accounts/{lobby.ada}/password", do="clear")
        assert (first.status_code, "setup address" in first.text) == (409, True)
        assert lobby.store.has_password(lobby.ada)

    def test_sessions_end(self, lobby: Lobby, ada: Browser) -> None:
        bobs = [lobby.signed("bob@example.com") for _ in range(2)]
        path = f"/admin/accounts/{lobby.bob}"
        assert "Sign out its browsers" in ada.get(path).text
        assert ada.post(f"{path}/sessions").status_code == 303
        assert [bob.get("/dashboard").status_code for bob in bobs] == [303, 303]
        assert ada.get("/dashboard").status_code == 200
        assert "Sign out its browsers" not in ada.get(path).text
        assert lobby.store.audit_page(wanted=AuditFilter(actor="ada@"))[0].action == "account.sessions_ended"


def test_the_page_has_usage_and_subscriptions(lobby: Lobby, ada: Browser) -> None:
    plan = plans.create_plan(lobby.desk(), NewPlan(name="monthly", monthly_usd="60"))
    plans.subscribe(lobby.desk(), SubscriptionForm(account_id=lobby.bob, group="default", plan_id=plan.id))
    lobby.store.write_entries([entry(1, at_ms=lobby.clock.now_ms(), account_id=lobby.bob, cost_nusd=3_000_000_000)])
    html = ada.get(f"/admin/accounts/{lobby.bob}").text
    assert "$3.00" in html
    assert "monthly" in html
    assert "gpt-5" in html
