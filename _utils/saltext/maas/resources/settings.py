"""MAAS's settings (``maas`` get_config and set_config): one object each, read by name."""

from __future__ import annotations

import functools
import ipaddress
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from saltext.maas.errors import StrangeAnswer, WrongAnswer
from saltext.maas.redact import HIDDEN, passwords_in, redact
from saltext.maas.release import Release
from saltext.maas.resources import kinds, rules
from saltext.maas.resources.engine_types import Desired, DesiredObjects, Run, Snapshot
from saltext.maas.resources.imports import image_names
from saltext.maas.resources.table import Field, Record, Table
from saltext.maas.resources.table_identity import cannot_be_cleared
from saltext.maas.resources.table_pillar import reference


@dataclass(frozen=True)
class RegionSetting:
    """One setting that ``set_config`` takes.

    Attributes:
        kind: See :mod:`saltext.maas.resources.kinds`; lists are text with spaces, as MAAS stores
            them.
        since, up_to: First and last release that has it.
        default: Its value in a new region; None where there is none, or where it
            depends on the host or on what MAAS deploys.
        earlier: ``(last release, default)`` of those before, oldest first.
        secret: Its value must not be shown.
        rules: What MAAS takes beside what its kind says, release by release.
        clearable: False where MAAS wants some value.
        words: Its value is several words.
    """

    kind: kinds.Kind
    since: str
    up_to: str = ""
    default: object = None
    secret: bool = False
    rules: tuple = ()
    clearable: bool = True
    words: bool = False
    earlier: tuple = ()

    def default_of(self, release: Release) -> object:
        """Return its value in a new region of a release."""
        return next((old for last, old in self.earlier if release.within("", last)), self.default)

    def holds_for(self, release: Release) -> bool:
        """Return whether a release has the setting."""
        return release.within(self.since, self.up_to)

    def schema(self) -> dict:
        """Return the JSON schema of what a pillar may say."""
        found = {**self.kind.schema, "allowed": self.kind.allowed}
        if not self.clearable:
            return found
        if "enum" in found:
            return {**found, "enum": [*found["enum"], None]}
        types = found["type"] if isinstance(found["type"], list) else [found["type"]]
        return {**found, "type": list(dict.fromkeys([*types, "null"]))}


def _words(value):
    if isinstance(value, dict):
        raise ValueError
    parts = value if isinstance(value, (list, tuple)) else re.split(r"[\s,]+", str(value))
    return " ".join(filter(None, map(_plain_word, parts))) or None


def _plain_word(word):
    """A word as MAAS stores it: addresses in their short form."""
    try:
        return kinds.ADDRESS.clean(word)
    except ValueError:
        return str(word)


def _url(value):
    text = kinds.TEXT.normal(value)
    if text and "://" not in text:
        text = f"http://{text}"
    # 1.x puts a slash after the host itself.
    return re.sub(r"^(\w+://[^/]+)/$", r"\1", text or "") or None


def _log_host(value):
    text = (kinds.TEXT.normal(value) or "").lower()
    if not text or re.search(r":\d+$", text):
        return text or None
    return f"{text}:514"  # as MAAS does itself


def _number_word(*words):
    """A choice of words some of which are numbers, quoted or not."""
    kind = kinds.choice(*words)
    numbers = [int(word) for word in words if word.isdigit()]
    return replace(
        kind, normal=lambda value: kind.normal(str(value)), schema={"enum": [*words, *numbers]}
    )


_WORDS = kinds.Kind("a list of words", _words, schema=kinds.NAMES.schema)
_URL = replace(kinds.TEXT, normal=_url)
_LOG_HOST = replace(kinds.TEXT, normal=_log_host)
_SECONDS = (0, 600, 1800, 3600, 10800, 21600, 43200, 86400, 604800)


def _each(test, allowed, since=""):
    """A rule for every word of a list."""
    return rules.Rule(allowed, lambda value: all(map(test, str(value).split())), since)


def _is_network(word):
    try:
        ipaddress.ip_network(word, strict=False)
    except ValueError:
        return False
    return True


