"""Random desired objects for any resource type, from what its table says of it."""

from __future__ import annotations

from hypothesis import strategies as st
from saltext.maas.reconcile import desired_object
from saltext.maas.release import Release
from saltext.maas.resources import BY_NAME
from saltext.maas.resources.kinds import BOOLEAN, TEXT, WORD
from saltext.maas.resources.table import Table
from support.examples import EXAMPLES, around, changed, known

_TEXTS = ["some words", "ü & <b>", "a=b;c", "{{ x }}"]
_NAMES = ["one", "two", "three"]
#: Types of which the region's own account, or a file on the minion, allows no free choice.
_APART = {"user", "ssh_key_source"}


def tables(release):
    """The tables that join in, for a release: every one with an example, new ones too.

    Nodes of 1.x do not: they take a cluster with images.
    """
    more = [BY_NAME["machine"]] if release >= "2.0" else []
    return [
        table for table in [*EXAMPLES, *more]
        if table.holds_for(Release(release)) and table.name not in _APART
    ]  # fmt: skip


def values(table, release):
    """Random values of one object: its example's, its changed ones', or others of their kind."""
    needed = set(table.identity) | set(table.pillar.needed if table.pillar else ())
    fixed, free = {}, {}
    for name, value in known(table, table.example, release).items():
        field = table.by_name[name]
        if name in table.identity:
            alone = (
                type(table).occupied_ranges is not Table.occupied_ranges
            )  # two cannot be in one place
            single = not alone and len(table.identity) == 1 and field.kind in (TEXT, WORD)
            named = single and "." not in str(value) and not field.read
            fixed[name] = st.sampled_from([value, *_NAMES]) if named else st.just(value)
        elif name in needed or field.create_only or not field.readable or field.ref:
            fixed[name] = st.just(value)
        else:
            free[name] = st.sampled_from([value, changed(table).get(name, value)])
    for name, value in known(table, changed(table), release).items():
        if name not in fixed:
            free.setdefault(name, st.just(value))
    for field in table.fields:
        if (
            not field.readable
            or not field.writable
            or field.ref
            or field.create_only
            or field.secret
        ):
            continue
        if field.name in fixed or not field.holds_for(Release(release)):
            continue
        if field.kind is BOOLEAN and field.name in free:
            free[field.name] = st.booleans()
        elif field.kind is TEXT and field.name in ("description", "comment"):
            free[field.name] = st.sampled_from(_TEXTS)
    return st.fixed_dictionaries(fixed, optional=free)


@st.composite
def desired_objects(draw, release):
    """Desired objects for some objects of some types, with all that they refer to."""
    chosen = draw(st.lists(st.sampled_from(tables(release)), max_size=5, unique=True))
    found = {}
    for table in chosen:
        for one in draw(st.lists(values(table, release), min_size=1, max_size=3)):
            own = desired_object(table.name, one, f"random {table.name}")
            for desired in around(table, release):
                found.setdefault((desired.type, desired.key), desired)
            found[own.type, own.key] = own
    return _each_at_its_address(found.values())


#: What only one object of a type can have.
_ALONE = {"vm_host": "power_address", "machine": "mac_addresses"}


def _each_at_its_address(found):
    """All but VM hosts and machines that would be where another one is."""
    addresses, left = set(), []
    for one in found:
        address = (one.type, str(one.values.get(_ALONE.get(one.type, ""))))
        if one.type not in _ALONE or address not in addresses:
            left.append(one)
        addresses.add(address)
    return left
