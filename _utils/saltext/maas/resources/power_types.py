"""The parameters of each power type, and the releases that have it."""

from __future__ import annotations

import functools
from collections.abc import Iterator

from saltext.maas.redact import passwords_in
from saltext.maas.release import Release
from saltext.maas.resources.table_pillar import reference

_WHERE = ("power_address",)
_LOGIN = ("power_address", "power_user", "power_pass")

#: Power type of API 2.0: first and last release that has it, and the parameters it cannot do
#: without.
POWER_TYPES = {
    "amt": ("2.0", "", _WHERE),
    "apc": ("2.0", "", (*_WHERE, "node_outlet")),
    "dli": ("2.0", "", (*_WHERE, "outlet_id")),
    "eaton": ("2.9", "", (*_WHERE, "node_outlet")),
    "fence_cdu": ("2.0", "2.6", (*_WHERE, "power_id")),
    "hmc": ("2.0", "", (*_WHERE, "server_name", "lpar")),
    "hmcz": ("3.0", "", (*_LOGIN, "power_partition_name")),
    "ipmi": ("2.0", "", _WHERE),
    "lxd": ("2.8", "", (*_WHERE, "instance_name")),
    "manual": ("2.0", "", ()),
    "moonshot": ("2.0", "", (*_WHERE, "power_hwaddress")),
    "mscm": ("2.0", "", (*_WHERE, "node_id")),
    "msftocs": ("2.0", "", (*_WHERE, "blade_id")),
    "nova": ("2.0", "3.7",
             ("nova_id", "os_tenantname", "os_username", "os_password", "os_authurl")),
    "openbmc": ("2.6", "", _LOGIN),
    "proxmox": ("2.9", "", (*_WHERE, "power_user")),
    "raritan": ("3.2", "", (*_WHERE, "node_outlet")),
    "recs_box": ("2.3", "", (*_WHERE, "node_id")),
    "redfish": ("2.5", "", _LOGIN),
    "rsd": ("2.2", "2.9", (*_LOGIN, "node_id")),
    "sm15k": ("2.0", "", (*_WHERE, "system_id")),
    "ucsm": ("2.0", "", (*_WHERE, "uuid")),
    "virsh": ("2.0", "", (*_WHERE, "power_id")),
    "vmware": ("2.0", "", _LOGIN),
    "webhook": ("2.9", "", ("power_on_uri", "power_off_uri", "power_query_uri")),
    "wedge": ("2.1", "", _WHERE),
}  # fmt: skip
_ACCOUNT = ("power_user", "power_pass")
_BY_MAC = (*_WHERE, "mac_address")  # the cluster finds the address of the BMC by that
#: Power type of API 1.0: first and last release that has it, the parameters it cannot do without,
#: and the others.  ``manual`` stands for none.
_NODES = {
    "amt": ("1.5", "1.10", (), (*_BY_MAC, "power_pass")),
    "apc": ("1.8", "1.10", (*_WHERE, "node_outlet"), ("power_on_delay",)),
    "dli": ("1.5", "1.10", _WHERE, ("system_id", "outlet_id", *_ACCOUNT)),  # the latter in 1.9
    "ether_wake": ("1.5", "1.10", ("mac_address",), ()),
    "fence_cdu": ("1.5", "1.10", (*_WHERE, "power_id"), _ACCOUNT),
    "hmc": ("1.9", "1.10", (*_WHERE, "server_name", "lpar"), _ACCOUNT),
    "ipmi": ("1.5", "1.10", (), (*_BY_MAC, *_ACCOUNT, "power_driver")),
    "manual": ("1.5", "1.10", (), ()),
    "moonshot": ("1.5", "1.10", (*_WHERE, "power_hwaddress"), _ACCOUNT),
    "mscm": ("1.5", "1.10", (*_WHERE, "node_id"), _ACCOUNT),
    "msftocs": ("1.8", "1.10", (*_WHERE, "blade_id"), (*_ACCOUNT, "power_port")),
    "sm15k": ("1.5", "1.10", (*_WHERE, "system_id"), (*_ACCOUNT, "power_control")),
    "ucsm": ("1.5", "1.10", (*_WHERE, "uuid"), _ACCOUNT),
    "virsh": ("1.5", "1.10", (*_WHERE, "power_id"), ("power_pass",)),
    "vmware": ("1.8", "1.10", _LOGIN,
               ("power_vm_name", "power_uuid", "power_port", "power_protocol")),
}  # fmt: skip
#: Power type: the parameters that it has beside those, in any release.
_OPTIONAL = {
    **dict.fromkeys(
        ("amt", "dli", "fence_cdu", "hmc", "ipmi", "moonshot", "mscm", "msftocs", "recs_box",
         "sm15k", "ucsm", "wedge"), _ACCOUNT),
    "amt": (*_ACCOUNT, "port"),
    "apc": ("power_on_delay", "pdu_type"),
    "eaton": ("power_on_delay",),
    "hmcz": ("power_verify_ssl",),
    "ipmi": (*_ACCOUNT, "power_driver", "power_boot_type", "k_g", "cipher_suite_id",
             "privilege_level", "workaround_flags", "mac_address", "power_off_mode"),
    "lxd": ("project", "password", "certificate", "key"),
    "msftocs": (*_ACCOUNT, "power_port"),
    "proxmox": ("power_pass", "power_token_name", "power_token_secret", "power_vm_name",
                "power_verify_ssl"),
    "raritan": ("power_on_delay",),
    "recs_box": (*_ACCOUNT, "power_port"),
    "redfish": ("node_id",),
    "sm15k": (*_ACCOUNT, "power_control"),
    "virsh": ("power_pass",),
    "vmware": ("power_vm_name", "power_uuid", "power_port", "power_protocol"),
    "webhook": (*_ACCOUNT, "power_on_regex", "power_off_regex", "power_token",
                "power_verify_ssl"),
}  # fmt: skip
_CHOICES = {
    ("amt", "port"): ("16992", "16993"),
    ("apc", "pdu_type"): ("RPDU", "MASTERSWITCH"),
    ("ipmi", "power_driver"): ("LAN", "LAN_2_0"),
    ("ipmi", "power_boot_type"): ("auto", "legacy", "efi"),
    ("ipmi", "cipher_suite_id"): ("17", "3", "8", "12"),
    ("ipmi", "privilege_level"): ("USER", "OPERATOR", "ADMIN"),
    ("ipmi", "power_off_mode"): ("soft", "hard"),
    ("ipmi", "workaround_flags"): (
        "opensesspriv", "authcap", "idzero", "unexpectedauth", "forcepermsg", "endianseq",
        "intel20", "supermicro20", "sun20", "nochecksumcheck", "integritycheckvalue", "ipmiping",
    ),
    ("sm15k", "power_control"): ("ipmi", "restapi", "restapi2"),
    **{(name, "power_verify_ssl"): ("n", "y") for name in ("hmcz", "proxmox", "webhook")},
}  # fmt: skip
SECRET = frozenset((
    "power_pass", "k_g", "password", "key", "os_password", "power_token", "power_token_secret",
))  # fmt: skip
#: Power types whose BMC belongs to one machine; MAAS refuses a second one after half a minute.
SINGLE = ("amt", "ipmi", "openbmc", "webhook", "wedge")