_ADDRESSES = _each(rules.is_address, "a list of IP addresses")
_ADDRESS = rules.Rule("one IP address", lambda value: rules.is_address(str(value)))
_HOSTS = _each(rules.is_host, "a list of host names or IP addresses")
_TRUSTED = _each(
    lambda word: _is_network(word) if "/" in word else rules.is_host(word),
    "a list of IP addresses, networks or host names",
)
#: Ports of MAAS itself, but for the one that a setting is about.
_FREE_PORT = rules.Rule(
    "a port from 1024 on that MAAS does not use itself: not one of 5240 to 5270",
    lambda port: port >= 1024 and not 5240 <= port <= 5270, up_to="3.6",
)  # fmt: skip
_FREE_PORT_3_7 = rules.Rule(
    "a port from 1024 on that MAAS does not use itself: not one of 5239 to 5284",
    lambda port: port >= 1024 and not 5239 <= port <= 5284, since="3.7",
)  # fmt: skip
_PORTS = (_FREE_PORT, _FREE_PORT_3_7)
_SYSLOG_PORTS = tuple(
    replace(rule, test=functools.partial(lambda test, port: port == 5247 or test(port), rule.test))
    for rule in _PORTS
)
_INTERVAL = rules.matches(
    r"(\d+\s?(hours?|hr|h)\s?)?(\d+\s?(minutes?|min|m)\s?)?(\d+\s?(seconds?|sec|s)\s?)?",
    "an interval such as 15m or 1h 30m",
)
_BARE_URL = rules.Rule(
    "a URL without user and password", lambda url: "@" not in url, up_to="1.10"
)  # fmt: skip
_SERIES_1_5 = rules.Rule(
    "one of: precise, saucy, trusty, utopic",
    lambda value: series(value) in ("precise", "saucy", "trusty", "utopic"), up_to="1.5",
)  # fmt: skip
_COMMISSIONING_1_5 = rules.Rule("trusty", lambda value: series(value) == "trusty", up_to="1.5")
_UBUNTU = rules.Rule(
    "a series of Ubuntu, such as jammy", lambda value: system(value) in ("", "ubuntu")
)
_DOMAIN = rules.Rule("a domain name such as maas-internal", rules.is_domain_name)
_KMS_HOST = rules.Rule("a host name such as kms.example.com", rules.is_domain_name, "2.0")
_LOG_SERVER = rules.Rule(
    "a host name or IP address, with a port or without, such as logs.example.com:514",
    lambda text: rules.is_host(text.rpartition(":")[0].strip("[]")),
)
_K_G = (
    rules.longest(20, up_to="3.3"),
    rules.matches(r"0x[0-9a-fA-F]{40}|[\w\W]{20}", "20 characters, or 0x and 40 hexadecimal "
                  "digits", "3.4"),
)  # fmt: skip
_LAYOUTS = (
    rules.one_of("flat", "lvm", "bcache", up_to="2.5"),
    rules.one_of("flat", "lvm", "bcache", "vmfs6", "blank", up_to="3.0"),
)
_WORKAROUNDS = (
    "opensesspriv", "authcap", "idzero", "unexpectedauth", "forcepermsg", "endianseq", "intel20",
    "supermicro20", "sun20", "nochecksumcheck", "integritycheckvalue", "ipmiping",
)  # fmt: skip
_FLAGS = replace(
    _WORDS, allowed=f"a list of words out of: {', '.join(_WORKAROUNDS)}",
    schema={**_WORDS.schema, "items": {"enum": list(_WORKAROUNDS), "allowed": "one of: "
            + ", ".join(_WORKAROUNDS)}},
)  # fmt: skip


def _bool(since, default, up_to=""):
    return RegionSetting(kinds.BOOLEAN, since, up_to, default, clearable=False)


def _int(since, default, low=None, high=None, **more):
    kind = kinds.INTEGER if low is None else kinds.bounded(low, high)
    return RegionSetting(kind, since, "", default, **more)


def _one_of(since, default, *choices, **more):
    return RegionSetting(kinds.choice(*choices), since, "", default, **more)


def _text(since, default=None, up_to="", kind=kinds.TEXT, **more):
    return RegionSetting(kind, since, up_to, default, **more)


def _list(since, *rules, default=None):
    kind = replace(_WORDS, allowed=rules[0].allowed)
    return RegionSetting(kind, since, "", default, rules=rules, words=True)


