"""Which release a region is, by what it says of itself and by what its API offers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from saltext.maas import errors
from saltext.maas.client.profile import Profile
from saltext.maas.release import Release

#: What a release of API 1.0 describes that the one before does not; only later ones name theirs.
_DESCRIBES = (
    ("FabricsHandler", "1.9"),
    ("DevicesHandler", "1.8"),
    ("BootResourcesHandler", "1.7"),
    ("LicenseKeysHandler", "1.6"),
    ("NodeGroupsHandler", "1.5"),
)
#: What 1.7 to 1.10 say where they do not run from a package.
_NOT_PACKAGED = ("unknown", "from source")


def find(profile: Profile, ask: Callable[[str, Any], Any]) -> Release:
    """Find out a region's release.

    Args:
        profile: The :class:`~saltext.maas.client.profile.Profile`; a release in it is a hint.
        ask: Called with a path and the shape of its answer; GETs it without a signature.

    Raises:
        NoRegion: Something else answers there.
        MaasError: Nothing answers well.
    """
    hint = profile.release
    first = hint.api if hint else "2.0"
    for api in (first, "1.0" if first == "2.0" else "2.0"):
        path = f"/api/{api}/version/"
        try:
            found = ask(path, {"version": str} if api == "2.0" else dict)
        except errors.NotFound:
            continue
        except errors.Redirected as error:
            # What is no API of 1.x is its login page.
            if not error.login:
                raise
            continue
        except errors.StrangeAnswer as error:
            if api == "2.0":
                raise _no_region(profile, error) from None
            found = {}
        named = str(found.get("version") or "")
        if not named:
            return hint if hint and hint < "1.7" else _described(profile, ask)
        if api == "1.0" and named.startswith(_NOT_PACKAGED):
            return hint if hint and hint.api == api else _described(profile, ask)
        try:
            release = Release(named)
        except ValueError:
            release = None
        if release is None or release.api != api:
            raise _no_region(profile, f"GET {path} names the version {named[:40]!r}")
        return release
    raise _no_region(profile, "it has no API 1.0 or 2.0")


def _no_region(profile, why):
    return errors.NoRegion(f"{profile.url} is no MAAS region ({profile.place}:url): {why}")


def _described(profile, ask) -> Release:
    """The release of a region that names none, by what its API offers."""
    path = "/api/1.0/describe/"
    try:
        found = ask(path, {"resources": [{"name": str}]})
    except (errors.StrangeAnswer, errors.NotFound) as error:
        raise _no_region(profile, error) from None
    names = {one["name"] for one in found["resources"]}
    for name, release in _DESCRIBES:
        if name in names:
            return Release(release)
    raise _no_region(profile, f"GET {path} has no {_DESCRIBES[-1][0]}")
