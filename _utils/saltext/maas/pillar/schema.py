"""The pillar's JSON schema, built from the resource tables; see :mod:`saltext.maas.schemas`.

Beside what is said there a node may hold ``since`` and ``up_to``, the first and last release that
has it; ``lenient``, where it is taken in other releases with a warning; and ``hidden``, where the
reference leaves it out.
"""

from __future__ import annotations

import functools

from saltext.maas.client.profile import SCHEMA as PROFILE
from saltext.maas.host import host_settings, install, mirror
from saltext.maas.minions import settings as minions
from saltext.maas.pillar.schema_classes import with_classes
from saltext.maas.pillar.schema_hosts import BALANCER, HOSTS
from saltext.maas.reconcile.prune import prunable
from saltext.maas.resources import BY_NAME, TABLES
from saltext.maas.resources.kinds import ADDRESS, NETMASK, NETWORK, RAW, TEXT, Kind
from saltext.maas.resources.settings import SETTINGS
from saltext.maas.schemas import (
    choice,
    filled,
    flag,
    listed,
    mapping,
    named,
    release,
    seconds,
    text,
    urls,
    whole,
)  # fmt: skip

_HEX = "an even number of hexadecimal digits, or an sdb:// reference"
_UUID = "a uuid of up to 36 letters, digits and dashes"
_limit = functools.partial(seconds, zero=True)


def _secret(doc, **more):
    return text(doc, secret=True, **more)


def _span(one) -> dict:
    """The first and last release of a table, a field or a setting."""
    return {"since": one.since, "up_to": one.up_to}


def _leaf(kind: Kind, doc: str, **more) -> dict:
    return {**kind.schema, "allowed": kind.allowed, "doc": doc, **more}


def _fields(type: str, *leave_out: str) -> dict:
    """The properties that a resource type's fields make."""
    found = {}
    for field in BY_NAME[type].fields:
        if field.name in leave_out or field.option:
            continue
        words = {**_span(field), **({"secret": True} if field.secret else {})}
        plain = field.secret and field.kind in (RAW, TEXT)
        found[field.name] = (
            text(field.doc, **words) if plain else _leaf(field.kind, field.doc, **words)
        )
    return found


def _placed(under: str = "") -> dict:
    """The keys of all resource types whose place is at the top, or within another's objects."""
    return {
        table.pillar.key: _objects(table)
        for table in TABLES
        if table.pillar is not None and table.pillar.under == under
    }


def _objects(table) -> dict:
    """The objects of one resource type, which not every release has."""
    place = table.pillar
    words = {**_span(table), "since": place.since or table.since}
    if place.plain:
        leaf = _leaf(table.by_name[table.identity[-1]].kind, place.doc)
        return listed(filled(leaf), place.doc, **words)
    fields = _fields(table.name, *place.implied())
    inner = {**{place.spelling(name): node for name, node in fields.items()}, **_placed(table.name)}
    needed = [place.spelling(name) for name in place.needed]
    one = mapping(inner, place.doc, needed, empty=bool(place.named_by) and not needed)
    if place.single:
        return {**one, **words}
    if place.named_by:
        return named(one, place.doc, place.name, _names(table), **words)
    return listed(one, place.doc, **words)


def _names(table):
    kind = table.pillar.names or table.by_name[table.pillar.named_by].kind
    checked = {word: kind.schema[word] for word in ("format", "pattern") if word in kind.schema}
    return {**checked, "allowed": kind.allowed} if checked else None


def _local(item):
    """The schema of one of a cluster's local settings."""
    doc, since = f"{item.name} in the daemon's configuration.", item.since
    since = "" if since == "1.5" else since
    if item.kind is int:
        return whole(doc, *item.limits, since=since)
    return flag(doc, since=since) if item.kind is bool else text(doc, since=since)


def _setting(setting) -> dict:
    secret = {"secret": True} if setting.secret else {}
    return {**setting.schema(), "doc": "", **_span(setting), **secret}


def _claim(table):
    """What may be claimed of a resource type: all, or what belongs to some scopes."""
    doc = f"Whether all {table.nouns} are described"
    if not table.scope:
        return flag(f"{doc}.", **_span(table))
    return {
        "type": ["boolean", "array"],
        "items": {"type": "string"},
        "allowed": "true, false or a list",
        "doc": f"{doc}, or the {table.scope}s of which all are.",
        **_span(table),
    }


