"""What a 2.x or 3.x region has for the tables of ``replica_tables_2x``.

Each function takes the region (and a row of it) and the
:class:`~maas_emulator.replica.Users`, who give numbers to what the region has none
for, and returns rows, or columns that the row itself lacks.
"""

from __future__ import annotations

import json

from maas_emulator import images, nodes, region_hosts

_RTYPES = {"Synced": 0, "Generated": 1, "Uploaded": 2}
#: Where the secret that racks share with the region is, since 3.3.
SECRET_PATH = "global/rpc-shared"


def settings(region, users):
    """Settings; until 3.2 the shared secret is one of them."""
    found = dict(region.settings)
    if "secret" in vars(region) and region.release < "3.3":
        found["rpc_shared_secret"] = region.secret
    return [{"name": name, "value": json.dumps(value)} for name, value in found.items()]


def secrets(region, users):
    """The shared secret, from 3.3 on."""
    if "secret" not in vars(region):  # it has none yet
        return []
    return [{"path": SECRET_PATH, "value": json.dumps({"secret": region.secret})}]


def node_number(users, system_id):
    """A node's number in the one table that holds nodes of all kinds; None for no node."""
    return users.number("nodes", system_id) if system_id else None


def all_nodes(region, users):
    """Nodes of all kinds, which are in one table."""
    for row in nodes.everything(region):
        yield {
            **row,
            "id": node_number(users, row["system_id"]),
            "current_config_id": node_number(users, row["system_id"]),
            "domain_id": row["domain"],
            "zone_id": row["zone"],
            "pool_id": row.get("pool") if row["node_type"] == 0 else None,
            "owner_id": users.ids.get(row.get("owner")),
            "parent_id": node_number(users, row.get("parent")),
            "status": row.get("status", 0),
        }


def interfaces(region, users):
    """Nodes' interfaces."""
    for node in nodes.everything(region):
        number = node_number(users, node["system_id"])
        for nic in node["interfaces"]:
            params = json.dumps(nic.get("params") or {})
            yield {"id": nic["id"], "node_id": number, "node_config_id": number,
                   "name": nic["name"], "type": nic.get("type", "physical"),
                   "vlan_id": nic["vlan"], "mac_address": nic["mac"] or None, "params": params,
                   "tags": nic.get("tags", []), "enabled": nic.get("enabled", True)}  # fmt: skip


def configs(region, users):
    """What a node is configured as: here always as it was deployed last."""
    for node in nodes.everything(region):
        number = node_number(users, node["system_id"])
        yield {"id": number, "name": "deployment" if node["node_type"] else "discovered",
               "node_id": number}  # fmt: skip


def versions(region, users):
    """Which release each controller has."""
    release = str(region.release)
    for kind in ("racks", "regions"):
        for row in region.rows(kind).values():
            if kind == "regions" or row["node_type"] == nodes.RACK:
                number = node_number(users, row["system_id"])
                yield {"node_id": number, "version": row.get("version", release)}


def _running(region):
    return filter(region_hosts.runs, region.rows("regions").values())


def processes(region, users):
    """The process of each region controller that runs."""
    for row in _running(region):
        number = node_number(users, row["system_id"])
        yield {"id": number, "region_id": number, "pid": 1}


def endpoints(region, users):
    """Where region controllers listen for racks."""
    for row in _running(region):
        number = node_number(users, row["system_id"])
        yield {"id": number, "process_id": number, "address": "127.0.0.1", "port": 5250}


def connections(region, users):
    """Which racks are connected to which region."""
    own = next(_running(region), None)
    for row in region.rows("racks").values():
        if row["connected"] and own:
            number = node_number(users, row["system_id"])
            yield {"id": number, "endpoint_id": node_number(users, own["system_id"]),
                   "rack_controller_id": number}  # fmt: skip


def services(region, users):
    """Racks' services."""
    for row in region.rows("racks").values():
        number = node_number(users, row["system_id"])
        for item in nodes.services_of(region, row):
            ident = users.number("services", (row["system_id"], item["name"]))
            yield {"id": ident, "node_id": number, **item}


