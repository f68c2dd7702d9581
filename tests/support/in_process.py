"""Run a sandbox's commands as functions of this process: fast, and open to a kill."""

from __future__ import annotations

import contextlib
import io
import os
import sys


def run(installation, argv, stdin=None, timeout=120, env=None):
    """In place of ``Installation.run``."""
    from maas_emulator.hosts import commands

    found = installation.command(argv)
    out, err = io.StringIO(), io.StringIO()
    kept, sys.stdin = sys.stdin, io.StringIO(stdin or "")
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = commands.main([installation.root, os.path.basename(found[0]), *argv[1:]])
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else 1
    except Exception as error:  # a process of its own would end so, too
        err.write(f"{type(error).__name__}: {error}\n")
        code = 1
    finally:
        sys.stdin = kept
    return code or 0, out.getvalue(), err.getvalue()
