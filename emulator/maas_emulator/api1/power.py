"""The power types that clusters of API 1.0 describe; those of 1.7 were seen."""

from __future__ import annotations

_ADDRESS, _USER, _PASSWORD = ("power_address", "Power address"), ("power_user", "Power user"), (
    "power_pass", "Power password"
)  # fmt: skip
_ARP = (
    "Use ARP on this MAC address to discover the {} IP address if its IP is likely to change,"
    " e.g. if it's assigned via DHCP."
)
_ARP_IPMI = _ARP.replace("the {} IP address", "the BMC's IP address")

#: (name, description, fields as (name, label[, type, default, choices])).
_TYPES = (
    ("ether_wake", "Wake-on-LAN", (("mac_address", "MAC Address", "mac_address"),)),
    ("virsh", "Virsh (virtual systems)", (
        _ADDRESS, ("power_id", "Power ID"), ("power_pass", "Power password (optional)"))),
    ("fence_cdu", "Sentry Switch CDU", (_ADDRESS, ("power_id", "Power ID"), _USER, _PASSWORD)),
    ("ipmi", "IPMI", (
        ("power_driver", "Power driver", "choice", "LAN_2_0",
         (("LAN", "LAN [IPMI 1.5]"), ("LAN_2_0", "LAN_2_0 [IPMI 2.0]"))),
        ("power_address", "IP address"), _USER, _PASSWORD, ("mac_address", _ARP_IPMI))),
    ("moonshot", "iLO4 Moonshot Chassis", (
        _ADDRESS, _USER, _PASSWORD, ("power_hwaddress", "Power hardware address"))),
    ("sm15k", "SeaMicro 15000", (
        ("system_id", "System ID"), _ADDRESS, _USER, _PASSWORD,
        ("power_control", "Power control type", "choice", "ipmi",
         (("ipmi", "IPMI"), ("restapi", "REST API v0.9"), ("restapi2", "REST API v2.0"))))),
    ("amt", "Intel AMT", (
        ("mac_address", "MAC Address", "mac_address"), _PASSWORD,
        ("power_address", _ARP.format("AMT")))),
    ("dli", "Digital Loggers, Inc. PDU", (
        ("system_id", "Outlet ID"), _ADDRESS, _USER, _PASSWORD)),
    ("ucsm", "Cisco UCS Manager", (
        ("uuid", "Server UUID"), ("power_address", "URL for XML API"),
        ("power_user", "API user"), ("power_pass", "API password"))),
    ("mscm", "Moonshot HP iLO Chassis Manager", (
        ("power_address", "IP for MSCM CLI API"), ("power_user", "MSCM CLI API user"),
        ("power_pass", "MSCM CLI API password"),
        ("node_id", "Node ID - Must adhere to cXnY format (X=cartridge number, Y=node number)."))),
)  # fmt: skip


def _field(name, label, kind="string", default="", choices=()):
    return {
        "name": name,
        "label": label,
        "field_type": kind,
        "default": default,
        "required": False,
        "choices": [list(choice) for choice in choices],
    }


def power_types():
    """What ``describe_power_types`` answers for one connected cluster."""
    return [
        {"name": name, "description": text, "fields": [_field(*field) for field in fields]}
        for name, text, fields in _TYPES
    ]
