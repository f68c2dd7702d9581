"""Validation of the interfaces that machines and devices have from 1.9 on."""

from __future__ import annotations

from maas_emulator.api1 import machines
from maas_emulator.api1.node_form import bad_mac, clean_mac
from maas_emulator.forms import REQUIRED, Check, not_a_choice

NO_CHOICE = not_a_choice("That choice")
#: Parameters that each kind of interface takes beside those of all.
_ALL = ("mtu", "accept_ra", "autoconf")
_BOND = ("bond_mode", "bond_miimon", "bond_downdelay", "bond_updelay", "bond_lacp_rate",
         "bond_xmit_hash_policy")  # fmt: skip
_BOND_DEFAULTS = {
    "bond_mode": "balance-rr", "bond_miimon": 100, "bond_downdelay": 0, "bond_updelay": 0,
    "bond_lacp_rate": "slow", "bond_xmit_hash_policy": "layer2",
}  # fmt: skip
_OTHER_VLANS = "All parents must belong to the same VLAN."


class NicForm:
    """Reads an interface of one kind.

    Args:
        request: The call.
        row: The node.
        kind: ``physical``, ``bond`` or ``vlan``.
        nic: The interface to change, None for a new one.
    """

    def __init__(self, request, row, kind, nic=None):
        self.region, self.row, self.kind, self.nic = request.region, row, kind, nic
        self.check = Check(request, nic)
        self.form = request.form

    def read(self):
        """The values to store; raises Invalid."""
        values = {"vlan": self._vlan(), "tags": self._tags(), "params": self._params()}
        if self.kind != "physical":
            values["parents"] = self._parents()
        if self.kind == "bond":
            self._same_vlan(values)
        values["mac_address"] = self._mac()
        values["name"] = self._name(values)
        self.check.done()
        if self.kind != "physical" and not values["mac_address"]:
            first = next(n for n in self.row["macs"] if n["name"] == values["parents"][0])
            values["mac_address"] = first["mac_address"]
        return values

    def _same_vlan(self, values):
        found = {nic["vlan"] for nic in self.row["macs"] if nic["name"] in values["parents"]}
        if self.nic is None and len(found) > 1:
            self.check.error("parents", _OTHER_VLANS)
        elif self.nic is None and not self.check.has("vlan"):
            values["vlan"] = next(iter(found), 0)

    def _name(self, values):
        if self.kind == "vlan" and values.get("parents") and values["vlan"] is not None:
            vid = self.region.rows("vlans")[values["vlan"]]["vid"]
            return f"{values['parents'][0]}.{vid}"
        name = self.check.text("name", required=self.kind != "vlan")
        taken_by = [nic for nic in self.row["macs"] if nic["name"] == name]
        if name and taken_by and taken_by[0] is not self.nic:
            self.check.error("name", f"Node already has an interface named '{name}'.")
        return name

    def _mac(self):
        if not self.check.has("mac_address"):
            if self.nic is None and self.kind == "physical":
                self.check.error("mac_address", REQUIRED)
            return self.nic["mac_address"] if self.nic else None
        text = self.form.get("mac_address")
        mac = clean_mac(text)
        if mac is None:
            self.check.error("mac_address", bad_mac(self.region, text))
            return None
        owner = machines.machine_with_mac(self.region, mac)
        if self.kind == "physical" and owner and not (self.nic and self.nic["mac_address"] == mac):
            text = f"This MAC address is already in use by {owner['hostname']}."
            self.check.error("mac_address", text)
        return mac

    def _vlan(self):
        given = self.form.get("vlan")
        if given in (None, ""):
            wanted = self.nic is None and self.kind != "bond"
            if wanted or (self.nic is not None and given == ""):
                self.check.error("vlan", REQUIRED)
            return self.nic["vlan"] if self.nic else 0
        for vlan in self.region.rows("vlans").values():
            if str(given) == str(vlan["id"]):
                return vlan["id"]
        self.check.error("vlan", NO_CHOICE)
        return None

    def _parents(self):
        given = self.form.getlist("parents") + self.form.getlist("parent")
        if not given:
            if self.nic is None:
                self.check.error("parents", f"A {self.kind} interface must have parents.")
            return self.nic["parents"] if self.nic else []
        found = []
        for spec in given:
            match = [nic for nic in self.row["macs"] if str(spec) in (str(nic["id"]), nic["name"])]
            if match and match[0] is not self.nic:
                found.append(match[0]["name"])
            else:
                self.check.error("parents", NO_CHOICE)
        return found

    def _tags(self):
        if not self.check.has("tags"):
            return self.nic["tags"] if self.nic else []
        text = ",".join(str(item) for item in self.form.getlist("tags"))
        return [word.strip() for word in text.split(",") if word.strip()]

    def _params(self):
        params = dict(self.nic["params"]) if self.nic else {}
        if self.nic is None and self.kind == "bond":
            params = dict(_BOND_DEFAULTS)
        for name in _ALL + (_BOND if self.kind == "bond" else ()):
            if self.check.has(name):
                value = self.form.get(name)
                params[name] = self.check.integer(name, low=552) if name == "mtu" else value
        return {name: value for name, value in params.items() if value not in (None, "")}
