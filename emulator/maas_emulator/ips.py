"""Addresses that are given out: reserved by users, named in the DNS, of machines and BMCs."""

from __future__ import annotations

import ipaddress

from maas_emulator import addresses, api_account, networks
from maas_emulator.crud import hide_newer, now

#: What an address was given out as.
AUTO, STICKY, USER_RESERVED, DHCP, DISCOVERED = 0, 1, 4, 5, 6
NAMES = {AUTO: "Automatic", STICKY: "Sticky", USER_RESERVED: "User reserved", DHCP: "DHCP",
         DISCOVERED: "Observed"}  # fmt: skip
_NEWER = dict.fromkeys(("alloc_type_name", "interface_set", "owner"), "2.1")


def add(region, ip, kind=USER_RESERVED, owner=None, subnet=None, **more):
    """Give out an address."""
    row = {
        "ip": str(ipaddress.ip_address(ip)),
        "alloc_type": kind,
        "owner": owner,
        "subnet": subnet or (networks.subnet_for(region, ip) or {"id": None})["id"],
        "created": now(),
        **more,
    }
    return region.rows("ips").add(row)


def remove(region, ident):
    """Forget an address, and the names that have none left then."""
    del region.rows("ips")[ident]
    names, records = region.rows("dnsresources"), region.rows("dnsrecords")
    for name in list(names.values()):
        if ident in name["ips"]:
            name["ips"].remove(ident)
            if not name["ips"]:
                del names[name["id"]]
                for record in list(records.values()):
                    if record["resource"] == name["id"]:
                        del records[record["id"]]


def find(region, ip):
    """The row of an address, or None."""
    for row in region.rows("ips").values():
        if row["ip"] == str(ip):
            return row
    return None


def is_taken(region, ip):
    """Whether an address belongs to something already."""
    if find(region, ip):
        return True
    return any(ip in addresses.racks_on(region, item) for item in region.rows("subnets").values())


def next_free(region, subnet):
    """The address of a subnet that is given out next, or None: the first of the smallest gap."""
    gaps = addresses.gaps(region, subnet)
    if not gaps:
        return None
    smallest = min(gaps, key=lambda gap: (gap.size, gap.first))
    return addresses.text(smallest.first, subnet["net"].version)


def show_user(region, name):
    """The owner of an address, as it is nested."""
    person = region.users.get(name)
    return api_account.show_user(region, person) if person else None


def show(region, row):
    """An address as the API shows it."""
    subnet = region.rows("subnets").get(row["subnet"])
    shown = {
        "ip": row["ip"],
        "alloc_type": row["alloc_type"],
        "alloc_type_name": NAMES[row["alloc_type"]],
        "created": row["created"],
        "subnet": networks.show_subnet(region, subnet) if subnet else None,
        "interface_set": [],
        "owner": show_user(region, row["owner"]),
        "resource_uri": "/MAAS/api/2.0/ipaddresses/",
    }
    return hide_newer(region.release, shown, _NEWER)
