"""Whether a terminal is written to in colour."""

from __future__ import annotations

import os
from typing import IO


def enabled(stream: IO, opts: dict | None = None) -> bool:
    """Return whether text for a stream is to be coloured.

    Args:
        stream: Such as ``sys.stdout``.
        opts: Salt's configuration, with what ``--no-color`` and ``--force-color`` say.

    What is asked for on the command line wins; then the environment variable ``NO_COLOR``, with
    any value; else a terminal is coloured and nothing else is.
    """
    opts = opts or {}
    if opts.get("no_color"):
        return False
    if opts.get("force_color"):
        return True
    if os.environ.get("NO_COLOR"):
        return False
    return bool(getattr(stream, "isatty", None)) and stream.isatty()
