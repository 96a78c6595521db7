import io

import pytest
from rich.console import Console

from manyshot.base import InputError, listen, progress, quieten, track


@pytest.fixture
def screen(monkeypatch):
    """A terminal that keeps what is drawn on it."""
    console = Console(file=io.StringIO(), force_terminal=True, width=80)
    monkeypatch.setattr(progress, "console", console)
    return console


def test_tracking_hands_on_every_item_and_draws_a_bar(screen):
    assert list(track(iter("abc"), "spelling", total=3)) == ["a", "b", "c"]
    assert "spelling" in screen.file.getvalue()


def test_work_that_reports_by_itself_may_leave_the_note_out(screen):
    with progress.bar() as display:
        line = display.add_task("decode", total=2)
        display.advance(line)
        display.refresh()
    assert "1/2" in screen.file.getvalue()


def test_quiet_draws_nothing(screen):
    quieten()
    assert list(track("abc", "spelling")) == ["a", "b", "c"]
    quieten(False)
    assert screen.file.getvalue() == ""


def test_a_loop_that_is_left_early_takes_its_bar_down(screen):
    for _ in track("abc", "spelling"):
        break
    assert list(track("ab", "again")) == ["a", "b"]


def test_a_listener_hears_every_step_and_can_end_the_work():
    heard = []

    def stop_at_two(what, done, total):
        heard.append((what, done, total))
        if done == 2:
            raise InputError("stopped")

    with pytest.raises(InputError, match="stopped"), listen(stop_at_two):
        list(track(range(5), "encode"))
    list(track(range(2), "unheard"))
    assert heard == [("encode", 1, 5), ("encode", 2, 5)]
