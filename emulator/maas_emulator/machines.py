"""Machines: what is kept of one, what is shown of it, and which status may follow which."""

from __future__ import annotations

from maas_emulator import hypervisors, ips, nodes, power, scripts_run, storage
from maas_emulator.api2.groups import show_pool, show_zone
from maas_emulator.crud import hide_newer, mail_date
from maas_emulator.dns import show_domain
from maas_emulator.web import TEXT, Answer

NEW, COMMISSIONING, FAILED_COMMISSIONING, READY, DEPLOYED, BROKEN = 0, 1, 2, 4, 6, 8
DEPLOYING, ALLOCATED, FAILED_DEPLOYMENT, RELEASING, FAILED_RELEASING = 9, 10, 11, 12, 13
RESERVED, MISSING, RETIRED = 5, 3, 7
DISK_ERASING, FAILED_DISK_ERASING, RESCUE_MODE, ENTERING_RESCUE_MODE = 14, 15, 16, 17
FAILED_ENTERING_RESCUE_MODE, EXITING_RESCUE_MODE, FAILED_EXITING_RESCUE_MODE = 18, 19, 20
TESTING, FAILED_TESTING = 21, 22
STATUS = {
    0: "New", 1: "Commissioning", 2: "Failed commissioning", 3: "Missing", 4: "Ready",
    5: "Reserved", 6: "Deployed", 7: "Retired", 8: "Broken", 9: "Deploying", 10: "Allocated",
    11: "Failed deployment", 12: "Releasing", 13: "Releasing failed", 14: "Disk erasing",
    15: "Failed disk erasing", 16: "Rescue mode", 17: "Entering rescue mode",
    18: "Failed to enter rescue mode", 19: "Exiting rescue mode",
    20: "Failed to exit rescue mode", 21: "Testing", 22: "Failed testing",
}  # fmt: skip
MACHINE = 0
_EASY = (NEW, READY, RESERVED, ALLOCATED, DEPLOYED)
#: Which statuses may follow a status.
TRANSITIONS = {
    NEW: (COMMISSIONING, TESTING, MISSING, READY, RETIRED, BROKEN, ENTERING_RESCUE_MODE),
    COMMISSIONING: (FAILED_COMMISSIONING, READY, RETIRED, MISSING, NEW, BROKEN, TESTING),
    FAILED_COMMISSIONING: (COMMISSIONING, MISSING, RETIRED, BROKEN, ENTERING_RESCUE_MODE, TESTING),
    READY: (ENTERING_RESCUE_MODE, COMMISSIONING, ALLOCATED, RESERVED, RETIRED, MISSING, BROKEN,
            TESTING),
    RESERVED: (READY, ALLOCATED, RETIRED, MISSING, BROKEN, DISK_ERASING, RELEASING,
               ENTERING_RESCUE_MODE, TESTING),
    ALLOCATED: (READY, RETIRED, MISSING, BROKEN, DEPLOYING, DISK_ERASING, RELEASING,
                ENTERING_RESCUE_MODE, TESTING),
    RELEASING: (NEW, ALLOCATED, RESERVED, DEPLOYED, READY, BROKEN, MISSING, FAILED_DEPLOYMENT,
                FAILED_DISK_ERASING, FAILED_RELEASING),
    DEPLOYING: (ALLOCATED, MISSING, BROKEN, FAILED_DEPLOYMENT, DEPLOYED, READY, DISK_ERASING,
                RELEASING),
    FAILED_DEPLOYMENT: (ALLOCATED, MISSING, BROKEN, READY, DISK_ERASING, RELEASING,
                        ENTERING_RESCUE_MODE, TESTING),
    DEPLOYED: (ALLOCATED, MISSING, BROKEN, READY, DISK_ERASING, RELEASING, ENTERING_RESCUE_MODE,
               TESTING),
    MISSING: (NEW, READY, ALLOCATED, COMMISSIONING, BROKEN, ENTERING_RESCUE_MODE, TESTING),
    RETIRED: (NEW, READY, MISSING, BROKEN, ENTERING_RESCUE_MODE, TESTING),
    BROKEN: (COMMISSIONING, READY, DISK_ERASING, RELEASING, ENTERING_RESCUE_MODE, TESTING,
             DEPLOYED),
    FAILED_RELEASING: (RELEASING, DISK_ERASING, READY, BROKEN, TESTING),
    DISK_ERASING: (BROKEN, DISK_ERASING, FAILED_DISK_ERASING, READY, RELEASING),
    FAILED_DISK_ERASING: (DISK_ERASING, RELEASING, BROKEN, ALLOCATED, READY,
                          ENTERING_RESCUE_MODE, TESTING),
    ENTERING_RESCUE_MODE: (READY, BROKEN, DEPLOYED, RESCUE_MODE, FAILED_ENTERING_RESCUE_MODE,
                           EXITING_RESCUE_MODE),
    FAILED_ENTERING_RESCUE_MODE: (BROKEN, ENTERING_RESCUE_MODE, EXITING_RESCUE_MODE, TESTING),
    RESCUE_MODE: (BROKEN, EXITING_RESCUE_MODE, TESTING),
    EXITING_RESCUE_MODE: (*_EASY, BROKEN, FAILED_COMMISSIONING, FAILED_DEPLOYMENT, MISSING,
                          RETIRED, FAILED_RELEASING, FAILED_DISK_ERASING, RESCUE_MODE,
                          FAILED_ENTERING_RESCUE_MODE, FAILED_EXITING_RESCUE_MODE,
                          FAILED_TESTING),
    FAILED_EXITING_RESCUE_MODE: (BROKEN, EXITING_RESCUE_MODE, TESTING),
    TESTING: (*_EASY, BROKEN, FAILED_TESTING, FAILED_COMMISSIONING, FAILED_DEPLOYMENT, MISSING,
              RETIRED, FAILED_RELEASING, FAILED_DISK_ERASING, RESCUE_MODE,
              FAILED_ENTERING_RESCUE_MODE, FAILED_EXITING_RESCUE_MODE),
    FAILED_TESTING: (COMMISSIONING, BROKEN, MISSING, ENTERING_RESCUE_MODE, TESTING, READY,
                     DEPLOYED),
}  # fmt: skip
#: Statuses that are not gone back to.
_PASSING = (RESCUE_MODE, ENTERING_RESCUE_MODE, FAILED_ENTERING_RESCUE_MODE, EXITING_RESCUE_MODE,
            FAILED_EXITING_RESCUE_MODE, TESTING)  # fmt: skip

