"""Run a command on a terminal of its own and answer its prompts."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import time

from saltext.maas import poll
from saltext.maas.host.errors import HostError
from saltext.maas.host.installation import Installation, name_of

try:
    import pexpect
except ImportError:  # on a minion that was only synced; all but passwords works without
    pexpect = None

_SECRET_PROMPT = re.compile(r"(?i)(?:password|again|passphrase)[^\n]*:\s*$")
_OTHER_PROMPT = re.compile(r"[:?]\s*$")
_OTHER_LIMIT = 3  # questions that get an empty answer before we give up
_QUIET = 0.25  # seconds without output that make an unfinished line a prompt


def converse(
    installation: Installation, argv: list[str], secrets: list[str], timeout: float = 120
) -> tuple[int, str]:
    """Run a command that asks for secrets on its terminal.

    Args:
        argv: Command and arguments; no secrets.
        secrets: Answers to its password prompts, in their order.  Any other
            prompt is answered with an empty line.
        timeout: Seconds after which it is killed; some commands ask for ever.

    Returns:
        ``(return code, output)``; a command that echoes what it is given has
        the secrets in its output.

    Raises:
        HostError: It asked more often than there are answers, did not hide its
            input, or did not end in time.
    """
    if pexpect is None:
        raise HostError(f"{name_of(argv)} needs the Python library pexpect; install it here.")
    command, *arguments = installation.command(argv)
    # It runs in a session of its own, on a terminal that pexpect opens.
    child = pexpect.spawn(
        command,
        arguments,
        timeout=_QUIET,
        cwd="/",
        env={**installation.environment(), "TERM": "dumb"},
        encoding="utf-8",
        codec_errors="replace",
    )
    child.delaybeforesend = None
    try:
        deadline = time.monotonic() + timeout
        output = _answered(child, name_of(argv), list(secrets), deadline)
        left = deadline - time.monotonic()
        if not poll.wait(lambda: None if child.isalive() else True, left, pause=0.01):
            raise TimeoutError
    except TimeoutError:
        raise HostError(f"{name_of(argv)} did not end within {timeout:g} s.") from None
    finally:
        if child.isalive():
            with contextlib.suppress(OSError):
                os.killpg(child.pid, signal.SIGKILL)
        child.close(force=True)
    # As a shell says it where a signal ended it.
    return child.exitstatus if child.exitstatus is not None else 128 + child.signalstatus, output


def _answered(child, name, answers, deadline):
    """Answer a command's prompts until it closes its terminal, and return what it said."""
    output, line, others = "", "", 0
    while time.monotonic() < deadline:
        try:
            said = child.read_nonblocking(4096, min(_QUIET, max(0.0, deadline - time.monotonic())))
        except pexpect.EOF:
            return output.replace("\r\n", "\n")
        except pexpect.TIMEOUT:
            said = ""
        output += said
        line = (line + said).rpartition("\n")[2]
        if _SECRET_PROMPT.search(line):
            if not answers:
                raise HostError(f"{name} asked for a password again: it refused the given one.")
            if not child.waitnoecho(deadline - time.monotonic()):
                raise HostError(f"{name} asks for a password without hiding it.")
            child.sendline(answers.pop(0))
            line = ""
        elif not said and _OTHER_PROMPT.search(line):
            others += 1
            if others > _OTHER_LIMIT:
                raise HostError(f"{name} asks more questions than expected.")
            child.sendline("")
            line = ""
    raise TimeoutError
