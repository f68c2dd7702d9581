"""VM hosts that answer: what MAAS finds there, and the machines that it composes on them.

MAAS asks them through a connected rack when a VM host is added, changed or refreshed. What they
are is in :mod:`maas_emulator.hypervisors`.
"""

from __future__ import annotations

import ipaddress

from maas_emulator import (
    hypervisors,
    links,
    machines,
    networks,
    node_forms,
    nodes,
    power,
    scripts_run,
    storage,
)
from maas_emulator.machine_forms import default_domain
from maas_emulator.web import TEXT, Answer

CAPABILITIES = ["composable", "dynamic_local_storage", "over_commit", "storage_pools"]
_NOBODY = "Unable to start the VM host discovery process. No rack controllers connected."
_SILENT = "Failed talking to pod: {} {}: no answer"
_NO_NETWORK = "No host network to attach VM interfaces to"


# -- discovery ---------------------------------------------------------------------------------


def discover(region, row, user):
    """Ask a VM host what it has.

    Args:
        region: The region.
        row: The VM host.
        user: Name of who wants it.

    Returns:
        Machines that are new to the region.

    Raises:
        Answer: 503 where no connected rack gets an answer.
    """
    if not any(rack["connected"] for rack in region.rows("racks").values()):
        raise Answer(503, _NOBODY, TEXT)
    found = hypervisors.at(region, row)
    if found is None:
        address = row["power_parameters"].get("power_address")
        raise Answer(503, _SILENT.format(row["power_type"], address), TEXT)
    row.update(
        capabilities=list(CAPABILITIES), architectures=[found["architecture"]],
        pools=dict(found["pools"]), version="5.21.3" if hypervisors.is_lxd(row) else "",
        local_storage=sum(found["pools"].values()),
    )  # fmt: skip
    resources = {name: found[name] for name in ("cores", "memory", "cpu_speed")}
    if hypervisors.is_lxd(row):
        row["power_parameters"].pop("password", None)
        row["host"] = _host_of_lxd(region, row, found, user)["system_id"]
        # What its hardware is comes from commissioning data, which follow.
        region.later(0, lambda: row.update(resources))
    else:
        row["tags"] = sorted({*row["tags"], "virtual"})
        row.update(resources)
    return _new_machines(region, row)


def _new_machines(region, row):
    known = {nic["mac"] for node in nodes.everything(region) for nic in node["interfaces"]}
    return [
        create_machine(region, row, vm)
        for vm in hypervisors.vms(region, row).values()
        if not known & {nic["mac"] for nic in vm["nics"]}
    ]


def _host_of_lxd(region, row, found, user):
    """The node that LXD runs on, which MAAS tells by its MAC addresses; a new machine if none is.

    Such a machine is Deployed, whatever it was.
    """
    node = next(
        (node for node in nodes.everything(region)
         if {nic["mac"] for nic in node["interfaces"]} & set(found["macs"])), None
    )  # fmt: skip
    if node is None:
        node = machines.new(
            region, hostname=row["name"], architecture=found["architecture"], owner=user,
            domain=default_domain(region), status=machines.DEPLOYED, dynamic=True,
            cpu_count=found["cores"], memory=found["memory"],
        )  # fmt: skip
        scripts_run.adopt(region, node)
        subnet = _subnet_at(region, row)
        for number, mac in enumerate(found["macs"]):
            nic = node_forms.new_nic(region, f"eth{number}", mac)
            node["interfaces"].append(nic)
            if subnet and number == 0:
                links.add(region, node, nic, links.DHCP, subnet)
    elif "status" in node and node["status"] != machines.DEPLOYED:
        node["status"] = machines.DEPLOYED
    return node


def _subnet_at(region, row):
    address = power.address_in(str(row["power_parameters"].get("power_address") or ""))
    return networks.subnet_for(region, address) if address else None


def host_of(region, row):
    """The node that is a VM host: LXD's by its MAC addresses, another by its IP address."""
    address = power.address_in(str(row["power_parameters"].get("power_address") or ""))
    for node in nodes.everything(region):
        if row.get("host") and node["system_id"] == row["host"]:
            return node
        if not hypervisors.is_lxd(row) and address and address in nodes.addresses_of(node):
            return node
    return None


def hosted_by(region, node):
    """The VM hosts that a node is."""
    rows = region.rows("vm_hosts").values()
    return [row for row in rows if (host_of(region, row) or {}).get("system_id")
            == node["system_id"]]  # fmt: skip


