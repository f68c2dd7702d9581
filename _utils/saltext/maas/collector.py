"""Pauses of Python's collector of cyclic garbage."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator


@contextlib.contextmanager
def paused() -> Iterator[None]:
    """Collect no cyclic garbage in this block, which makes many objects and hardly a cycle.

    The more objects there are, the longer the collector looks at them: at those of the answer
    about 1,000 machines for longer than it takes to decode it.  Other threads are concerned as
    well, so wait for nothing in the block.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
