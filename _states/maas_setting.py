"""Manage MAAS's own settings, in MAAS 1.5 and later."""

from saltext.maas import documentation, state_helpers


def present(name, value, profile=None):
    """Ensure that a setting has a value; never show one that is secret."""
    return state_helpers.present(globals(), "setting", locals())


def absent(name, profile=None):
    """Ensure that a setting is empty, where MAAS allows that."""
    return state_helpers.present(globals(), "setting", {**locals(), "value": ""})


documentation.complete(globals(), "setting")
