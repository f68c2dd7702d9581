"""What is given to states and functions that operate machines, each described once, as data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from saltext.maas import schemas


class Parameter(NamedTuple):
    """One argument of the states and functions.

    Attributes:
        kind: What it may be.
        doc: What it is.
        since: First release of MAAS that knows it, where its operation is older.
        choices: Values that it may have, where these are few.
    """

    kind: str
    doc: str
    since: str = ""
    choices: tuple[str, ...] = ()


#: All of them by name; what MAAS does not get is the last group.
PARAMETERS = {
    "commissioning_scripts": Parameter(
        "list of str", "Names or tags; MAAS's own by default.", "2.2"
    ),
    "testing_scripts": Parameter(
        "list of str", "Names or tags of tests; those tagged ``commissioning`` by default.", "2.2"
    ),
    "parameters": Parameter(
        "dict", "Values of parameters of scripts, as ``SCRIPT_PARAMETER``.", "2.3"
    ),
    "enable_ssh": Parameter("bool", "Whether the machine stays on, for SSH.", "1.9"),
    "skip_bmc_config": Parameter("bool", "Whether its BMC is left alone.", "2.4"),
    "skip_networking": Parameter(
        "bool", "Whether its interfaces stay as they are configured.", "1.9"
    ),
    "skip_storage": Parameter("bool", "Whether its disks stay as they are configured.", "1.9"),

    "osystem": Parameter(
        "str", "Operating system, where ``distro_series`` does not name it.", "2.0"
    ),
    "distro_series": Parameter(
        "str", "Release, such as ``jammy`` or ``custom/NAME``; MAAS's default if left out."
    ),
    "hwe_kernel": Parameter("str", "Kernel, such as ``hwe-22.04``.", "1.9"),
    "user_data": Parameter(
        "str", "What cloud-init gets: a text, or the ``salt://`` path of a file."
    ),
    "ephemeral_deploy": Parameter("bool", "Whether to deploy to memory.", "2.6"),
    "install_kvm": Parameter("bool", "Whether to make it a VM host of libvirt.", "2.5"),
    "register_vmhost": Parameter("bool", "Whether to make it a VM host of LXD.", "3.0"),
    "bridge_all": Parameter("bool", "Whether to make a bridge on each interface.", "2.5"),
    "bridge_type": Parameter("str", "Kind of the bridges.", "2.7", ("standard", "ovs")),
    "bridge_stp": Parameter("bool", "Whether bridges use the spanning tree protocol.", "2.5"),
    "bridge_fd": Parameter("int", "Forward delay of bridges, in seconds.", "2.5"),
    "enable_hw_sync": Parameter(
        "bool", "Whether it reports its hardware from time to time.", "3.2"
    ),
    "enable_kernel_crash_dump": Parameter("bool", "Whether to enable crash dumps.", "3.6"),
    "vcenter_registration": Parameter("bool", "Whether a VMware host is registered.", "2.6"),
    "license_key": Parameter("str", "License key of the operating system.", "1.6"),
    "agent_name": Parameter("str", "Name of who allocates it.", "2.2"),
    "minion": Parameter(
        "bool", "Whether they become minions, as ``maas:minions`` of the pillar describes; see "
        ":doc:`../machines-to-minions`."
    ),

    "erase": Parameter("bool", "Whether to erase their disks.", "2.1"),
    "secure_erase": Parameter(
        "bool", "Whether to let disks that can do so erase themselves.", "2.1"
    ),
    "quick_erase": Parameter(
        "bool", "Whether to wipe only beginning and end of the disks.", "2.1"
    ),
    "scripts": Parameter("list of str", "Names of release scripts to run.", "3.5"),
    "stop_mode": Parameter("str", "How they are switched off.", "1.7", ("hard", "soft")),
    "comment": Parameter("str", "Comment for MAAS's log of events.", "1.9"),

    "machines": Parameter("list of str", "Machines to treat together, in place of ``name``."),
    "machine_class": Parameter(
        "str", "Class in the pillar of the machines to treat together, in place of ``name``."
    ),
    "on": Parameter("bool", "Whether they are to be on."),
    "redeploy": Parameter(
        "bool", "Whether a machine that is deployed with something else is released, and deployed "
        "again. What is on its disks is lost.",
    ),
    "in_use": Parameter("bool", "Whether machines that another user has are touched, too."),
}  # fmt: skip
#: Parameters of operations that the pillar may hold of a machine, by its key there.
IN_PILLAR = {
    "commission": (
        "commissioning_scripts", "testing_scripts", "parameters", "enable_ssh", "skip_bmc_config",
        "skip_networking", "skip_storage",
    ),
    "deploy": (
        "osystem", "distro_series", "hwe_kernel", "user_data", "ephemeral_deploy", "install_kvm",
        "register_vmhost", "bridge_all", "bridge_type", "bridge_stp", "bridge_fd", "enable_hw_sync",
        "enable_kernel_crash_dump", "vcenter_registration", "license_key", "agent_name",
    ),
}  # fmt: skip
#: What is another thing to states than to functions.
OF_STATES = {
    "name": Parameter("str", "Host name, system id or MAC address."),
    "timeout": Parameter("float", "Seconds to wait for all machines together."),
}
OF_FUNCTIONS = {
    "name": Parameter("str or list of str", "Host names, system ids or MAC addresses."),
    "timeout": Parameter("float", "Seconds to wait for the end; 0 to return at once."),
}

#: What the examples of states and functions give; ``name: web-1`` where nothing else is named.
EXAMPLES: dict[str, dict[str, Any]] = {
    "commission": {"skip_storage": True, "timeout": 1800},
    "test": {"testing_scripts": ["memtester"]},
    "deploy": {"distro_series": "jammy", "timeout": 3600},
    "release": {"comment": "not needed any more"},
    "mark_broken": {"comment": "fan is stuck"},
    "power_off": {"stop_mode": "soft"},
    "commissioned": {
        "name": "new machines", "machines": ["web-1", "web-2"],
        "testing_scripts": ["smartctl-validate"],
    },
    "tested": {"testing_scripts": ["memtester"]},
    "deployed": {
        "name": "web", "machines": ["web-1", "web-2"], "distro_series": "jammy",
        "user_data": "salt://web/cloud-config.yaml",
    },
    "released": {"quick_erase": True, "erase": True},
    "powered": {"on": False},
}  # fmt: skip
_SECONDS = schemas.seconds("", zero=True, allowed="a number of seconds")


def mistakes(given: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is wrong with values, by the names of their parameters."""
    for name, value in given.items():
        kind, choices = PARAMETERS[name].kind, PARAMETERS[name].choices
        if kind == "bool" and not isinstance(value, bool):
            yield f"{name}: {value!r} must be true or false"
        elif kind == "list of str" and not _is_names(value):
            yield f"{name}: {value!r} must be a list of names or tags of scripts, with at least one"
        elif choices and value not in choices:
            yield f"{name}: {value!r} must be one of {', '.join(choices)}"
        elif kind == "int" and (isinstance(value, bool) or not isinstance(value, int)):
            yield f"{name}: {value!r} must be a whole number"
        elif kind == "dict":
            yield from _wrong_parameters(value)


def seconds_of(timeout: Any) -> float:
    """Return a timeout as a number of seconds.

    Raises:
        BadInput: It is none.
    """
    schemas.check(timeout, _SECONDS, "timeout")
    return float(timeout)


def _is_names(value):
    several = isinstance(value, (list, tuple)) and all(isinstance(one, str) for one in value)
    return bool(value) and (several or isinstance(value, str))


def _wrong_parameters(value):
    if not isinstance(value, dict):
        yield "parameters: must be a mapping, such as SCRIPT_PARAMETER: value"
        return
    for name, one in value.items():
        if not isinstance(one, (str, int, float)):
            yield f"parameters:{name}: must be a text, a number or a truth value"
