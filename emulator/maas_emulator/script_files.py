"""Scripts that run on machines: those that MAAS brings, and what is read out of one."""

from __future__ import annotations

import json
import re

import yaml

TYPES = {"commissioning": 0, "testing": 2, "release": 3, "deployment": 4}
TYPE_NAMES = {0: "Commissioning script", 2: "Testing script", 3: "Release script",
              4: "Deployment script"}  # fmt: skip
TYPE_WORDS = {"commission": 0, "commissioning": 0, "test": 2, "testing": 2, "release": 3,
              "deployment": 4}  # fmt: skip
#: First release with a type, where that is not the first with ``scripts/``.
_TYPES_SINCE = {"release": "3.5", "deployment": "3.8"}
#: What a new script is that does not say so.
DEFAULTS = {"script_type": 2, "hardware_type": 0, "parallel": 0}
HARDWARE = {
    0: ("Node", ("node", "machine", "controller", "other", "generic")),
    1: ("CPU", ("cpu", "processor")),
    2: ("Memory", ("memory", "ram")),
    3: ("Storage", ("storage", "disk", "ssd")),
    4: ("Network", ("network", "net", "interface")),
    5: ("GPU", ("gpu", "graphics")),
}
PARALLEL = {
    0: ("Disabled", ("disabled", "none")),
    1: ("Run along other instances of this script", ("instance", "name")),
    2: ("Run along any other script.", ("any", "enabled")),
}

#: Scripts of a new region: (name, type, hardware, parallel, timeout, tags, first release). They
#: are those of 3.7; older releases call some of them otherwise.
BUILT_IN = (
    ("20-maas-01-install-lldpd", 0, 0, 0, "0:00:30", ""),
    ("20-maas-02-dhcp-unconfigured-ifaces", 0, 0, 0, "0:00:10", ""),
    ("30-maas-01-bmc-config", 0, 0, 0, "0:05:00", "bmc-config"),
    ("20-maas-03-machine-resources", 0, 0, 0, "0:01:00", "deploy-info"),
    ("40-maas-01-machine-config-hints", 0, 0, 0, "0:01:00", ""),
    ("50-maas-01-commissioning", 0, 0, 0, "0:01:00", "deploy-info"),
    ("maas-support-info", 0, 0, 2, "0:05:00", "deploy-info"),
    ("maas-lshw", 0, 0, 2, "0:05:00", "deploy-info"),
    ("maas-list-modaliases", 0, 0, 2, "0:00:10", "deploy-info"),
    ("maas-get-fruid-api-data", 0, 0, 2, "0:01:00", ""),
    ("maas-kernel-cmdline", 0, 0, 2, "0:00:10", ""),
    ("maas-serial-ports", 0, 0, 2, "0:00:10", "deploy-info"),
    ("maas-capture-lldpd", 0, 0, 2, "0:01:00", ""),
    ("smartctl-validate", 2, 3, 1, "0:05:00", "commissioning"),
    ("smartctl-short", 2, 3, 1, "0:10:00", ""),
    ("smartctl-long", 2, 3, 1, "0:00:00", ""),
    ("smartctl-conveyance", 2, 3, 1, "0:00:00", ""),
    ("memtester", 2, 2, 0, "0:00:00", ""),
    ("stress-ng-cpu-long", 2, 1, 0, "14:00:00", ""),
    ("stress-ng-cpu-short", 2, 1, 0, "0:05:00", ""),
    ("stress-ng-memory-long", 2, 2, 0, "14:00:00", ""),
    ("stress-ng-memory-short", 2, 2, 0, "0:05:00", ""),
    ("ntp", 2, 4, 2, "0:01:00", "ntp"),
    ("badblocks", 2, 3, 1, "0:00:00", ""),
    ("badblocks-destructive", 2, 3, 1, "0:00:00", "destructive"),
    ("7z", 2, 1, 0, "0:05:00", ""),
    ("fio", 2, 3, 1, "0:00:00", "destructive"),
    ("internet-connectivity", 2, 4, 1, "0:05:00", "internet,network-validation"),
    ("gateway-connectivity", 2, 4, 1, "0:05:00", "network-validation"),
    ("rack-controller-connectivity", 2, 4, 1, "0:05:00", "network-validation"),
    ("wipe-disks", 3, 0, 0, "0:00:00", "wipe,disk"),
    ("50-curtin-install", 4, 0, 0, "1:30:00", ""),
)
_DISK = {"storage": {"type": "storage", "argument_format": "{path}"}}
_NIC = {"interface": {"type": "interface"}}
#: Parameters of scripts that have some.
BUILT_IN_PARAMETERS = {
    "30-maas-01-bmc-config": {
        "maas_auto_ipmi_user": {
            "type": "string", "max": 20, "argument_format": "--username={input}",
        },
        "maas_auto_ipmi_user_password": {
            "type": "password", "max": 20, "argument_format": "--password={input}",
        },
        "maas_auto_ipmi_k_g_bmc_key": {
            "type": "password", "max": 20, "argument_format": "--ipmi-k-g={input}",
        },
        "maas_auto_ipmi_user_privilege_level": {
            "type": "choice", "argument_format": "--ipmi-privilege-level={input}",
            "choices": [["USER", "User"], ["OPERATOR", "Operator"], ["ADMIN", "Administrator"]],
        },
        "maas_auto_ipmi_cipher_suite_id": {
            "type": "string", "max": 2, "argument_format": "--ipmi-cipher-suite-id={input}",
        },
    },
    **dict.fromkeys(("smartctl-validate", "smartctl-short", "smartctl-long",
                     "smartctl-conveyance", "fio"), _DISK),
    "badblocks": {"storage": {"type": "storage"}},
    "badblocks-destructive": {"storage": {"type": "storage"}},
    **dict.fromkeys(("gateway-connectivity", "rack-controller-connectivity"), _NIC),
    "internet-connectivity": {
        "url": {"type": "url", "default": "https://connectivity-check.ubuntu.com",
                "required": True, "allow_list": True},
        **_NIC,
    },
    "wipe-disks": {
        name: {"type": "boolean", "argument_format": f"--{name.replace('_', '-')}"}
        for name in ("quick_erase", "secure_erase")
    },
}  # fmt: skip
#: First release of kinds of scripts, where that is not the first with ``scripts/``.
BUILT_IN_SINCE = {"internet-connectivity": "2.7", "gateway-connectivity": "2.7",
                  "rack-controller-connectivity": "2.7", "wipe-disks": "3.5",
                  "50-curtin-install": "3.8"}  # fmt: skip

