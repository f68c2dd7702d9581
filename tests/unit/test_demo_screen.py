"""What the demonstration prints on a terminal, and elsewhere."""

from __future__ import annotations

import io

import pytest

from demo.screen import Screen


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture(autouse=True)
def neither(monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)


def printed(stream, no_color=False):
    screen = Screen(no_color, stream)
    screen.head("Run")
    for what, percent in (("a", 10), ("b", 50), ("a", 100)):
        screen.bar({"what": what, "percent": percent})
    screen.mark(True, "region")
    return stream.getvalue()


def test_elsewhere_it_is_plain_and_without_bars():
    assert printed(io.StringIO()) == "\n== Run\nok    region\n"


def test_a_terminal_has_colours_and_one_bar_for_each_thing():
    text = printed(Terminal())
    assert "\x1b[32mok  \x1b[0m  region" in text
    # Drawn anew over itself: two lines up, then both lines.
    last = text[text.rindex("\x1b[2A") :]
    assert [line.split()[-1].split("\x1b")[0] for line in last.splitlines()[:2]] == ["a", "b"]
    assert "100 %  a" in last


def test_colours_can_be_switched_off(monkeypatch):
    assert "\x1b[32m" not in printed(Terminal(), no_color=True)
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[32m" not in printed(Terminal())
