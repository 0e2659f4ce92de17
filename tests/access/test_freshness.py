from __future__ import annotations

from torouter.access.freshness import LEASE_S, Freshness, WhenAway


def ages(stale_s: float, when_away: WhenAway) -> tuple[float | None, float | None]:
    """After how many seconds without the store it is stale, and refuses."""
    now_s = 0.0
    freshness = Freshness(lambda: now_s, stale_s, when_away)
    stale: float | None = None
    refusing: float | None = None
    for now_s in range(60):
        if freshness.is_stale and stale is None:
            stale = now_s
        if freshness.is_refusing and refusing is None:
            refusing = now_s
    return stale, refusing


def test_who_serves_on_only_says_that_it_is_stale() -> None:
    assert ages(10.0, "serve") == (11, None)


def test_who_refuses_does_so_before_an_edit_can_be_told_to_be_in_force_without_it() -> None:
    assert ages(30.0, "refuse") == (LEASE_S, LEASE_S)
    assert ages(5.0, "refuse") == (LEASE_S, LEASE_S)


def test_news_of_the_store_renew_it() -> None:
    now_s = 100.0
    freshness = Freshness(lambda: now_s, 10.0, "refuse")
    now_s = 106.0
    assert freshness.is_refusing
    freshness.renew(now_s)
    assert not freshness.is_refusing
