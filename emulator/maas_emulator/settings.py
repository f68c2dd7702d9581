"""The settings of ``maas/``: which release has which, what they are and accept."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

from maas_emulator import dns, settings_1x
from maas_emulator.forms import (
    BAD_IP,
    REQUIRED,
    WHOLE_NUMBER,
    bad_range,
    is_ip,
    is_url,
    not_a_choice,
    truth,
)
from maas_emulator.forms_1x import Wrong
from maas_emulator.release import Release


@dataclass(frozen=True)
class Setting:
    """One setting.

    Attributes:
        name: As the API calls it.
        kind: ``text``, ``name`` (text that may not be empty), ``bool``, ``int``, ``url``,
            ``ips``, ``hosts``, ``networks``, ``choice``, ``needed`` (a choice that may not be
            empty), ``choices`` (a list), ``os``, ``series`` (an imported one), ``kernel``,
            ``port``, ``syslog`` (a host with its port), ``domain``, ``interval``, ``key``.
        default: Value of a new region.
        since, until: Releases that have it (``until``: the first that has not).
        choices: Of a ``choice``; (low, high) of an ``int``; ports of MAAS's own that it may be;
            (longest,) of a ``text``.
        label: What its message calls it, where that is not its name.
        message: The message about what is no choice, where it is one of its own.
    """

    name: str
    kind: str
    default: object
    since: str = "1.5"
    until: str | None = None
    choices: tuple = ()
    label: str | None = None
    message: str | None = None

    def served_by(self, release):
        """Whether a release has it."""
        return release >= self.since and not (self.until and release >= self.until)


_ARCHIVE = "http://archive.ubuntu.com/ubuntu"
_PORTS = "http://ports.ubuntu.com/ubuntu-ports"
_LINKS = ("auto", "dhcp", "static", "link_up")
_DNSSEC = ("auto", "yes", "no")
_LAYOUTS = ("bcache", "blank", "custom", "flat", "lvm", "vmfs6", "vmfs7")
_OLD_LAYOUTS = ("flat", "lvm", "bcache")
_IPMI_FLAGS = ("opensesspriv", "authcap", "idzero", "unexpectedauth", "forcepermsg",
               "endianseq", "intel20", "supermicro20", "sun20", "nochecksumcheck",
               "integritycheckvalue", "ipmiping", "")  # fmt: skip
_CIPHERS = ("17", "3", "", "8", "12")
_DISCOVERY_TIMES = (0, 600, 1800, 3600, 10800, 21600, 43200, 86400, 604800)

#: In the order in which 3.7 lists them.
SETTINGS = (
    Setting("maas_name", "name", None),
    Setting("theme", "text", "", "3.3"),
    Setting("kernel_opts", "text", None),
    Setting("enable_http_proxy", "bool", True, "1.9"),
    Setting("maas_proxy_port", "port", 8000, "2.3"),
    Setting("use_peer_proxy", "bool", False, "2.3"),
    Setting("prefer_v4_proxy", "bool", False, "2.4"),
    Setting("http_proxy", "url", None),
    Setting("default_dns_ttl", "int", 30, "2.0"),
    Setting("upstream_dns", "ip", None, until="1.8"),
    Setting("upstream_dns", "ips", None, "1.8"),
    Setting("dnssec_validation", "choice", "auto", "1.8", choices=_DNSSEC),
    Setting("maas_internal_domain", "domain", "maas-internal", "2.5"),
    Setting("dns_trusted_acl", "networks", None, "2.5"),
    Setting("ntp_server", "ip", "91.189.94.4", until="1.6"),
    Setting("ntp_server", "text", "ntp.ubuntu.com", "1.6", "2.1"),
    Setting("ntp_servers", "hosts", "ntp.ubuntu.com", "2.1"),
    Setting("ntp_external_only", "bool", False, "2.1"),
    Setting("allow_only_trusted_transfers", "bool", False, "3.5", "3.8"),
    Setting("allow_only_trusted_transfers", "bool", True, "3.8"),
    Setting("remote_syslog", "syslog", None, "2.5"),
    Setting("maas_syslog_port", "port", 5247, "2.5", choices=(5247,)),
    Setting("network_discovery", "choice", "enabled", "2.1", choices=("enabled", "disabled")),
    Setting("active_discovery_interval", "number", 10800, "2.1", choices=_DISCOVERY_TIMES),
    Setting("default_boot_interface_link_type", "needed", "auto", "3.6", choices=_LINKS),
    Setting("default_osystem", "os", "ubuntu", "1.6", label="osystem"),
    Setting("default_distro_series", "series", None, until="1.6", label="distro_series"),
    Setting("default_distro_series", "series", None, "1.6", label="release"),
    Setting("default_min_hwe_kernel", "kernel", "", "1.9"),
    Setting("enable_kernel_crash_dump", "bool", False, "3.6"),
    Setting("default_storage_layout", "choice", "flat", "1.9", "2.0", choices=_OLD_LAYOUTS),
    Setting("default_storage_layout", "needed", "flat", "2.0", choices=_LAYOUTS),
    Setting("commissioning_distro_series", "series", None),
    Setting("enable_third_party_drivers", "bool", True),
    Setting("windows_kms_host", "text", None, "1.6"),
    Setting("enable_disk_erasing_on_release", "bool", False, "1.7"),
    Setting("disk_erase_with_secure_erase", "bool", True, "2.1"),
    Setting("disk_erase_with_quick_erase", "bool", False, "2.1"),
    Setting("boot_images_auto_import", "bool", True, "1.8"),
    Setting("boot_images_no_proxy", "bool", False, "2.3"),
    Setting("http_boot", "bool", True, "2.3", "2.4"),
    Setting("curtin_verbose", "bool", False, "1.9", "2.6"),
    Setting("curtin_verbose", "bool", True, "2.6"),
    Setting("force_v1_network_yaml", "bool", False, "2.6"),
    Setting("enable_analytics", "bool", True, "2.1"),
    Setting("experimental_switch_provisioning", "bool", False, "3.8"),
    Setting("completed_intro", "bool", False, "2.1"),
    Setting("max_node_commissioning_results", "int", 10, "2.2", choices=(1, None)),
    Setting("max_node_testing_results", "int", 10, "2.2", choices=(1, None)),
    Setting("max_node_installation_results", "int", 1, "2.2", "2.3", choices=(1, None)),
    Setting("max_node_installation_results", "int", 3, "2.3", choices=(1, None)),
    Setting("max_node_release_results", "int", 3, "3.5", choices=(1, None)),
    Setting("subnet_ip_exhaustion_threshold_count", "int", 16, "2.2", choices=(1, None)),
    Setting("refresh_token_duration", "int", 2592000, "3.8", choices=(600, 5184000)),
    Setting("release_notifications", "bool", True, "2.9"),
    Setting("use_rack_proxy", "bool", True, "2.5"),
    Setting("node_timeout", "int", 30, "2.5", choices=(1, None)),
    Setting("prometheus_enabled", "bool", False, "2.5"),
    Setting("prometheus_push_gateway", "text", None, "2.5"),
    Setting("prometheus_push_interval", "int", 60, "2.5"),
    Setting("promtail_enabled", "bool", False, "3.2"),
    Setting("promtail_port", "int", 5238, "3.2"),
    Setting("enlist_commissioning", "bool", True, "2.5"),
    Setting("maas_auto_ipmi_user", "text", "maas", "2.8", choices=(20,)),
    Setting("maas_auto_ipmi_user_privilege_level", "choice", "ADMIN", "2.9",
            choices=("USER", "OPERATOR", "ADMIN"),
            message="Valid choices are ADMIN, OPERATOR, or USER"),
    Setting("maas_auto_ipmi_k_g_bmc_key", "key", "", "2.9"),
    Setting("maas_auto_ipmi_cipher_suite_id", "choice", "3", "3.2",
            choices=_CIPHERS, message="Valid choices are " + ",".join(_CIPHERS)),
    Setting("maas_auto_ipmi_workaround_flags", "choices", None, "3.2", choices=_IPMI_FLAGS,
            message="Valid choices are " + ", ".join(_IPMI_FLAGS)),
    Setting("vcenter_server", "text", "", "2.6"),
    Setting("vcenter_username", "text", "", "2.6"),
    Setting("vcenter_password", "text", "", "2.6"),
    Setting("vcenter_datacenter", "text", "", "2.6"),
    Setting("hardware_sync_interval", "interval", "15m", "3.2"),
    Setting("tls_cert_expiration_notification_enabled", "bool", False, "3.2"),
    Setting("tls_cert_expiration_notification_interval", "int", 30, "3.2", choices=(1, 90)),
    Setting("session_length", "int", 1209600, "3.4", choices=(10, 1209600)),
    Setting("auto_vlan_creation", "bool", True, "3.4"),
    Setting("check_compatibility", "bool", False, until="1.8"),
    Setting("main_archive", "url", _ARCHIVE, until="2.1"),
    Setting("ports_archive", "url", _PORTS, until="2.1"),
    Setting("enlistment_domain", "text", "local", until="1.8"),
    Setting("enable_dhcp_discovery_on_unconfigured_interfaces", "bool", True, "1.7", "1.8"),
)  # fmt: skip

#: Names that 2.1 and later still take, though they list them no more.
OLD_NAMES = ("ntp_server", "main_archive", "ports_archive")

#: Series that a new region deploys; only those of 1.7 and 3.7 were seen.
_DEFAULT_SERIES = (("3.6", "noble"), ("3.3", "jammy"), ("2.8", "focal"), ("2.4", "bionic"),
                   ("2.0", "xenial"), ("1.5", "trusty"))  # fmt: skip


def default_series(release):
    """The Ubuntu series that a new region of that release has as its default."""
    return next(name for since, name in _DEFAULT_SERIES if release >= Release(since))


def settings_of(release):
    """``{name: Setting}`` of a release, in its order."""
    return {item.name: item for item in SETTINGS if item.served_by(release)}


class BadValue(ValueError):
    """A value that a setting does not take; its text is MAAS's message."""


