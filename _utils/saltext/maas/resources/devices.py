"""Devices, which have addresses in MAAS's networks, but are not managed by it."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import Any

from saltext.maas.api_path import segment
from saltext.maas.errors import MaasError, NotFound, WrongAnswer
from saltext.maas.resources import kinds, rules
from saltext.maas.resources.engine_types import (
    Change,
    Desired,
    DesiredObjects,
    Predicted,
    Run,
    Snapshot,
)
from saltext.maas.resources.nodes import fresh, links, nics, rereading_if_failed
from saltext.maas.resources.table import UNKNOWN, Field, PillarLocation, Record, Table

_NIC = {"id": int, "mac_address": (str, None)}


def _by_mac(value):
    if not value:
        return None
    if not isinstance(value, dict):
        raise ValueError
    found = {
        kinds.MAC.clean(mac): kinds.ADDRESS_SET.clean(several) for mac, several in value.items()
    }
    return {mac: several for mac, several in found.items() if several} or None


_BY_MAC = kinds.Kind(
    "a list of IP addresses, or a mapping {MAC address: list of IP addresses}", _by_mac,
    schema={"type": ["object", "array", "string", "null"]},
)  # fmt: skip


class Device(Table):
    """Devices, to which MAAS gives only names and addresses.

    A device is found by its host name, else by one of its MAC addresses; then it is renamed.  It
    belongs to the user who created it.  From 3.8 on only that user can change or delete it.
    """

    name = "device"
    since = "1.8"
    numbered = ""
    personal = True
    collection = "devices/"
    item_path = "devices/{system_id}/"
    list_op = "list"
    create_op = "new"
    identity = ("hostname",)
    required = ("mac_addresses",)
    apart = ("mac_addresses", "ip_addresses")
    after = ("ip_range",)  # as a deleted range may have reserved an address
    pillar = PillarLocation("devices", "Devices, by host name.", "hostname", name="HOSTNAME")
    in_answers = {"system_id": str}
    fields = (
        Field("hostname", kinds.HOST_LABEL, read=lambda raw: raw["hostname"].partition(".")[0],
              doc="Host name, without domain; unique in the region."),
        Field("mac_addresses", kinds.MACS, clearable=rules.NEVER, read=lambda raw: _macs_of(raw),
              doc="MAC addresses of all its interfaces; others are removed."),
        Field("ip_addresses", _BY_MAC, since="2.0", read=lambda raw: _addresses_of(raw),
              doc="All its static addresses: a list for the first of ``mac_addresses``, or "
              "``{MAC: [IP]}``.  Those of one interface must be in one VLAN."),
        Field("domain", ref="domain", ref_attr="name", since="2.0", server_default=UNKNOWN,
              clearable=rules.NEVER, read=lambda raw: (raw.get("domain") or {}).get("name"),
              doc="Name of its DNS domain; that of its parent where none is named."),
        Field("zone", ref="zone", ref_attr="name", since="2.5", server_default="default",
              clearable=rules.NEVER, read=lambda raw: raw["zone"]["name"],
              doc="Name of its zone."),
        Field("description", since="2.6", doc="Free text."),
        Field("parent", ref="machine", ref_attr="system_id", read_attr="system_id", since="2.0",
              clearable=rules.NEVER,
              doc="Host name of its machine; it is deleted together with that."),
    )  # fmt: skip
    example = {
        "hostname": "printer-1", "mac_addresses": ["52:54:00:00:00:31"],
        "description": "second floor",
    }  # fmt: skip

    # Values

    def normal(self, field: Field, value: Any, values: dict) -> Any:
        several = isinstance(value, (list, tuple, str)) and bool(value)
        if field.name == "ip_addresses" and several:
            given = values.get("mac_addresses")
            if not given:
                raise ValueError("must be {MAC: [IP]} where mac_addresses is not given")
            first = given.replace(",", " ").split()[0] if isinstance(given, str) else given[0]
            value = {first: value}
        return super().normal(field, value, values)

    def validate(self, values: dict, release: Any) -> Iterator[tuple[str, str]]:
        yield from super().validate(values, release)
        macs = values.get("mac_addresses")
        for mac in values.get("ip_addresses") or ():
            if macs and mac not in macs:
                yield "ip_addresses", f"{mac!r} must be one of mac_addresses"

    # Finding

    def match(self, snapshot: Snapshot, desired: Desired) -> Record | None:
        """Return the device of this name, else the one that has one of the MAC addresses."""
        records = snapshot.records(self.name)
        wanted = set(desired.values.get("mac_addresses") or ())
        if desired.key in records or desired.absent or not wanted:
            return records.get(desired.key)
        free = (one for key, one in records.items() if key not in snapshot.claimed(self.name))
        return next((one for one in free if wanted & set(_macs_of(one.raw))), None)

    # Problems of a change

    def problem(self, snapshot: Snapshot, desired: Desired, record: Record | None) -> str | None:
        """Return what API 1.0 cannot change, and that it belongs to another user."""
        found = super().problem(snapshot, desired, record)
        changed = self.differences(snapshot, desired, record) if record and not found else {}
        if "mac_addresses" in changed and snapshot.release < "2.0":
            return f"MAAS {snapshot.release} cannot change mac_addresses of a device"
        if changed and record:
            return self._owner_problem(snapshot, record)
        return found

    def deletion_problem(self, snapshot: Snapshot, desired: Desired, record: Record) -> str | None:
        found = super().deletion_problem(snapshot, desired, record)
        return found or self._owner_problem(snapshot, record)

    @staticmethod
    def _owner_problem(snapshot, record):
        owner = record.raw.get("owner")
        if snapshot.client is None or snapshot.release < "2.0" or not owner:
            return None
        user = snapshot.whoami()
        is_administrator = user.get("is_superuser") is not False and snapshot.release < "3.8"
        if owner == user["username"] or is_administrator:
            return None
        return (
            f"it belongs to the user {owner}, and MAAS allows nobody else to change or delete it; "
            "use an API key of that user"
        )

    def conflict(self, snapshot: Snapshot, change: Change, predicted: Predicted) -> str | None:
        """Return which address is in no subnet, or which are in several VLANs."""
        wanted = change.desired.values.get("ip_addresses")
        if not wanted or change.action == "delete" or "ip_addresses" not in (change.new or {}):
            return None
        subnets = predicted.of("subnet")
        for mac, several in wanted.items():
            vlans = set()
            for ip in several:
                cidr = _subnet_of(ip, subnets)
                if cidr is None:
                    return f"no subnet of the region or of the pillar has {ip}; describe one"
                vlans.add(subnets[cidr].get("vlan"))
            if len(vlans - {None}) > 1:
                return f"the subnets of {', '.join(several)}, for {mac}, are in several VLANs"
        return None

    def requires(self, desired: Desired, everything: DesiredObjects) -> set:
        """Add the subnets of its addresses."""
        found, cidrs = super().requires(desired, everything), None
        for several in (desired.values.get("ip_addresses") or {}).values():
            cidrs = cidrs or [one.key for one in everything.of("subnet")]
            found |= {("subnet", cidr) for ip in several if (cidr := _subnet_of(ip, cidrs))}
        return found

    # Writing

    def fresh(self, run: Run, desired: Desired, record: Record | None) -> Record | None:
        return fresh(self, run, record)

    def send_create(self, run: Run, values: dict) -> dict:
        data, _ = self.form(run.snapshot, values)
        data["mac_addresses"] = values["mac_addresses"]
        op = self.create_op if run.snapshot.release < "2.0" else None
        return run.client.post(self.collection, op=op, data=data, repeat=False)

    def send_update(self, run: Run, record: Record, values: dict) -> Any:
        parent = record.raw.get("parent")
        if parent and "parent" not in values and set(values) - set(self.apart):
            # MAAS refuses to change a device with a parent if the request does not repeat it.
            values = {**values, "parent": run.snapshot.key_by("machine", "system_id", parent)}
        return super().send_update(run, record, values)

    def finish(self, run: Run, desired: Desired) -> None:
        """Add and remove interfaces and addresses; an address is removed before it is moved."""
        record = self.match(run.snapshot, desired)
        if record is None:
            return
        changed = self.differences(run.snapshot, desired, record)
        _, macs = changed.get("mac_addresses", (None, None))
        old, new = changed.get("ip_addresses", (None, None))
        with rereading_if_failed(self, run, record):
            record = self._set_macs(run, record, macs or ())
            record = self._address(run, record, old or {}, new or {})
            left = self.differences(run.snapshot, desired, record).keys() & set(self.apart)
            if left:
                raise WrongAnswer(f"the region answered with other {' and '.join(sorted(left))}")

    def _set_macs(self, run, record, macs):
        """Add the missing interfaces, then remove the others, if MAC addresses are to change."""
        for mac in macs:
            if mac not in _macs_of(record.raw):
                path = self._interfaces(record.raw)
                nic = run.client.post(
                    path, op="create_physical", data={"mac_address": mac}, repeat=False, expect=_NIC
                )
                record = self._record_interface(run, record, nic)
        for nic in list(nics(record.raw)) if macs else ():
            if _mac(nic) not in macs:
                run.client.delete(f"{self._interfaces(record.raw)}{nic['id']}/")
                record = self._record_interface(run, record, nic, removed=True)
        return record

    def _address(self, run, record, old, new):
        """Remove addresses from all interfaces, then add those that are missing."""
        for mac in sorted({*old, *new}, key=lambda one: one in new):
            nic = next((one for one in nics(record.raw) if _mac(one) == mac), None)
            if nic is None:  # it was removed
                continue
            for step in self._steps(run, nic, new.get(mac) or ()):
                nic = step(f"{self._interfaces(record.raw)}{nic['id']}/")
                record = self._record_interface(run, record, nic)
        return record

    @staticmethod
    def _steps(run, nic, wanted):
        client, snapshot = run.client, run.snapshot
        for link, _ in links(nic):
            if _is_static(link) and kinds.ADDRESS.clean(link["ip_address"]) not in wanted:
                data = {"id": link["id"]}
                yield lambda path, data=data: client.post(
                    path, op="unlink_subnet", data=data, repeat=False, expect=_NIC
                )
        current = [
            kinds.ADDRESS.clean(one["ip_address"]) for one, _ in links(nic) if _is_static(one)
        ]
        subnets = snapshot.records("subnet")
        for ip in wanted:
            subnet = subnets[_subnet_of(ip, subnets)].raw
            vlan = subnet["vlan"]["id"]
            if ip == wanted[0] and nic.get("vlan") and nic["vlan"]["id"] != vlan:
                current = []
                yield lambda path, vlan=vlan: client.put(path, data={"vlan": vlan}, expect=_NIC)
            if ip not in current:
                data = {"mode": "static", "subnet": subnet["id"], "ip_address": ip}
                yield lambda path, data=data: _link(client, path, data)

    @staticmethod
    def _interfaces(raw):
        return f"nodes/{segment(raw['system_id'])}/interfaces/"

    def _record_interface(self, run, record, nic, removed=False):
        """Record a device with an interface as it was answered, or without one."""
        rest = [one for one in nics(record.raw) if one["id"] != nic["id"]]
        raw = {**record.raw, "interface_set": rest if removed else [*rest, nic]}
        run.snapshot.fold(self.name, raw, replaces=record.raw)
        return Record(record.key, raw)


def _link(client, path, data):
    try:
        return client.post(path, op="link_subnet", data=data, repeat=False, expect=_NIC)
    except NotFound as error:  # MAAS answers 404 for an address as well
        raise MaasError(f"{data['ip_address']}: {error}") from None


def _mac(nic):
    return kinds.MAC.clean(nic.get("mac_address"))


def _macs_of(raw):
    found = nics(raw) or raw.get("macaddress_set") or ()  # the latter in 1.8
    return sorted({_mac(nic) for nic in found if nic.get("mac_address")})


def _is_static(link):
    return link.get("mode") == "static" and bool(link.get("ip_address"))


def _addresses_of(raw):
    """All static addresses of a device by MAC address."""
    return {
        _mac(nic): [link["ip_address"] for link, _ in links(nic) if _is_static(link)]
        for nic in nics(raw)
        if nic.get("mac_address")
    }


def _subnet_of(ip, cidrs):
    """The narrowest of some subnets that has an address; None if none has."""
    address = ipaddress.ip_address(ip)
    found = [cidr for cidr in cidrs if address in ipaddress.ip_network(cidr)]
    return max(found, key=lambda cidr: ipaddress.ip_network(cidr).prefixlen, default=None)