#: First release whose answers have a field, where it is not 2.0.
SINCE = {
    **dict.fromkeys(
        ("locked", "cache_sets", "bcaches", "cpu_speed", "pool", "volume_groups", "raids", "pod",
         "hardware_info"), "2.4"),
    "default_gateways": "2.1",
    **dict.fromkeys(
        ("current_commissioning_result_id", "current_testing_result_id",
         "current_installation_result_id", "commissioning_status", "commissioning_status_name",
         "testing_status", "testing_status_name", "cpu_test_status", "cpu_test_status_name",
         "memory_test_status", "memory_test_status_name", "storage_test_status",
         "storage_test_status_name", "other_test_status", "other_test_status_name"), "2.4"),
    **dict.fromkeys(
        ("hardware_uuid", "bios_boot_method", "network_test_status",
         "network_test_status_name", "interface_test_status", "interface_test_status_name",
         "numanode_set", "virtualmachine_id"), "2.9"),
    "description": "2.6",
    "workload_annotations": "3.0",
    **dict.fromkeys(
        ("ephemeral_deploy", "enable_hw_sync", "parent", "last_sync", "sync_interval",
         "next_sync"), "3.3"),
    "error_description": "3.5",
    "enable_kernel_crash_dump": "3.6",
    "is_dpu": "3.7",
    "iscsiblockdevice_set": "2.3",
}  # fmt: skip
UNTIL = {"iscsiblockdevice_set": "3.0", "pod": "4.0", "virtualmachine_id": "4.0"}

