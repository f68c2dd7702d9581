"""What the settings of API 1.0 take: the forms of its releases."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial

from maas_emulator import forms_1x as forms

_NO_IMAGES = "---"
_BAD_ARCHIVE = "Enter a valid url (e.g. http://host.example.com)."
_FIELDS = {
    "bool": forms.BOOLEAN,
    "text": forms.text(),
    "name": forms.text(required=True),
    "url": forms.URL,
    "ip": forms.IP,
    "ips": forms.IPS,
}


def clean(region, setting, value):
    """Turn what was sent into what is stored: as JSON, wherever it can be read as such.

    Args:
        region: The region.
        setting: The setting's :class:`~maas_emulator.settings.Setting`.
        value: Text.

    Raises:
        Wrong: MAAS refuses it.
    """
    found = _field(region, setting).read("" if value is None else str(value))
    try:
        return json.loads(found) if found and isinstance(found, str) else found
    except ValueError:
        return found


def _field(region, setting):
    if setting.name.endswith("_archive"):
        return forms.Field(partial(forms.as_url, message=_BAD_ARCHIVE), required=True)
    if setting.kind in _FIELDS:
        return _FIELDS[setting.kind]
    if setting.name == "default_storage_layout":  # the only one without a message of its own
        return forms.choice(setting.choices, required=True)
    choices = setting.choices or region.series_choices(setting.name)
    field = forms.one_of(choices, setting.label or setting.name)
    return replace(field, clean=partial(_no_images, field.clean))


def _no_images(clean_choice, value):
    """Refuse what is offered where nothing is."""
    if clean_choice(value) == _NO_IMAGES:
        start = "Unable to determine supported operating systems"
        raise forms.Wrong(f"{start}, due to missing boot images.")
    return value
