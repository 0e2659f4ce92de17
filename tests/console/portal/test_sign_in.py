"""Coming in and going out: sessions, their cookies and their end, and how guessing is slowed down."""

from __future__ import annotations

import pytest

from tests.console.portal.lobby import PASSWORD, PEPPER, Lobby
from torouter.accounts import hash_key
from torouter.accounts.office.entrance import IDLE_MS, LIFETIME_MS, setup_token_due
from torouter.console.portal.doors import Doors
from torouter.console.portal.visit import inner_path
from torouter.store import Store

DAY_MS = 24 * 3600 * 1000


class TestSigningIn:
    def test_the_right_password_opens_a_session(self, lobby: Lobby) -> None:
        browser = lobby.browser()
        answer = browser.sign_in("ada@example.com", then="/keys?told=x")
        assert (answer.status_code, answer.headers["location"]) == (303, "/keys?told=x")
        cookie = answer.headers["set-cookie"]
        assert all(part in cookie for part in ("HttpOnly", "SameSite=lax", "Path=/", "Max-Age=7776000"))
        assert "Secure" not in cookie
        assert "ada@example.com" in browser.get("/dashboard").text

    def test_over_tls_the_cookie_is_bound_to_the_host(self, lobby: Lobby) -> None:
        cookie = lobby.browser(base_url="https://testserver").sign_in("ada@example.com").headers["set-cookie"]
        assert cookie.startswith("__Host-torouter_session=")
        assert "Secure" in cookie

    @pytest.mark.parametrize("email", ["ada@example.com", "nobody@example.com", ""])
    def test_a_wrong_one_says_the_same_of_everybody(self, lobby: Lobby, email: str) -> None:
        browser = lobby.browser()
        answer = browser.sign_in(email, "wrong")
        assert answer.status_code == 401
        assert "The e-mail address or the password is wrong." in answer.text
        assert "set-cookie" not in answer.headers
        assert browser.get("/dashboard").headers["location"] == "/sign-in?next=%2Fdashboard"

    def test_the_address_may_be_written_in_any_case(self, lobby: Lobby) -> None:
        assert lobby.browser().sign_in(" Ada@Example.COM ").status_code == 303

    def test_suspended_accounts_stay_out_and_their_sessions_end(self, lobby: Lobby) -> None:
        browser = lobby.signed("bob@example.com")
        lobby.store.change_account(lobby.bob, {"status": "suspended"})
        assert browser.get("/keys").status_code == 303
        assert lobby.browser().sign_in("bob@example.com").status_code == 401

    def test_only_the_hash_of_a_token_is_stored(self, lobby: Lobby) -> None:
        browser = lobby.signed()
        token = browser.client.cookies["torouter_session"]
        assert lobby.store.find_session(token.encode()) is None
        assert token.encode() not in (lobby.store.data_dir / "torouter.db").read_bytes()


