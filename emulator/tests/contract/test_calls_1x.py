"""The calls and settings of each release of API 1.0 against a description extracted from MAAS.

It has 1.5, 1.7 and 1.9; what lies between has to be between.
"""

from __future__ import annotations

import re

import pytest
from api_facts import facts
from maas_emulator.core import Region
from maas_emulator.settings import settings_of

DESCRIBED = ("1.5", "1.7", "1.9")

#: Calls that are not covered: pieces of their paths, or their operations.
NOT_COVERED = re.compile(r"get_curtin_config|/nodes/\.\*/")
#: Operations that the description lacks, since they are declared otherwise or by nobody.
UNDESCRIBED = {
    ("/account/prefs/sshkeys/{}/", "DELETE", None),
    ("/account/prefs/sslkeys/{}/", "DELETE", None),
    ("/describe/", "GET", None),
    ("/files/", "GET", "get"),
    ("/files/", "GET", "get_by_key"),
    ("/files/{}/", "DELETE", None),
    ("/nodegroups/", "POST", "register"),
    ("/nodegroups/", "POST", "refresh_workers"),
    ("/nodes/", "GET", "is_registered"),
}


def described(release):
    """``{(path, method, op): (for administrators, for anybody)}`` as MAAS declares them."""
    found = {}
    for item in facts(release).calls:
        call = item.path, item.method, item.op
        if not NOT_COVERED.search(" ".join(map(str, call))):
            found[call] = item.admin, item.anonymous
    return found


def served(release):
    """The same of the emulator."""
    found = {}
    for endpoint, operations in Region(release).routes.endpoints:
        path = "/" + re.sub(r"\{(\w+)(:(?:[^{}]|\{\d+\})+)?\}", "{}", endpoint.template)
        path = path.replace("s?/", "/")  # later releases accept both
        for (method, op), item in operations.items():
            found[path, method, op] = bool(item.admin or endpoint.restricted), bool(item.anonymous)
    return found


@pytest.mark.parametrize("release", DESCRIBED)
def test_calls_are_those_of_the_release(release):
    theirs, ours = described(release), served(release)
    assert set(theirs) - set(ours) == set()
    assert set(ours) - set(theirs) <= UNDESCRIBED


@pytest.mark.parametrize("release", DESCRIBED)
def test_who_may_call_is_as_declared(release):
    ours = served(release)
    for call, (admin, anonymous) in described(release).items():
        # Others are declared for everybody and look at the user themselves, as do ours.
        assert ours[call][0] or not admin or call in _ASKED_INSIDE, call
        assert ours[call][1] == anonymous, call


#: Restricted in some releases only, so that the handler asks.
_ASKED_INSIDE = {
    ("/nodes/{}/", "PUT", None),
    ("/nodes/{}/", "POST", "claim_sticky_ip_address"),
}


@pytest.mark.parametrize("release", DESCRIBED)
def test_settings_are_those_of_the_release(release):
    assert set(settings_of(Region(release).release)) == facts(release).settings


@pytest.mark.parametrize(("before", "release", "after"), [("1.5", "1.6", "1.7"),
                                                          ("1.7", "1.8", "1.9"),
                                                          ("1.9", "1.10", "1.9")])  # fmt: skip
def test_what_lies_between_is_between(before, release, after):
    calls = set(served(release))
    assert set(served(before)) & set(served(after)) <= calls
    assert calls <= set(served(before)) | set(served(after))
    names = set(settings_of(Region(release).release))
    first, last = (set(settings_of(Region(each).release)) for each in (before, after))
    assert first & last <= names <= first | last
