"""Machines: what is kept of one, what is shown of it, and which status may follow which."""

from __future__ import annotations

from saltext.maas.emulator import ips, nodes, power, storage
from saltext.maas.emulator.api2_groups import show_pool, show_zone
from saltext.maas.emulator.crud import hide_newer, mail_date
from saltext.maas.emulator.dns import show_domain
from saltext.maas.emulator.web import TEXT, Answer

NEW, COMMISSIONING, FAILED_COMMISSIONING, READY, DEPLOYED, BROKEN = 0, 1, 2, 4, 6, 8
DEPLOYING, ALLOCATED, FAILED_DEPLOYMENT, RELEASING, FAILED_RELEASING = 9, 10, 11, 12, 13
RESCUE_MODE, TESTING, FAILED_TESTING = 16, 21, 22
STATUS = {
    0: "New", 1: "Commissioning", 2: "Failed commissioning", 3: "Missing", 4: "Ready",
    5: "Reserved", 6: "Deployed", 7: "Retired", 8: "Broken", 9: "Deploying", 10: "Allocated",
    11: "Failed deployment", 12: "Releasing", 13: "Releasing failed", 14: "Disk erasing",
    15: "Failed disk erasing", 16: "Rescue mode", 17: "Entering rescue mode",
    18: "Failed to enter rescue mode", 19: "Exiting rescue mode",
    20: "Failed to exit rescue mode", 21: "Testing", 22: "Failed testing",
}  # fmt: skip
MACHINE = 0

#: First release whose answers have a field, where it is not 2.0.
SINCE = {
    **dict.fromkeys(
        ("locked", "cache_sets", "bcaches", "cpu_speed", "pool", "volume_groups", "raids", "pod",
         "default_gateways", "hardware_info"), "2.4"),
    **dict.fromkeys(
        ("current_commissioning_result_id", "current_testing_result_id",
         "current_installation_result_id", "commissioning_status", "commissioning_status_name",
         "testing_status", "testing_status_name", "cpu_test_status", "cpu_test_status_name",
         "memory_test_status", "memory_test_status_name", "storage_test_status",
         "storage_test_status_name", "other_test_status", "other_test_status_name"), "2.4"),
    **dict.fromkeys(
        ("description", "hardware_uuid", "bios_boot_method", "network_test_status",
         "network_test_status_name", "interface_test_status", "interface_test_status_name",
         "numanode_set", "virtualmachine_id"), "2.9"),
    "workload_annotations": "3.0",
    **dict.fromkeys(
        ("ephemeral_deploy", "enable_hw_sync", "parent", "last_sync", "sync_interval",
         "next_sync"), "3.3"),
    "error_description": "3.5",
    "enable_kernel_crash_dump": "3.6",
    "is_dpu": "3.7",
    "iscsiblockdevice_set": "2.3",
}  # fmt: skip
UNTIL = {"iscsiblockdevice_set": "3.0"}

#: Fields that are kept as they are shown, with the value of a new machine.
PLAIN = {
    "hostname": "", "description": "", "architecture": "", "owner": None, "status": NEW,
    "status_action": None, "status_message": None, "error_description": "", "osystem": "",
    "distro_series": "", "hwe_kernel": None, "min_hwe_kernel": "", "power_state": "unknown",
    "power_type": "", "netboot": True, "locked": False, "memory": 0, "cpu_count": 0,
    "cpu_speed": 0, "swap_size": None, "address_ttl": None, "bios_boot_method": None,
    "disable_ipv4": False, "hardware_uuid": None, "virtualmachine_id": None, "pod": None,
    "parent": None, "ephemeral_deploy": False, "enable_hw_sync": False, "sync_interval": None,
    "last_sync": None, "next_sync": None, "enable_kernel_crash_dump": False, "is_dpu": False,
    "current_commissioning_result_id": None, "current_testing_result_id": None,
    "current_installation_result_id": None, "commissioning_status": -1, "testing_status": -1,
}  # fmt: skip


def new(region, **fields):
    """Add a machine."""
    row = nodes.new_node("", None, MACHINE)
    row.update(PLAIN)
    row.update(power_parameters={}, owner_data={}, tags=[], pool=0, special=[])
    row.update(fields)
    row["power_id"] = f"machine {row['system_id']}"
    return region.rows("machines").add(row)


def event(region, node, level, kind, description="", username="unknown"):
    """Note an event of a node, which is what the status message of a machine is made of."""
    region.rows("events").add(
        {
            "node": node["system_id"],
            "hostname": node["hostname"],
            "level": level,
            "type": kind,
            "description": description,
            "username": username,
            "created": mail_date()[:-6].replace(" 20", ". 20", 1),
        }
    )
    if "status_message" in node and level != "AUDIT":
        node["status_message"] = f"{kind} - {description}" if description else kind
        node["status_action"] = kind if level == "WARNING" else ""