#: Fields that are kept as they are shown, with the value of a new machine.
PLAIN = {
    "hostname": "", "description": "", "architecture": "", "owner": None, "status": NEW,
    "status_action": None, "status_message": None, "error_description": "", "osystem": "",
    "distro_series": "", "hwe_kernel": None, "min_hwe_kernel": "", "power_state": "unknown",
    "power_type": "", "netboot": True, "locked": False, "memory": 0, "cpu_count": 0,
    "cpu_speed": 0, "swap_size": None, "address_ttl": None, "bios_boot_method": None,
    "disable_ipv4": False, "hardware_uuid": None, "virtualmachine_id": None,
    "parent": None, "ephemeral_deploy": False, "enable_hw_sync": False, "sync_interval": None,
    "last_sync": None, "next_sync": None, "enable_kernel_crash_dump": False, "is_dpu": False,
    "current_commissioning_result_id": None, "current_testing_result_id": None,
    "current_installation_result_id": None, "commissioning_status": -1, "testing_status": -1,
}  # fmt: skip


def new(region, **fields):
    """Add a machine."""
    row = nodes.new_node(region, "", None, MACHINE)
    row.update(PLAIN)
    row.update(
        own_parameters={}, owner_data={}, tags=[], pool=0, special=[], previous_status=NEW,
        agent_name="", bmc=None, bmc_state="off", cores=0, numa_memory=0, metadata={},
    )  # fmt: skip
    row.update(fields)
    return region.rows("machines").add(row)


def set_status(region, row, status, fresh=False):
    """Let another status follow.

    Args:
        region: The region.
        row: The machine.
        status: The new one.
        fresh: Whether this is not part of the current request, but follows it.

    Raises:
        Answer: 409 where it may not follow.
    """
    before = row["status"]
    if status != before and status not in TRANSITIONS[before]:
        raise violation(f"Invalid transition: {STATUS[before]} -> {STATUS[status]}.")
    # Within one request MAAS compares with the status that the machine had when it began.
    serial, first = row.get("seen_status", (None, before))
    if fresh or serial != region.serial:
        serial, first = region.serial, before
        row["seen_status"] = (serial, first)
    row["status"] = status
    if first != status:
        if first not in _PASSING:
            row["previous_status"] = first
        if status in (NEW, READY):
            row["owner"] = None


def event(region, node, level, kind, description="", username="unknown", action=""):
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
        node["status_action"] = action


def violation(text):
    """The answer to what a machine's status does not allow."""
    return Answer(409, text, TEXT)


#: Whose gateway is taken first.
_RANKS = {"bond": 1, "bridge": 1, "physical": 3, "vlan": 4}


def gateways(region, row):
    """The gateways that a machine uses: those chosen, else the best of its links' subnets."""
    subnets, boot = region.rows("subnets"), row.get("boot_interface")
    found = {
        "ipv4": {"gateway_ip": None, "link_id": None},
        "ipv6": {"gateway_ip": None, "link_id": None},
    }
    chosen, others = row.get("gateway_links", {}), []
    for nic in row["interfaces"]:
        kind = nic.get("type", "physical")
        rank = 2 if kind == "physical" and nic["id"] == boot else _RANKS[kind]
        for link in nic["links"]:
            subnet = subnets.get(link["subnet"])
            if subnet is None or not subnet["gateway_ip"] or link["mode"] == "dhcp":
                continue
            version = subnet["net"].version
            if chosen.get(version) == link["id"]:
                found[f"ipv{version}"].update(gateway_ip=subnet["gateway_ip"], link_id=link["id"])
            has_dhcp = region.rows("vlans")[subnet["vlan"]]["dhcp_on"]
            order = (not has_dhcp, rank, link["mode"] == "auto", nic["id"])
            others.append((order, version, subnet["gateway_ip"]))
    for _, version, gateway in sorted(others, key=lambda item: item[0]):
        place = found[f"ipv{version}"]
        place["gateway_ip"] = place["gateway_ip"] or gateway
    return found


def boot_interface(row):
    """The interface that a machine boots from: the one that was seen, else its oldest; or None."""
    nics = sorted(row["interfaces"], key=lambda nic: nic["id"])
    chosen = [nic for nic in nics if nic["id"] == row.get("boot_interface")]
    return next(iter(chosen or nics), None)


