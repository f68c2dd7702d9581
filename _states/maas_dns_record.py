"""Manage MAAS DNS records other than addresses, in MAAS 2.0 and later."""

from __future__ import annotations

from saltext.maas import state_helpers


def present(name, rrtype, rrdata, domain=None, ttl=None, profile=None):
    """Make sure that a DNS record is as described.  What is not named is left alone.

    Args:
        name: Fully qualified name.
        rrtype: Type.
        rrdata: Data, such as '10 mail.example.com' for MX.
        domain: Its domain; found from the name where not given.
        ttl: Time to live in seconds; one for all of a name and type.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        A state's return; ``changes`` hold old and new values by field.

    .. code-block:: yaml

        example.com:
          maas_dns_record.present:
            - rrtype: MX
            - rrdata: 10 mail.example.com
            - ttl: 300
    """
    return state_helpers.present(
        globals(),
        "dns_record",
        name,
        profile,
        rrtype=rrtype,
        rrdata=rrdata,
        domain=domain,
        ttl=ttl,
    )


def absent(name, rrtype, rrdata, profile=None):
    """Make sure that there is no such DNS record.

    Args:
        name: Fully qualified name.
        rrtype: Type.
        rrdata: Data, such as '10 mail.example.com' for MX.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        A state's return.

    .. code-block:: yaml

        example.com:
          maas_dns_record.absent:
            - rrtype: MX
            - rrdata: 10 mail.example.com
    """
    return state_helpers.absent(
        globals(), "dns_record", name, profile, rrtype=rrtype, rrdata=rrdata
    )
