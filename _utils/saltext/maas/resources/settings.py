"""MAAS's settings (``maas`` get_config and set_config): one object each, read by name."""

from __future__ import annotations

import re
from dataclasses import dataclass

from saltext.maas.client.errors import WrongAnswer
from saltext.maas.client.redact import HIDDEN
from saltext.maas.release import Release
from saltext.maas.resources import kinds
from saltext.maas.resources.field import Field
from saltext.maas.resources.images import after_import
from saltext.maas.resources.table import Table, reference


@dataclass(frozen=True)
class Setting:
    """One setting that ``set_config`` takes.

    Attributes:
        kind: ``bool``, ``int``, ``text``, or ``words`` and ``addresses`` (lists that MAAS keeps
            space separated).
        choices: The texts or words that it may be, where MAAS takes no others.
        span: The least and the greatest number that it may be.
        since, until: First and last release that has it.
        default: Its value in a new region; None where there is none, or where it
            depends on the host or release.
        secret: Its value must not be shown.
    """

    kind: str
    since: str
    until: str = ""
    default: object = None
    secret: bool = False
    choices: tuple = ()
    span: tuple = ()

    def holds_for(self, release: Release) -> bool:
        """Whether this release has the setting."""
        line = Release(release.series)
        return line >= self.since and not (self.until and line > self.until)


def _bool(since, default, until=""):
    return Setting("bool", since, until, default)


def _int(since, default, span=()):
    return Setting("int", since, "", default, span=span)


def _port(since, default):
    return _int(since, default, (1, 65535))


def _one_of(since, default, *choices):
    return Setting("text", since, "", default, choices=choices)


def _text(since, default=None, until="", secret=False):
    return Setting("text", since, until, default, secret)


def _words(since, default=None, choices=()):
    return Setting("words", since, "", default, choices=choices)


_WORKAROUNDS = (
    "opensesspriv", "authcap", "idzero", "unexpectedauth", "forcepermsg", "endianseq", "intel20",
    "supermicro20", "sun20", "nochecksumcheck", "integritycheckvalue", "ipmiping",
)  # fmt: skip

SETTINGS = {
    "active_discovery_interval": _int("2.1", 10800),
    "allow_only_trusted_transfers": _bool("3.5", False),
    "auto_vlan_creation": _bool("3.4", True),
    "boot_images_auto_import": _bool("1.8", True),
    "boot_images_no_proxy": _bool("2.3", False),
    "check_compatibility": _bool("1.5", False, "1.7"),
    "commissioning_distro_series": _text("1.5"),
    "completed_intro": _bool("2.1", False),
    "curtin_verbose": _bool("1.9", True),
    "default_boot_interface_link_type": _one_of("3.6", "auto", "auto", "dhcp", "static", "link_up"),
    "default_distro_series": _text("1.5"),
    "default_dns_ttl": _int("2.0", 30),
    "default_min_hwe_kernel": _text("1.9"),
    "default_osystem": _text("1.6", "ubuntu"),
    "default_storage_layout": _one_of(
        "1.9", "flat", "flat", "lvm", "bcache", "vmfs6", "vmfs7", "blank", "custom"
    ),
    "disk_erase_with_quick_erase": _bool("2.1", False),
    "disk_erase_with_secure_erase": _bool("2.1", True),
    "dns_trusted_acl": _words("2.5"),
    "dnssec_validation": _one_of("1.8", "auto", "auto", "yes", "no"),
    "enable_analytics": _bool("2.1", True),
    "enable_dhcp_discovery_on_unconfigured_interfaces": _bool("1.7", True, "1.7"),
    "enable_disk_erasing_on_release": _bool("1.7", False),
    "enable_http_proxy": _bool("1.9", True),
    "enable_kernel_crash_dump": _bool("3.6", False),
    "enable_third_party_drivers": _bool("1.5", True),
    "enlist_commissioning": _bool("2.5", True),
    "enlistment_domain": _text("1.5", "local", "1.7"),
    "force_v1_network_yaml": _bool("2.6", False),
    "hardware_sync_interval": _text("3.2", "15m"),
    "http_boot": Setting("bool", "2.3", "2.3"),
    "http_proxy": _text("1.5"),
    "kernel_opts": _text("1.5"),
    "maas_auto_ipmi_cipher_suite_id": _text("3.2", "3"),
    "maas_auto_ipmi_k_g_bmc_key": _text("2.9", secret=True),
    "maas_auto_ipmi_user": _text("2.8", "maas"),
    "maas_auto_ipmi_user_privilege_level": _one_of("2.9", "ADMIN", "USER", "OPERATOR", "ADMIN"),
    "maas_auto_ipmi_workaround_flags": _words("3.2", choices=_WORKAROUNDS),
    "maas_internal_domain": _text("2.5", "maas-internal"),
    "maas_name": _text("1.5"),
    "maas_proxy_port": _port("2.3", 8000),
    "maas_syslog_port": _port("2.5", 5247),
    # From 2.1 on the two archives are package repositories, yet still answer here.
    "main_archive": _text("1.5", "http://archive.ubuntu.com/ubuntu"),
    "max_node_commissioning_results": _int("2.2", 10),
    "max_node_installation_results": _int("2.2", 3),
    "max_node_release_results": _int("3.5", 3),
    "max_node_testing_results": _int("2.2", 10),
    "network_discovery": _one_of("2.1", "enabled", "enabled", "disabled"),
    "node_timeout": _int("2.5", 30),
    "ntp_external_only": _bool("2.1", False),
    "ntp_server": _text("1.5", "ntp.ubuntu.com", "2.0"),
    "ntp_servers": _words("2.1", "ntp.ubuntu.com"),
    "ports_archive": _text("1.5", "http://ports.ubuntu.com/ubuntu-ports"),
    "prefer_v4_proxy": _bool("2.4", False),
    "prometheus_enabled": _bool("2.5", False),
    "prometheus_push_gateway": _text("2.5"),
    "prometheus_push_interval": _int("2.5", 60),
    "promtail_enabled": _bool("3.2", False),
    "promtail_port": _port("3.2", 5238),
    "release_notifications": _bool("2.9", True),
    "remote_syslog": _text("2.5"),
    "session_length": _int("3.4", 1209600),
    "subnet_ip_exhaustion_threshold_count": _int("2.2", 16),
    "theme": _text("3.3"),
    "tls_cert_expiration_notification_enabled": _bool("3.2", False),
    "tls_cert_expiration_notification_interval": _int("3.2", 30),
    "upstream_dns": Setting("addresses", "1.5"),
    "use_peer_proxy": _bool("2.3", False),
    "use_rack_proxy": _bool("2.5", True),
    "vcenter_datacenter": _text("2.6"),
    "vcenter_password": _text("2.6", secret=True),
    "vcenter_server": _text("2.6"),
    "vcenter_username": _text("2.6"),
    "windows_kms_host": _text("1.6"),
}