SETTINGS = {
    "active_discovery_interval": replace(
        _int("2.1", 10800), kind=kinds.one_number(*_SECONDS)
    ),
    "allow_only_trusted_transfers": replace(_bool("3.5", True), earlier=(("3.7", False),)),
    "auto_vlan_creation": _bool("3.4", True),
    "boot_images_auto_import": _bool("1.8", True),
    "boot_images_no_proxy": _bool("2.3", False),
    "check_compatibility": _bool("1.5", False, "1.7"),
    "commissioning_distro_series": _text("1.5", rules=(_COMMISSIONING_1_5, _UBUNTU)),
    "completed_intro": _bool("2.1", False),
    "curtin_verbose": replace(_bool("1.9", True), earlier=(("2.5", False),)),
    "default_boot_interface_link_type": _one_of(
        "3.6", "auto", "auto", "dhcp", "static", "link_up", clearable=False
    ),
    "default_distro_series": _text("1.5", rules=(_SERIES_1_5,)),
    "default_dns_ttl": _int("2.0", 30),
    "default_min_hwe_kernel": _text("1.9"),
    "default_osystem": _text("1.6", "ubuntu"),
    "default_storage_layout": _one_of(
        "1.9", "flat", "flat", "lvm", "bcache", "vmfs6", "vmfs7", "blank", "custom",
        rules=_LAYOUTS, clearable=False,
    ),
    "disk_erase_with_quick_erase": _bool("2.1", False),
    "disk_erase_with_secure_erase": _bool("2.1", True),
    "dns_trusted_acl": _list("2.5", _TRUSTED),
    "dnssec_validation": _one_of("1.8", "auto", "auto", "yes", "no"),
    "enable_analytics": _bool("2.1", True),
    "enable_dhcp_discovery_on_unconfigured_interfaces": _bool("1.7", True, "1.7"),
    "enable_disk_erasing_on_release": _bool("1.7", False),
    "enable_http_proxy": _bool("1.9", True),
    "enable_kernel_crash_dump": _bool("3.6", False),
    "enable_third_party_drivers": _bool("1.5", True),
    "enlist_commissioning": _bool("2.5", True),
    "enlistment_domain": _text("1.5", "local", "1.7"),
    "experimental_switch_provisioning": _bool("3.8", False),
    "force_v1_network_yaml": _bool("2.6", False),
    "hardware_sync_interval": _text("3.2", "15m", rules=(_INTERVAL,), clearable=False),
    "http_boot": _bool("2.3", True, "2.3"),
    "http_proxy": _text("1.5", kind=_URL, rules=(rules.URL, _BARE_URL)),
    "kernel_opts": _text("1.5"),
    "maas_auto_ipmi_cipher_suite_id": RegionSetting(
        _number_word("17", "3", "8", "12"), "3.2", default="3"
    ),
    "maas_auto_ipmi_k_g_bmc_key": _text("2.9", secret=True, rules=_K_G),
    "maas_auto_ipmi_user": _text("2.8", "maas", rules=(rules.longest(20, "2.9"),)),
    "maas_auto_ipmi_user_privilege_level": _one_of("2.9", "ADMIN", "USER", "OPERATOR", "ADMIN"),
    "maas_auto_ipmi_workaround_flags": RegionSetting(
        _FLAGS, "3.2", words=True, rules=(_each(_WORKAROUNDS.__contains__, _FLAGS.allowed),)
    ),
    "maas_internal_domain": _text("2.5", "maas-internal", rules=(_DOMAIN,)),
    "maas_name": _text("1.5", clearable=False),
    "maas_proxy_port": _int("2.3", 8000, 1, 65535, rules=_PORTS),
    "maas_syslog_port": _int("2.5", 5247, 1, 65535, rules=_SYSLOG_PORTS),
    # From 2.1 on the two archives are package repositories, yet still answer here.
    "main_archive": _text("1.5", "http://archive.ubuntu.com/ubuntu", kind=_URL,
                          rules=(rules.URL, _BARE_URL), clearable=False),
    "max_node_commissioning_results": _int("2.2", 10, 1),
    "max_node_installation_results": _int("2.2", 3, 1, earlier=(("2.2", 1),)),
    "max_node_release_results": _int("3.5", 3, 1),
    "max_node_testing_results": _int("2.2", 10, 1),
    "network_discovery": _one_of("2.1", "enabled", "enabled", "disabled"),
    "node_timeout": _int("2.5", 30, 1),
    "ntp_external_only": _bool("2.1", False),
    "ntp_server": _text("1.5", "ntp.ubuntu.com", "2.0", rules=(replace(_ADDRESS, up_to="1.5"),),
                        earlier=(("1.5", "91.189.94.4"),)),
    "ntp_servers": _list("2.1", _HOSTS, default="ntp.ubuntu.com"),
    "ports_archive": _text("1.5", "http://ports.ubuntu.com/ubuntu-ports", kind=_URL,
                           rules=(rules.URL, _BARE_URL), clearable=False),
    "prefer_v4_proxy": _bool("2.4", False),
    "prometheus_enabled": _bool("2.5", False),
    "prometheus_push_gateway": _text("2.5"),
    "prometheus_push_interval": _int("2.5", 60),
    "promtail_enabled": _bool("3.2", False),
    "promtail_port": _int("3.2", 5238, 1, 65535),
    "refresh_token_duration": _int("3.8", 2592000, 600, 5184000),
    "release_notifications": _bool("2.9", True),
    "remote_syslog": _text("2.5", kind=_LOG_HOST, rules=(_LOG_SERVER,)),
    "session_length": _int("3.4", 1209600, 10, 1209600),
    "subnet_ip_exhaustion_threshold_count": _int("2.2", 16, 1),
    "theme": _text("3.3"),
    "tls_cert_expiration_notification_enabled": _bool("3.2", False),
    "tls_cert_expiration_notification_interval": _int("3.2", 30, 1, 90),
    "upstream_dns": _list("1.5", _ADDRESSES, replace(_ADDRESS, up_to="1.7")),
    "use_peer_proxy": _bool("2.3", False),
    "use_rack_proxy": _bool("2.5", True),
    "vcenter_datacenter": _text("2.6"),
    "vcenter_password": _text("2.6", secret=True),
    "vcenter_server": _text("2.6"),
    "vcenter_username": _text("2.6"),
    "windows_kms_host": _text("1.6", rules=(_KMS_HOST,)),
}  # fmt: skip


