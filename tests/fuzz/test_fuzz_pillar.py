"""Pillars that are broken, hostile or absurd."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from saltext.maas import pillar
from saltext.maas.release import Release
from support.campaign import Case
from support.hostile import examples, mutated, tried
from support.pillars import good

#: Each release's sections, with and without mistakes of the checks beyond the schema.
WHOLE = {"1.7": [good("1.7")], "3.7": [good("3.7")], "3.8": []}
for case in (Case("1.0", "1.7"), Case("1.0", "1.9"), Case("2.0", "3.8"), Case("machines", "3.7")):
    WHOLE.setdefault(case.release, []).extend(case.pillars)


def parts():
    """A release, and one or a few sections of a right pillar: the smaller, the more is broken."""
    every = [
        (release, {name: value})
        for release, wholes in WHOLE.items() for whole in wholes for name, value in whole.items()
    ]  # fmt: skip
    return st.sampled_from(every)


@st.composite
def hostile_pillars(draw):
    release, described = draw(parts())
    return release, draw(mutated(described, of_yaml=True))


def judged(release, described):
    """What a state does with a pillar before it asks the region."""
    pillar.check(described, Release(release))
    pillar.limits(described)
    pillar.warnings(described, Release(release))
    pillar.controllers(described)
    return pillar.desired_objects(described, Release(release))


@examples(20, 4)
@given(hostile_pillars())
def test_pillar(given):
    tried("pillar", judged, *given)