def clean(region, setting, value):
    """Turn what was sent into what is stored.

    Args:
        region: Tells the release and which series are imported.
        setting: The :class:`Setting`.
        value: Text, or what a JSON body held.

    Raises:
        BadValue: MAAS refuses it.
    """
    if region.release < "2.0":
        return _clean_1x(region, setting, value)
    if setting.kind == "bool":
        return truth(value) if isinstance(value, str) else bool(value)
    if setting.kind == "choices":
        return _several(setting, value)
    text = "" if value is None else str(value).strip()
    if not text and setting.kind != "interval":
        if setting.kind in ("name", "needed"):
            raise BadValue(REQUIRED)
        return None if setting.kind in ("int", "port", "syslog") else ""
    cleaner = _CLEANERS.get(setting.kind)
    return cleaner(region, setting, text) if cleaner else text


def _clean_1x(region, setting, value):
    try:
        return settings_1x.clean(region, setting, value)
    except Wrong as wrong:
        (messages,) = wrong.by_field().values()
        raise BadValue(*messages) from None


def _text(region, setting, text):
    if setting.choices and len(text) > setting.choices[0]:
        longest = setting.choices[0]
        message = f"Ensure this value has at most {longest} characters (it has {len(text)})."
        raise BadValue(message)
    return text


