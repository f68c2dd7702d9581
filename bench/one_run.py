"""One run of one client, in a process of its own: python bench/one_run.py CLIENT RUN COUNT URL ...

CLIENT is ``ours``, ``bare`` or ``libmaas``, RUN is ``noop`` or ``apply``; several URLs are several
profiles.  The API keys are in ``BENCH_API_KEYS``; ``BENCH_CACHE`` is the folder in which ``ours``
remembers what it has checked, as a minion does it.  Prints the CPU and wall time from after the
imports on.
"""

from __future__ import annotations

import json
import os
import sys

import common

READS = ("version/", "fabrics/", "subnets/", "ipranges/", "tags/", "domains/", "dnsresources/")


def ours(run, urls, described):
    """Check, plan and apply a pillar."""
    from saltext.maas import pillar, schemas
    from saltext.maas.checked import Checked
    from saltext.maas.client import Client, Profile, transport  # noqa: F401
    from saltext.maas.reconcile import apply, snapshot_of
    from saltext.maas.region_plan import plan_of

    schemas.mistakes({}, schemas.mapping({}))  # imports jsonschema
    known = Checked(os.path.join(os.environ["BENCH_CACHE"], "checked"))
    for url, key in urls if run == "noop" else ():  # a relay has another URL each time
        known.note("release", Profile(url, key).url, described["release"])
    with common.Meter() as meter:
        for url, key in urls:
            client = Client(Profile(url, key))
            snapshot = snapshot_of(client, pillar.types_of(described), known)
            plan = plan_of(snapshot, described)
            assert (run == "noop") is not bool(plan)
            apply(snapshot, plan)
            assert all(change.done for change in plan.changes)
            client.close()
    return meter


def bare(run, urls, described):
    """Send the very same requests; ids and order are known beforehand."""
    import requests_oauthlib  # noqa: F401

    with common.Meter() as meter:
        for url, key in urls:
            client = common.Bare(url, key)
            client.send_all([("GET", path) for path in READS])
            if run == "apply":
                _create(client, described)
            client.http.close()
    return meter


def _create(bare, described):
    fabrics = bare.send_all([("POST", "fabrics/", {"name": name}) for name in described["fabrics"]])
    ids = {fabric["name"]: fabric["id"] for fabric in fabrics}
    vlans = bare.send_all(
        ("POST", f"fabrics/{ids[name]}/vlans/", {"vid": vid, **vlan})
        for name, fabric in described["fabrics"].items()
        for vid, vlan in fabric["vlans"].items()
    )
    by_name = {f"{vlan['fabric']}/{vlan['vid']}": vlan["id"] for vlan in vlans}
    subnets = bare.send_all(
        ("POST", "subnets/", {"cidr": cidr, "name": one["name"], "vlan": by_name[one["vlan"]],
                              "gateway_ip": one["gateway_ip"], "dns_servers": one["dns_servers"]})
        for cidr, one in described["subnets"].items()
    )  # fmt: skip
    numbers = {subnet["cidr"]: subnet["id"] for subnet in subnets}
    bare.send_all(
        ("POST", "ipranges/", {"type": span["type"], "subnet": numbers[cidr],
                               "start_ip": span["start"], "end_ip": span["end"]})
        for cidr, one in described["subnets"].items() for span in one["ranges"]
    )  # fmt: skip
    bare.send_all(
        ("POST", "tags/", {"name": name, **one}) for name, one in described["tags"].items()
    )
    (domain,) = bare.send_all([("POST", "domains/", {"name": "example.com"})])
    bare.send_all(
        ("POST", "dnsresources/", {"name": name, "domain": domain["id"],
                                   "ip_addresses": one["ip_addresses"]})
        for name, one in described["domains"]["example.com"]["resources"].items()
    )  # fmt: skip


def libmaas(run, urls, described):
    """The same with python-libmaas, but for DNS names, which it does not know."""
    from maas.client import connect
    from maas.client.enum import IPRangeType

    with common.Meter() as meter:
        for url, key in urls:
            maas = connect(f"{url}/", apikey=key)
            for kind in ("fabrics", "subnets", "ip_ranges", "tags", "domains"):
                getattr(maas, kind).list()
            if run == "noop":
                continue
            vlans = {}
            for name, fabric in described["fabrics"].items():
                made = maas.fabrics.create(name=name)
                for vid, vlan in fabric["vlans"].items():
                    vlans[f"{name}/{vid}"] = made.vlans.create(vid, **vlan)
            for cidr, one in described["subnets"].items():
                subnet = maas.subnets.create(
                    cidr, vlans[one["vlan"]], name=one["name"], gateway_ip=one["gateway_ip"],
                    dns_servers=one["dns_servers"],
                )  # fmt: skip
                for span in one["ranges"]:
                    maas.ip_ranges.create(
                        span["start"], span["end"], type=IPRangeType.RESERVED, subnet=subnet
                    )
            for name, one in described["tags"].items():
                maas.tags.create(name, comment=one["comment"])
            maas.domains.create("example.com")
    return meter


def main(client, run, count, *urls):
    keys = os.environ["BENCH_API_KEYS"].split()
    described = common.pillar(int(count))
    meter = globals()[client](run, list(zip(urls, keys)), described)
    print(json.dumps({"own cpu": meter.cpu, "own wall": meter.wall}))


if __name__ == "__main__":
    main(*sys.argv[1:])
