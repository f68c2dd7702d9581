"""The forms of interfaces: physical ones, bonds, bridges and VLANs, and those of racks."""

from __future__ import annotations

import re

from maas_emulator import forms_2x, links, nodes
from maas_emulator.forms_2x import BLANK, Refused, flag, integer, reference, text
from maas_emulator.web import BARE_JSON, Invalid

_BAD_NAME = (
    "The interface name must be 1 to 15 characters long and can only contain alphanumeric"
    " characters, hyphens ('-'), underscores ('_'), periods ('.'), and colons (':')."
)
_UNCONNECTED = "link_speed cannot be set when link_connected is false."
_TAGGED = "A VLAN interface can only belong to a tagged VLAN"
_IN_BOTH = "A bridge interface can't have a parent that is already in a bond or a bridge."
#: Parameters of a kind of interface: (name, kind of value or its choices, default).
PARAMS = {
    "bond": (
        ("bond_mode", ("balance-rr", "active-backup", "balance-xor", "broadcast", "802.3ad",
                       "balance-tlb", "balance-alb"), "balance-rr"),
        ("bond_miimon", (0, None), 100), ("bond_downdelay", (0, None), 0),
        ("bond_updelay", (0, None), 0), ("bond_num_grat_arp", (0, 255), 1),
        ("bond_lacp_rate", ("fast", "slow"), "fast"),
        ("bond_xmit_hash_policy", ("layer2", "layer2+3", "layer3+4", "encap2+3", "encap3+4",
                                   "vlan+srcmac"), "layer2"),
    ),
    "bridge": (("bridge_type", ("standard", "ovs"), "standard"), ("bridge_stp", bool, False),
               ("bridge_fd", (0, None), 15)),
}  # fmt: skip


# -- kinds of fields ---------------------------------------------------------------------------


def _maybe(value):
    """True, False, or None where nothing is said."""
    words = {"true": True, "1": True, "false": False, "0": False}
    return value if isinstance(value, bool) else words.get(str(value).strip().lower())


def _one_of(name, choices):
    """A choice whose message lists the choices."""

    def python(value):
        value = "" if value in forms_2x.EMPTY else str(value)
        if value and value not in choices:
            listed = ", ".join(f"'{item}'" for item in choices)
            raise Refused(f"'{value}' is not a valid {name}.  It should be one of: {listed}.")
        return value

    return forms_2x.Field(name, python, model=None)


def tag_list(value):
    """A list in one text with commas; of several, only the last one is read."""
    if isinstance(value, list):
        return value
    found = [item.strip() for item in str(value).split(",")] if value else []
    for number, item in enumerate(found, 1):
        if not item:
            text = f"Item {number} in the array did not validate: This field is required."
            raise Refused(text)
    return found


def _parents(node):
    def python(values):
        known = {str(nic["id"]): nic for nic in node["interfaces"]}
        for value in values:
            if not str(value).strip().isdecimal():
                raise Refused(f"“{value}” is not a valid value.")
        unknown = [value for value in values if str(value).strip() not in known]
        if unknown:
            text = "Select a valid choice. {} is not one of the available choices."
            raise Refused(text.format(unknown[0]))
        wanted = {str(value).strip() for value in values}
        return [nic for ident, nic in known.items() if ident in wanted]

    return forms_2x.Field("parents", python, many=True, model=None)


def _params_of(kind):
    for name, what, _ in PARAMS.get(kind, ()):
        if what is bool:
            yield forms_2x.Field(name, _maybe, model=None)
        elif isinstance(what[0], str):
            yield _one_of(name, what)
        else:
            yield integer(name, low=what[0], high=what[1], model=None)


def _speeds():
    # Whether a link is connected is no checkbox that is off when nothing is sent of it.
    return (
        flag("link_connected", default=False),
        integer("interface_speed", low=0, default=0),
        integer("link_speed", low=0, default=0),
    )


def _name(required):
    checks = (forms_2x.pattern(r"^[\w\-_.:]{1,15}$", _BAD_NAME),)
    return text("name", required=required, model=checks, blank=False, default="")


def _mac(required):
    model = (lambda value: None if forms_2x.is_stored_mac(value) else forms_2x.bad_mac(value),)
    return text("mac_address", key="mac", null=True, required=required, blank=True, model=model)


def _vlan(region):
    rows = region.rows("vlans")
    return reference("vlan", forms_2x.by_key(rows), blank=True)