#: What the region fetches images through, and what it fetches of them.
_BEFORE_IMPORT = ("boot_images_no_proxy", "enable_http_proxy", "http_proxy", "use_peer_proxy",
                  "maas_proxy_port", "prefer_v4_proxy", "main_archive", "ports_archive",
                  "boot_images_auto_import")  # fmt: skip
#: What MAAS takes only once there is an image that it names.
_AFTER_IMPORT = ("default_osystem", "default_distro_series", "commissioning_distro_series",
                 "default_min_hwe_kernel")  # fmt: skip
#: Settings that MAAS judges by what another one is.
_JUDGED_BY = {
    "default_distro_series": "default_osystem",
    "default_min_hwe_kernel": "commissioning_distro_series",
    "use_peer_proxy": "http_proxy",
}
_BOTH_FORMS = ("default_distro_series", "commissioning_distro_series")


#: A setting that no known release has.
_UNKNOWN = RegionSetting(kinds.TEXT, "1.5")


def _known(name):
    return SETTINGS.get(name, _UNKNOWN)


def series(text: str | None) -> str:
    """Return the series in ``ubuntu/jammy``, or in ``jammy`` alone."""
    # 1.6 and 1.7 mark a series that requires a license key.
    return str(text or "").rpartition("/")[2].rstrip("*")


def system(text: str | None) -> str:
    """Return the operating system in ``ubuntu/jammy``; empty where there is none."""
    return str(text or "").rpartition("/")[0]


def normal(name: str, value: object) -> object:
    """Return a setting's value the way MAAS stores it: a boolean, number or text; None for empty.

    Raises:
        ValueError: The value does not fit the setting's kind.
    """
    kind = _known(name).kind
    if isinstance(value, bool) and kind is not kinds.BOOLEAN:
        # 1.x makes JSON of a text that reads like it; an unknown release may have such settings.
        value = str(value).lower()
    return kind.clean(value)