def _several(setting, value):
    """Only a list is one; in a form there is none."""
    if value in (None, ""):
        return []
    if not isinstance(value, list):
        raise BadValue("Enter a list of values.")
    found = [str(item) for item in value]
    if not set(found) <= set(setting.choices):
        raise BadValue(setting.message)
    return found


def _interval(region, setting, text):
    if not re.match(r"\d+\s?(hour|hr|h|minute|min|m|second|sec|s)", text):
        units = "'h|hr|hour|hours, m|min|minute|minutes.s|sec|second|seconds' are valid units"
        raise BadValue(f"'{text}' is not a valid interval. Only {units}")
    return text


def _key(region, setting, text):
    if re.fullmatch(r"0x[a-fA-F0-9]{40}|[\w\W]{20}", text):
        return text
    raise BadValue(
        "Error: K_g must either be 20 characters in length, or 40 hexadecimal characters prefixed"
        f' with "0x" (current length is {len(text)}).'
    )


def _integer(region, setting, text):
    try:
        number = int(text)
    except ValueError:
        raise BadValue(WHOLE_NUMBER) from None
    low, high = setting.choices or (None, None)
    problem = bad_range(low, high, number)
    if problem:
        raise BadValue(problem)
    return number


def _port(region, setting, text):
    number = _integer(region, Setting(setting.name, "int", None), text)
    problem = None
    if not 0 < number <= 65535:
        problem = "not between 0 - 65535"
    elif number <= 1023:
        problem = "reserved for system services"
    elif 5239 <= number <= 5284 and number not in setting.choices:
        problem = "reserved for MAAS services"
    if problem:
        raise BadValue(f"Unable to change port number. Port number is {problem}.")
    return number