def vlan(region, row, users):
    """What a VLAN refers to."""
    return {
        "primary_rack_id": node_number(users, row["primary_rack"]),
        "secondary_rack_id": node_number(users, row["secondary_rack"]),
        "relay_vlan_id": row["relay_vlan"],
        "space_id": row["space"],
    }


def subnet(region, row, users):
    """What a subnet refers to."""
    return {"vlan_id": row["vlan"], "space_id": row.get("space") or 0}


def ip_range(region, row, users):
    """What a range refers to."""
    return {"subnet_id": row["subnet"], "user_id": users.ids.get(row["user"])}


def address(region, row, users):
    """What a given address refers to."""
    return {"subnet_id": row["subnet"], "user_id": users.ids.get(row["owner"])}


def route(region, row, users):
    """What a static route refers to."""
    return {"source_id": row["source"], "destination_id": row["destination"]}


def in_subnet(region, row, users):
    """The subnet something is in."""
    return {"subnet_id": row["subnet"]}


def text(region, row, users):
    """What a snippet or script refers to."""
    last = row["revisions"][-1]["id"]
    node = nodes.find(region, row["node"]) if row.get("node") else None
    return {
        "value_id": last,
        "script_id": last,
        "script_type": row.get("type"),
        "subnet_id": row.get("subnet"),
        "iprange_id": row.get("iprange"),
        "node_id": node_number(users, node["system_id"]) if node else None,
        '"default"': row.get("default"),
        **{name: json.dumps(row.get(name)) for name in ("results", "parameters", "packages")},
    }


def resource(region, row, users):
    """Kind and extras of a boot resource."""
    extra = json.dumps({"subarches": row["subarches"]} if row["subarches"] else {})
    return {"rtype": _RTYPES[row["type"]], "extra": extra, "rolling": False}


def sets(region, users):
    """A resource has one set, which has its number."""
    for row in region.rows("boot_resources").values():
        yield {"id": row["id"], "resource_id": row["id"], "version": row["version"],
               "label": row["label"]}  # fmt: skip


def files(region, users):
    """Files of boot resources."""
    for row in region.rows("boot_resources").values():
        for item in row["files"].values():
            ident = users.number("files", (row["id"], item["filename"]))
            yield {**item, "id": ident, "resource_set_id": row["id"], "largefile_id": ident,
                   "extra": "{}", "filename_on_disk": item["sha256"][:7], "size": item["size"],
                   "total_size": item["size"], "content": ident}  # fmt: skip


def large_files(region, users):
    """What is there of each file, which 3.5 and later have on disk and not in the database."""
    for row in region.rows("boot_resources").values():
        for item in row["files"].values():
            ident = users.number("files", (row["id"], item["filename"]))
            yield {"id": ident, "sha256": item["sha256"], "size": item["stored"],
                   "total_size": item["size"], "content": ident}  # fmt: skip


def cache(region, users):
    """What the boot sources offer."""
    for source in region.rows("boot_sources").values():
        for item in (
            source.get("catalogue") or images.catalogue(region.release, source["url"]) or ()
        ):
            key = (source["id"], item.os, item.release, item.arch, item.subarch)
            yield {"id": users.number("cache", key), "boot_source_id": source["id"],
                   "os": item.os, "release": item.release, "arch": item.arch,
                   "subarch": item.subarch, "label": item.label, "extra": "{}"}  # fmt: skip


def selections(region, users):
    """What 3.8 makes of selections: one for each architecture."""
    for row in region.rows("selections").values():
        for arch in sorted(row["chosen"]):
            ident = users.number("selections", (row["id"], arch))
            yield {**row, "id": ident, "arch": arch, "legacyselection_id": row["id"]}


def ssh_key(region, row, users):
    """Owner and source of a key."""
    protocol, _, ident = row["keysource"].partition(":")
    return {"user_id": users.ids.get(row["owner"]), "protocol": protocol or None,
            "auth_id": ident or None}  # fmt: skip


def notification(region, row, users):
    """Receiver and context of a notification."""
    context = json.dumps(row["context"])
    return {"user_id": users.ids.get(row["user"]), "context": context}


def repository(region, row, users):
    """The column that has the name of a word of SQL."""
    return {'"default"': row["default"]}
