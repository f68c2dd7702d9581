"""The parameters of each power type, as MAAS names and labels them."""

from __future__ import annotations

from typing import NamedTuple


class Parameter(NamedTuple):
    """A parameter of a power type.

    Attributes:
        name: Of the parameter, as in ``power_parameters_NAME``.
        label: What error messages call it.
        required: Whether it must not be empty.
        default: Its value unless given, or None.
        choices: The values it may have; any when there are none.
        many: Whether it is a list of choices.
        of_machine: Whether each machine has its own, where several share a BMC.
    """

    name: str
    label: str
    required: bool = False
    default: object = None
    choices: tuple = ()
    many: bool = False
    of_machine: bool = False


def _field(name, label, default=None, **more):
    return Parameter(name, label, default=default, **more)


def _needed(name, label, default=None, **more):
    return Parameter(name, label, True, default, **more)


def _own(name, label, required=True):
    return Parameter(name, label, required, of_machine=True)


_USER = _field("power_user", "Power user")
_PASS = _field("power_pass", "Power password")
_ADDRESS = _needed("power_address", "Power address")
_DELAY = _field("power_on_delay", "Power ON outlet delay (seconds)", "5")
_YES_NO = ("n", "y")
_SSL = "Verify SSL connections with system CA certificates"
_FLAGS = (
    "opensesspriv", "authcap", "idzero", "unexpectedauth", "forcepermsg", "endianseq", "intel20",
    "supermicro20", "sun20", "nochecksumcheck", "integritycheckvalue", "ipmiping", "",
)  # fmt: skip

