"""What is held against channels: kept while it lasts, told to others, and forgotten when somebody says so."""

from __future__ import annotations

from torouter.relay.openings import Openings
from torouter.routing.health import Blame, Note
from torouter.routing.planner import Planner


class Watch:
    def __init__(self) -> None:
        self.now_s = 1000.0
        self.told: list[Note] = []
        self.health = Planner(lambda: 0.5).health
        self.openings = Openings(self.health, lambda: self.now_s)
        self.openings.tell = self.told.append

    def noticed(self, note: Note) -> None:
        assert self.health.on_note is not None
        self.health.on_note(note)

    def left(self, channel: str = "a") -> list[float]:
        return [note.left_s for note in self.openings.of(channel)]


def note(left_s: float, blame: Blame = "channel", channel: str = "a", **more: str) -> Note:
    credential, model = more.get("credential", ""), more.get("model", "")
    return Note(channel, credential, model, blame, failures=2, left_s=left_s, is_told=False)


def test_what_is_noticed_is_kept_and_told() -> None:
    watch = Watch()
    watch.noticed(note(8.0))
    watch.noticed(note(30.0, "credential", credential="x"))
    watch.noticed(note(5.0, channel="b"))
    watch.now_s += 10.0
    assert watch.left() == [0.0, 20.0]
    watch.noticed(note(0.0))
    assert watch.left() == [20.0]
    assert [(each.channel, each.left_s) for each in watch.told] == [("a", 8.0), ("a", 30.0), ("b", 5.0), ("a", 0.0)]


def test_what_others_noticed_ages_and_is_not_told_again() -> None:
    watch = Watch()
    watch.openings.learn(note(8.0), age_s=3.0)
    watch.openings.learn(note(8.0, channel="b"), age_s=8.0)
    assert (watch.left(), watch.left("b"), watch.told) == ([5.0], [], [])
    assert [(report.channel, report.left_s) for report in watch.health.reports(watch.now_s)] == [("a", 5.0)]


def test_others_do_not_shorten_it_but_may_end_it() -> None:
    watch = Watch()
    watch.noticed(note(20.0))
    watch.openings.learn(note(3.0))
    assert watch.left() == [20.0]
    watch.openings.learn(note(30.0))
    assert watch.left() == [30.0]
    watch.openings.learn(note(0.0), age_s=0.4)
    assert watch.left() == []


def test_one_request_may_see_soon() -> None:
    watch = Watch()
    watch.noticed(note(20.0))
    [held] = watch.openings.of("a")
    watch.openings.may_be_asked(held)
    assert watch.left() == [1.0]
    assert [each.left_s for each in watch.told] == [20.0, 0.0, 1.0]
    [report] = watch.health.reports(watch.now_s + 1.1)
    assert (report.channel, report.state, report.failures_in_row) == ("a", "half-open", 2)


def test_a_reset_is_for_the_whole_channel() -> None:
    watch = Watch()
    for each in (note(8.0), note(30.0, "credential", credential="x"), note(9.0, "model", credential="x", model="m")):
        watch.noticed(each)
    watch.noticed(note(5.0, channel="b"))
    watch.openings.reset("a")
    assert (watch.left(), watch.left("b")) == ([], [5.0])
    watch.openings.reset("b")
    assert watch.health.reports(watch.now_s) == []


def test_names_of_models_do_not_fill_the_memory() -> None:
    watch = Watch()
    for number in range(10_010):
        watch.noticed(note(8.0, "model", model=str(number)))
    assert len(watch.openings.of("a")) == 10_000