def reach(region, row, user):
    """Have a rack switch a machine.

    Raises:
        Answer: 503, after an event was noted, when no rack reaches its BMC.
    """
    if power.is_reachable(region, row):
        return
    answer = power.unreachable(row)
    text = answer.response.body.decode()
    event(region, row, "WARNING", "Failed to query node's BMC", f"({user}) - {text}", user)
    raise answer


def violation(text):
    """The answer to what a machine's status does not allow."""
    return Answer(409, text, TEXT)


def gateways(region, row):
    """The gateways that a machine uses: those chosen, else the first of its links' subnets."""
    subnets = region.rows("subnets")
    found = {
        "ipv4": {"gateway_ip": None, "link_id": None},
        "ipv6": {"gateway_ip": None, "link_id": None},
    }
    chosen = row.get("gateway_links", {})
    for nic in row["interfaces"]:
        for link in nic["links"]:
            subnet = subnets.get(link["subnet"])
            if subnet is None or not subnet["gateway_ip"]:
                continue
            place = found[f"ipv{subnet['net'].version}"]
            if chosen.get(subnet["net"].version) == link["id"]:
                place.update(gateway_ip=subnet["gateway_ip"], link_id=link["id"])
            elif place["gateway_ip"] is None:
                place["gateway_ip"] = subnet["gateway_ip"]
    return found


def show(region, row):
    """A machine as the API shows it."""
    domain = region.rows("domains")[row["domain"]]
    interfaces = [nodes.show_interface(region, row, nic) for nic in row["interfaces"]]
    ident = row["system_id"]
    pending = {-1: "Unknown", 0: "Pending", 1: "Running", 2: "Passed"}
    shown = {name: row[name] for name in PLAIN}
    shown.update(
        system_id=ident,
        fqdn=f"{row['hostname']}.{domain['name']}",
        domain=show_domain(region, domain),
        zone=show_zone(region.rows("zones")[row["zone"]]),
        pool=show_pool(region.rows("pools")[row["pool"]]),
        node_type=MACHINE,
        node_type_name="Machine",
        status_name=STATUS[row["status"]],
        commissioning_status_name=pending[row["commissioning_status"]],
        testing_status_name=pending[row["testing_status"]],
        interface_set=interfaces,
        boot_interface=next(
            (nic for nic in interfaces if nic["id"] == row.get("boot_interface")),
            interfaces[0] if interfaces else None,
        ),
        ip_addresses=nodes.addresses_of(row),
        iscsiblockdevice_set=[],
        default_gateways=gateways(region, row),
        hardware_info=dict.fromkeys(nodes.HARDWARE, "Unknown"),
        numanode_set=[{"index": 0, "memory": 0, "cores": [], "hugepages_set": []}],
        tag_names=row["tags"],
        owner_data=row["owner_data"],
        workload_annotations=row["owner_data"],
        special_filesystems=row["special"],
        resource_uri=f"/MAAS/api/2.0/machines/{ident}/",
        **storage.of_machine(region, row),
    )
    for test in nodes.TESTS:
        shown[f"{test}_test_status"] = row["testing_status"] if test == "storage" else -1
        shown[f"{test}_test_status_name"] = pending[shown[f"{test}_test_status"]]
    return hide_newer(region.release, shown, SINCE, UNTIL)


def set_links(region, row, nic):
    """Keep the table of given addresses like the links of an interface."""
    table = region.rows("ips")
    own = {link["id"] for link in nic["links"]}
    for held in list(table.values()):
        if held.get("nic") == nic["id"] and held.get("link") not in own:
            ips.remove(region, held["id"])
    known = {held.get("link") for held in table.values() if held.get("nic") == nic["id"]}
    for link in nic["links"]:
        if link["mode"] == "static" and link["ip_address"] and link["id"] not in known:
            ips.add(region, link["ip_address"], kind=ips.STICKY, owner=row.get("owner"),
                    subnet=link["subnet"], node=row["system_id"], nic=nic["id"],
                    link=link["id"])  # fmt: skip


def forget(region, kind, row):
    """Take a machine or device out, with its addresses."""
    table = region.rows("ips")
    for held in list(table.values()):
        if held.get("node") == row["system_id"] or held.get("bmc") == row.get("power_id", ""):
            ips.remove(region, held["id"])
    for device in list(region.rows("devices").values()):
        if device.get("parent") == row["system_id"]:
            forget(region, "devices", device)
    del region.rows(kind)[row["id"]]