#: What the region fetches images through, and what it fetches of them.
_BEFORE_IMPORT = ("boot_images_no_proxy", "enable_http_proxy", "http_proxy", "use_peer_proxy",
                  "maas_proxy_port", "prefer_v4_proxy", "main_archive", "ports_archive",
                  "boot_images_auto_import")  # fmt: skip


def before_import(setting: str) -> bool:
    """Whether an image import depends on a setting."""
    return setting in _BEFORE_IMPORT


def normal(name: str, value):
    """Normalise a setting's value the way MAAS stores it.

    Returns:
        A boolean, number or text; None for empty.

    Raises:
        ValueError: The value does not fit the setting's kind.
    """
    known = SETTINGS.get(name)
    kind = known.kind if known else "text"
    if value is None or value == "":
        return None
    if kind == "bool":
        return kinds.BOOLEAN.clean(value)
    if kind == "int":
        return kinds.INTEGER.clean(value)
    if kind == "addresses":
        return kinds.ADDRESSES.wire(kinds.ADDRESSES.clean(value)) or None
    if kind == "words":
        words = value if isinstance(value, (list, tuple)) else re.split(r"[\s,]+", str(value))
        return " ".join(str(word) for word in words if str(word)) or None
    if isinstance(value, bool):
        # A region of a release unknown to us may hold such settings.
        return "true" if value else "false"
    text = kinds.TEXT.clean(value)
    if name == "remote_syslog" and not re.search(r":\d+$", text):
        return f"{text}:514"  # MAAS adds the port itself
    return text


class SettingTable(Table):
    name = "setting"
    noun = "setting"
    identity = ("name",)
    can_create = False
    can_delete = False
    example = {"name": "kernel_opts", "value": "console=tty0"}
    changed = {"value": "quiet"}
    fields = (
        Field("name", doc="Name of the setting."),
        Field("value", doc="Its value; empty clears it."),
    )

    def normal(self, field, value, values):
        if field.name == "value":
            return normal(values["name"], value)
        return super().normal(field, value, values)

    def partition(self, values):
        return values["name"]

    def part_of(self, key):
        return key

    def parts(self, snapshot):
        return sorted(name for name, one in SETTINGS.items() if one.holds_for(snapshot.release))

    def stage(self, wanted):
        if before_import(wanted.key):
            return "setting before import"
        return "setting after import" if after_import(wanted.key) else "setting"

    def comes_after(self, wanted):
        return ("setting before import",) if after_import(wanted.key) else ()

    def read(self, snapshot, partition):
        value = snapshot.client.get("maas/", op="get_config", name=partition)
        return [{"name": partition, "value": value}]

    def pristine(self, snapshot, partition):
        known = SETTINGS.get(partition)
        value = known.default if known else None
        if partition == "maas_name":
            value = snapshot.hostname
        return [{"name": partition, "value": value}]

    def differences(self, snapshot, wanted, record):
        name = wanted.values["name"]
        old, new = normal(name, record.raw["value"]), wanted.values["value"]
        if old == new:
            return {}
        # 1.x shows a never set series without its operating system, yet wants it with one.
        if name.endswith("_distro_series") and str(new).endswith(f"/{old}"):
            return {}
        if name in SETTINGS and SETTINGS[name].secret:
            return {"value": (old and HIDDEN, new and HIDDEN)}
        return {"value": (old, new)}

    def needs(self, wanted, everything):
        if not after_import(wanted.key):
            return set()
        return {("image", "*")}

    def values(self, snapshot, raw):
        return {"name": raw["name"], "value": normal(raw["name"], raw["value"])}

    def exports(self, snapshot, record):
        known = SETTINGS[record.key]
        value = normal(record.key, record.raw["value"])
        return value != normal(record.key, known.default)

    def pillar_entry(self, values):
        known = SETTINGS[values["name"]]
        if known.secret:
            return reference(self.name, values["name"])
        if known.kind in ("words", "addresses") and values["value"]:
            return values["value"].split()
        return values["value"]

    def secrets(self, values):
        known = SETTINGS.get(values["name"])
        return [values["value"]] if known and known.secret else []

    def update(self, run, wanted, record):
        name, value = wanted.values["name"], wanted.values["value"]
        answer = run.client.post(
            "maas/", op="set_config", data={"name": name, "value": value},
            hide=self.secrets(wanted.values),
        )  # fmt: skip
        if answer != "OK":
            raise WrongAnswer("the region answered with something else than OK")
        raw = {"name": name, "value": value}
        run.snapshot.fold(self.name, raw, name, replaces=record.raw)