def _interface() -> dict:
    span = mapping(
        {"low": _leaf(ADDRESS, "First address."), "high": _leaf(ADDRESS, "Last address.")},
        required=("low", "high"),
    )
    return mapping(
        {
            "management": _fields("node_group_interface")["management"],
            "interface": text("Network interface; the key where it is not given."),
            "ip": _leaf(ADDRESS, "The cluster's own address there."),
            "subnet_mask": _leaf(NETMASK, "Netmask."),
            "broadcast_ip": _leaf(ADDRESS, "Broadcast address."),
            "router_ip": _leaf(ADDRESS, "Router handed out by DHCP."),
            "dynamic_range": {**span, "doc": "Addresses for machines that enlist or commission."},
            "static_range": {**span, "doc": "Addresses for deployed machines.", "since": "1.6"},
        },
        "An interface of the cluster; its key is the name of the network interface.",
        required=("management", "ip"),
    )  # fmt: skip


def _controllers() -> dict:
    """Cluster and rack controllers; what holds for either is taken under both keys."""
    fields = _fields("rack", "hostname", "connected")
    properties = {
        "hostname": text("Host name, where it is not the key's first label."),
        "uuid": text("uuid of the node group.", "uuid", allowed=_UUID, up_to="1.10"),
        "cluster_name": text(
            "Display name of the node group; left alone if not given.", up_to="1.10"
        ),
        "dns_zone": text("DNS zone of the node group.", up_to="1.10"),
        "accepted": flag("false rejects the node group.", up_to="1.10"),
        **{name: {**node, "since": node["since"] or "2.0"} for name, node in fields.items()},
        "local_settings": mapping(
            {item.name: _local(item) for item in host_settings.CLUSTER_SETTINGS},
            "The daemon's own settings on the controller's host.",
        ),
        "region_url": urls(
            "URL of the region as this controller sees it, where it is not region:url; from 2.5 "
            "on also a list of them."
        ),
        "interfaces": named(_interface(), "Interfaces.", "INTERFACE", up_to="1.10"),
    }

    def section(doc, other, **span):
        known = {
            name: {**node, "hidden": True} if node.get(other) else node
            for name, node in properties.items()
        }
        return named(mapping(known, empty=True), doc, "MINION", lenient=True, **span)

    return {
        "racks": section("Rack controllers, by the ids of their minions.", "up_to", since="2.0"),
        "clusters": section(
            "Cluster controllers, by the ids of their minions.", "since", up_to="1.10"
        ),
    }


def _install() -> dict:
    return mapping(
        {
            "kind": choice("Packages, or the snap; deb.", "deb", "snap"),
            "role": choice(
                "What this host becomes; rack where the minion is named in racks or clusters. A "
                "rack is a cluster controller up to 1.10.",
                *install.ROLES,
            ),
            "source": text(
                "Where packages come from: archive, a PPA such as ppa:maas/3.7, or a line of "
                "sources.list; that of the release."
            ),
            "key": text(
                "Key that signs the packages: a fingerprint, fetched from keyserver.ubuntu.com, or "
                "a URL; that of MAAS's PPAs."
            ),
            "version": text(
                "Version that the packages have or begin with; the newest of the release."
            ),
            "channel": text("Channel of the snap; RELEASE/stable."),
            "cohort": text("Cohort of the snap, the same on all hosts."),
            "hold": flag("Keep packages or snap from upgrades by the system; false."),
            "postgresql": mapping(
                {
                    "clients": listed(
                        _leaf(NETWORK, ""), "Networks of region hosts that may connect."
                    ),
                    "listen_addresses": text(
                        "Addresses that PostgreSQL listens at; * with clients, else localhost."
                    ),
                    "max_connections": whole("Connections at most; 200.", 10, 10000),
                },
                "PostgreSQL on this host, with the role and database of region:database "
                "(maas.postgresql).",
                empty=True,
            ),
            "absent": flag("MAAS is to go from this host (maas.removed); false."),
        },
        "What is to be installed on this host (maas.install).",
    )


