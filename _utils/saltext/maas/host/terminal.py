"""Run a command on a terminal of its own and answer its prompts."""

from __future__ import annotations

import contextlib
import os
import pty
import re
import select
import signal
import subprocess
import termios
import time

from saltext.maas.host.errors import HostError
from saltext.maas.host.installation import Installation, name_of

_SECRET_PROMPT = re.compile(r"(?i)(?:password|again|passphrase)[^\n]*:\s*$")
_OTHER_PROMPT = re.compile(r"[:?]\s*$")
_OTHER_LIMIT = 3  # questions that get an empty answer before we give up
_QUIET = 0.25  # seconds without output that make an unfinished line a prompt


def converse(installation: Installation, argv: list[str], secrets: list[str], timeout: float = 120):
    """Run a command that asks for secrets on its terminal.

    Args:
        installation: The host.
        argv: Command and arguments; no secrets.
        secrets: Answers to its password prompts, in their order.  Any other
            prompt is answered with an empty line.
        timeout: Seconds after which it is killed; some commands ask for ever.

    Returns:
        ``(return code, output)``; a command that echoes what it is told has
        the secrets in its output.

    Raises:
        HostError: It asked more often than there are answers, did not hide its
            input, or did not end in time.
    """
    master, slave = pty.openpty()
    try:
        process = subprocess.Popen(
            installation.command(argv),
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env={**installation.environment(), "TERM": "dumb"},
            start_new_session=True,
            cwd="/",
        )
    except BaseException:
        os.close(master)
        raise
    finally:
        os.close(slave)
    try:
        output = _Conversation(argv, master, secrets, time.monotonic() + timeout).run(timeout)
        code = process.wait(timeout=max(timeout, 1))
        return code, output
    except subprocess.TimeoutExpired:
        raise HostError(f"{name_of(argv)} did not end within {timeout:g} s.") from None
    finally:
        if process.poll() is None:
            with contextlib.suppress(OSError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        os.close(master)


class _Conversation:
    def __init__(self, argv, master, secrets, deadline):
        self._name = name_of(argv)
        self._master = master
        self._answers = list(secrets)
        self._others = 0
        self._deadline = deadline
        self._output = ""
        self._seen = 0  # length of the output that is dealt with

    def run(self, timeout):
        """Read until the command closes its terminal; returns what it said."""
        while True:
            left = self._deadline - time.monotonic()
            if left <= 0:
                raise HostError(f"{self._name} did not end within {timeout:g} s.")
            ready, _, _ = select.select([self._master], [], [], min(left, _QUIET))
            if ready:
                try:
                    data = os.read(self._master, 4096)
                except OSError:  # Linux: the other side is closed
                    return self._output
                if not data:
                    return self._output
                self._output += data.decode("utf-8", "replace").replace("\r\n", "\n")
            line = self._output[self._seen :].rpartition("\n")[2]
            if _SECRET_PROMPT.search(line):
                self._answer_secret()
            elif not ready and line and _OTHER_PROMPT.search(line):
                self._answer_other()

    def _answer_secret(self):
        if not self._answers:
            raise HostError(f"{self._name} asked for a password again: it refused the given one.")
        while termios.tcgetattr(self._master)[3] & termios.ECHO:
            if time.monotonic() > self._deadline:
                raise HostError(f"{self._name} asks for a password without hiding it.")
            time.sleep(0.01)
        self._send(self._answers.pop(0))

    def _answer_other(self):
        self._others += 1
        if self._others > _OTHER_LIMIT:
            raise HostError(f"{self._name} keeps asking questions.")
        self._send("")

    def _send(self, text):
        self._seen = len(self._output)
        os.write(self._master, text.encode() + b"\n")
