"""``license-keys/``."""

from __future__ import annotations

import re

from maas_emulator import images
from maas_emulator.crud import serve
from maas_emulator.forms import Check
from maas_emulator.web import Endpoint, Invalid, Missing

licenses = Endpoint("license-keys/", "LicenseKeysHandler", restricted=True)
license_ = Endpoint("license-key/{osystem}/{series}", "LicenseKeyHandler", restricted=True)

_FIELDS = ("osystem", "distro_series", "license_key")
_KEY = re.compile(r"[A-Za-z0-9]{5}(-[A-Za-z0-9]{5}){4}\Z")


def _show(region, row):
    uri = f"/MAAS/api/2.0/license-key/{row['osystem']}/{row['distro_series']}"
    return {**{name: row[name] for name in _FIELDS}, "resource_uri": uri}


def _offered(region):
    """What needs a key: imported or uploaded series of Windows."""
    rows = region.rows("boot_resources").values()
    names = {row["name"] for row in rows if images.is_complete(row)}
    return sorted(name for name in names if name.startswith("windows/"))


def _not_valid(value, label, choices):
    listed = ", ".join(f"'{item}'" for item in choices)
    return f"'{value}' is not a valid {label}.  It should be one of: {listed}."


def _read(request, stored):
    check = Check(request, stored)
    values = {name: check.text(name, None, required=True) for name in _FIELDS}
    system, series = values["osystem"], (values["distro_series"] or "").rpartition("/")[2]
    offered = _offered(request.region)
    if system:
        systems = ["windows"] if offered else []
        if system not in systems:
            check.error("osystem", _not_valid(system, "osystem", systems))
        if series and f"{system}/{series}" not in offered:
            pair = f"{system}/{series}"
            check.error("distro_series", _not_valid(pair, "distro_series", offered))
    if values["license_key"] and not _KEY.match(values["license_key"]) and not check.errors:
        check.error("__all__", "Invalid license key.")
    check.done()
    for row in request.region.rows("license_keys").values():
        if row is not stored and (row["osystem"], row["distro_series"]) == (system, series):
            text = "License key with this operating system and distro series already exists."
            raise Invalid({"__all__": [text]})
    return {**values, "distro_series": series}


def _find(request):
    wanted = request.ids["osystem"], request.ids["series"]
    for row in request.region.rows("license_keys").values():
        if (row["osystem"], row["distro_series"]) == wanted:
            return row
    raise Missing("LicenseKey", request)


serve(licenses, license_, rows="license_keys", model="LicenseKey", show=_show, read=_read,
      find=_find)  # fmt: skip
