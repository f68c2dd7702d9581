"""From a right pillar to the wishes that the reconciler works from."""

from __future__ import annotations

import uuid

from saltext.maas.pillar.checks import ROOT, plain
from saltext.maas.reconcile import Limits, want
from saltext.maas.release import Release
from saltext.maas.resources.node_group import PLACEHOLDER
from saltext.maas.resources.table import fabric_vid

_UUIDS = uuid.UUID("6f0a2c9e-9a51-4f0e-8d3e-0b8d5f2f7c11")


def hostname(minion: str, cluster: dict) -> str:
    """The host name by which the region knows a cluster."""
    return cluster.get("hostname") or minion.partition(".")[0]


def cluster_uuid(minion: str, cluster: dict) -> str:
    """The uuid of a 1.x cluster: the pillar's, else one that follows from the minion's id."""
    return cluster.get("uuid") or str(uuid.uuid5(_UUIDS, minion))


def limits(pillar: dict) -> Limits:
    """How long a run may wait, as the pillar says it."""
    return Limits(**(pillar.get("limits") or {}))


def wishes(pillar: dict, release: Release) -> list:
    """Turn a pillar into wishes.

    Args:
        pillar: The mapping under ``maas``, checked.
        release: The region's release.

    Returns:
        A list of :class:`~saltext.maas.reconcile.plan.Wanted`.

    Raises:
        BadInput: A value does not fit after all.
    """
    pillar = plain(pillar)
    found = [
        *_settings(pillar), *_users(pillar), *_networks(pillar), *_boot(pillar),
        *(_racks(pillar) if release >= "2.0" else _node_groups(pillar)),
    ]  # fmt: skip
    return found + _images(pillar, release, found)


def _clear(values: dict | None) -> dict:
    """A pillar's null clears a field."""
    return {name: "" if value is None else value for name, value in (values or {}).items()}


def _settings(pillar):
    for name, value in (pillar.get("settings") or {}).items():
        value = "" if value is None else value
        yield want("setting", {"name": name, "value": value}, f"{ROOT}:settings:{name}")


def _users(pillar):
    for name, user in (pillar.get("users") or {}).items():
        yield want("user", {"username": name, **user}, f"{ROOT}:users:{name}")


def _networks(pillar):
    for name, values in (pillar.get("spaces") or {}).items():
        yield want("space", {"name": name, **_clear(values)}, f"{ROOT}:spaces:{name}")
    for name, values in (pillar.get("fabrics") or {}).items():
        where = f"{ROOT}:fabrics:{name}"
        values = dict(values or {})
        vlans = values.pop("vlans", None) or {}
        yield want("fabric", {"name": name, **_clear(values)}, where)
        for vid, vlan in vlans.items():
            yield from _vlan(f"{where}:vlans:{vid}", name, vid, dict(vlan or {}))
    for cidr, values in (pillar.get("subnets") or {}).items():
        where = f"{ROOT}:subnets:{cidr}"
        values = dict(values or {})
        ranges = values.pop("ranges", None) or ()
        yield want("subnet", {"cidr": cidr, **_clear(values)}, where)
        for number, one in enumerate(ranges):
            fields = {"subnet": cidr, "type": one["type"]}
            fields.update(start_ip=one["start"], end_ip=one["end"])
            if "comment" in one:
                fields["comment"] = "" if one["comment"] is None else one["comment"]
            yield want("ip_range", fields, f"{where}:ranges:{number}")


def _vlan(where, fabric, vid, vlan):
    key = fabric_vid(f"{fabric}/{vid}")
    dhcp = vlan.pop("dhcp", None)
    number = int(key.rpartition("/")[2])
    yield want("vlan", {"fabric": fabric, "vid": number, **_clear(vlan)}, where)
    if dhcp is not None:
        dhcp = _clear(dhcp)
        if dhcp.get("relay_vlan"):
            dhcp.setdefault("enabled", False)
        yield want("dhcp", {"vlan": key, **dhcp}, f"{where}:dhcp")


def _racks(pillar):
    for minion, cluster in (pillar.get("clusters") or {}).items():
        cluster = cluster or {}
        values = {
            name: cluster[name] for name in ("description", "zone", "domain") if name in cluster
        }
        name = hostname(minion, cluster)
        where = f"{ROOT}:clusters:{minion}"
        yield want("rack", {"hostname": name, "connected": True, **_clear(values)}, where)


def _node_groups(pillar):
    if (pillar.get("region") or {}).get("is_cluster") is False:
        yield want("node_group", {"uuid": PLACEHOLDER}, f"{ROOT}:region:is_cluster", absent=True)
    for minion, cluster in (pillar.get("clusters") or {}).items():
        cluster = cluster or {}
        where = f"{ROOT}:clusters:{minion}"
        key = cluster_uuid(minion, cluster)
        values = {
            "uuid": key,
            "cluster_name": cluster.get("cluster_name") or minion,
            "name": cluster.get("dns_zone"),
            "status": "accepted" if cluster.get("accepted", True) else "rejected",
        }
        yield want("node_group", values, where, label=minion)
        for name, interface in (cluster.get("interfaces") or {}).items():
            yield want(
                "node_group_interface",
                {"cluster": key, "name": name, **_interface(name, interface)},
                f"{where}:interfaces:{name}",
                label=f"{minion}/{name}",
            )


def _interface(name, interface):
    values = {"interface": name, **_clear(interface)}
    for span, prefix in (("dynamic_range", ""), ("static_range", "static_")):
        ends = values.pop(span, None)
        if ends:
            values[f"{prefix}ip_range_low"] = ends["low"]
            values[f"{prefix}ip_range_high"] = ends["high"]
    return values


def _boot(pillar):
    for url, source in (pillar.get("boot_sources") or {}).items():
        where = f"{ROOT}:boot_sources:{url}"
        source = dict(source or {})
        selections = source.pop("selections", None) or ()
        yield want("boot_source", {"url": url, **source}, where)
        for number, one in enumerate(selections):
            yield want("boot_selection", {"source": url, **one}, f"{where}:selections:{number}")


def _images(pillar, release, found):
    """The images that the selections stand for, and each cluster's copy of them."""
    images = pillar.get("images") or {}
    if release < "1.7" or images.get("import") is False:
        return []
    names = {
        (f"{one.values['os']}/{one.values['release']}", arch): one
        for one in found
        if one.type == "boot_selection"
        for arch in one.values.get("arches") or ["*"]
    }
    wanted = [
        want("image", {"name": name, "architecture": arch}, one.where)
        for (name, arch), one in names.items()
    ]
    if not wanted or images.get("sync") is False:
        return wanted
    keys = [image.key for image in wanted]
    for one in found:
        if one.type in ("rack", "node_group") and not one.absent:
            accepted = one.values.get("status", "accepted") == "accepted"
            if accepted:
                fields = {"cluster": one.key, "images": keys}
                wanted.append(want("cluster_image", fields, one.where, label=one.label))
    return wanted
