"""Pillars that are right, to be copied and spoilt, and how to spoil them."""

from __future__ import annotations

import copy

from saltext.maas.resources.table_pillar import reference

GOOD = {
    "3.7": {
        "release": "3.7",
        "api": {"url": "http://192.0.2.10:5240/MAAS", "api_key": "aa:bb:cc", "concurrency": 4},
        "region": {
            "url": "http://192.0.2.10:5240/MAAS",
            "shared_secret": "00ff00ff",
            "admin": {"username": "admin", "email": "admin@example.com", "password": "hunter2"},
            "database": {"host": "db", "port": 5432, "name": "maasdb", "user": "maas"},
        },
        "settings": {"upstream_dns": ["192.0.2.53"], "node_timeout": 40},
        "users": {"ops": {"email": "ops@example.com", "password": "hunter3"}},
        "spaces": {"dmz": None},
        "fabrics": {
            "dc1": {
                "vlans": {
                    "untagged": {
                        "space": "dmz",
                        "dhcp": {
                            "enabled": True,
                            "primary_rack": "rack-a",
                            "secondary_rack": "rack-b",
                        },
                    },
                    100: {"name": "storage", "mtu": 9000, "dhcp": {"relay_vlan": "dc1/untagged"}},
                    200: None,
                }
            }
        },
        "subnets": {
            "10.10.0.0/24": {
                "vlan": "dc1/untagged",
                "gateway_ip": "10.10.0.1",
                "dns_servers": ["192.0.2.53"],
                "ranges": [
                    {"type": "dynamic", "start": "10.10.0.100", "end": "10.10.0.150"},
                    {"type": "reserved", "start": "10.10.0.1", "end": "10.10.0.20"},
                ],
            },
            "10.20.0.0/24": {"vlan": "dc1/100"},
            "2001:db8::/64": {"vlan": "dc1/200", "gateway_ip": "fe80::1"},
        },
        "racks": {"rack-a.example.com": None, "rack-b": {"description": "stands by"}},
        "boot_sources": {
            "http://images.example.com/ephemeral-v3/stable/": {
                "selections": [{"os": "ubuntu", "release": "jammy", "arches": ["amd64"]}]
            }
        },
        "images": {"import": True, "sync": False},
        "limits": {"import_seconds": 60},
    },
    "1.7": {
        "release": "1.7",
        "region": {"url": "http://192.0.2.10/MAAS", "is_cluster": False},
        "settings": {"ntp_server": "ntp.example.com", "check_compatibility": True},
        "users": {"ops": {"email": "ops@example.com", "password": "hunter3"}},
        "clusters": {
            "cluster-a": {
                "uuid": "0f4a6c1e-8c5d-4d0e-9a53-6f0c0b7d0a01",
                "cluster_name": "A",
                "interfaces": {
                    "eth0": {
                        "management": "dhcp_and_dns",
                        "ip": "10.10.0.2",
                        "subnet_mask": "255.255.255.0",
                        "router_ip": "10.10.0.1",
                        "dynamic_range": {"low": "10.10.0.100", "high": "10.10.0.149"},
                        "static_range": {"low": "10.10.0.150", "high": "10.10.0.199"},
                    },
                    "eth1": {"management": "unmanaged", "ip": "10.30.0.2"},
                },
            },
            "cluster-b": {"uuid": "0f4a6c1e-8c5d-4d0e-9a53-6f0c0b7d0a02", "cluster_name": "B"},
        },
        "boot_sources": {
            "http://images.example.com/ephemeral-v2/releases/": {
                "keyring_filename": "/usr/share/keyrings/some.gpg",
                "selections": [{"os": "ubuntu", "release": "trusty", "arches": ["amd64"]}],
            }
        },
    },
}  # fmt: skip


def good(release: str) -> dict:
    """A copy of the right pillar for a release."""
    return copy.deepcopy(GOOD[release])


def put(path: tuple, value):
    """A mutation that sets what stands at a path."""

    def spoil(pillar):
        for step in path[:-1]:
            if isinstance(pillar, dict) and pillar.get(step) is None:
                pillar[step] = {}
            pillar = pillar[step]
        pillar[path[-1]] = value

    return spoil


def drop(*path):
    """A mutation that removes what stands at a path."""

    def spoil(pillar):
        for step in path[:-1]:
            pillar = pillar[step]
        del pillar[path[-1]]

    return spoil


def both(*spoilers):
    """Several mutations."""

    def spoil(pillar):
        for one in spoilers:
            one(pillar)

    return spoil


def spoilt(release: str, spoil) -> dict:
    """A pillar with a mistake."""
    pillar = good(release)
    spoil(pillar)
    return pillar


def held(snapshot, references) -> dict:
    """The secrets that a region shows of its objects, by an export's references to them."""
    types = {one.removeprefix("sdb://maas/").split("/")[0] for one in references} - {"setting"}
    return {
        str(reference(type, key, field.name)): field.value(record.raw)
        for type in types
        for field in snapshot.tables[type].fields
        for key, record in snapshot.records(type).items()
        if field.secret
    }


def revealed(value, secrets: dict):
    """A pillar with values in place of its references to secrets.

    Args:
        value: The pillar, or a part of it.
        secrets: ``{reference: value}``.
    """
    if isinstance(value, dict):
        return {key: revealed(one, secrets) for key, one in value.items()}
    if isinstance(value, list):
        return [revealed(one, secrets) for one in value]
    return secrets.get(value, value) if isinstance(value, str) else value