def fqdn(region, row):
    """The full name of a machine."""
    return f"{row['hostname']}.{region.rows('domains')[row['domain']]['name']}"


#: What is shown of a machine to who signs nothing.
ANONYMOUS = ("system_id", "hostname", "domain", "fqdn", "architecture", "status", "power_type",
             "power_state", "zone", "status_action", "status_message", "status_name",
             "node_type", "resource_uri")  # fmt: skip


def show(region, row):
    """A machine as the API shows it."""
    domain = region.rows("domains")[row["domain"]]
    interfaces = {nic["id"]: nodes.show_interface(region, row, nic) for nic in row["interfaces"]}
    boot = boot_interface(row)
    ident = row["system_id"]
    shown = {name: row[name] for name in PLAIN}
    shown.update(
        system_id=ident,
        fqdn=fqdn(region, row),
        domain=show_domain(region, domain),
        zone=show_zone(region.rows("zones")[row["zone"]]),
        pool=show_pool(region.rows("pools")[row["pool"]]),
        node_type=MACHINE,
        node_type_name="Machine",
        status_name=STATUS[row["status"]],
        interface_set=list(interfaces.values()),
        boot_interface=interfaces[boot["id"]] if boot else None,
        ip_addresses=nodes.addresses_of(row),
        iscsiblockdevice_set=[],
        default_gateways=gateways(region, row),
        hardware_info={**dict.fromkeys(nodes.HARDWARE, "Unknown"), **row["metadata"]},
        numanode_set=[{"index": 0, "memory": row["numa_memory"],
                       "cores": list(range(row["cores"])), "hugepages_set": []}],
        tag_names=row["tags"],
        owner_data=row["owner_data"],
        workload_annotations=row["owner_data"],
        special_filesystems=storage.special_of(region, row),
        pod=_show_host(region, row),
        parent=_show_parent(row),
        resource_uri=f"/MAAS/api/2.0/machines/{ident}/",
        **scripts_run.shown(row),
        **storage.of_machine(region, row),
    )  # fmt: skip
    return hide_newer(region.release, shown, SINCE, UNTIL)


def _show_host(region, row):
    """The VM host of a composed machine."""
    host = region.rows("vm_hosts").get(row.get("vm_host"))
    if host is None:
        return None
    uri = f"/MAAS/api/2.0/pods/{host['id']}/"
    return {"id": host["id"], "name": host["name"], "resource_uri": uri}


def _show_parent(row):
    """The node that a composed machine runs on."""
    ident = row["parent"]
    uri = f"/MAAS/api/2.0/machines/{ident}/"
    return {"system_id": ident, "resource_uri": uri, "__incomplete__": True} if ident else None


def set_links(region, row, nic):
    """Keep the table of given addresses like the links of an interface."""
    table = region.rows("ips")
    own = {link["id"]: link["ip_address"] for link in nic["links"]}
    for held in table.of(row["system_id"]):
        if held.get("nic") == nic["id"] and own.get(held.get("link")) != held["ip"]:
            ips.remove(region, held["id"])
    known = {held.get("link") for held in table.of(row["system_id"])
             if held.get("nic") == nic["id"]}  # fmt: skip
    kinds = {"static": ips.STICKY, "auto": ips.AUTO}
    for link in nic["links"]:
        if link["mode"] in kinds and link["ip_address"] and link["id"] not in known:
            ips.add(region, link["ip_address"], kind=kinds[link["mode"]], owner=row.get("owner"),
                    subnet=link["subnet"], node=row["system_id"], nic=nic["id"],
                    link=link["id"])  # fmt: skip


def forget(region, kind, row, decompose=True):
    """Take a machine or device out, with its addresses and, if it is composed, what it runs on."""
    table = region.rows("ips")
    for held in list(table.values()):
        if held.get("node") == row["system_id"]:
            ips.remove(region, held["id"])
    for device in list(region.rows("devices").values()):
        if device.get("parent") == row["system_id"]:
            forget(region, "devices", device)
    if kind == "machines":
        storage.drop_all(region, row)
        if decompose:
            hypervisors.decompose(region, row)
    del region.rows(kind)[row["id"]]
    if row.get("bmc"):
        power.drop(region, row["bmc"])
