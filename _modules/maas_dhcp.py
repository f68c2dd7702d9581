"""DHCP on VLANs, in MAAS 2.0 and later.

In 1.x DHCP belongs to a cluster's interfaces: see ``maas_node_group_interface``.
"""

from saltext.maas import documentation, module_helpers

__func_alias__ = {"list_": "list", "set_": "set"}


def list_(profile=None):
    """List the DHCP of all VLANs."""
    return module_helpers.list_all(globals(), "dhcp", locals())


def get(name, profile=None):
    """Show the DHCP of one VLAN."""
    return module_helpers.get(globals(), "dhcp", locals())


def set_(name, enabled=None, primary_rack=None, secondary_rack=None, relay_vlan=None, profile=None):
    """Change the DHCP of a VLAN; what is not given is left alone."""
    return module_helpers.save(globals(), "dhcp", locals())


documentation.complete(globals(), "dhcp")