TYPES = {
    "amt": (
        _field("power_user", "AMT user", "admin"), _PASS,
        _field("port", "HTTP or HTTPS", "16992", choices=("16992", "16993")), _ADDRESS,
    ),
    "apc": (
        _needed("power_address", "IP for APC PDU"),
        _own("node_outlet", "APC PDU node outlet number (1-16)"), _DELAY,
        _field("pdu_type", "PDU type", "RPDU", choices=("RPDU", "MASTERSWITCH")),
    ),
    "dli": (_own("outlet_id", "Outlet ID"), _ADDRESS, _USER, _PASS),
    "eaton": (
        _needed("power_address", "IP for Eaton PDU"),
        _own("node_outlet", "Eaton PDU node outlet number (1-24)"), _DELAY,
    ),
    "hmc": (
        _needed("power_address", "IP for HMC"), _field("power_user", "HMC username"),
        _field("power_pass", "HMC password"), _own("server_name", "HMC Managed System server name"),
        _own("lpar", "HMC logical partition"),
    ),
    "hmcz": (
        _needed("power_address", "HMC Address"), _needed("power_user", "HMC username"),
        _needed("power_pass", "HMC password"), _own("power_partition_name", "HMC partition name"),
        _needed("power_verify_ssl",
                "Verify certificate presented by the HMC during SSL/TLS handshake", "y",
                choices=_YES_NO),
    ),
    "ipmi": (
        _needed("power_driver", "Power driver", "LAN_2_0", choices=("LAN", "LAN_2_0")),
        _field("power_boot_type", "Power boot type", "auto", choices=("auto", "legacy", "efi")),
        _needed("power_address", "IP address"), _USER, _PASS, _field("k_g", "K_g BMC key"),
        _field("cipher_suite_id", "Cipher Suite ID", "3", choices=("17", "3", "", "8", "12")),
        _field("privilege_level", "Privilege Level", "OPERATOR",
               choices=("USER", "OPERATOR", "ADMIN")),
        _field("workaround_flags", "Workaround Flags", ["opensesspriv"], choices=_FLAGS, many=True),
        _own("mac_address", "Power MAC", False),
        _field("power_off_mode", "Power off mode", "hard", choices=("soft", "hard")),
    ),
    "lxd": (
        _needed("power_address", "LXD address"), _own("instance_name", "Instance name"),
        _needed("project", "LXD project", "default"), _field("password", "LXD password (optional)"),
        _field("certificate", "LXD certificate (optional)"),
        _field("key", "LXD private key (optional)"),
    ),
    "manual": (),
    "moonshot": (_ADDRESS, _USER, _PASS, _own("power_hwaddress", "Power hardware address")),
    "mscm": (
        _needed("power_address", "IP for MSCM CLI API"), _field("power_user", "MSCM CLI API user"),
        _field("power_pass", "MSCM CLI API password"),
        _own("node_id", "Node ID - Must adhere to cXnY format (X=cartridge number, Y=node"
                        " number)."),
    ),
    "msftocs": (
        _ADDRESS, _field("power_port", "Power port"), _USER, _PASS,
        _own("blade_id", "Blade ID (Typically 1-24)"),
    ),
    "nova": (
        _own("nova_id", "Host UUID"), _needed("os_tenantname", "Tenant name"),
        _needed("os_username", "Username"), _needed("os_password", "Password"),
        _needed("os_authurl", "Auth URL"),
    ),
    "openbmc": (
        _needed("power_address", "OpenBMC address"), _needed("power_user", "OpenBMC user"),
        _needed("power_pass", "OpenBMC password"),
    ),
    "proxmox": (
        _needed("power_address", "Proxmox host name or IP"),
        _needed("power_user", "Proxmox username, including realm"),
        _field("power_pass", "Proxmox password, required if a token name and secret aren't given"),
        _field("power_token_name", "Proxmox API token name"),
        _field("power_token_secret", "Proxmox API token secret"), _own("power_vm_name", "Node ID"),
        _needed("power_verify_ssl", _SSL, "n", choices=_YES_NO),
    ),
    "raritan": (
        _needed("power_address", "IP for Raritan PDU"),
        _own("node_outlet", "Raritan PDU node outlet number"), _DELAY,
    ),
    "recs_box": (
        _own("node_id", "Node ID"), _ADDRESS, _field("power_port", "Power port"), _USER, _PASS,
    ),
    "redfish": (
        _needed("power_address", "Redfish address"), _needed("power_user", "Redfish user"),
        _needed("power_pass", "Redfish password"), _own("node_id", "Node ID", False),
    ),
    "sm15k": (
        _own("system_id", "System ID"), _ADDRESS, _USER, _PASS,
        _needed("power_control", "Power control type", "ipmi",
                choices=("ipmi", "restapi", "restapi2")),
    ),
    "ucsm": (
        _own("uuid", "Server UUID"), _needed("power_address", "URL for XML API"),
        _field("power_user", "API user"), _field("power_pass", "API password"),
    ),
    "virsh": (
        _needed("power_address", "Address"), _field("power_pass", "Password (optional)"),
        _own("power_id", "Virsh VM ID"),
    ),
    "vmware": (
        _own("power_vm_name", "VM Name (if UUID unknown)", False),
        _own("power_uuid", "VM UUID (if known)", False), _needed("power_address", "VMware IP"),
        _needed("power_user", "VMware username"), _needed("power_pass", "VMware password"),
        _field("power_port", "VMware API port (optional)"),
        _field("power_protocol", "VMware API protocol (optional)"),
    ),
    "webhook": (
        _needed("power_on_uri", "URI to power on the node"),
        _needed("power_off_uri", "URI to power off the node"),
        _needed("power_query_uri", "URI to query the nodes power status"),
        _needed("power_on_regex", "Regex to confirm the node is on", r"status.*\:.*running"),
        _needed("power_off_regex", "Regex to confirm the node is off", r"status.*\:.*stopped"),
        _USER, _PASS,
        _field("power_token", "Power token, will be used in place of power_user and power_pass"),
        _needed("power_verify_ssl", _SSL, "n", choices=_YES_NO),
    ),
    "wedge": (_needed("power_address", "IP address"), _USER, _PASS),
}  # fmt: skip
#: First release of a type, where it is not 2.0.
SINCE = {"openbmc": "2.6", "redfish": "2.5", "lxd": "2.8", "eaton": "2.9", "hmcz": "3.0",
         "proxmox": "2.9", "raritan": "3.2", "webhook": "2.9"}  # fmt: skip
#: Parameters that are kept apart, so that two BMCs are the same that differ in these.
SECRETS = ("power_pass", "k_g", "password", "key", "os_password", "power_token",
           "power_token_secret")  # fmt: skip
#: Types whose BMC belongs to one machine.
SINGLE = ("amt", "ipmi", "manual", "openbmc", "webhook", "wedge")
#: Parameter that holds the address of a BMC, where it is not ``power_address`` itself, and
#: whether it is in a URL there.
ADDRESSES = {
    "manual": None, "nova": ("os_authurl", True), "webhook": ("power_query_uri", True),
    **dict.fromkeys(("lxd", "virsh", "proxmox", "ucsm"), ("power_address", True)),
}  # fmt: skip