class TestSessions:
    def test_signing_out_ends_it_for_good(self, lobby: Lobby) -> None:
        browser = lobby.signed()
        token = browser.client.cookies["torouter_session"]
        assert browser.post("/sign-out").headers["location"] == "/sign-in?told=signed_out"
        browser.client.cookies.set("torouter_session", token)
        assert browser.get("/keys").status_code == 303

    def test_one_that_rests_too_long_ends(self, lobby: Lobby) -> None:
        browser = lobby.signed()
        lobby.clock.later_ms += IDLE_MS - 60_000
        assert browser.get("/keys").status_code == 200
        lobby.clock.later_ms += IDLE_MS + 60_000
        answer = browser.get("/usage?model=gpt-5")
        assert answer.headers["location"] == "/sign-in?next=%2Fusage%3Fmodel%3Dgpt-5&told=expired"
        assert "Your session is over" in browser.get(answer.headers["location"]).text

    def test_none_lasts_for_ever(self, lobby: Lobby) -> None:
        browser = lobby.signed()
        for _ in range(LIFETIME_MS // DAY_MS // 10 - 1):
            lobby.clock.later_ms += 10 * DAY_MS
            assert browser.get("/keys").status_code == 200
        lobby.clock.later_ms += 10 * DAY_MS
        assert browser.get("/keys").status_code == 303

    def test_a_new_password_ends_the_others(self, lobby: Lobby) -> None:
        here, there = lobby.signed(), lobby.signed()
        form = {"password": PASSWORD, "new_password": "another one", "again": "another one"}
        assert here.post("/profile/password", **form).headers["location"] == "/profile?told=password_changed"
        assert here.get("/keys").status_code == 200
        assert there.get("/keys").status_code == 303
        assert lobby.browser().sign_in("ada@example.com").status_code == 401
        assert lobby.browser().sign_in("ada@example.com", "another one").status_code == 303
        assert lobby.store.audit_page(limit=1)[0].action == "account.password"

    @pytest.mark.parametrize(
        ("form", "status", "told"),
        [
            ({"password": "wrong", "new_password": "another one", "again": "another one"}, 403, "current password"),
            ({"password": PASSWORD, "new_password": "another one", "again": "other"}, 400, "not the same"),
            ({"password": PASSWORD, "new_password": "short", "again": "short"}, 400, "At least 8"),
        ],
    )
    def test_a_password_is_changed_by_who_knows_it(
        self, lobby: Lobby, form: dict[str, str], status: int, told: str
    ) -> None:
        browser = lobby.signed()
        answer = browser.post("/profile/password", **form)
        assert answer.status_code == status
        assert told in answer.text
        assert browser.get("/keys").status_code == 200

    def test_expired_rows_are_swept(self, lobby: Lobby) -> None:
        old = lobby.signed().client.cookies["torouter_session"]
        lobby.clock.later_ms += IDLE_MS + 1000
        lobby.browser().sign_in("ada@example.com")
        assert lobby.store.find_session(hash_key(PEPPER, old)) is None


class TestGuessing:
    def test_an_address_is_not_listened_to_after_so_many(self, lobby: Lobby) -> None:
        browser = lobby.browser(doors=Doors(lobby.clock.now_s, most_of_address=3))
        statuses = [browser.sign_in("ada@example.com", "wrong").status_code for _ in range(4)]
        assert statuses == [401, 401, 401, 429]
        answer = browser.sign_in("ada@example.com")
        assert answer.status_code == 429
        assert int(answer.headers["retry-after"]) == 300
        lobby.clock.later_ms += 301_000
        assert browser.sign_in("ada@example.com").status_code == 303

    def test_nor_is_anybody_for_an_account(self, lobby: Lobby) -> None:
        doors = Doors(lobby.clock.now_s, most_of_account=2)
        for last in range(2):
            guesser = lobby.browser(doors=doors, address=f"198.51.100.{last}")
            assert guesser.sign_in("ada@example.com", "wrong").status_code == 401
        assert lobby.browser(doors=doors).sign_in("ADA@example.com").status_code == 429
        assert lobby.browser(doors=doors).sign_in("bob@example.com").status_code == 303

    def test_who_was_right_has_not_guessed(self, lobby: Lobby) -> None:
        browser = lobby.browser(doors=Doors(lobby.clock.now_s, most_of_address=2, most_of_account=2))
        assert [browser.sign_in("ada@example.com").status_code for _ in range(4)] == [303] * 4

    def test_being_right_once_does_not_buy_more_guesses(self, lobby: Lobby) -> None:
        browser = lobby.browser(doors=Doors(lobby.clock.now_s, most_of_address=3))
        statuses = []
        for _ in range(3):
            statuses.append(browser.sign_in("ada@example.com", "wrong").status_code)
            browser.sign_in("bob@example.com")
        assert statuses == [401, 401, 401]
        assert browser.sign_in("bob@example.com").status_code == 429


class TestSetup:
    @pytest.fixture
    def first(self, store: Store) -> str:
        """A new store with its first account; the token that the server would print."""
        store.create_account("admin@localhost", "Administrator", "admin", "unlimited")
        token = setup_token_due(store, PEPPER)
        assert token is not None
        return token

    @pytest.fixture
    def newcomer(self, first: str, store: Store) -> Lobby:
        return Lobby(store)

    def test_the_token_sets_the_first_password_once(self, newcomer: Lobby, first: str, store: Store) -> None:
        browser = newcomer.browser()
        assert "admin@localhost" in browser.get(f"/setup?token={first}").text
        form = {"token": first, "email": "Me@Example.com", "password": "my own words", "again": "my own words"}
        answer = browser.client.post("/setup", data=form)
        assert (answer.status_code, answer.headers["location"]) == (303, "/dashboard")
        assert "me@example.com" in browser.get("/dashboard").text
        assert setup_token_due(store, PEPPER) is None
        assert newcomer.browser().client.post("/setup", data=form).status_code == 403
        assert newcomer.browser().get(f"/setup?token={first}").status_code == 403
        assert newcomer.browser().sign_in("me@example.com", "my own words").status_code == 303
        actors = {row.actor for row in store.audit_page(limit=10) if row.object_id == 1}
        assert actors == {"setup"}

    @pytest.mark.parametrize("token", ["", "wrong", "ü" * 32])
    def test_nobody_else_takes_over(self, newcomer: Lobby, store: Store, token: str) -> None:
        form = {"token": token, "email": "evil@example.com", "password": "my own words", "again": "my own words"}
        browser = newcomer.browser()
        assert browser.client.post("/setup", data=form).status_code == 403
        assert browser.client.get("/setup", params={"token": token}).status_code == 403
        assert not store.has_password(1)
        assert store.get_account(1).email == "admin@localhost"

    def test_without_a_password_nobody_signs_in(self, newcomer: Lobby) -> None:
        for password in ("", "x", PASSWORD):
            assert newcomer.browser().sign_in("admin@localhost", password).status_code == 401

    @pytest.mark.parametrize(
        ("changes", "told"),
        [
            ({"again": "other words"}, "not the same"),
            ({"password": "short", "again": "short"}, "At least 8"),
            ({"email": "nonsense"}, "Expected an e-mail address"),
            ({"email": "bob@example.com"}, "Another account has this address"),
        ],
    )
    def test_what_is_wrong_is_said_and_nothing_is_set(
        self, newcomer: Lobby, first: str, store: Store, changes: dict[str, str], told: str
    ) -> None:
        form = {"token": first, "email": "me@example.com", "password": "my own words", "again": "my own words"}
        answer = newcomer.browser().client.post("/setup", data=form | changes)
        assert answer.status_code in (400, 409)
        assert told in answer.text
        assert not store.has_password(1)

    def test_another_installation_has_another_token(self, first: str, store: Store) -> None:
        assert setup_token_due(store, b"another" * 5) != first
        assert len(first) == 32

    def test_guessing_it_ends(self, newcomer: Lobby) -> None:
        browser = newcomer.browser(doors=Doors(newcomer.clock.now_s, most_of_address=3))
        assert [browser.get("/setup?token=guess").status_code for _ in range(4)] == [403, 403, 403, 429]


@pytest.mark.parametrize(
    ("wanted", "goes"),
    [
        ("/keys", "/keys"),
        ("/usage?model=gpt-5&key=1", "/usage?model=gpt-5&key=1"),
        ("", "/dashboard"),
        ("keys", "/dashboard"),
        ("https://evil.example", "/dashboard"),
        ("//evil.example", "/dashboard"),
        ("/\\evil.example", "/dashboard"),
        ("/a\\..//evil.example", "/dashboard"),
        ("/\t/evil.example", "/dashboard"),
        ("/%0d%0aset-cookie:x", "/%0d%0aset-cookie:x"),
        ("/a\r\nset-cookie: x", "/dashboard"),
        ("javascript:alert(1)", "/dashboard"),
        ("/" + "a" * 3000, "/dashboard"),
    ],
)
def test_nobody_is_sent_to_another_host(wanted: str, goes: str) -> None:
    assert inner_path(wanted) == goes


def test_signing_in_goes_by_that(lobby: Lobby) -> None:
    assert lobby.browser().sign_in("ada@example.com", then="//evil.example").headers["location"] == "/dashboard"
