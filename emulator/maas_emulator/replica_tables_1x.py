"""The tables of MAAS 1.x that a replica holds: columns by release, and their rows."""

from __future__ import annotations

import base64
import functools
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass

_ID = ("id", "integer PRIMARY KEY")
NOW = "timestamp with time zone NOT NULL DEFAULT now()"
STAMPS = (_ID, ("created", NOW), ("updated", NOW))
TEXT = "text NOT NULL DEFAULT ''"
ARRAY = "text[]"


def chars(length, more="NOT NULL"):
    """A column for a text of limited length."""
    return f"character varying({length}) {more}".strip()


def to(table, more="NOT NULL "):
    """A column that refers to a row of another table."""
    return f"integer {more}REFERENCES {table} DEFERRABLE INITIALLY DEFERRED"


@dataclass(frozen=True)
class Table:
    """A table.

    Attributes:
        name: In the database.
        columns: (name, definition) pairs; :data:`_TABLES` has (name, definition[, first
            release[, first release without it]]).
        kind: Table of ``Region.rows`` that it shows and that follows deletions here, or None.
        rows: Function of region and ``replica.Users`` to dicts; those of ``kind`` unless given.
        more: Function of region, row and ``replica.Users`` to values that the row itself lacks.
        key: Column that tells rows apart.
        since, until: Releases that have it.
    """

    name: str
    columns: tuple
    kind: str | None = None
    rows: Callable | None = None
    more: Callable = lambda region, row, users: {}
    key: str = "id"
    since: str = "1.5"
    until: str | None = None

    def wanted(self, region, users):
        """The rows that there should be, as ``{key: {column: value}}``."""
        rows = self.rows(region, users) if self.rows else region.rows(self.kind).values()
        names = [name for name, _ in self.columns]
        found = {}
        for row in rows:
            known = {**row, **self.more(region, row, users)}
            found[known[self.key]] = {name: known[name] for name in names if name in known}
        return found


def _served(release, since="1.5", until=None):
    return release >= since and not (until and release >= until)


def tables_of(release, tables=None):
    """The :class:`Table` list of a release, each after those it refers to.

    Args:
        release: Which ones and which columns there are.
        tables: To choose from; those of 1.x unless given.
    """
    found = []
    for table in tables or _TABLES:
        if _served(release, table.since, table.until):
            columns = tuple(column[:2] for column in table.columns if _served(release, *column[2:]))
            found.append(Table(**{**vars(table), "columns": columns}))
    return found


# -- rows --------------------------------------------------------------------------------------


@functools.lru_cache(maxsize=256)
def _kept_password(salt, password):
    """What Django keeps of a password, made with few rounds."""
    if not password:
        return "!"
    made = hashlib.pbkdf2_hmac("sha256", password.encode(), salt.encode(), 100)
    return f"pbkdf2_sha256$100${salt}${base64.b64encode(made).decode()}"


def users(region, users):
    """The accounts."""
    for person in region.users.values():
        yield {
            "id": users.ids[person.username],
            "username": person.username,
            "email": person.email,
            "is_superuser": person.is_superuser,
            "password": _kept_password(person.username, person.password),
            "date_joined": users.joined[person.username],
        }


def _settings(region, users):
    settings = dict(region.settings)
    if "secret" in vars(region):  # else it has none yet
        settings["rpc_shared_secret"] = region.secret
    return [{"name": name, "value": json.dumps(value)} for name, value in settings.items()]


def _group(region, row, users):
    ident, token = row["id"], row.get("token")
    return {"api_token_id": ident, "api_key": token.key if token else f"{ident:018d}"}


def _in_group(region, row, users):
    return {"nodegroup_id": row["group"]}


def _node(region, row, users):
    zones = {zone["name"]: zone["id"] for zone in region.rows("zones").values()}
    status = row["status"]
    if region.release < "1.7":
        status = status if status <= 7 else 6  # whatever is in use is allocated
    return {
        "nodegroup_id": row["group"] if row["group"] in region.rows("node_groups") else None,
        "status": status,
        "owner_id": users.ids.get(row["owner"]),
        "zone_id": zones.get(row["zone"]),
        "power_parameters": json.dumps(row["power_parameters"]),
    }


def _macs(region, users):
    nodes = {row["system_id"]: row["id"] for row in region.rows("machines").values()}
    for nic in region.rows("interfaces").values():
        if nic["node"] in nodes:
            yield {**nic, "node_id": nodes[nic["node"]], "vlan_id": nic["vlan"] or 0,
                   "params": json.dumps(nic["params"])}  # fmt: skip


def _source(region, row, users):
    return {"cluster_id": row["group"]}


def _selection(region, row, users):
    return {"boot_source_id": row["source"]}


