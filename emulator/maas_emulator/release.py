"""MAAS releases, compared as numbers."""

from __future__ import annotations

import functools
import re

_TEXT = re.compile(r"(?:\d+:)?(\d+)\.(\d+)(?:\.(\d+))?(?!\d)")

#: Every release series that a region can play, oldest first.
SERIES = (
    *(f"1.{minor}" for minor in range(5, 11)),
    *(f"2.{minor}" for minor in range(0, 10)),
    *(f"3.{minor}" for minor in range(0, 9)),
)


@functools.lru_cache(maxsize=256)  # handlers compare with the same few all the time
def _parts(text: str) -> tuple[int, ...]:
    match = _TEXT.match(text.strip())
    if not match:
        raise ValueError(f"{text!r} is not a MAAS release, such as '1.7' or '3.6'")
    return tuple(int(part) for part in match.groups(default="0"))


@functools.total_ordering
class Release:
    """A MAAS release such as 1.7, 2.9.2 or 3.7, which compares with texts, too.

    Args:
        text: ``X.Y`` or ``X.Y.Z``, with whatever a package's version adds (``1:3.7.0-1``,
            ``1.7.3+bzr3363``), or another release.

    Raises:
        ValueError: The text holds no ``MAJOR.MINOR``.

    Example:
        ``Release("1.10") > "1.9"`` is true.
    """

    __slots__ = ("parts",)
    parts: tuple[int, ...]

    def __init__(self, text: Release | str | float):
        self.parts = text.parts if isinstance(text, Release) else _parts(str(text))

    @property
    def series(self):
        """The release without its point release: ``3.7`` of ``3.7.3``."""
        return f"{self.parts[0]}.{self.parts[1]}"

    @property
    def api(self):
        """The API generation that this release speaks: ``1.0`` or ``2.0``."""
        return "1.0" if self.parts[0] < 2 else "2.0"

    def __eq__(self, other: object) -> bool:
        try:
            return self.parts == Release(str(other)).parts
        except ValueError:
            return False

    def __lt__(self, other: Release | str) -> bool:
        return self.parts < Release(other).parts

    def __hash__(self):
        return hash(self.parts)

    def __str__(self):
        return ".".join(map(str, self.parts if self.parts[2] else self.parts[:2]))

    def __repr__(self):
        return f"Release('{self}')"


def known(text):
    """Return the :class:`Release` of a text, if a region can play it.

    A release newer than the last of :data:`SERIES` is played as that one, with the differences
    that are known already.

    Raises:
        ValueError: It is no release, or one that never was.
    """
    release = Release(text)
    if release.series not in SERIES and release < SERIES[-1]:
        raise ValueError(f"{text!r} is not a known MAAS release: {SERIES[0]} to {SERIES[-1]}")
    return release
