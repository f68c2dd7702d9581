"""The tables of MAAS 2.x and 3.x that a replica holds: columns by release, and their rows."""

from __future__ import annotations

from maas_emulator import replica_rows_2x as rows
from maas_emulator.replica_tables_1x import ARRAY, NOW, STAMPS, TEXT, Table, chars, to, users

_FALSE = "boolean NOT NULL DEFAULT false"

#: Of another application of MAAS until 3.5.
_SCRIPT = (
    *STAMPS, ("name", chars(255, "NOT NULL UNIQUE")), ("title", chars(255)),
    ("description", TEXT), ("tags", ARRAY), ("script_type", "integer NOT NULL"),
    ("hardware_type", "integer NOT NULL"), ("parallel", "integer NOT NULL"),
    ("results", "jsonb"), ("parameters", "jsonb"), ("packages", "jsonb"),
    ("destructive", _FALSE), ('"default"', _FALSE), ("script_id", "integer NOT NULL"),
    ("may_reboot", _FALSE), ("recommission", _FALSE),
)  # fmt: skip
_SELECTION = (
    *STAMPS, ("boot_source_id", to("maasserver_bootsource")), ("os", chars(20)),
    ("release", chars(20)), ("arches", ARRAY), ("subarches", ARRAY), ("labels", ARRAY),
)  # fmt: skip
TABLES = (
    Table("auth_user", (
        ("id", "serial PRIMARY KEY"), ("username", chars(150, "NOT NULL UNIQUE")),
        ("first_name", chars(150, "NOT NULL DEFAULT ''")),
        ("last_name", chars(150, "NOT NULL DEFAULT ''")), ("email", chars(254)),
        ("password", chars(128, "NOT NULL DEFAULT '!'")), ("is_staff", _FALSE),
        ("is_active", "boolean NOT NULL DEFAULT true"), ("is_superuser", "boolean NOT NULL"),
        ("last_login", "timestamp with time zone"), ("date_joined", NOW)),
        rows=users, key="username"),
    Table("maasserver_config", (
        ("id", "serial PRIMARY KEY"), ("name", chars(255, "NOT NULL UNIQUE")),
        ("value", "text")), rows=rows.settings, key="name"),
    Table("maasserver_secret", (
        ("created", NOW), ("updated", NOW), ("path", "text PRIMARY KEY"),
        ("value", "jsonb NOT NULL")), rows=rows.secrets, key="path", since="3.3"),
    Table("maasserver_vaultsecret", (
        ("path", "text PRIMARY KEY"), ("deleted", _FALSE)), rows=lambda region, users: [],
        key="path", since="3.3"),
    Table("maasserver_zone", (
        *STAMPS, ("name", chars(256, "NOT NULL UNIQUE")), ("description", TEXT)), kind="zones"),
    Table("maasserver_resourcepool", (
        *STAMPS, ("name", chars(256, "NOT NULL UNIQUE")), ("description", TEXT)),
        kind="pools", since="2.4"),
    Table("maasserver_domain", (
        *STAMPS, ("name", chars(256, "NOT NULL UNIQUE")), ("authoritative", "boolean"),
        ("ttl", "integer")), kind="domains"),
    Table("maasserver_tag", (
        *STAMPS, ("name", chars(256, "NOT NULL UNIQUE")), ("definition", TEXT),
        ("comment", TEXT), ("kernel_opts", "text")), kind="tags"),
    Table("maasserver_node", (
        *STAMPS, ("system_id", chars(41, "NOT NULL UNIQUE")),
        ("hostname", chars(255, "NOT NULL UNIQUE")), ("domain_id", to("maasserver_domain", "")),
        ("address_ttl", "integer"), ("status", "integer NOT NULL DEFAULT 0"),
        ("previous_status", "integer NOT NULL DEFAULT 0", "2.4"), ("owner_id", "integer"),
        ("bios_boot_method", chars(31, "")), ("osystem", chars(255, "DEFAULT ''")),
        ("distro_series", chars(255, "DEFAULT ''")), ("architecture", chars(31, "")),
        ("min_hwe_kernel", chars(31, "")), ("hwe_kernel", chars(31, "")),
        ("node_type", "integer NOT NULL"), ("parent_id", "integer"),
        ("agent_name", chars(255, "DEFAULT ''")), ("error_description", TEXT),
        ("zone_id", to("maasserver_zone", "")),
        ("pool_id", to("maasserver_resourcepool", ""), "2.4"),
        ("cpu_count", "integer NOT NULL DEFAULT 0"), ("memory", "integer NOT NULL DEFAULT 0"),
        ("swap_size", "bigint"), ("power_state", chars(10, "NOT NULL DEFAULT 'unknown'")),
        ("netboot", "boolean NOT NULL DEFAULT true"), ("locked", _FALSE, "2.4"),
        ("cpu_speed", "integer NOT NULL DEFAULT 0", "2.4"),
        ("hardware_uuid", chars(36, ""), "2.9"), ("description", TEXT, "2.9"),
        ("ephemeral_deploy", _FALSE, "2.9"), ("url", chars(255, "NOT NULL DEFAULT ''")),
        ("dns_process_id", "integer"), ("managing_process_id", "integer"),
        ("current_config_id", "integer", "3.3"),
        ("enable_hw_sync", _FALSE, "3.3"), ("sync_interval", "integer", "3.3"),
        ("enable_kernel_crash_dump", _FALSE, "3.6"), ("is_dpu", _FALSE, "3.7")),
        rows=rows.all_nodes),
    Table("maasserver_fabric", (
        *STAMPS, ("name", chars(256, "")), ("description", TEXT),
        ("class_type", chars(256, ""))), kind="fabrics"),
    Table("maasserver_space", (
        *STAMPS, ("name", chars(256, "")), ("description", TEXT)), kind="spaces"),
    Table("maasserver_vlan", (
        *STAMPS, ("name", chars(256, "")), ("description", TEXT), ("vid", "integer NOT NULL"),
        ("fabric_id", to("maasserver_fabric")), ("mtu", "integer NOT NULL"),
        ("dhcp_on", "boolean NOT NULL"), ("external_dhcp", "inet"),
        ("primary_rack_id", to("maasserver_node", "")),
        ("secondary_rack_id", to("maasserver_node", "")),
        ("relay_vlan_id", to("maasserver_vlan", ""), "2.2"),
        ("space_id", to("maasserver_space", ""), "2.2")), kind="vlans", more=rows.vlan),
    Table("maasserver_subnet", (
        *STAMPS, ("name", chars(255)), ("description", TEXT),
        ("vlan_id", to("maasserver_vlan")), ("space_id", to("maasserver_space"), "2.0", "2.2"),
        ("cidr", "cidr NOT NULL UNIQUE"), ("rdns_mode", "integer NOT NULL"),
        ("gateway_ip", "inet"), ("dns_servers", ARRAY), ("allow_proxy", "boolean NOT NULL"),
        ("active_discovery", "boolean NOT NULL", "2.1"), ("managed", "boolean NOT NULL", "2.2"),
        ("allow_dns", "boolean NOT NULL", "2.5"), ("disabled_boot_architectures", ARRAY, "3.0")),
        kind="subnets", more=rows.subnet),
    Table("maasserver_iprange", (
        *STAMPS, ("subnet_id", to("maasserver_subnet")), ("type", chars(20)),
        ("start_ip", "inet NOT NULL"), ("end_ip", "inet NOT NULL"), ("user_id", "integer"),
        ("comment", "text")), kind="ipranges", more=rows.ip_range),
    Table("maasserver_staticroute", (
        *STAMPS, ("source_id", to("maasserver_subnet")),
        ("destination_id", to("maasserver_subnet")), ("gateway_ip", "inet NOT NULL"),
        ("metric", "integer NOT NULL")), kind="static_routes", more=rows.route, since="2.1"),
    Table("maasserver_reservedip", (
        *STAMPS, ("subnet_id", to("maasserver_subnet")), ("ip", "inet NOT NULL UNIQUE"),
        ("mac_address", "text"), ("comment", "text")),
        kind="reservedips", more=rows.in_subnet, since="3.6"),
    Table("maasserver_staticipaddress", (
        *STAMPS, ("ip", "inet"), ("alloc_type", "integer NOT NULL"),
        ("subnet_id", to("maasserver_subnet", "")), ("user_id", "integer")),
        kind="ips", more=rows.address),
    Table("maasserver_dhcpsnippet", (
        *STAMPS, ("name", chars(255)), ("value_id", "integer NOT NULL"), ("description", TEXT),
        ("enabled", "boolean NOT NULL"), ("node_id", "integer"),
        ("subnet_id", to("maasserver_subnet", "")),
        ("iprange_id", to("maasserver_iprange", ""), "3.0")), kind="dhcp_snippets", more=rows.text),
    Table("maasserver_nodeconfig", (
        *STAMPS, ("name", "text NOT NULL"), ("node_id", to("maasserver_node"))),
        rows=rows.configs, since="3.3"),
    Table("maasserver_interface", (
        *STAMPS, ("node_id", to("maasserver_node", ""), "2.0", "3.3"),
        ("node_config_id", to("maasserver_nodeconfig", ""), "3.3"), ("name", chars(255)),
        ("type", chars(20)), ("vlan_id", to("maasserver_vlan", "")), ("mac_address", "text"),
        ("params", TEXT), ("tags", ARRAY), ("enabled", "boolean NOT NULL")), rows=rows.interfaces),
    Table("maasserver_controllerinfo", (
        ("node_id", to("maasserver_node", "PRIMARY KEY ")), ("created", NOW), ("updated", NOW),
        ("version", "varchar(255)")), rows=rows.versions, key="node_id", since="2.3"),
    Table("maasserver_regioncontrollerprocess", (
        *STAMPS, ("region_id", to("maasserver_node")), ("pid", "integer NOT NULL")),
        rows=rows.processes),
    Table("maasserver_regioncontrollerprocessendpoint", (
        *STAMPS, ("process_id", to("maasserver_regioncontrollerprocess")),
        ("address", "inet NOT NULL"), ("port", "integer NOT NULL")), rows=rows.endpoints),
    Table("maasserver_regionrackrpcconnection", (
        *STAMPS, ("endpoint_id", to("maasserver_regioncontrollerprocessendpoint")),
        ("rack_controller_id", to("maasserver_node"))), rows=rows.connections),
    Table("maasserver_service", (
        *STAMPS, ("node_id", to("maasserver_node")), ("name", chars(255)),
        ("status", chars(10)), ("status_info", chars(255, "DEFAULT ''"))), rows=rows.services),
    Table("maasserver_bootsource", (
        *STAMPS, ("url", chars(200, "NOT NULL UNIQUE")), ("keyring_filename", chars(4096, "")),
        ("keyring_data", "bytea"), ("name", chars(255, "NOT NULL UNIQUE"), "3.8"),
        ("priority", "integer NOT NULL UNIQUE", "3.8"), ("enabled", _FALSE, "3.8"),
        ("skip_keyring_verification", _FALSE, "3.8")), kind="boot_sources"),
    Table("maasserver_bootsourceselection", _SELECTION, kind="selections", until="3.8"),
    Table("maasserver_bootsourceselectionlegacy", _SELECTION, kind="selections", since="3.8"),
    Table("maasserver_bootsourceselection", (
        *STAMPS, ("boot_source_id", to("maasserver_bootsource")), ("os", chars(20)),
        ("release", chars(20)), ("arch", TEXT),
        ("legacyselection_id", to("maasserver_bootsourceselectionlegacy"))),
        rows=rows.selections, since="3.8"),
    Table("maasserver_bootsourcecache", (
        *STAMPS, ("boot_source_id", to("maasserver_bootsource")), ("os", chars(32)),
        ("arch", chars(32)), ("subarch", chars(32)), ("release", chars(32)),
        ("label", chars(32)), ("kflavor", chars(32, ""), "2.1"), ("extra", TEXT, "2.3")),
        rows=rows.cache),
    Table("maasserver_bootresource", (
        *STAMPS, ("rtype", "integer NOT NULL"), ("name", chars(255)),
        ("architecture", chars(255)), ("extra", TEXT), ("kflavor", chars(32, ""), "2.1"),
        ("rolling", _FALSE, "2.4"), ("base_image", chars(255, "NOT NULL DEFAULT ''"), "3.1"),
        ("alias", chars(255, ""), "3.6")), kind="boot_resources", more=rows.resource),
    Table("maasserver_bootresourceset", (
        *STAMPS, ("resource_id", to("maasserver_bootresource")), ("version", chars(255)),
        ("label", chars(255))), rows=rows.sets),
    Table("maasserver_largefile", (
        *STAMPS, ("sha256", chars(64)), ("size", "bigint NOT NULL"),
        ("total_size", "bigint NOT NULL"), ("content", "oid NOT NULL")),
        rows=rows.large_files, until="3.5"),
    Table("maasserver_bootresourcefile", (
        *STAMPS, ("resource_set_id", to("maasserver_bootresourceset")),
        ("largefile_id", "integer"), ("filename", chars(255)), ("filetype", chars(20)),
        ("extra", TEXT), ("sha256", chars(64), "3.5"), ("filename_on_disk", chars(64), "3.5"),
        ("size", "bigint NOT NULL DEFAULT 0", "3.5")), rows=rows.files),
    Table("maasserver_packagerepository", (
        *STAMPS, ("name", chars(41, "NOT NULL UNIQUE")), ("url", chars(200)),
        ("distributions", ARRAY), ("disabled_pockets", ARRAY),
        ("disabled_components", ARRAY, "2.2"), ("disable_sources", _FALSE, "2.5"),
        ("components", ARRAY), ("arches", ARRAY), ("key", TEXT), ('"default"', _FALSE),
        ("enabled", "boolean NOT NULL")),
        kind="package_repositories", more=rows.repository, since="2.1"),
    Table("metadataserver_script", _SCRIPT, kind="scripts", more=rows.text, since="2.2",
          until="3.5"),
    Table("maasserver_script", _SCRIPT, kind="scripts", more=rows.text, since="3.5"),
    Table("maasserver_sshkey", (
        *STAMPS, ("user_id", "integer NOT NULL"), ("key", "text NOT NULL"),
        ("protocol", chars(64, ""), "3.6"), ("auth_id", chars(255, ""), "3.6")),
        kind="ssh_keys", more=rows.ssh_key),
    Table("maasserver_notification", (
        *STAMPS, ("ident", chars(40, "")), ("user_id", "integer"), ("users", _FALSE),
        ("admins", _FALSE), ("message", "text NOT NULL"), ("context", "jsonb"),
        ("category", chars(10)), ("dismissable", _FALSE, "2.5")),
        kind="notifications", more=rows.notification, since="2.1"),
)  # fmt: skip
