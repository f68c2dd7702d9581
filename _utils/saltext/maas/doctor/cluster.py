"""The examination of a cluster or rack controller."""

from __future__ import annotations

import functools
import ipaddress

from saltext.maas.client.errors import BadInput
from saltext.maas.doctor import checks, findings, segments
from saltext.maas.host import cluster, enrolment


def examine(
    surface, interfaces=None, addresses=(), seconds: float = 5, url=None, ca_file=None
) -> dict:
    """Look at all that a cluster or rack needs, without changing anything.

    Args:
        surface: The host.
        interfaces: Names of network interfaces to listen on; by default those
            that serve DHCP, else all with an IPv4 address.
        addresses: IPv4 addresses of machines that must be on the segment; by
            default some that have a lease.
        seconds: How long to listen on the wire.
        url: What the pillar says that the region URL is, if it does.
        ca_file: CA for an https URL.

    Returns:
        See :func:`saltext.maas.doctor.findings.run`.

    Raises:
        BadInput: An argument is wrong.
        HostError: No cluster controller here, or its file is broken.

    MAAS 1.5 to 3.7.
    """
    surface.need("cluster")
    _check_arguments(addresses, seconds)
    urls = cluster.read_files(surface)["urls"]
    local = "region" in surface.roles
    looks = []
    for one in urls:
        looks += [
            ("region URL", functools.partial(checks.region_url, surface, one, ca_file)),
            ("name resolution", functools.partial(checks.name_resolution, one, local)),
        ]
        if surface.release >= "1.7":
            looks.append(
                ("region's RPC ports", functools.partial(checks.connections, one, ca_file))
            )
    looks += [
        ("agreement", functools.partial(_agreement, surface, urls, url)),
        ("shared secret", functools.partial(checks.secret, surface)),
        ("registration", functools.partial(_registration, surface)),
        ("ports", functools.partial(checks.listeners, surface, "cluster")),
    ]
    if surface.sandbox and interfaces is None:
        return findings.run(looks)  # its network is another host's
    for interface in segments.interfaces(surface, interfaces):
        name = interface.name
        looks += [
            (f"DHCP on {name}", functools.partial(segments.dhcp, surface, interface, seconds)),
            (f"machines on {name}",
             functools.partial(segments.machines, surface, interface, addresses, seconds)),
            (f"switch port of {name}", functools.partial(segments.switch, interface, seconds)),
        ]  # fmt: skip
    return findings.run(looks)


def _check_arguments(addresses, seconds):
    wrong = []
    for address in addresses:
        try:
            ipaddress.IPv4Address(address)
        except ValueError:
            wrong.append(f"addresses: {address!r} is no IPv4 address")
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not 0 < seconds <= 60:
        wrong.append(f"seconds: {seconds!r} is not a number above 0, up to 60")
    if wrong:
        raise BadInput(wrong)


def _agreement(surface, urls, wanted):
    check = "region URL in all places"
    if not urls:
        return [
            findings.problem(check, "No region URL is configured.",
                             "Set it with maas_cluster.configured.")
        ]  # fmt: skip
    changes = cluster.plan(surface, url=urls if len(urls) > 1 else urls[0])["changes"]
    told = [f"{place} says {change['old'] or 'nothing'}" for place, change in changes.items()]
    if wanted and wanted.rstrip("/") not in [one.rstrip("/") for one in urls]:
        told.append(f"the pillar says {wanted}")
    if told:
        return [
            findings.problem(
                check, f"It is {', '.join(urls)}, but {'; '.join(told)}.",
                "Run maas_cluster.configured, which brings all places into agreement.",
            )
        ]  # fmt: skip
    return [findings.ok(check, "It is the same everywhere.")]


def _registration(surface):
    now = enrolment.registered(surface)
    if now["state"] == "registered":
        return [findings.ok("registration", now["message"])]
    make = findings.problem if now["state"] == "failed" else findings.warning
    return [make("registration", now["message"], "See maas_cluster.registered.")]
