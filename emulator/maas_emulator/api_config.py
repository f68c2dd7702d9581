"""``maas/``: the region's settings, in every release."""

from __future__ import annotations

import json

from maas_emulator import dns
from maas_emulator.settings import (
    OLD_NAMES,
    BadValue,
    clean,
    default_series,
    settings_of,
)
from maas_emulator.web import BARE_JSON, BARE_TEXT, Endpoint, Invalid, as_json, as_text

# 1.x lets only administrators in; from 2.0 on everybody may read.
closed = Endpoint("maas/", "MaasHandler", restricted=True, until="2.0")
opened = Endpoint("maas/", "MaasHandler", since="2.0")


def seed(region):
    """Give a new region the defaults of its release."""
    series = default_series(region.release)
    for name, setting in settings_of(region.release).items():
        region.settings[name] = series if setting.kind == "series" else setting.default
    region.settings["maas_name"] = region.options.hostname


def _stored_name(region, name):
    """The name under which a setting is kept, once it is known to be one.

    Raises:
        Invalid: The release has no such setting.
    """
    known = settings_of(region.release)
    if name in known:
        return name
    if region.release >= "2.1" and name in OLD_NAMES:
        return "ntp_servers" if name == "ntp_server" else name
    listed = ", ".join(known)
    message = f"{name} is not a valid config setting (valid settings are: {listed})."
    raise Invalid({name: [message]}, BARE_JSON)


def _repository(region, name):
    """The package repository that an old name stands for since 2.1, or None."""
    if region.release >= "2.1" and name in ("main_archive", "ports_archive"):
        # They may be renamed, but not deleted.
        return region.rows("package_repositories")[1 + (name == "ports_archive")]
    return None


@closed("GET", "get_config")
@opened("GET", "get_config")
def get_config(request):
    """Get a configuration value."""
    name = _stored_name(request.region, str(request.needed("name")))
    repository = _repository(request.region, name)
    value = repository["url"] if repository else request.region.settings.get(name)
    return as_json(value, content_type=BARE_JSON)


@closed("POST", "set_config")
@opened("POST", "set_config", admin=True)
def set_config(request):
    """Set a configuration value."""
    region = request.region
    asked = str(request.needed("name"))
    value = request.needed("value")
    if request.is_json and region.release >= "2.0":
        value = json.loads(request.body)["value"]  # a list stays one
    name = _stored_name(region, asked)
    setting = settings_of(region.release).get(name)
    try:
        cleaned = clean(region, setting, value) if setting else str(value)
    except BadValue as error:
        raise Invalid({asked: [str(error)]}) from None
    answers = [function(region, name) for function in region.before_setting]
    if name == "windows_kms_host" and region.release >= "2.0":
        dns.check_kms(region, cleaned)
    repository = _repository(region, name)
    if repository:
        repository["url"] = cleaned
    else:
        region.settings[name] = cleaned
    if name == "windows_kms_host" and region.release >= "2.0":
        dns.kms_changed(region)
    return next(filter(None, answers), None) or as_text("OK", content_type=BARE_TEXT)
