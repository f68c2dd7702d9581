"""Remember what is wrong with descriptions, since a run checks each several times."""

from __future__ import annotations

import functools
import hashlib
import marshal
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

_Found = TypeVar("_Found")
_MOST = 65536


def by_content(find: Callable[..., Iterable[_Found]]) -> Callable[..., Iterable[_Found]]:
    """Let a function of plain data remember what it yielded, by the content of its first argument.

    Args:
        find: Takes dicts, lists, text and numbers first, then what is hashable; yields what cannot
            be changed.
    """
    known: dict[tuple, tuple] = {}

    @functools.wraps(find)
    def look_up(value: Any, *more: Any) -> Iterable[_Found]:
        try:
            content = marshal.dumps(value, 2)  # from 3 on it depends on who else has the value
        except ValueError:  # it is no plain data
            return find(value, *more)
        key = (hashlib.blake2b(content, digest_size=16).digest(), *more)
        found = known.get(key)
        if found is None:
            if len(known) >= _MOST:
                known.clear()
            found = known[key] = tuple(find(value, *more))
        return found

    return look_up