def _cache(region, users):
    from maas_emulator.api1.catalogue import LABEL, kernels

    ident = 0
    for source in region.rows("boot_sources").values():
        for os, series, arch in source["catalogue"]:
            for subarch in kernels(series):
                ident += 1
                yield {"id": ident, "boot_source_id": source["id"], "os": os, "release": series,
                       "arch": arch, "subarch": subarch, "label": LABEL}  # fmt: skip


def _resource(region, row, users):
    extra = {**row["extra"], "subarches": ",".join(row["subarches"])}
    return {"extra": json.dumps(extra)}


def _sets(region, users):
    """Sets are numbered by their first file."""
    for row in region.rows("boot_resources").values():
        for one in row["sets"]:
            ident = one["files"][0]["id"]
            yield {"id": ident, "resource_id": row["id"], "version": one["version"],
                   "label": one["label"], "files": one["files"]}  # fmt: skip


def _files(region, users):
    for one in _sets(region, users):
        for file in one["files"]:
            yield {"id": file["id"], "resource_set_id": one["id"], "largefile_id": file["id"],
                   "filename": file["filename"], "filetype": file["filename"], "extra": "{}",
                   "sha256": file["sha256"], "total_size": file["size"],
                   "content": file["id"]}  # fmt: skip


def _subnet(region, row, users):
    return {"vlan_id": row["vlan"], "space_id": row["space"]}


