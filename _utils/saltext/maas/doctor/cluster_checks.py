"""The examination of a cluster or rack controller."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from functools import partial
from typing import Any

from saltext.maas.doctor import checks, findings
from saltext.maas.errors import BadInput
from saltext.maas.host import cluster_config, enrolment
from saltext.maas.host.installation import Installation


def examine(
    installation: Installation,
    interfaces: list[str] | None = None,
    addresses: Iterable[str] = (),
    seconds: float = 5,
    url: str | None = None,
    ca_file: str | None = None,
) -> dict[str, Any]:
    """Check all that a cluster or rack needs, without changing anything.

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

    MAAS 1.5 to 3.8.
    """
    installation.need("cluster")
    addresses = list(addresses)
    _check_arguments(addresses, seconds)
    urls = cluster_config.read_files(installation)["urls"]
    local = "region" in installation.roles
    found: list[tuple[str, Any]] = [*checks.release(installation)]
    for one in urls:
        found += [
            ("region URL", partial(checks.region_url, installation, one, ca_file)),
            ("name resolution", partial(checks.name_resolution, one, local)),
        ]
        if installation.release >= "1.7":
            found.append(("region's RPC ports", partial(checks.connections, one, ca_file)))
    found += [
        ("region URL in all places", partial(_consistency, installation, urls, url)),
        ("shared secret", partial(checks.secret, installation)),
        ("registration", partial(_registration, installation)),
        ("ports", partial(checks.listeners, installation, "cluster")),
    ]
    if installation.sandbox and interfaces is None:
        return findings.run(found)  # its network is another host's
    # With dpkt and psutil, which are slow and not everywhere.
    from saltext.maas.doctor import segments

    for face in segments.interfaces(installation, interfaces):
        asked = partial(segments.machines, installation, face, addresses, seconds)
        found += [
            (f"DHCP on {face.name}", partial(segments.dhcp, installation, face, seconds)),
            (f"machines on {face.name}", asked),
            (f"switch port of {face.name}", partial(segments.switch, face, seconds)),
        ]
    return findings.run(found)


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


def _consistency(installation, urls, desired):
    if not urls:
        return findings.problem(
            "No region URL is configured.", "Set it with maas_cluster.configured."
        )
    changes = cluster_config.plan(installation, url=urls if len(urls) > 1 else urls[0])["changes"]
    others = [f"{place} says {change['old'] or 'nothing'}" for place, change in changes.items()]
    if desired and desired.rstrip("/") not in [one.rstrip("/") for one in urls]:
        others.append(f"the pillar says {desired}")
    if others:
        return findings.problem(
            f"It is {', '.join(urls)}, but {'; '.join(others)}.",
            "Run maas_cluster.configured, which makes all places consistent.",
        )
    return findings.ok("It is the same everywhere.")


def _registration(installation):
    now = enrolment.registered(installation)
    if now["state"] == "registered":
        return findings.ok(now["message"] or "")
    report = findings.problem if now["state"] == "failed" else findings.warning
    return report(now["message"] or "", "See maas_cluster.registered.")
