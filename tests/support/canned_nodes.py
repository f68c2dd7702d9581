"""Nodes as a region tells of them, and a client that gives them out."""

from __future__ import annotations

from saltext.maas.release import Release

VLAN = {"id": 5, "fabric": "dc1", "vid": 10}


def machine(name, **more):
    return {
        "system_id": name, "hostname": name, "fqdn": f"{name}.maas", "status_name": "Deployed",
        "zone": {"name": "z1"}, "pool": {"name": "default"}, "tag_names": ["web", "all"],
        "interface_set": [{"vlan": VLAN}, {"vlan": VLAN}, {"vlan": None}],
        "ip_addresses": ["192.0.2.7", "10.0.0.7"], **more,
    }  # fmt: skip


class Region:
    """A client whose region holds what a test says."""

    def __init__(self, release="3.7", **collections):
        self.release = Release(release)
        self.collections = collections
        self.asked = []
        self.closed = 0
        self.hold = None

    def get(self, path, op=None, **params):
        self.asked.append((path, op))
        if self.hold:
            self.hold.wait(10)
        found = self.collections.get(path.strip("/"), [])
        if isinstance(found, Exception):
            raise found
        return found

    def close(self):
        self.closed += 1