# -- one form ----------------------------------------------------------------------------------


class InterfaceForm:
    """The form of an interface.

    Args:
        request: The call.
        node: What the interface is of.
        kind: ``physical``, ``bond``, ``bridge`` or ``vlan``.
        stored: The interface that an update changes.
        sent: Another form than the request's.
    """

    def __init__(self, request, node, kind, stored=None, sent=None):
        self.region, self.node, self.kind, self.stored = request.region, node, kind, stored
        fields = [
            _vlan(self.region),
            forms_2x.Field("tags", tag_list, default=[]),
            *_speeds(),
            _parents(node),
            integer("mtu", low=552, model=None),
            forms_2x.Field("accept_ra", _maybe, model=None),
            _name(required=kind not in ("physical", "vlan")),
            *_params_of(kind),
        ]
        if kind != "vlan":
            fields.append(_mac(required=kind == "physical"))
        if kind == "physical":
            fields += [
                forms_2x.Field("enabled", _maybe, default=True),
                integer("numa_node", low=0, model=None),
            ]
        row = None if stored is None else {**nodes.NIC, **stored}
        self.form = forms_2x.ModelForm(request, fields, row, sent=sent)
        if stored is not None and stored.get("tags") and not self.form.has("tags"):
            self.form.data["tags"] = list(stored["tags"])
        if stored is None and not self.form.has("link_connected"):
            self.form.data["link_connected"] = [False]

    def run(self):
        """Check everything and store it.

        Returns:
            The interface, which is a new one unless an update was asked for.
        """
        form = self.form
        form.read({"parents": self._check_parents, "vlan": self._check_vlan})
        if "parents" not in form.sent and self.stored is None and "parents" in form.errors:
            form.cleaned.pop("parents", None)
        self._check_speed()
        getattr(self, f"_look_at_{self.kind}")()
        form.apply()
        self._check_model()
        if form.errors:
            raise Invalid(form.errors)
        self._check_twins()
        return self._save()

    # -- parents and VLANs

    def _own_parents(self):
        return links.parents_of(self.node, self.stored) if self.stored else []

    def _others(self, nic):
        """What is made of an interface beside this one."""
        own = self.stored["id"] if self.stored else None
        return [item for item in links.children_of(self.node, nic) if item["id"] != own]

    def _check_parents(self, sent):
        kind, asked = self.kind, "parents" in self.form.sent or self.stored is None
        parents = sent if asked else self._own_parents()
        if kind == "physical":
            if parents:
                raise Refused("A physical interface cannot have parents.")
            return []
        word = {"vlan": "VLAN"}.get(kind, kind)
        if kind == "bond":
            if not parents:
                raise Refused("A bond interface must have one or more parents.")
            return parents
        if kind == "bridge" and self.region.release >= "3.8":
            if not parents:
                raise Refused("A bridge interface must have at least one parent.")
        elif len(parents) != 1:
            raise Refused(f"A {word} interface must have exactly one parent.")
        for parent in parents:
            self._check_parent(kind, parent)
        return parents

    def _check_parent(self, kind, parent):
        kinds = [item.get("type") for item in self._others(parent)]
        if kind == "vlan":
            if parent.get("type") == "vlan":
                raise Refused("A VLAN interface can't have another VLAN interface as parent.")
            if "bond" in kinds:
                raise Refused("A VLAN interface can't have a parent that is already in a bond.")
        else:
            if parent.get("type") == "bridge":
                raise Refused("A bridge interface can't have another bridge interface as parent.")
            if "bond" in kinds or "bridge" in kinds:
                raise Refused(_IN_BOTH)

    def _check_vlan(self, ident):
        if self.kind != "vlan":
            return ident
        # The field of an update holds the stored VLAN, so that it counts as sent.
        if ident is None:
            raise Refused("A VLAN interface must be connected to a tagged VLAN.")
        if self.region.rows("vlans")[ident]["vid"] == 0:
            raise Refused(f"{_TAGGED}.")
        return ident

    def _check_speed(self):
        seen = self.form.cleaned
        before = self.stored is not None and self.stored.get("link_connected", True)
        known = self.stored is not None
        unconnected = seen.get("link_connected") is False and known and not before
        if unconnected and seen.get("link_speed"):
            self.form.error("__all__", _UNCONNECTED)

    # -- what each kind looks at

    def _ok(self, *names):
        return not any(name in self.form.errors for name in names)

    def _unique_name(self, name):
        own = self.stored["id"] if self.stored else None
        if any(nic["name"] == name and nic["id"] != own for nic in self.node["interfaces"]):
            label = f"{self.node['system_id']} ({self.node['hostname']})"
            text = f"Node {label} already has an interface named '{name}'."
            self.form.note("name", text)

    def _look_at_physical(self):
        if not self._ok("name"):
            return
        name = self.form.cleaned.get("name")
        if name:
            self._unique_name(name)
        elif self.stored is None:
            self.form.cleaned["name"] = next_name(self.node)
            self.form.data["name"] = [self.form.cleaned["name"]]

    def _look_at_vlan(self):
        seen = self.form.cleaned
        if not self._ok("vlan", "parents") or not seen.get("vlan"):
            return
        vlans, parent = self.region.rows("vlans"), seen["parents"][0]
        vlan = vlans[seen["vlan"]]
        if vlans[parent["vlan"]]["fabric_id"] != vlan["fabric_id"]:
            text = f"{_TAGGED} on the same fabric as its parent interface."
            self.form.note("vlan", text)
        if self._ok("name"):
            if not seen.get("name") and self.stored is None:
                seen["name"] = f"{parent['name']}.{vlan['vid']}"
                self.form.data["name"] = [seen["name"]]
            self._unique_name(seen.get("name"))

    def _look_at_bond(self):
        if not self._ok("parents"):
            return
        parents = self.form.cleaned["parents"]
        self._default_mac(parents)
        self._refuse_used(parents, ())
        self._default_vlan(parents)
        vlans = {nic["vlan"] for nic in parents}
        if self.stored is None and vlans != {self.form.cleaned.get("vlan")}:
            self.form.note("parents", "All parents must belong to the same VLAN.")

    def _look_at_bridge(self):
        if not self._ok("parents", "vlan"):
            return
        parents = self.form.cleaned["parents"]
        self._default_mac(parents)
        self._refuse_used(parents, ("vlan",))
        self._default_vlan(parents)

    def _default_mac(self, parents):
        form, stored = self.form, self.stored
        if stored is None:
            if "mac_address" not in form.sent:
                form.cleaned["mac_address"] = parents[0]["mac"]
                form.data["mac_address"] = [parents[0]["mac"]]
            return
        before = {nic["mac"]: nic for nic in self._own_parents()}
        same = form.cleaned.get("mac_address") == stored["mac"]
        if same and stored["mac"] in before and before[stored["mac"]] not in parents:
            form.cleaned["mac_address"] = parents[0]["mac"]

    def _default_vlan(self, parents):
        if self.stored is None and self.form.cleaned.get("vlan") is None:
            self.form.cleaned["vlan"] = parents[0]["vlan"]

    def _refuse_used(self, parents, harmless):
        used = sorted(
            nic["name"]
            for nic in parents
            if any(item.get("type") not in harmless for item in self._others(nic))
        )
        if used:
            self.form.note("parents", f"Interfaces already in-use: {', '.join(used)}.")

    # -- what the model looks at

    def _check_model(self):
        form, row = self.form, self.form.row
        as_sent = "3.5" <= self.region.release < "3.8"
        if row.get("mac") and forms_2x.is_mac(row["mac"]) and not as_sent:
            row["mac"] = forms_2x.normal_mac(row["mac"])
        if self.kind in ("bond", "bridge") and not row.get("mac"):
            form.error("mac_address", BLANK)
        if self.kind == "physical":
            if not row.get("mac") and self._ok("mac_address"):
                form.error("mac_address", BLANK)
            holder = row.get("mac") and self._holder(row["mac"])
            if holder:
                form.error("mac_address", f"This MAC address is already in use by {holder}.")
        if (form.cleaned.get("numa_node") or 0) > 0 and self.node["node_type"] == 0:
            form.error("numa_node", "Invalid NUMA node")

    def _holder(self, mac):
        """What has a MAC address already, if it is a physical interface."""
        own = self.stored["id"] if self.stored else None
        for node in nodes.everything(self.region):
            for nic in node["interfaces"]:
                if nic["mac"] == mac and nic["id"] != own and nodes.is_physical(nic):
                    return f"{nic['name']} (physical) on {node['hostname']}"
        return None

    def _check_twins(self):
        """Another interface of the name, which only storing finds."""
        own = self.stored["id"] if self.stored else None
        name = self.form.row["name"]
        if any(nic["name"] == name and nic["id"] != own for nic in self.node["interfaces"]):
            text = "Interface with this Node config and Name already exists."
            raise Invalid({"__all__": [text]}, BARE_JSON)

    # -- storing

    def _save(self):
        region, node, form, row = self.region, self.node, self.form, self.form.row
        is_new = self.stored is None
        vlan = row["vlan"]
        if "vlan" in form.sent and form.cleaned.get("vlan") is None:
            vlan = None
        nic = self.stored
        if is_new:
            nic = region.rows("interfaces").add(
                {"vlan": vlan, "name": row["name"], "links": [], "params": {}, "parents": [],
                 "type": self.kind, "mac": row.get("mac") or ""}
            )  # fmt: skip
            node["interfaces"].append(nic)
        was_on, mtu = links.is_enabled(node, nic), (nic.get("params") or {}).get("mtu")
        for name in ("tags", "link_connected", "interface_speed", "link_speed", "name"):
            nic[name] = row[name]
        if not nic["link_connected"]:
            nic["link_speed"] = 0
        if "mac" in row:
            nic["mac"] = row["mac"]
        if self.kind == "physical":
            nic["enabled"] = row["enabled"]
        if not is_new and vlan != nic["vlan"]:
            # The VLAN is stored first, so that the parents of until now get it as well.
            links.set_vlan(region, node, nic, vlan)
            links.settle(region, node, nic)
        parents = form.cleaned.get("parents")
        if parents and (is_new or "parents" in form.sent):
            nic["parents"] = [item["id"] for item in parents]
        links.set_vlan(region, node, nic, vlan)
        nic["params"] = self._params(nic, is_new)
        links.settle(region, node, nic)
        links.spread_mtu(node, nic, mtu)
        if self.kind == "physical" and not is_new and was_on != nic["enabled"]:
            links.enabled_changed(region, node, nic)
        if is_new:
            links.ensure_up(region, node, nic)
        return nic

    def _params(self, nic, is_new):
        found, form = dict(nic.get("params") or {}), self.form
        for field, name in (("mtu", "mtu"), ("accept_ra", "accept-ra")):
            value = form.cleaned.get(field)
            if value is not None:
                found[name] = value
            elif form.data.get(field) == "":
                found.pop(name, None)
        for name, _, default in PARAMS.get(self.kind, ()):
            value = form.cleaned.get(name)
            if value not in (None, ""):
                found[name] = value
            elif is_new:
                found[name] = default
        return found