@functools.lru_cache(maxsize=64)
def known(release: Release | None) -> list[str]:
    """Return the power types of a release; of all releases without one."""
    return sorted(
        name
        for name in POWER_TYPES.keys() | _NODES.keys()
        if release is None
        or any(release.within(*types[name][:2]) for types in (_NODES, POWER_TYPES) if name in types)
    )


def names(power_type: str | None, release: Release | None) -> tuple[str, ...]:
    """Return the parameters that a power type may have; in any release without one."""
    found: dict = {}
    if power_type in _NODES and (release is None or release < "2.0"):
        found.update(dict.fromkeys([*_NODES[power_type][2], *_NODES[power_type][3]]))
    if power_type in POWER_TYPES and (release is None or release >= "2.0"):
        more = (*POWER_TYPES[power_type][2], *_OPTIONAL.get(power_type, ()))
        found.update(dict.fromkeys(more))
    return tuple(found)


#: All parameters that are not secret.
PLAIN = frozenset(one for kind in known(None) for one in names(kind, None)) - SECRET


def lacking(power_type: str | None, parameters: dict, release: Release) -> list[str]:
    """Return the parameters that a power type requires and that are not given."""
    needed = (POWER_TYPES if release >= "2.0" else _NODES).get(power_type or "", ("", "", ()))[2]
    return [name for name in needed if not parameters.get(name)]


def texts(parameters: dict) -> dict:
    """Return power parameters as MAAS stores them: texts, or lists of texts."""
    return {name: _text(value) for name, value in parameters.items()}


def _text(value):
    if isinstance(value, (list, tuple)):
        return sorted(_text(one) for one in value)
    if isinstance(value, bool):
        return "y" if value else "n"
    return "" if value is None else str(value)


def mistakes(
    power_type: str | None, parameters: dict, release: Release | None = None
) -> Iterator[str]:
    """Yield mistakes in the parameters of a power type; values are not shown."""
    if power_type not in known(release):
        return
    allowed = names(power_type, release)
    for name in sorted(parameters.keys() - allowed):
        yield f"{power_type} has no {name!r}; it has: {', '.join(allowed) or 'no parameters'}"
    for name, value in texts(parameters).items():
        choices = _CHOICES.get((power_type, name), ())
        given = value if isinstance(value, list) else [value]
        if choices and not {*choices, ""}.issuperset(given):
            yield f"{name} must be one of: {', '.join(choices)}"


def without_secrets(host: str, parameters: dict) -> dict:
    """Return power parameters of a machine for a pillar file: with references to the secret ones.

    Args:
        host: Host name of the machine.
        parameters: Its power parameters.
    """
    return {
        name: reference("machine", host, name)
        if name in SECRET or passwords_in([str(one)]) else one
        for name, one in parameters.items()
    }  # fmt: skip


def bmc(power_type: str | None, parameters: dict) -> tuple:
    """Return the identity of a BMC: its type and the parameters that are not secret."""
    left_out = {*SECRET, "mac_address"}  # which is the machine's own
    shown = texts({name: one for name, one in parameters.items() if name not in left_out})
    return (power_type, *sorted((name, str(one)) for name, one in shown.items() if one))


def connection(power_type: str | None, parameters: dict) -> tuple | None:
    """Return a machine's power connection: type, address, and its number or name there; else None.

    Args:
        power_type: Its power type.
        parameters: Its power parameters.
    """
    required = POWER_TYPES.get(power_type or "", ("", "", ()))[2]
    identifying = [name for name in required if name not in (*_ACCOUNT, *SECRET)]
    if "power_address" not in identifying or not all(parameters.get(name) for name in identifying):
        return None
    return (power_type, *(str(parameters[name]) for name in identifying))