_DELIMITER = re.compile(
    r"\s*#\s*-+\s*(Start|End) MAAS (?P<version>\d+\.\d+) script metadata\s+-+", re.IGNORECASE
)


def number(field, given, release):
    """Turn a word or number into the number that is stored.

    Args:
        field: ``script_type``, ``hardware_type`` or ``parallel``.
        given: What was sent.
        release: Of the region, for the wording.

    Raises:
        ValueError: It is none of those; its text is MAAS's message.
    """
    words, label, wrong = _WORDS[field]
    text = str(given)
    if field == "script_type":
        words = {
            word: ident for word, ident in words.items()
            if release >= _TYPES_SINCE.get(word, "2.0") or (word == "release" and text == "3")
        }  # fmt: skip
    if text.isdecimal():
        if int(text) not in words.values():
            raise ValueError(f"Invalid {label} numeric value.")
        return int(text)
    text = text.lower() if field == "hardware_type" else text
    if text in words:
        return words[text]
    if field == "script_type" and release < "3.5":
        wrong = "Script type must be testing or commissioning"
    elif field == "script_type" and release >= "3.8":
        wrong = "Script type must be commissioning, testing, release or deployment"
    raise ValueError(wrong)


def _words_of(table):
    return {word: ident for ident, (_, words) in table.items() for word in words}


_WORDS = {
    "script_type": (TYPE_WORDS, "script type",
                    "Script type must be commissioning, testing or release"),
    "hardware_type": (_words_of(HARDWARE), "hardware type",
                      "Hardware type must be node, cpu, memory, storage, or gpu"),
    "parallel": (_words_of(PARALLEL), "script parallel",
                 "Script parallel must be disabled, instance, or any."),
}  # fmt: skip


def is_hardware(ident):
    """Whether a text names hardware as MAAS wants it."""
    return bool(
        re.search(
            r"^modalias:.+|(pci|usb):[\da-f]{4}:[\da-f]{4}"
            r"|(system_(vendor|product|version)|mainboard_(vendor|product)):",
            str(ident),
            re.IGNORECASE,
        )
    )


def metadata(text):
    """What a script says of itself in its comment block.

    Args:
        text: The script.

    Returns:
        A dict, empty when there is no block.

    Raises:
        ValueError: The block is no YAML, or a line of it is no comment.
    """
    lines, inside = [], None
    for line in text.splitlines()[1:]:
        mark = _DELIMITER.search(line)
        if mark and inside is None:
            inside = mark.group("version")
        elif mark and mark.group("version") == inside:
            break
        elif inside is not None and line.strip():
            if "#" not in line:
                raise ValueError('Missing "#" on YAML line.')
            lines.append(line.split("#", 1)[1])
    try:
        found = yaml.safe_load("\n".join(lines))
    except yaml.YAMLError as error:
        raise ValueError(f"Invalid YAML: {error}") from None
    return found if isinstance(found, dict) else {}


def seconds(text):
    """A duration (``300``, ``5:00``, ``1 00:05:00``, ``1 day``) in seconds; or ValueError."""
    match = re.fullmatch(
        r"(?:(-?\d+) (?:days?(?:, ?| ?))?)?(?:(-?)(?:(?:(\d+):)(?=\d+:\d+))?(?:(\d+):)?"
        r"(\d+)(?:[.,]\d{1,6}\d{0,6})?)?",
        f"{text} " if str(text).endswith("day") or str(text).endswith("days") else str(text),
    )
    if not match or not str(text):
        raise ValueError(text)
    days, sign, hours, minutes, rest = match.groups()
    total = int(hours or 0) * 3600 + int(minutes or 0) * 60 + int(rest or 0)
    return int(days or 0) * 86400 + (-total if sign else total)


def duration(total):
    """Seconds as the API shows them (``0:05:00``)."""
    days, rest = divmod(total, 86400)
    shown = f"{rest // 3600}:{rest // 60 % 60:02}:{rest % 60:02}"
    return shown if not days else f"{days} day{'s' * (days > 1)}, {shown}"


def listed(value):
    """Tags or hardware ids: a list, or one text with commas."""
    if not isinstance(value, list):
        value = str(value or "").split(",")
    return [str(item).strip() for item in value if str(item).strip()]


def mapping(value):
    """Packages from their JSON; ValueError when it is none, with the server's text."""
    found = json.loads(value)
    if isinstance(found, (list, str)):
        return found
    if not isinstance(found, dict):
        raise ValueError(f"argument of type '{type(found).__name__}' is not iterable")
    return {
        key: item if isinstance(item, list) or key not in ("apt", "snap", "url") else [item]
        for key, item in found.items()
    }