_TABLES = (
    Table("auth_user", (
        ("id", "serial PRIMARY KEY"), ("username", chars(30, "NOT NULL UNIQUE")),
        ("first_name", chars(30, "NOT NULL DEFAULT ''")),
        ("last_name", chars(30, "NOT NULL DEFAULT ''")), ("email", chars(75)),
        ("password", chars(128, "NOT NULL DEFAULT '!'")),
        ("is_staff", "boolean NOT NULL DEFAULT false"),
        ("is_active", "boolean NOT NULL DEFAULT true"), ("is_superuser", "boolean NOT NULL"),
        ("last_login", NOW), ("date_joined", NOW)), rows=users, key="username"),
    Table("maasserver_config", (
        ("id", "serial PRIMARY KEY"), ("name", chars(255, "NOT NULL UNIQUE")),
        ("value", "text")), rows=_settings, key="name"),
    Table("maasserver_nodegroup", (
        *STAMPS, ("name", chars(80)), ("api_token_id", "integer NOT NULL"),
        ("api_key", chars(18, "NOT NULL UNIQUE")),
        ("dhcp_key", chars(255, "NOT NULL DEFAULT ''")), ("uuid", chars(36, "NOT NULL UNIQUE")),
        ("status", "integer NOT NULL"), ("cluster_name", chars(100, "NOT NULL UNIQUE")),
        ("maas_url", chars(255, "NOT NULL DEFAULT ''")),
        ("default_disable_ipv4", "boolean NOT NULL", "1.7")),
        kind="node_groups", more=_group),
    Table("maasserver_fabric", (
        *STAMPS, ("name", chars(256, "")), ("class_type", chars(256, ""))),
        kind="fabrics", since="1.9"),
    Table("maasserver_vlan", (
        *STAMPS, ("name", chars(256, "")), ("vid", "integer NOT NULL"),
        ("fabric_id", to("maasserver_fabric")), ("mtu", "integer NOT NULL")),
        kind="vlans", since="1.9"),
    Table("maasserver_space", (
        *STAMPS, ("name", chars(256, ""))), kind="spaces", since="1.9"),
    Table("maasserver_subnet", (
        *STAMPS, ("name", chars(255)), ("vlan_id", to("maasserver_vlan")),
        ("space_id", to("maasserver_space")), ("cidr", "cidr NOT NULL UNIQUE"),
        ("gateway_ip", "inet"), ("dns_servers", ARRAY)),
        kind="subnets", more=_subnet, since="1.9"),
    Table("maasserver_nodegroupinterface", (
        *STAMPS, ("ip", "inet NOT NULL"), ("nodegroup_id", to("maasserver_nodegroup")),
        ("management", "integer NOT NULL"), ("interface", chars(255)),
        ("subnet_mask", "inet", "1.5", "1.9"), ("broadcast_ip", "inet", "1.5", "1.9"),
        ("router_ip", "inet", "1.5", "1.9"), ("ip_range_low", "inet"), ("ip_range_high", "inet"),
        ("foreign_dhcp_ip", "inet"), ("static_ip_range_low", "inet", "1.6"),
        ("static_ip_range_high", "inet", "1.6"), ("name", chars(255), "1.7"),
        ("vlan_id", "integer NOT NULL DEFAULT 0", "1.9"),
        ("subnet_id", to("maasserver_subnet", ""), "1.9")),
        kind="node_group_interfaces", more=_in_group),
    Table("maasserver_zone", (
        *STAMPS, ("name", chars(256, "NOT NULL UNIQUE")), ("description", TEXT)), kind="zones"),
    Table("maasserver_tag", (
        *STAMPS, ("name", chars(256, "NOT NULL UNIQUE")), ("definition", TEXT),
        ("comment", TEXT), ("kernel_opts", "text")), kind="tags"),
    Table("maasserver_node", (
        *STAMPS, ("system_id", chars(41, "NOT NULL UNIQUE")),
        ("hostname", chars(255, "NOT NULL UNIQUE")), ("status", "integer NOT NULL DEFAULT 0"),
        ("owner_id", "integer"), ("osystem", chars(20, "NOT NULL DEFAULT ''"), "1.6"),
        ("distro_series", chars(20, "DEFAULT ''")), ("architecture", chars(31, "DEFAULT ''")),
        ("agent_name", chars(255, "DEFAULT ''")), ("zone_id", "integer"),
        ("cpu_count", "integer NOT NULL DEFAULT 0"), ("memory", "integer NOT NULL DEFAULT 0"),
        ("storage", "integer NOT NULL DEFAULT 0"), ("power_type", chars(10, "DEFAULT ''")),
        ("power_parameters", TEXT), ("netboot", "boolean NOT NULL DEFAULT true"),
        ("error_description", TEXT, "1.7"), ("power_state", chars(10, "DEFAULT ''"), "1.7"),
        ("disable_ipv4", "boolean NOT NULL DEFAULT false", "1.7"),
        ("boot_type", chars(20, "DEFAULT 'fastpath'"), "1.7"),
        ("nodegroup_id", to("maasserver_nodegroup", ""))), kind="machines", more=_node),
    Table("maasserver_macaddress", (
        *STAMPS, ("mac_address", "macaddr NOT NULL UNIQUE"),
        ("node_id", to("maasserver_node", ""))), rows=_macs, until="1.9"),
    Table("maasserver_interface", (
        *STAMPS, ("node_id", to("maasserver_node", "")), ("name", chars(255)),
        ("type", chars(20)), ("vlan_id", "integer NOT NULL"), ("mac_address", "macaddr"),
        ("params", TEXT), ("tags", ARRAY), ("enabled", "boolean NOT NULL")),
        rows=_macs, since="1.9"),
    Table("maasserver_bootimage", (
        *STAMPS, ("nodegroup_id", to("maasserver_nodegroup")), ("osystem", chars(255), "1.6"),
        ("architecture", chars(255)), ("subarchitecture", chars(255)), ("release", chars(255)),
        ("purpose", chars(255)), ("label", chars(255))),
        kind="boot_images", more=_in_group, until="1.7"),
    Table("maasserver_bootsource", (
        *STAMPS, ("cluster_id", to("maasserver_nodegroup", ""), "1.6", "1.7"),
        ("url", chars(200)), ("keyring_filename", chars(100)), ("keyring_data", "bytea")),
        kind="boot_sources", more=_source, since="1.6"),
    Table("maasserver_bootsourceselection", (
        *STAMPS, ("boot_source_id", to("maasserver_bootsource")),
        ("os", chars(20), "1.7"), ("release", chars(20)), ("arches", ARRAY),
        ("subarches", ARRAY), ("labels", ARRAY)),
        kind="boot_source_selections", more=_selection, since="1.6"),
    Table("maasserver_bootsourcecache", (
        *STAMPS, ("boot_source_id", to("maasserver_bootsource")), ("os", chars(20)),
        ("arch", chars(20)), ("subarch", chars(20)), ("release", chars(20)),
        ("label", chars(20))), rows=_cache, since="1.7"),
    Table("maasserver_bootresource", (
        *STAMPS, ("rtype", "integer NOT NULL"), ("name", chars(255)),
        ("architecture", chars(255)), ("extra", TEXT)),
        kind="boot_resources", more=_resource, since="1.7"),
    Table("maasserver_bootresourceset", (
        *STAMPS, ("resource_id", to("maasserver_bootresource")), ("version", chars(255)),
        ("label", chars(255))), rows=_sets, since="1.7"),
    Table("maasserver_largefile", (
        *STAMPS, ("sha256", chars(64)), ("total_size", "bigint NOT NULL"),
        ("content", "oid NOT NULL")), rows=_files, since="1.7"),
    Table("maasserver_bootresourcefile", (
        *STAMPS, ("resource_set_id", to("maasserver_bootresourceset")),
        ("largefile_id", to("maasserver_largefile")), ("filename", chars(255)),
        ("filetype", chars(20)), ("extra", TEXT)), rows=_files, since="1.7"),
)  # fmt: skip