def refuse_host(region, node):
    """400 where a node that is to go, or to be released, is a VM host."""
    names = ", ".join(row["name"] for row in hosted_by(region, node))
    if names and region.release >= "2.6":
        raise Answer(400, f"The following VM hosts must be removed first: {names}", TEXT)


# -- machines ----------------------------------------------------------------------------------


def compose(region, row, wanted):
    """Make a virtual machine on a hypervisor.

    Args:
        region: The region.
        row: The VM host.
        wanted: ``hostname``, ``cores``, ``memory`` (MiB), ``disks`` (``(bytes, tags)``), ``nics``
            (``(name or None, VLAN's id or None)``), ``hugepages_backed``, ``pinned_cores``.

    Raises:
        Answer: 503 where no rack reaches the hypervisor, or it cannot make that.
    """
    if not any(rack["connected"] for rack in region.rows("racks").values()):
        text = "Unable to connect to any rack controller ; no connections available."
        raise Answer(503, text, TEXT)
    found, name = hypervisors.at(region, row), wanted["hostname"]
    if found is None:
        _fail(f"{row['power_type']}: no answer")
    if (hypervisors.project(row), name) in found["vms"]:
        _fail(f"{name}: already exists")
    default = _default_vlan(region, row)
    nics = [{"name": label, "mac": hypervisors.made_mac(row["name"], name, str(number)),
             "vlan": vlan or default}
            for number, (label, vlan) in enumerate(wanted["nics"])]  # fmt: skip
    disks = [_placed(region, row, size, tags) for size, tags in wanted["disks"]]
    vm = {**wanted, "project": hypervisors.project(row), "nics": nics, "disks": disks}
    found["vms"][hypervisors.project(row), name] = vm
    return vm


def _fail(text):
    raise Answer(503, f"Unable to compose machine because: Failed talking to pod: {text}", TEXT)


def _default_vlan(region, row):
    """The VLAN of a VM host's interface to which MAAS attaches machines: one with DHCP."""
    rows, host = region.rows("vlans"), host_of(region, row)
    vlans = [nic["vlan"] for nic in host["interfaces"]] if host else []
    found = next((vlan for vlan in vlans if vlan in rows and serves_dhcp(rows, vlan)), None)
    if hypervisors.is_lxd(row) and found is None:
        _fail(_NO_NETWORK)
    return found


def serves_dhcp(rows, vlan):
    """Whether MAAS serves DHCP on a VLAN, or on the one that it is relayed to."""
    one = rows[vlan]
    return bool(one["dhcp_on"] or (one.get("relay_vlan") in rows
                                   and rows[one["relay_vlan"]]["dhcp_on"]))  # fmt: skip


def _placed(region, row, size, tags):
    """A disk in the pool that its tags name, else in the default one."""
    every = {pool["name"]: pool for pool in hypervisors.pools(region, row)}
    chosen = [name for name in every if name in tags] or list(every)[:1]
    for name in chosen:
        if size <= every[name]["available"]:
            return {"size": size, "tags": list(tags), "pool": name}
    return _fail(f"Not enough storage space on storage pools: {', '.join(chosen)}")


