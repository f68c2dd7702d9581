"""Output of the demonstration: colours and progress bars on a terminal, plain text elsewhere."""

from __future__ import annotations

import sys

from saltext.maas.render import colour

#: First word and colour of a line, by a state's result.
MARKS = {True: ("ok  ", "32"), None: ("plan", "33"), False: ("FAIL", "1;31")}
_HEAD = "1"


class Screen:
    """Standard output.

    Args:
        no_color: Print without colours, also on a terminal.
        stream: Instead of standard output, for tests.
    """

    def __init__(self, no_color: bool = False, stream=None):
        self._stream = stream or sys.stdout
        self._colour = colour.enabled(self._stream, {"no_color": no_color})
        self._terminal = self._stream.isatty()
        self._bars: dict[str, int] = {}

    def say(self, text: str, code: str | None = None) -> None:
        """Print a line at once, also into a pipe."""
        self._bars = {}
        self._write(self.coloured(text, code) + "\n")

    def head(self, text: str) -> None:
        """Print a heading."""
        self.say("")
        self.say(f"== {text}", _HEAD)

    def mark(self, result: bool | None, text: str) -> None:
        """Print a line that begins with a state's result."""
        sign, code = MARKS[result]
        self.say(f"{self.coloured(sign, code)}  {text}")

    def coloured(self, text: str, code: str | None) -> str:
        """Return a text in a colour, where there are any."""
        return f"\x1b[{code}m{text}\x1b[0m" if code and self._colour else text

    def bar(self, event: dict) -> None:
        """Show how far a thing is: one bar for each, and none where it would not move."""
        if not self._terminal:
            return
        up = f"\x1b[{len(self._bars)}A" if self._bars else ""
        self._bars[event["what"]] = event["percent"]
        lines = [
            f"      {'#' * (percent // 5):20} {percent:3d} %  {what}\x1b[K\n"
            for what, percent in self._bars.items()
        ]
        self._write(up + "".join(lines))

    def _write(self, text):
        self._stream.write(text)
        self._stream.flush()
