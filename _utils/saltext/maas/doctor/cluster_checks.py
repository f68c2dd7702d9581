"""The examination of a cluster or rack controller."""

from __future__ import annotations

import functools
import ipaddress

from saltext.maas.doctor import checks, findings, segments
from saltext.maas.errors import BadInput
from saltext.maas.host import cluster_config, enrolment


def examine(
    installation, interfaces=None, addresses=(), seconds: float = 5, url=None, ca_file=None
) -> dict:
    """Look at all that a cluster or rack needs, without changing anything.

    Args:
        installation: The host.
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
    installation.need("cluster")
    _check_arguments(addresses, seconds)
    urls = cluster_config.read_files(installation)["urls"]
    local = "region" in installation.roles
    looks = []
    for one in urls:
        looks += [
            ("region URL", functools.partial(checks.region_url, installation, one, ca_file)),
            ("name resolution", functools.partial(checks.name_resolution, one, local)),
        ]
        if installation.release >= "1.7":
            looks.append(
                ("region's RPC ports", functools.partial(checks.connections, one, ca_file))
            )
    looks += [
        ("agreement", functools.partial(_agreement, installation, urls, url)),
        ("shared secret", functools.partial(checks.secret, installation)),
        ("registration", functools.partial(_registration, installation)),
        ("ports", functools.partial(checks.listeners, installation, "cluster")),
    ]
    if installation.sandbox and interfaces is None:
        return findings.run(looks)  # its network is another host's
    for interface in segments.interfaces(installation, interfaces):
        name = interface.name
        looks += [
            (f"DHCP on {name}", functools.partial(segments.dhcp, installation, interface, seconds)),
            (f"machines on {name}",
             functools.partial(segments.machines, installation, interface, addresses, seconds)),
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


def _agreement(installation, urls, desired):
    check = "region URL in all places"
    if not urls:
        return [
            findings.problem(check, "No region URL is configured.",
                             "Set it with maas_cluster.configured.")
        ]  # fmt: skip
    changes = cluster_config.plan(installation, url=urls if len(urls) > 1 else urls[0])["changes"]
    told = [f"{place} says {change['old'] or 'nothing'}" for place, change in changes.items()]
    if desired and desired.rstrip("/") not in [one.rstrip("/") for one in urls]:
        told.append(f"the pillar says {desired}")
    if told:
        return [
            findings.problem(
                check, f"It is {', '.join(urls)}, but {'; '.join(told)}.",
                "Run maas_cluster.configured, which brings all places into agreement.",
            )
        ]  # fmt: skip
    return [findings.ok(check, "It is the same everywhere.")]


def _registration(installation):
    now = enrolment.registered(installation)
    if now["state"] == "registered":
        return [findings.ok("registration", now["message"])]
    make = findings.problem if now["state"] == "failed" else findings.warning
    return [make("registration", now["message"], "See maas_cluster.registered.")]
