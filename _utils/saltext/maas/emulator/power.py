"""How machines are switched: the parameters of each power type, and who reaches a BMC."""

from __future__ import annotations

import json

from saltext.maas.emulator import ips, networks
from saltext.maas.emulator.forms import is_ip, not_a_choice
from saltext.maas.emulator.web import TEXT, Answer

#: Power type: its parameters, as ``name``, ``name!`` (needed) or ``name=default``; those after
#: ``|`` are of the machine and not of its BMC.
TYPES = {
    "amt": "power_user=admin power_pass port=auto power_address!",
    "apc": "power_address! power_on_delay=5 pdu_type=RPDU | node_outlet!",
    "dli": "power_address! power_user power_pass | outlet_id!",
    "eaton": "power_address! power_on_delay=5 | node_outlet!",
    "hmc": "power_address! power_user power_pass | server_name! lpar!",
    "hmcz": "power_address! power_user! power_pass! power_verify_ssl=y | power_partition_name!",
    "ipmi": "power_driver=LAN_2_0 power_boot_type=auto power_address! power_user power_pass k_g"
    " cipher_suite_id=3 privilege_level=OPERATOR workaround_flags power_off_mode=hard"
    " | mac_address",
    "lxd": "power_address! project=default password certificate key | instance_name!",
    "manual": "",
    "moonshot": "power_address! power_user power_pass | power_hwaddress!",
    "mscm": "power_address! power_user power_pass | node_id!",
    "msftocs": "power_address! power_port power_user power_pass | blade_id!",
    "nova": "os_tenantname! os_username! os_password! os_authurl! | nova_id!",
    "openbmc": "power_address! power_user! power_pass!",
    "proxmox": "power_address! power_user! power_pass power_token_name power_token_secret"
    " power_verify_ssl=n | power_vm_name!",
    "raritan": "power_address! power_on_delay=5 | node_outlet!",
    "recs_box": "power_address! power_port power_user power_pass | node_id!",
    "redfish": "power_address! power_user! power_pass! | node_id",
    "sm15k": "power_address! power_user power_pass power_control=ipmi | system_id!",
    "ucsm": "power_address! power_user power_pass | uuid!",
    "virsh": "power_address! power_pass | power_id!",
    "vmware": "power_address! power_user! power_pass! power_port power_protocol"
    " | power_vm_name power_uuid",
    "webhook": "power_on_uri! power_off_uri! power_query_uri! power_user power_pass power_token"
    " power_verify_ssl=n",
    "wedge": "power_address! power_user power_pass",
}
#: First release of a type, where it is not 2.0.
SINCE = {"openbmc": "2.5", "redfish": "2.4", "lxd": "2.8", "eaton": "2.8", "hmcz": "3.1",
         "proxmox": "3.0", "raritan": "3.2", "webhook": "3.1"}  # fmt: skip
SECRETS = ("power_pass", "k_g", "password", "key", "os_password", "power_token",
           "power_token_secret")  # fmt: skip


def parameters(kind):
    """Parameters of a power type: ``[(name, needed, default, of the machine), ...]``."""
    found, of_machine = [], False
    for word in TYPES[kind].split():
        if word == "|":
            of_machine = True
            continue
        name, _, default = word.partition("=")
        found.append((name.rstrip("!"), name.endswith("!"), default, of_machine))
    return found


def known(region):
    """The power types of a release."""
    return [kind for kind in TYPES if region.release >= SINCE.get(kind, "2.0")]


def describe(region):
    """What ``describe_power_types`` answers; the texts are names, not MAAS's labels."""
    return [
        {
            "driver_type": "power",
            "name": kind,
            "description": kind,
            "fields": [
                {
                    "name": name,
                    "label": name,
                    "required": needed,
                    "field_type": "password" if name in SECRETS else "string",
                    "choices": [],
                    "default": default,
                    "scope": "node" if of_machine else "bmc",
                    "secret": name in SECRETS,
                }
                for name, needed, default, of_machine in parameters(kind)
            ],
            "missing_packages": [],
            "chassis": False,
            "can_probe": False,
            "queryable": kind != "manual",
        }
        for kind in known(region)
    ]


def _sent(form):
    """Parameters of a form: one by one with a prefix, or all of them as JSON."""
    prefix = "power_parameters_"
    found = {name[len(prefix) :]: form.get(name) for name in form if name.startswith(prefix)}
    whole = form.get("power_parameters")
    if isinstance(whole, str) and whole.strip():
        try:
            whole = json.loads(whole)
        except ValueError:
            whole = None
    if isinstance(whole, dict):
        found.update(whole)
    found.pop("skip_check", None)
    return found


def read(check, region, stored):
    """Power type and parameters of a form.

    Returns:
        ``(type, parameters)``; errors are noted in the check.
    """
    before = stored or {"power_type": "", "power_parameters": {}}
    kind = check.form.get("power_type")
    kind = before["power_type"] if kind is None else str(kind)
    sent = _sent(check.form)
    if kind and kind not in known(region):
        check.error("power_type", not_a_choice(kind))
        return kind, {}
    if not kind:
        return "", {}
    kept = before["power_parameters"] if before["power_type"] == kind else {}
    values, lacking = {}, False
    for name, needed, default, _ in parameters(kind):
        value = sent.get(name, kept.get(name, default))
        if name == "workaround_flags" and not value:
            value = ["opensesspriv"]
        values[name] = value
        lacking = lacking or (needed and not value)
    if lacking and str(check.form.get("power_parameters_skip_check")).lower() != "true":
        check.error("power_parameters", "This field is required.")
    return kind, values


def keep_address(region, row):
    """Give out the address of a machine's (or VM host's) BMC, and take its old one back."""
    table = region.rows("ips")
    for held in list(table.values()):
        if held.get("bmc") == row["power_id"]:
            del table[held["id"]]
    text = str(row["power_parameters"].get("power_address") or "")
    text = text.rpartition("@")[2].rpartition("//")[2].partition("/")[0]
    if is_ip(text) and networks.subnet_for(region, text) and not ips.find(region, text):
        ips.add(region, text, kind=ips.STICKY, bmc=row["power_id"])


def is_reachable(region, row):
    """Whether some rack can switch a machine: one that is connected and whose services run."""
    if row["power_type"] in ("", "manual"):
        return True
    racks = region.rows("racks").values()
    return any(rack["connected"] and rack["services"] == "running" for rack in racks)


def unreachable(row):
    """The answer where no rack reaches a BMC."""
    return Answer(503, f"No rack controllers can access the BMC of node {row['hostname']}", TEXT)