def _region() -> dict:
    properties = {
        "url": text("Public URL, which machines and controllers use.", "region_url"),
        "shared_secret": _secret(
            "Secret that controllers enrol with, in hex.", format="hex", allowed=_HEX
        ),
        "is_cluster": flag(
            "false: no cluster or rack controller on the region host; in 1.x the placeholder node "
            "group goes away."
        ),
        "admin": mapping(
            {
                "username": text("Name to log in with."),
                "email": text("E-mail address, unique in the region.", "email"),
                "password": _secret("Password for the new administrator."),
            },
            "The first administrator, made on the region host.",
            required=("username", "email", "password"),
        ),
        "database": mapping(
            {
                "host": text("Host name or address, or directory of a socket."),
                "port": whole("Port.", 1, 65535),
                "name": text("Database name."),
                "user": text("Role."),
                "password": _secret("Its password."),
            },
            "How the region reaches PostgreSQL; left alone where not given.",
        ),
        "broker": mapping(
            {
                "host": text("Host name or address of RabbitMQ."),
                "longpoll_password": _secret("Of maas_longpoll."),
                "workers_password": _secret("Of maas_workers."),
            },
            "RabbitMQ; letters and digits only in its passwords.",
            up_to="1.6",
        ),
        "hosts": HOSTS,
        "load_balancer": BALANCER,
        "num_workers": whole("Region processes.", 1, 1024, since="2.4"),
        "debug": flag("Log more, and show errors in full."),
        "debug_queries": flag("Log database queries.", since="2.4"),
        "debug_http": flag("Log HTTP requests.", since="2.4"),
        "broadcast_address": text("Address for other regions.", since="3.5"),
        "use_json_logging": flag("Log lines of JSON; true, else text.", since="3.8"),
        "snap_mode": choice(
            "What a snap that has no mode yet becomes; region+rack, or region where is_cluster is "
            "false.",
            "region", "region+rack", since="2.2",
        ),
        "tls": mapping(
            {
                "enabled": flag("false switches TLS off."),
                "key": text("Private key's file on the region host."),
                "cert": text("Certificate's file on the region host."),
                "cacert": text("File with the CA's chain."),
                "port": whole("Port; 5443.", 1, 65535),
            },
            "TLS of the region's own web server.",
            since="3.2",
        ),
        "site_manager": mapping(
            {
                "token": _secret("Enrolment token from Site Manager; used once."),
                "metadata": mapping(
                    {
                        **{name: text() for name in ("city", "state", "address", "postal_code")},
                        "timezone": text("Such as Europe/Berlin."),
                        "note": text("Any text."),
                        "country": text("Code of two letters.", pattern=r"^[A-Za-z]{2}$"),
                        "coordinates": mapping(
                            {
                                "latitude": {"type": "number", "doc": "Degrees north."},
                                "longitude": {"type": "number", "doc": "Degrees east."},
                            },
                            "Where it is.",
                        ),
                    },
                    "Location and contact of the region, for Site Manager.",
                ),
            },
            "MAAS Site Manager that the region is enrolled with (maas_msm.enrolled).",
            since="3.6",
        ),
        "vault": mapping(
            {
                "url": text("Vault's URL, without user or password.", "url"),
                "approle_id": text("Role id of the region's AppRole."),
                "wrapped_token": _secret("Token that wraps the AppRole's secret id; used once."),
                "secrets_path": text("Path of the region's secrets."),
                "secrets_mount": text("Mount of the KV engine; secret."),
                "migrate": flag("Move the secrets there, once every region is configured."),
            },
            "HashiCorp Vault for the region's secrets.",
            required=("url", "approle_id", "secrets_path"),
            since="3.3",
        ),
    }  # fmt: skip
    return mapping(properties, "The region host.")


@functools.lru_cache(maxsize=1)
def schema() -> dict:
    """Return the schema of the ``maas`` pillar."""
    settings = {name: _setting(one) for name, one in sorted(SETTINGS.items())}
    return mapping(
        {
            "release": release("The MAAS release; found out where it is not given."),
            "api": PROFILE,
            "install": _install(),
            "mirror": mirror.SCHEMA,
            "region": _region(),
            "settings": mapping(settings, "MAAS's own settings."),
            **with_classes(_placed()),
            **_controllers(),
            "minions": minions.SCHEMA,
            "images": mapping(
                {
                    "import": flag("Import what the selections name and is not there; true."),
                    "sync": flag("Wait until each controller holds the images; true."),
                },
                "Boot images.",
            ),
            "exclusive": mapping(
                {table.name: _claim(table) for table in TABLES if prunable(table)},
                "Resource types of which what is not described here is removed.",
            ),
            "prune": mapping(
                {
                    "most": whole("Objects of a type that may be removed at once; 20.", 0, 10**6),
                    "fraction": {
                        "type": "number", "minimum": 0, "maximum": 1,
                        "doc": "Part of a type's ten or more objects that may be removed at once; "
                               "0.3.",
                    },
                    "in_use": flag(
                        "Remove also what serves DHCP, holds machines or is referred to by "
                        "something that stays; false."
                    ),
                },
                "A guard on what exclusive removes; beyond it nothing is changed.",
            ),
            "limits": mapping(
                {
                    "enrol_seconds": _limit("For controllers to register and connect; 300."),
                    "catalogue_seconds": _limit("For a boot source's index; 120."),
                    "import_seconds": _limit("For an image import; 3600."),
                    "sync_seconds": _limit("For a controller to fetch images; 1800."),
                },
                "How long a run waits for what MAAS does in the background.",
            ),
        },
        "The whole region.",
    )  # fmt: skip