class SettingTable(Table):
    name = "setting"
    permission = "can_edit_configurations"
    by_key = True
    can_create = False
    can_delete = False
    example = {"name": "kernel_opts", "value": "console=tty0"}
    fields = (
        Field("name", doc="Name of the setting, such as ``upstream_dns``."),
        Field("value", doc="Its value; also a number, true, false or a list, as it has it. Empty "
              "clears it."),
    )  # fmt: skip

    def normal(self, field: Field, value: Any, values: dict) -> Any:
        if field.name == "value":
            return normal(values["name"], value)
        return super().normal(field, value, values)

    def place_of(self, where: str, field: str) -> str:
        return where

    def validate(self, values: dict, release: Release | None) -> Iterator[tuple[str, str]]:
        known, value = _known(values["name"]), values.get("value")
        if "value" in values and value is None and not known.clearable:
            yield "value", cannot_be_cleared(release)
        for rule in known.rules:
            if rule.broken_by(value, release):
                shown = HIDDEN if known.secret else redact(repr(value))
                yield "value", f"{shown} must be {rule.allowed}"

    def problem(self, snapshot: Snapshot, desired: Desired, record: Record | None) -> str | None:
        """Return why MAAS would refuse a series for want of its image."""
        value, judged = desired.values.get("value"), desired.key in _AFTER_IMPORT
        if not value or not judged or not snapshot.client or "image" not in snapshot.tables:
            return None
        if not record or not self.differences(snapshot, desired, record):
            return None
        there = {series(name) for name in image_names(snapshot)}
        if not there:
            return f"{value!r} cannot be set: MAAS has no image yet"
        if desired.key in _BOTH_FORMS and series(value) not in there:
            known = ", ".join(sorted(there))
            return f"{value!r} cannot be set: MAAS has no image of {series(value)}; it has: {known}"
        return None

    def parts(self, snapshot: Snapshot) -> list[str]:
        return sorted(name for name, one in SETTINGS.items() if one.holds_for(snapshot.release))

    def phase(self, desired: Desired) -> str:
        if desired.key in _BEFORE_IMPORT:
            return "setting before import"
        return "setting after import" if desired.key in _AFTER_IMPORT else "setting"

    def after_phases(self, desired: Desired) -> tuple:
        if desired.key == "ntp_server":
            # 1.7 has every cluster write its DHCP anew, and refuses where one is not there yet.
            return ("node_group",)
        if desired.key not in _AFTER_IMPORT:
            return ()
        # Up to 3.4 MAAS asks its clusters which operating systems there are.
        return ("setting before import", "boot_resource", "cluster_image")

    def read(self, snapshot: Snapshot, partition: str) -> list[dict]:
        value = snapshot.client.get("maas/", op="get_config", name=partition)
        raw = {"name": partition, "value": value}
        _value(raw)  # what cannot be read is asked for once more
        return [raw]

    def pristine(self, snapshot: Snapshot, partition: str) -> list[dict]:
        value = _known(partition).default_of(snapshot.release)
        if partition == "maas_name":
            value = snapshot.hostname
        return [{"name": partition, "value": value}]

    def differences(self, snapshot: Snapshot, desired: Desired, record: Record) -> dict:
        if "value" not in desired.values:
            return {}
        name = desired.values["name"]
        old, new = _value(record.raw), desired.values["value"]
        if old == new or (name in _BOTH_FORMS and old and series(old) == series(new)):
            return {}
        secret = _known(name).secret
        return {"value": (old and HIDDEN, new and HIDDEN) if secret else (old, new)}

    def requires(self, desired: Desired, everything: DesiredObjects) -> set:
        found = {(self.name, _JUDGED_BY[desired.key])} if desired.key in _JUDGED_BY else set()
        return found | {("image", "*")} if desired.key in _AFTER_IMPORT else found

    def values(self, snapshot: Snapshot, raw: dict) -> dict:
        return {"name": raw["name"], "value": _value(raw)}

    def exports(self, snapshot: Snapshot, record: Record) -> bool:
        default = _known(record.key).default_of(snapshot.release)
        return _value(record.raw) != normal(record.key, default)

    def pillar_entry(self, values: dict) -> Any:
        known = _known(values["name"])
        if known.secret or passwords_in([str(values["value"])]):
            return reference(self.name, values["name"])
        if known.words and values["value"]:
            return values["value"].split()
        return values["value"]

    def is_secret(self, name: str, values: dict) -> bool:
        # In a change, which has no name, ``differences`` has hidden it.
        return name == "value" and "name" in values and _known(values["name"]).secret

    def update(self, run: Run, desired: Desired, record: Record) -> None:
        if not self.differences(run.snapshot, desired, record):
            return
        name, value = desired.values["name"], desired.values["value"]
        sent = _sent(run, name, value)
        answer = run.client.post(
            "maas/", op="set_config", data={"name": name, "value": sent},
            hide=self.secrets(desired.values), as_json=isinstance(sent, list),
        )  # fmt: skip
        if answer != "OK":
            raise WrongAnswer("the region answered with something else than OK")
        raw = {"name": name, "value": " ".join(sent) if isinstance(sent, list) else sent}
        run.snapshot.fold(self.name, raw, name, replaces=record.raw)


def _value(raw):
    try:
        return normal(raw["name"], raw["value"])
    except ValueError as error:
        raise StrangeAnswer(f"setting {raw['name']} cannot be read: it {error}") from None


def _sent(run, name, value):
    """A value in the form that the region's release takes."""
    if name == "maas_auto_ipmi_workaround_flags":
        return value.split() if value else ""
    if name not in _BOTH_FORMS or value is None:
        return value
    if name == "default_distro_series" and run.snapshot.release.within("1.6", "1.7"):
        return value if system(value) else f"{_osystem(run)}/{value}"
    return series(value)


def _osystem(run):
    """The operating system that a series alone belongs to."""
    name = "default_osystem"
    for one in run.plan.desired("setting"):
        if one.key == name:
            return one.values.get("value") or "ubuntu"
    return run.snapshot.records("setting", name)[name].raw["value"] or "ubuntu"
