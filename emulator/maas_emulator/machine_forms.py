"""The forms of machines, devices and controllers."""

from __future__ import annotations

import re

from maas_emulator import dns, forms_2x, images, kernels, nodes, power
from maas_emulator.forms import REQUIRED, truth
from maas_emulator.web import TEXT, Answer

_IP_NAME = re.compile(r"\d{1,3}-\d{1,3}-\d{1,3}-\d{1,3}$")
_UNITS = {"K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_LINUX = ("ubuntu", "ubuntu-core", "centos", "rhel", "ol", "suse", "custom")
_OLDEST_DPU = "hwe-22.04"


# -- what all of them have ---------------------------------------------------------------------


def _domain(region):
    """A domain by id or name; MAAS fails where an id is unknown."""

    def python(value):
        if value in forms_2x.EMPTY:
            return None
        rows = region.rows("domains")
        if str(value).strip().lstrip("-").isdecimal():
            if int(value) not in rows:
                raise Answer(500, "Domain matching query does not exist.", TEXT)
            return int(value)
        for ident, row in rows.items():
            if row["name"] == str(value).strip():
                return ident
        raise forms_2x.Refused(f"Unable to find domain {value}")

    return forms_2x.Field("domain", python, model=None)


def by_name(region, field, table):
    """A field that names a zone, pool or domain by its name only."""

    def find(value):
        rows = region.rows(table).values()
        return next((row["id"] for row in rows if row["name"] == str(value)), None)

    return forms_2x.reference(field, find, model=None)


def _swap_size(value):
    text = "" if value is None else str(value).strip()
    if not text:
        return None
    if text[-1] in _UNITS:
        return int(text[:-1]) * _UNITS[text[-1]]
    try:
        return int(text)
    except ValueError:
        raise forms_2x.Refused(f"Invalid size for swap: {text}") from None


def _no_ipv4(value):
    if truth(value):
        raise forms_2x.Refused("If specified, disable_ipv4 must be False.")
    return False


def node_fields(region):
    """The fields that the forms of machines and devices share."""
    return (
        forms_2x.text("hostname", default="", model=(dns.bad_hostname,)),
        _domain(region),
        forms_2x.Field("swap_size", _swap_size, default=None),
        forms_2x.Field("disable_ipv4", _no_ipv4, model=None, tick=True),
        forms_2x.text("description", default=""),
        by_name(region, "zone", "zones"),
    )


def macs_of(form):
    """The MAC addresses that a form has, in the form that MAAS stores; errors are noted.

    Args:
        form: A form that was not read yet.
    """
    given = [str(mac).strip() for mac in form.sent.getlist("mac_addresses") if mac]
    wrong = [mac for mac in given if not forms_2x.is_mac(mac)]
    if wrong:
        return given, [forms_2x.bad_mac(mac) for mac in wrong]
    return [forms_2x.normal_mac(mac) for mac in given], []


def note_macs(region, form, needed):
    """Read the MAC addresses of a new node into ``form.cleaned``.

    Args:
        region: The region.
        form: The form.
        needed: Whether there must be one.
    """
    found, problems = macs_of(form)
    if not problems:
        for mac in found:
            for node in nodes.everything(region):
                alike = [nic for nic in node["interfaces"] if nic["mac"] == mac]
                text = f"MAC address {mac} already in use on {node['hostname']}."
                problems += [text] * len(alike)
    if needed and not found:
        problems = [REQUIRED]
    if problems and len(found) > 1:
        problems = [f"One or more MAC addresses is invalid. ({' — '.join(problems[:10])})"]
    if problems:
        form.error("mac_addresses", *problems)
    else:
        form.cleaned["mac_addresses"] = list(dict.fromkeys(found))


def finish_name(region, form, stored):
    """Split a full name, and see that no other node has that name."""
    row = form.row
    if "domain" in form.cleaned:
        row["domain"] = form.cleaned["domain"]
    name, dot, domain = row["hostname"].partition(".")
    if dot:
        found = [item["id"] for item in region.rows("domains").values() if item["name"] == domain]
        if found:
            row.update(hostname=name, domain=found[0])
        else:
            form.error("hostname", "Nonexistant domain.")
    if "hostname" in form.errors or not row["hostname"]:
        return
    others = [node for node in nodes.everything(region) if node is not stored]
    if any(node["hostname"] == row["hostname"] for node in others):
        form.error("hostname", forms_2x.already_exists("Node", "hostname"))


def chosen_name(region, row):
    """The name that a node gets: its own, unless it has none or one made from an address."""
    if row["hostname"] and not _IP_NAME.match(row["hostname"]):
        return row["hostname"]
    taken = {node["hostname"] for node in nodes.everything(region)}
    return nodes.invented_name(taken)


# -- devices -----------------------------------------------------------------------------------


def device(request, stored):
    """The form of a device, read.

    Args:
        request: The call.
        stored: The device, None for a new one.

    Returns:
        The device's row as it becomes; of a new one, with ``mac_addresses``.
    """
    region = request.region

    def find(value):
        node = nodes.find_id(region, str(value))
        return node["system_id"] if node else None

    # A parent is kept by its number, but looked for by system_id: it never finds the stored one.
    fields = (*node_fields(region), forms_2x.reference("parent", find, model=None))
    form = forms_2x.ModelForm(request, fields, stored)
    if stored and stored["parent"] and not form.has("parent"):
        form.data["parent"] = ["-"]
    form.read()
    if stored is None:
        form.row.update(parent=None, domain=default_domain(region), zone=1)
        note_macs(region, form, True)
    form.apply()
    parent = form.cleaned.get("parent")
    if parent:
        form.row["parent"] = parent
    asked = stored is None or form.has("domain")
    if form.row["parent"] and asked and not form.cleaned.get("domain"):
        holder = nodes.find_id(region, form.row["parent"])
        form.row["domain"] = holder["domain"] if holder else form.row["domain"]
    form.row["zone"] = form.cleaned.get("zone", form.row["zone"])
    finish_name(region, form, stored)
    form.done()
    form.row["hostname"] = chosen_name(region, form.row)
    if stored is None:
        form.row["mac_addresses"] = form.cleaned["mac_addresses"]
    return form.row


def default_domain(region):
    """The id of the domain that nodes get."""
    return next(row["id"] for row in region.rows("domains").values() if row["default"])


# -- machines ----------------------------------------------------------------------------------


def _architecture(region, needed):
    usable = images.architectures(region)

    def python(value):
        value = "" if value in forms_2x.EMPTY else str(value)
        if value and value not in usable:
            listed = ", ".join(f"'{item}'" for item in usable) or "''"
            text = f"'{value}' is not a valid architecture.  It should be one of: {listed}."
            raise forms_2x.Refused(text)
        return value

    return forms_2x.Field("architecture", python, required=needed, default="", blank=True)


def _system(name, choices):
    """``osystem`` or ``distro_series``; of a machine with an owner among those that are there."""

    def python(value):
        value = "" if value in forms_2x.EMPTY else str(value).strip()
        if choices is not None and value and value not in choices:
            listed = ", ".join(f"'{item}'" for item in choices)
            text = f"'{value}' is not a valid {name}.  It should be one of: {listed}."
            raise forms_2x.Refused(text)
        return value

    return forms_2x.Field(name, python, default="", blank=True)


def needs_macs(form):
    """Whether MAC addresses and an architecture must be given."""
    kind = form.get("power_type", "unknown")
    deployed = asked_truth(form, "deployed")
    return not (kind == "ipmi" or (deployed and kind == "unknown"))


def asked_truth(form, name, default=False):
    """A field that must be true or false where it is sent.

    Raises:
        Answer: 400 in words.
    """
    value = form.get(name)
    if value in (None, ""):
        return default
    words = {"true": True, "1": True, "yes": True, "on": True, "y": True, "t": True,
             "false": False, "0": False, "no": False, "off": False, "n": False,
             "f": False}  # fmt: skip
    found = value if isinstance(value, bool) else words.get(str(value).strip().lower())
    if found is None:
        raise Answer(400, f"Invalid {name}: Value should be 'true' or 'false'", TEXT)
    return found


def _machine_fields(region, needed, stored):
    chosen = stored is not None and stored["owner"] and stored["status"] not in (6, 9)
    systems = ["", *images.systems(region)] if chosen else None
    series = None
    if chosen:
        series = [""]
        for system in images.systems(region):
            series += [f"{system}/{name}" for name in sorted(images.series_of(region, system))]
    fields = [
        *node_fields(region),
        _architecture(region, needed),
        _system("osystem", systems),
        _system("distro_series", series),
        forms_2x.text("license_key", null=False, model=None),
        forms_2x.text("min_hwe_kernel", default=""),
        forms_2x.text("hwe_kernel", null=True),
        forms_2x.flag("install_rackd", model=None),
        forms_2x.flag("ephemeral_deploy"),
        forms_2x.flag("enable_kernel_crash_dump"),
        forms_2x.flag("enable_hw_sync"),
        forms_2x.flag("is_dpu"),
        by_name(region, "pool", "pools"),
        forms_2x.integer("cpu_count", default=0),
        forms_2x.integer("memory", default=0),
    ]
    if region.release < "3.7":
        fields = [field for field in fields if field.name != "is_dpu"]
    return fields


def _min_kernel(region, stored):
    def check(value):
        if not value and stored is None:
            value = str(region.settings.get("default_min_hwe_kernel") or "")
        if value and value not in kernels.levels(region):
            raise forms_2x.Refused(f'No kernel matches ">={value}" requirement.')
        return value

    return check


def _series(form):
    def check(value):
        system, slash, series = value.replace("*", "").partition("/")
        if not slash:
            return value
        chosen = form.cleaned.get("osystem")
        if chosen and chosen != system:
            text = f"{series} in distro_series does not match with operating system {system}"
            raise forms_2x.Refused(text)
        form.cleaned["osystem"] = system
        return series

    return check


_WINDOWS_KEY = re.compile(r"([A-Za-z0-9]{5}-){4}[A-Za-z0-9]{5}")


def _license_key(form):
    def check(value):
        system = form.cleaned.get("osystem")
        is_one = system == "windows" and _WINDOWS_KEY.fullmatch(value)
        if value and system and not is_one:
            raise forms_2x.Refused("Invalid license key.")
        return value

    return check


_OF_ADMINS = ("zone", "pool", "description", "cpu_count", "memory")


def machine(request, stored, sent=None, as_admin=True):
    """The form of a machine, read.

    Args:
        request: The call.
        stored: The machine, None for a new one.
        sent: Another form than the request's.
        as_admin: Whether what only administrators may say counts.

    Returns:
        ``(row, (power type, parameters))``: the machine as it becomes. The row of a new one has
        ``mac_addresses``.
    """
    region = request.region
    sent = request.form if sent is None else sent
    needed = needs_macs(sent)
    fields = _machine_fields(region, needed, stored)
    if not as_admin:
        fields = [field for field in fields if field.name not in _OF_ADMINS]
    form = forms_2x.ModelForm(request, fields, stored, sent=sent)
    if stored and stored["osystem"] and not form.has("distro_series"):
        form.data["distro_series"] = [f"{stored['osystem']}/{stored['distro_series']}"]
    form.read({
        "min_hwe_kernel": _min_kernel(region, stored), "distro_series": _series(form),
        "license_key": _license_key(form),
    })  # fmt: skip
    if stored is None:
        note_macs(region, form, needed)
    switch = power.read(region, form, stored)
    _look_at_machine(region, form, stored)
    if stored is None:
        form.row.update(domain=default_domain(region), zone=1, pool=0)
    form.apply()
    for name in ("zone", "pool"):
        form.row[name] = form.cleaned.get(name, form.row[name])
    finish_name(region, form, stored)
    form.done()
    if needed and not images.architectures(region):
        raise Answer(400, _NO_IMAGES, None)
    form.row["hostname"] = chosen_name(region, form.row)
    if stored is None:
        form.row["mac_addresses"] = form.cleaned["mac_addresses"]
    return form.row, switch


_NO_IMAGES = (
    '{"architecture": ["No architectures are available to use for this node; boot images may not'
    ' have been imported on the selected rack controller, or it may be unavailable."]}'
)


def _look_at_machine(region, form, stored):
    """What a machine's form says of several fields."""
    seen, before = form.cleaned, stored or {"power_type": "", "osystem": "", "hwe_kernel": None}
    kind = seen.get("power_type")
    has_nics = seen.get("mac_addresses") or (stored and stored["interfaces"])
    if kind and kind not in (before["power_type"], "ipmi") and not has_nics:
        form.note("power_type", f"Can't set power type to {kind} without network interfaces")
    system = seen.get("osystem") or before["osystem"]
    if seen.get("enable_hw_sync") and system not in _LINUX:
        text = "Hardware sync is only supported for Linux based image deploys."
        form.note("enable_hw_sync", text)
    if not before["hwe_kernel"]:
        try:
            seen["hwe_kernel"] = kernels.working(
                region, seen.get("hwe_kernel"), seen.get("min_hwe_kernel"),
                seen.get("architecture"), system, seen.get("distro_series"),
            )  # fmt: skip
        except forms_2x.Refused as refused:
            form.note("hwe_kernel", *refused.args)
    if seen.get("is_dpu"):
        problem = _dpu_problem(seen)
        if problem:
            form.error("__all__", problem)
        elif not seen.get("min_hwe_kernel"):
            seen["min_hwe_kernel"] = _OLDEST_DPU


def _dpu_problem(seen):
    """Why a machine cannot be a DPU, or None."""
    architecture, least = seen.get("architecture"), seen.get("min_hwe_kernel")
    if architecture and architecture.partition("/")[0] != "arm64":
        return "Invalid DPU architecture provided. Only 'arm64' architecture is supported."
    if least and kernels.order(least) < kernels.order(_OLDEST_DPU):
        return (f"Invalid minimum {least} DPU kernel used. Only '{_OLDEST_DPU}' or newer are"
                " supported.")  # fmt: skip
    wanted = seen.get("hwe_kernel")
    if wanted and kernels.order(wanted) < kernels.order(least or _OLDEST_DPU):
        return (f"Invalid {wanted} DPU kernel used. Only '{_OLDEST_DPU}' or newer are"
                " supported.")  # fmt: skip
    return None


# -- controllers -------------------------------------------------------------------------------


def controller(request, node):
    """What PUT changes of a controller: zone, power, domain (2.2) and description (2.6)."""
    region = request.region
    fields = [by_name(region, "zone", "zones")]
    if region.release >= "2.2":
        fields.append(by_name(region, "domain", "domains"))
    if region.release >= "2.6":
        fields.append(forms_2x.text("description", default=""))
    form = forms_2x.ModelForm(request, fields, node)
    form.read()
    kind, values = power.read(region, form, node)
    form.apply()
    form.done()
    power.store(region, node, kind, values)
    node.update(form.row, power_type=node["power_type"], bmc=node.get("bmc"))
    for name in ("zone", "domain"):
        node[name] = form.cleaned.get(name, node[name])
