"""Validation of machines in the words of 1.x's forms."""

from __future__ import annotations

import json
import re

from maas_emulator import netparse
from maas_emulator.api1 import groups, machines
from maas_emulator.api1.cluster_images import usable_architectures
from maas_emulator.api1.power import power_types
from maas_emulator.forms import REQUIRED, Check, not_a_choice, truth
from maas_emulator.web import TEXT, Answer

_MAC = re.compile(r"([0-9a-f]{2}[:-]){5}[0-9a-f]{2}\Z")
_PREFIX = "power_parameters_"
_MOST_PROBLEMS = 10
_NO_CHOICE = "Select a valid choice. That choice is not one of the available choices."
_NO_ARCHITECTURES = (
    "\nNo architectures are available to use for this node; boot images may not\n"
    "have been imported on the selected cluster controller, or it may be\nunavailable.\n"
)
_NO_POWER = (
    "\nThe cluster controller for this node is not responding; power type\n"
    "validation is not available.\nUnable to get RPC connection for cluster "
)
_BOOT_TYPES = ("fastpath", "di")
#: What the letter after a size stands for.
_UNITS = {"K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}


def clean_mac(text):
    """A MAC address as MAAS keeps it, or None where it is none."""
    text = str(text).strip().lower()
    return text.replace("-", ":") if _MAC.match(text) else None


def bad_mac(region, text):
    """The message for what is no MAC address."""
    if region.release < "1.7":
        return "Enter a valid MAC address (e.g. AA:BB:CC:DD:EE:FF)."
    return f"'{text}' is not a valid MAC address."


def _all_in_one(region, problems):
    """What several MAC addresses are reported to be."""
    message = "One or more MAC addresses is invalid."
    if region.release < "1.7":
        return message
    listed, left = " \u2014 ".join(problems[:_MOST_PROBLEMS]), len(problems) - _MOST_PROBLEMS
    if left > 0:
        listed += f" and {left} more error{'s' if left > 1 else ''}"
    return f"{message} ({listed})"


def read_macs(region, check):
    """The MAC addresses of a new machine or device, of which all have to be right and free."""
    sent = [str(text) for text in check.form.getlist("mac_addresses") if text]
    bad = [bad_mac(region, text) for text in sent if clean_mac(text) is None]
    if not bad:
        bad = [message for message in (_in_use(region, text) for text in sent) if message]
    if len(sent) > 1 and bad:
        bad = [_all_in_one(region, bad)]
    for message in bad or ([] if sent else [REQUIRED]):
        check.error("mac_addresses", message)
    return [clean_mac(text) for text in sent if not bad]


def _in_use(region, text):
    """What is wrong with a MAC address that somebody has, or None."""
    owner = machines.machine_with_mac(region, clean_mac(text))
    if owner is None:
        return None
    if region.release < "1.7":
        return f"Mac address {text} already in use."
    where = f" on {owner['hostname']}" if region.release >= "1.8" else ""
    return f"MAC address {text} already in use{where}."


def group_for(request):
    """The node group of a new machine.

    Raises:
        Answer: 400 when the request neither names one nor lets MAAS choose.
    """
    form, region = request.form, request.region
    if "nodegroup" not in form and form.get("autodetect_nodegroup") is None:
        text = "'autodetect_nodegroup' must be specified if 'nodegroup' parameter missing"
        raise Answer(400, text, TEXT)
    known = groups.all_groups(region)
    wanted = form.get("nodegroup")
    if not wanted:
        return min(known, key=lambda group: group["id"])
    return next((group for group in known if wanted in (group["uuid"], str(group["id"]))), None)


class NodeForm:
    """Reads what a request says about a machine.

    Args:
        request: The call.
        group: The machine's node group, None when the named one is unknown.
        row: The machine to change, None for a new one.
    """

    def __init__(self, request, group, row=None):
        self.request = request
        self.region = request.region
        self.form = request.form
        self.group = group
        self.row = row
        self.is_admin = bool(request.user and request.user.is_superuser)
        self.check = Check(request, row)

    def read(self):
        """The values to store, with ``macs`` for a new machine; raises Invalid."""
        values = {"hostname": self._hostname(), "architecture": self._architecture()}
        if self.group is None:
            self._group_is_unknown()
        if self.row is None:
            values["macs"] = read_macs(self.region, self.check)
        if self.region.release >= "1.7" and self.check.has("disable_ipv4"):
            values["disable_ipv4"] = truth(self.form.get("disable_ipv4"))
        if self.is_admin:
            values.update(self._power(), zone=self._zone())
        if self.region.release >= "1.9" and self.check.has("min_hwe_kernel"):
            values["min_hwe_kernel"] = self.check.text("min_hwe_kernel")
        values.update(self._boot_type(), **self._swap_size())
        self.check.done()
        return values

    def _group_is_unknown(self):
        """MAAS asks the cluster for power types and IPv4 even where there is none."""
        self.check.error("nodegroup", _NO_CHOICE)
        asked = self.is_admin and self.form.get(f"{_PREFIX}skip_check") != "true"
        if self.region.release >= "1.7":
            asked = asked or "disable_ipv4" not in self.form
        if asked:
            raise Answer(500, "u'nodegroup'", TEXT)

    def _hostname(self):
        name = self.check.text("hostname") or (self.row["hostname"] if self.row else "")
        for kind in (machines.MACHINES, "devices"):
            for other in self.region.rows(kind).values():
                if name and other is not self.row and other["hostname"] == name:
                    self.check.error("hostname", "Node with this Hostname already exists.")
                    return name
        if self.row and name != self.row["hostname"] and machines.is_stuck(self.region, self.row):
            text = f"Can't change hostname to {name}: node is in use."
            self.check.error("hostname", text)
        problem = netparse.bad_hostname(self.region.release, name) if name else None
        if problem:
            self.check.error("hostname", problem)
        return name

    def _boot_type(self):
        given = self.check.text("boot_type")
        if self.region.release < "1.7" or not given:
            return {}
        if given not in _BOOT_TYPES:
            self.check.error("boot_type", not_a_choice(given))
        return {"boot_type": given}

    def _swap_size(self):
        """The size of the swap file, which stays when the text is empty."""
        given = str(self.check.text("swap_size") or "")
        if self.region.release < "1.8" or not given:
            return {}
        number, unit = (given[:-1], given[-1]) if given[-1] in _UNITS else (given, "")
        if not number.isdigit():
            self.check.error("swap_size", f"Invalid size for swap: {given}")
            return {}
        return {"swap_size": int(number) * _UNITS.get(unit, 1)}

    def _architecture(self):
        given = self.form.get("architecture")
        if given is None and self.row:
            return self.row["architecture"]
        value = str(given or "")
        if value and "/" not in value and self.row is None:
            value += f"/{self.form.get('subarchitecture') or 'generic'}"
        usable = usable_architectures(self.region, self.group) if self.group else []
        if not usable:
            self.check.error("architecture", _NO_ARCHITECTURES)
        elif not value:
            message = "Architecture must be defined for installable nodes."
            self.check.error("architecture", message if self.region.release >= "1.8" else REQUIRED)
        elif value not in usable:
            listed = ", ".join(f"'{item}'" for item in usable)
            self.check.error(
                "architecture",
                f"'{value}' is not a valid architecture.  It should be one of: {listed}.",
            )
        return value

    def _zone(self):
        name = self.form.get("zone")
        if name is None:
            return self.row["zone"] if self.row else "default"
        if not any(zone["name"] == name for zone in self.region.rows("zones").values()):
            self.check.error("zone", _NO_CHOICE)
        return name

    def _power(self):
        """Power type and parameters, which only a connected cluster can check."""
        sent = {
            name[len(_PREFIX) :]: self.form.get(name)
            for name in self.form
            if name.startswith(_PREFIX)
        }
        skip = sent.pop("skip_check", None)
        kind = self.form.get("power_type")
        if self.row and kind is None and not sent:
            return {}
        if kind is None:
            kind = self.row["power_type"] if self.row else ""
        there = bool(self.group and self.group["connected"])
        if not there and self.group:
            self.check.error("power_type", _NO_POWER + self._cluster_label())
        fields = {item["name"]: item["fields"] for item in power_types()} if there else {}
        if there and kind and kind not in fields:
            self.check.error("power_type", not_a_choice(kind))
            return {}
        if skip is not None and truth(skip):
            return {"power_type": kind, "power_parameters": sent}
        names = [field["name"] for field in fields.get(kind, ())]
        unknown = sorted(set(sent) - set(names))
        if unknown:
            self.check.error("power_parameters", f"Unknown parameter(s): {', '.join(unknown)}.")
        if not kind:
            return {"power_type": "", "power_parameters": ""}
        if not sent:
            return {"power_type": kind}
        # What is not sent is emptied.
        return {"power_type": kind, "power_parameters": {one: sent.get(one, "") for one in names}}

    def _cluster_label(self):
        if self.region.release < "1.7":
            return f"'{self.group['name']}'"
        return f"'{self.group['cluster_name']}' ({self.group['uuid']})"


def power_sent(request, group):
    """Type and parameters of power that come with a new machine, whoever brings it.

    Raises:
        Answer: 400 when the cluster knows no such type, or the parameters are no JSON.
    """
    kind, parameters = request.form.get("power_type"), request.form.get("power_parameters")
    if kind is None:
        return {}
    known = [item["name"] for item in power_types()] if group["connected"] else []
    if kind and kind not in known:
        raise Answer(400, f"Bad power_type '{kind}'", TEXT)
    found = {"power_type": str(kind)}
    if parameters and not str(parameters).isspace():
        try:
            found["power_parameters"] = json.loads(parameters)
        except ValueError:
            raise Answer(400, "Failed to parse JSON power_parameters", TEXT) from None
    return found


def need_sound_ranges(region, group):
    """Before an address is given out, 1.7 builds the ranges of its cluster, and breaks on some.

    1.9 has not let such a range in; what 1.8 does is taken from 1.7.
    """
    if not "1.7" <= region.release < "1.9":
        return
    for nic in groups.interfaces_of(region, group):
        low, high = nic["ip_range_low"], nic["ip_range_high"]
        if nic["management"] and low and high and groups.is_backwards(low, high):
            raise Answer(500, "lower bound IP greater than upper bound!", TEXT)