def next_name(node):
    """The name that MAAS gives the next interface of a node."""
    numbers = [re.fullmatch(r"eth(\d+)", nic["name"]) for nic in node["interfaces"]]
    return f"eth{max((int(found[1]) for found in numbers if found), default=-1) + 1}"


def changed_when_deployed(request, node, stored):
    """Change what may be changed of an interface of a deployed machine."""
    fields = (_mac(required=False), _name(required=True), *_speeds())
    form = forms_2x.ModelForm(request, fields, {**nodes.NIC, **stored})
    _store_speeds(form, stored)
    stored.update(name=form.row["name"], mac=form.row["mac"])
    links.settle(request.region, node, stored)
    return stored


def changed_of_controller(request, stored):
    """Change an interface of a controller; its subnets move with it to another VLAN."""
    region = request.region
    form = forms_2x.ModelForm(request, (_vlan(region), *_speeds()), {**nodes.NIC, **stored})
    _store_speeds(form, stored)
    vlan, before = form.row["vlan"], stored["vlan"]
    if "vlan" in form.sent and form.cleaned.get("vlan") is None:
        vlan = None
    stored["vlan"] = vlan
    if vlan != before and None not in (vlan, before):
        for link in stored["links"]:
            if link["subnet"] is not None:
                region.rows("subnets")[link["subnet"]]["vlan"] = vlan
    return stored


def _store_speeds(form, stored):
    form.read()
    seen = form.cleaned
    unconnected = seen.get("link_connected") is False and not stored.get("link_connected", True)
    if unconnected and seen.get("link_speed"):
        form.error("__all__", _UNCONNECTED)
    form.apply()
    form.done()
    for name in ("link_connected", "interface_speed", "link_speed"):
        stored[name] = form.row[name]
    if not stored["link_connected"]:
        stored["link_speed"] = 0
