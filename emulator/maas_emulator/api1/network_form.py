"""Validation of a network of API 1.0, up to 1.8."""

from __future__ import annotations

import re

from maas_emulator import netparse
from maas_emulator.forms_1x import IP, SLUG, ModelForm, Wrong, number, text
from maas_emulator.web import Invalid

NETWORKS = "networks"
_RESERVED_TAG = 0xFFF
_MIXED = "You can't mix IPv4 and IPv6 anywhere in the same network definition."
_NOTHING, _ALL = "This netmask would span the entire Internet.", re.compile(r"[:0.]+\Z")
_FULL = "This netmask leaves no room for IP addresses."
_FULL_MASKS = ("255.255.255.255", ":".join(["ffff"] * 8))
#: Fields that no two networks may have in common, and what messages call them.
_UNIQUE = {"name": "Name", "ip": "Ip", "vlan_tag": "Vlan tag"}


class NetworkForm(ModelForm):
    """A network."""

    fields = {
        "name": text(255, SLUG, required=True),
        "description": text(),
        "ip": IP.needed(),
        "netmask": IP.needed(),
        "vlan_tag": number(0),
        "default_gateway": IP,
        "dns_servers": text(255),
    }
    defaults = {"name": "", "ip": "", "netmask": "", "vlan_tag": None, "description": "",
                "default_gateway": "", "dns_servers": None}  # fmt: skip

    def __init__(self, request, stored=None):
        super().__init__(request, stored)
        if self.release < "1.7":
            newer = ("default_gateway", "dns_servers")
            self.fields = {k: field for k, field in self.fields.items() if k not in newer}

    def check_fields(self, excluded):
        tag = self.values["vlan_tag"]
        if tag == _RESERVED_TAG:
            raise Wrong({"vlan_tag": ["Cannot use reserved value 0xFFF."]})
        if tag is not None and not 0 <= tag <= _RESERVED_TAG:
            raise Wrong({"vlan_tag": ["Value must be between 0x000 and 0xFFF (12 bits)"]})
        if self.release < "1.7":
            self._check_mask("10.1.1.1")
        else:
            self._check_families()

    def _check_mask(self, with_ip):
        """Whether the mask is one at all, which an address of MAAS's own tells."""
        mask = self.values["netmask"]
        try:
            netparse.network(with_ip, mask)
        except netparse.BadAddress as bad:
            raise Wrong({"netmask": [str(bad)]}) from None
        if _ALL.match(mask):
            raise Wrong({"netmask": [_NOTHING]})
        if mask in _FULL_MASKS:
            raise Wrong({"netmask": [_FULL]})

    def _check_families(self):
        try:
            ip, mask = (netparse.address(self.values[name]) for name in ("ip", "netmask"))
        except netparse.BadAddress:
            pass
        else:
            if ip.version != mask.version:
                raise Wrong({"netmask": [_MIXED]})
            self._check_mask("10.0.1.1" if ip.version == 4 else "fc00:1:1::")
        if self.values["default_gateway"]:
            gateway, ip = self.values["default_gateway"], self.values["ip"]
            if netparse.address(gateway).version != netparse.address(ip).version:
                raise Wrong({"default_gateway": [_MIXED]})

    def network(self):
        """The network as it is written."""
        return netparse.network(self.values["ip"], self.values["netmask"])

    def check_object(self, excluded):
        try:
            net = self.network()
        except netparse.BadAddress as bad:
            raise Wrong(f"Invalid network address: {bad}") from None
        self.values["ip"] = str(net.network_address)
        self.values["vlan_tag"] = self.values["vlan_tag"] or None

    def check_unique(self, excluded):
        others = [row for row in self.region.rows(NETWORKS).values() if row is not self.stored]
        found = {
            name: [f"Network with this {label} already exists."]
            for name, label in _UNIQUE.items()
            if name not in excluded
            and self.values[name] is not None
            and self.values[name] in [other[name] for other in others]
        }
        if found:
            raise Wrong(found)
        if {"ip", "netmask"} & excluded:
            return
        net = self.network()
        for other in others:
            theirs = netparse.network(other["ip"], other["netmask"])
            if theirs.version == net.version and theirs.overlaps(net):
                text_ = f"IP range clashes with network '{other['name']}'."
                raise Wrong({"ip": [text_], "netmask": [text_]})


def is_right(region, values):
    """Whether a network may be stored as it is; its values are put into their usual form."""
    try:
        form = _Stored(region, values)
        form.check_again()
    except (Invalid, ValueError):
        return False
    values.update(form.values)
    return True


class _Stored(NetworkForm):
    """A network that MAAS makes of something else, without a form."""

    def __init__(self, region, values):
        self.region, self.release = region, region.release
        self.stored = None
        tag = values["vlan_tag"]
        self.values = {**values, "vlan_tag": None if tag is None else int(tag)}
        self.errors = {}