def create_machine(region, row, vm, domain=None, zone=None, pool=None, configure=False):
    """Add the machine of a virtual machine.

    Args:
        region: The region.
        row: The VM host.
        vm: As :func:`compose` returned it.
        domain, zone, pool: Ids; the default domain, zone and pool of the VM host if None.
        configure: Whether it is Ready and configured, without being commissioned.
    """
    host = host_of(region, row)
    fields: dict = {"power_id" if not hypervisors.is_lxd(row) else "instance_name": vm["hostname"]}
    if hypervisors.is_lxd(row):
        fields["project"] = vm["project"]
    machine = machines.new(
        region, hostname=vm["hostname"], architecture=vm["architecture"], power_state="off",
        cpu_count=vm["cores"], memory=vm["memory"], cores=vm["cores"], numa_memory=vm["memory"],
        status=machines.READY if configure else machines.NEW, power_type=row["power_type"],
        domain=default_domain(region) if domain is None else domain,
        zone=row["zone"] if zone is None else zone, pool=row["pool"] if pool is None else pool,
        vm_host=row["id"], own_parameters=fields, parent=host["system_id"] if host else None,
        bios_boot_method="uefi" if hypervisors.is_lxd(row) else None,
    )  # fmt: skip
    machine["virtualmachine_id"] = machine["id"]
    machine["tags"] = list(row["tags"])
    known = {tag["name"] for tag in region.rows("tags").values()}
    for tag in machine["tags"]:
        if tag not in known:
            new = {"name": tag, "comment": "", "definition": "", "kernel_opts": ""}
            region.rows("tags").add(new)
    for number, disk in enumerate(vm["disks"]):
        name = f"sd{chr(ord('a') + number)}"
        serial = f"lxd_{'root' if number == 0 else f'disk{number}'}"
        model = {"model": "QEMU HARDDISK", "serial": serial} if hypervisors.is_lxd(row) else {}
        path = f"/dev/disk/by-id/scsi-0QEMU_QEMU_HARDDISK_{serial}" if model else f"/dev/{name}"
        storage.add_disk(region, machine, name, disk["size"], tags=disk["tags"], id_path=path,
                         storage_pool=disk["pool"], **model)  # fmt: skip
    for number, nic in enumerate(vm["nics"]):
        name = nic["name"] or f"eth{number}"
        vlan = nic["vlan"] or (_boot_vlan(region) if number == 0 else None)
        machine["interfaces"].append(node_forms.new_nic(region, name, nic["mac"], vlan))
    return machine


def _boot_vlan(region):
    serving = [row["id"] for row in region.rows("vlans").values() if row["dhcp_on"]]
    if serving:
        return min(serving)
    return networks.default_vlan(region, networks.DEFAULT_FABRIC)["id"]


def connect(region, machine, vm, addresses, modes):
    """Link the interfaces of a new machine.

    Args:
        region: The region.
        machine: The machine.
        vm: Its virtual machine.
        addresses: ``{name of an interface: [address]}`` that were asked for.
        modes: ``{name of an interface: mode}``.
    """
    rows = region.rows("subnets")
    for nic, made in zip(machine["interfaces"], vm["nics"]):
        if made["vlan"] is not None and not nic["links"]:
            subnet = next((row for row in rows.values() if row["vlan"] == nic["vlan"]), None)
            links.add(region, machine, nic, links.AUTO if subnet else links.DHCP, subnet)
        for address in addresses.get(nic["name"], ()):
            links.clear_nic(region, machine, nic)
            subnet = networks.subnet_for(region, str(ipaddress.ip_address(address)))
            links.add(region, machine, nic, links.AUTO, subnet, address)
        if modes.get(nic["name"]) == "unconfigured":
            links.clear_nic(region, machine, nic)
            links.ensure_up(region, machine, nic)


# -- a deployed machine that is a VM host ------------------------------------------------------


def of_deployed(region, machine):
    """Add the VM hosts that a machine was deployed as."""
    kinds = [kind for kind, name in (("virsh", "install_kvm"), ("lxd", "register_vmhost"))
             if machine.get(name)]  # fmt: skip
    address = next(iter(nodes.addresses_of(machine)), "")
    shown = f"[{address}]" if ":" in address else address
    for kind in kinds:
        url = shown if kind == "lxd" else f"qemu+ssh://virsh@{shown}/system"
        name = machine["hostname"] + (f"-{kind}" if kinds[1:] else "")
        parameters = {"power_address": url}
        parameters |= {"project": "maas"} if kind == "lxd" else {"power_pass": "placeholder"}
        hypervisors.plug(
            region, url, kind, cores=machine["cpu_count"] or 4, memory=machine["memory"] or 8192,
            architecture=machine["architecture"],
            mac_addresses=[nic["mac"] for nic in machine["interfaces"]],
        )  # fmt: skip
        row = region.rows("vm_hosts").add({
            "path": "vm-hosts" if region.release >= "2.9" else "pods", "name": name,
            "power_type": kind, "power_parameters": power.with_certificate(kind, parameters),
            "tags": ["pod-console-logging"], "zone": machine["zone"], "pool": machine["pool"],
            "cpu_over_commit_ratio": 1.0, "memory_over_commit_ratio": 1.0,
            "default_macvlan_mode": "",
        })  # fmt: skip
        row["power_id"] = f"vm-host {row['id']}"
        if any(rack["connected"] for rack in region.rows("racks").values()):
            discover(region, row, machine["owner"])
