"""MAAS DNS records other than addresses, in MAAS 2.0 and later."""

from __future__ import annotations

from saltext.maas import module_helpers

__func_alias__ = {"list_": "list", "set_": "set"}


def list_(profile=None):
    """List all DNS records.

    Args:
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        ``{key: {field: value}}``.

    Raises:
        CommandExecutionError: The region cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_dns_record.list
    """
    return module_helpers.list_all(globals(), "dns_record", profile=profile)


def get(name, rrtype, rrdata, profile=None):
    """Show one DNS record.

    Args:
        name: Fully qualified name.
        rrtype: Type.
        rrdata: Data, such as '10 mail.example.com' for MX.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        ``{field: value}``, or None if there is no such DNS record.

    Raises:
        CommandExecutionError: The region cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_dns_record.get example.com rrtype=MX rrdata="10 mail.example.com"
    """
    return module_helpers.get(globals(), "dns_record", name, profile, rrtype=rrtype, rrdata=rrdata)


def set_(name, rrtype, rrdata, domain=None, ttl=None, profile=None):
    """Create a DNS record, or change the one that is there; what is not named is left alone.

    Args:
        name: Fully qualified name.
        rrtype: Type.
        rrdata: Data, such as '10 mail.example.com' for MX.
        domain: Its domain; found from the name where not given.
        ttl: Time to live in seconds; one for all of a name and type.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        What was changed, by field with old and new; empty if nothing.

    Raises:
        CommandExecutionError: MAAS refuses, or cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_dns_record.set example.com rrtype=MX rrdata="10 mail.example.com"
    """
    return module_helpers.save(
        globals(),
        "dns_record",
        name,
        profile,
        rrtype=rrtype,
        rrdata=rrdata,
        domain=domain,
        ttl=ttl,
    )


def delete(name, rrtype, rrdata, profile=None):
    """Delete a DNS record.

    Args:
        name: Fully qualified name.
        rrtype: Type.
        rrdata: Data, such as '10 mail.example.com' for MX.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        Whether there was one.

    Raises:
        CommandExecutionError: MAAS refuses, or cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_dns_record.delete example.com rrtype=MX rrdata="10 mail.example.com"
    """
    return module_helpers.remove(
        globals(), "dns_record", name, profile, rrtype=rrtype, rrdata=rrdata
    )
