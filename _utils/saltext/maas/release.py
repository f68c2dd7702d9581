"""MAAS releases, compared as numbers."""

from __future__ import annotations

import functools
import re

_TEXT = re.compile(r"\s*(\d+)\.(\d+)(?:\.(\d+))?(?![\d])")


@functools.lru_cache(maxsize=1024)  # releases are compared with texts all the time
def _parts(text: str) -> tuple[int, ...]:
    match = _TEXT.match(text.rpartition(":")[2] or text)
    if not match:
        raise ValueError(f"{text!r} is not a MAAS release, such as '1.7' or '3.6'")
    return tuple(int(part) for part in match.groups(default="0"))


@functools.lru_cache(maxsize=1024)
def _line(text: str) -> tuple[int, ...]:
    return _parts(text)[:2]


@functools.total_ordering
class Release:
    """A MAAS release such as 1.7, 2.9.2 or 3.7.

    Args:
        text: Version text as a package, the API or a pillar writes it
            (``1.7.3+bzr3363``, ``1:3.7.0-1``, ``3.6.0~rc1``); a float such as
            ``3.7`` is taken too, since YAML makes one of an unquoted release.

    Raises:
        ValueError: The text holds no ``MAJOR.MINOR``.

    Example:
        ``Release("1.10") > Release("1.9")`` is true.
    """

    __slots__ = ("parts",)
    parts: tuple[int, ...]

    def __init__(self, text: str | float | Release):
        if isinstance(text, Release):
            self.parts = text.parts
            return
        self.parts = _parts(str(text))

    @property
    def series(self) -> str:
        """The release without its point release: ``3.7`` of ``3.7.3``."""
        return f"{self.parts[0]}.{self.parts[1]}"

    @property
    def api(self) -> str:
        """The API generation that this release speaks: ``1.0`` or ``2.0``."""
        return "1.0" if self.parts[0] < 2 else "2.0"

    def within(self, since: str = "", up_to: str = "") -> bool:
        """Return whether its line is one of a span; either end may be open.

        Args:
            since, up_to: First and last release line, such as ``2.4``; empty for none.
        """
        line = self.parts[:2]
        return not (since and line < _line(since)) and not (up_to and line > _line(up_to))

    def __eq__(self, other: object) -> bool:
        try:
            return self.parts == Release(other).parts  # type: ignore[arg-type]
        except ValueError:
            return False

    def __lt__(self, other: str | Release) -> bool:
        return self.parts < Release(other).parts

    def __hash__(self) -> int:
        return hash(self.parts)

    def __str__(self) -> str:
        return ".".join(map(str, self.parts if self.parts[2] else self.parts[:2]))

    def __repr__(self) -> str:
        return f"Release('{self}')"


#: Every release line that is known, oldest first.
SERIES = (
    *(f"1.{minor}" for minor in range(5, 11)),
    *(f"2.{minor}" for minor in range(0, 10)),
    *(f"3.{minor}" for minor in range(0, 9)),
)


def supported(text: str | float | Release) -> Release:
    """Parse a release and make sure that the extension can work with it.

    One that is newer than all of :data:`SERIES` is treated as the newest of them, see
    :func:`newer_release_warnings`.

    Raises:
        ValueError: It is no release, an older one, or one that never was.

    Example:
        ``supported("4.0") > "3.8"`` is true; ``supported("1.4")`` is refused.
    """
    release = Release(text)
    if release.series not in SERIES and not newer_release_warnings(release):
        raise ValueError(f"{text!r} is not a supported MAAS release: {SERIES[0]} and later")
    return release


def newer_release_warnings(release: Release | None) -> list[str]:
    """Return a warning about a release that is newer than all that are known, in a list.

    Args:
        release: The release; None where it is not known.
    """
    if release is None or release.within(up_to=SERIES[-1]):
        return []
    return [
        f"MAAS {release} is newer than MAAS {SERIES[-1]}, the newest release that this version of "
        f"saltext.maas knows; it is treated as MAAS {SERIES[-1]}"
    ]
