"""MAAS's own commands from inside the region, for arguments that must be in no process list."""

from __future__ import annotations

from collections.abc import Iterable

from saltext.maas.host.errors import HostError
from saltext.maas.host.installation import Installation
from saltext.maas.redact import redact


def call(
    installation: Installation,
    words: Iterable[str],
    hide: Iterable[str],
    setup: str = "",
    timeout: float = 120,
) -> str:
    """Call one of the region's commands through the standard input of ``maas-region shell``.

    Args:
        words: The command and its arguments, as expressions of Python.
        hide: Secrets among them, which an error text must not hold.
        setup: Lines of Python before the call.
        timeout: Seconds.

    Returns:
        What it printed.

    Raises:
        HostError: It failed; the text ends with the last line that it printed.

    MAAS 2.0 and later.
    """
    words = list(words)
    program = "from django.core.management import call_command\n"
    program += f"{setup}call_command({', '.join(words)})\n"
    argv = list(installation.fact("shell_command"))
    code, stdout, stderr = installation.run(argv, stdin=program, timeout=timeout)
    lines = [line.strip() for line in (stderr or stdout).splitlines() if line.strip()]
    if code or any(line.startswith("Traceback") for line in lines):
        last = redact((lines or ["no message"])[-1], hide)[:300]
        name = " ".join(word.strip("'\"") for word in words[:2])
        raise HostError(f"{name} failed: {last}")
    return stdout