def _syslog(region, setting, text):
    """What has no port gets the usual one."""
    _, colon, port = text.rpartition(":")
    return text if colon and port.isdigit() and "]" not in port else f"{text}:514"


def _domain(region, setting, text):
    if dns.bad_domain(region, text) in (None, dns.INTERNAL):
        return text
    raise BadValue(f"Invalid domain name: {text}.")


def _number(region, setting, text):
    """A number that stays a text."""
    if text not in [str(item) for item in setting.choices]:
        raise _no_choice(setting, text, [str(item) for item in setting.choices])
    return text


def _url(region, setting, text):
    if "://" not in text and ":" not in text.partition("/")[0]:
        text = f"http://{text}"
    if not is_url(text):
        raise BadValue("Enter a valid URL.")
    return text


def _ip(region, setting, text):
    if not is_ip(text):
        raise BadValue(BAD_IP)
    return text


def _ips(region, setting, text):
    words = text.replace(",", " ").split()
    for word in words:
        if not is_ip(word):
            raise BadValue(
                f"Invalid IP address: {word}; provide a list of space-separated IP addresses"
            )
    return " ".join(words)


def _hosts(region, setting, text):
    words = text.replace(",", " ").split()
    for word in words:
        if not is_ip(word) and (":" in word or re.fullmatch(_QUAD, word)):
            raise BadValue(f"Failed to detect a valid IP address from '{word}'.")
        _check_host(word)
    return " ".join(words)


_QUAD = r"\d{1,3}(\.\d{1,3}){3}"


def _check_host(word):
    problem = None if is_ip(word) else dns.bad_hostname(word)
    if problem:
        raise BadValue(f"Invalid hostname: {problem}")


def _networks(region, setting, text):
    """Addresses, networks and names; what looks like one is to be one."""
    words = text.replace(",", " ").split()
    for word in words:
        address, slash, _ = word.partition("/")
        looks_so = re.fullmatch(_QUAD, address) or address.count(":") > 1
        try:
            if looks_so:
                ipaddress.ip_network(word, strict=False)
        except ValueError:
            kind = "network" if slash else "IP address"
            raise BadValue(f"Invalid {kind}: {word}.") from None
        if not looks_so:
            _check_host(word)
    return " ".join(words)


def _choice(region, setting, text):
    if text in setting.choices:
        return text
    if setting.kind == "needed":
        raise BadValue(not_a_choice(text))
    if setting.message:
        raise BadValue(setting.message)
    raise _no_choice(setting, text, setting.choices)


def _imported(region, setting, text):
    choices = region.series_choices(setting.name) or ["---"]
    if text not in choices:
        raise _no_choice(setting, text, choices)
    return _there(region, text)


def _there(region, text):
    if text == "---":
        raise BadValue(
            "Unable to determine supported operating systems, due to missing boot images."
        )
    return text


def _kernel(region, setting, text):
    choices = ["", *region.series_choices(setting.name)]
    if text not in choices:
        raise _no_choice(setting, text, choices)
    return text


def _no_choice(setting, text, choices):
    listed = ", ".join(f"'{item}'" for item in choices)
    label = setting.label or setting.name
    return BadValue(f"'{text}' is not a valid {label}.  It should be one of: {listed}.")


_CLEANERS = {
    "int": _integer,
    "number": _number,
    "port": _port,
    "syslog": _syslog,
    "domain": _domain,
    "url": _url,
    "ip": _ip,
    "ips": _ips,
    "hosts": _hosts,
    "networks": _networks,
    "choice": _choice,
    "needed": _choice,
    "series": _imported,
    "os": _imported,
    "kernel": _kernel,
    "text": _text,
    "interval": _interval,
    "key": _key,
}


def layouts(release):
    """The storage layouts of a release."""
    return settings_of(release)["default_storage_layout"].choices
