"""``salt-run maas.status`` and ``maas.import_images``: a fleet at a glance, and its images."""

from __future__ import annotations

import calendar
import time

from saltext.maas import metrics, poll
from saltext.maas.errors import MaasError
from saltext.maas.fleet import onboard
from saltext.maas.fleet.core import ABSENT, ENROLLED, Fleet

#: Seconds of the first and of the longest pause while an import goes on.
_PAUSE, _LONGEST_PAUSE = 2.0, 20.0
#: The state of the clusters of a region that cannot be asked.
_UNKNOWN = "not known"
_TIME = "%Y-%m-%dT%H:%M:%SZ"
COLUMNS = (
    "role", "minion", "cluster", "region", "release", "state", "connected", "accepted", "DHCP",
    "images in sync", "minion answers", "last seen", "onboarding", "message",
)  # fmt: skip


def status(fleet: Fleet, target: object, kind: str) -> list[dict]:
    """Return a row for each region host, and for each cluster.

    Clusters are those that a region has or its pillar names, or that were onboarded.  Where no
    minion is known, it is empty; a region that cannot be asked has a row of its own.

    Raises:
        MaasError: The target matches no minion, or none of the regions' clusters.
    """
    chosen = None if target is None else set(onboard.resolve(fleet, target, kind))
    rows = _all_rows(
        fleet, chosen, lambda region: fleet.region(region, "maas_fleet.status"), hosts=True
    )
    if not rows:
        raise MaasError(_nobody(chosen, fleet.settings.regions))
    return rows


def prometheus(fleet: Fleet) -> str:
    """Return the state of all regions and their clusters in Prometheus's text format."""
    samples: list[metrics.Sample] = []

    def ask(region):
        found: dict = {"up": False}
        try:
            found = fleet.region(region, "maas_region.status")
            if found.get("up") is not True:
                raise MaasError(str(found.get("error")))
        finally:
            samples.extend(metrics.of_region({**found, "region": region}))
        return found["clusters"]

    for row in _all_rows(fleet, None, ask):
        if row["minion"] or row["cluster"]:
            seen = row["last seen"]
            known = {
                "up": row["minion answers"], "phase": row["onboarding"],
                "seen": seen and calendar.timegm(time.strptime(seen, _TIME)),
            }  # fmt: skip
            cluster = {**row, "images": row["images in sync"]}
            samples += metrics.of_cluster(row["region"], row["minion"], cluster, known)
    return metrics.as_text(samples)


def _all_rows(fleet, chosen, ask, hosts=False):
    rows, regions = [], fleet.settings.regions
    for number, region in enumerate(regions):
        fleet.progress.show(number, len(regions) + 1, f"asking region {region}")
        rows += _rows(fleet, region, ask)
        rows += _host_rows(fleet, region) if hosts else []
    if chosen is not None:
        # A region that cannot be asked is shown in any case.
        rows = [row for row in rows if row["minion"] in chosen or row["state"] == _UNKNOWN]
    fleet.progress.show(len(regions), len(regions) + 1, f"asking {len(rows)} minions")
    answering = fleet.salt.connected([row["minion"] for row in rows if row["minion"]])
    for row in rows:
        minion = row["minion"]
        if not minion:
            continue
        record = fleet.store.record(minion)
        seen = time.time() if minion in answering else fleet.salt.last_heard(minion)
        row["minion answers"] = minion in answering
        row["last seen"] = seen and time.strftime(_TIME, time.gmtime(seen))
        row["onboarding"] = record.get("state")
        if record.get("error"):
            row["message"] = row["message"] or f"{record.get('step')}: {record['error']}"
    return sorted(rows, key=lambda row: (row["role"], row["minion"], row["cluster"] or ""))


def _nobody(chosen, regions):
    where = ", ".join(regions)
    if chosen is None:
        return f"no cluster is known: neither the pillar nor the region of {where} names one"
    return f"{', '.join(sorted(chosen))}: no cluster of {where} is one of these minions"


def _rows(fleet, region, ask):
    records = fleet.store.records()
    onboarded = {one for one, record in records.items() if record.get("region") == region}
    try:
        found = ask(region)
    except MaasError as error:
        rows = [_row("", region, {"state": _UNKNOWN}), *(_row(one, region) for one in onboarded)]
        return [{**row, "message": str(error)} for row in rows]
    others = {name: one for name, one in found.items() if not one["named"]}
    known = fleet.onboarded(region, others)
    rows = [_row(minion, region, others.pop(name)) for minion, name in known.items()]
    for name, one in others.items():
        rows.append({**_row("", region, one), "message": f"no pillar names {name}"})
    rows += [_row(minion, region, one) for minion, one in found.items() if one["named"]]
    there = {row["minion"] for row in rows}
    return rows + [_row(one, region, ABSENT) for one in onboarded - there]


def _host_rows(fleet, region):
    """A row for each host of a region, as the region has it."""
    try:
        found = fleet.region(region, "maas_fleet.region_hosts")
    except MaasError:  # which the clusters' rows say
        return []
    rows = []
    for name, one in found.items():
        known = {"release": one["release"], "state": one["state"], "cluster": one["hostname"]}
        connected = None if one["state"] == ABSENT["state"] else one["state"] == "connected"
        minion = "" if name == one["hostname"] and not one["named"] and len(found) > 1 else name
        row = _row(minion, region, {**known, "connected": connected})
        rows.append({**row, "role": "region"})
        if len(found) > 1 and not one["named"]:
            rows[-1]["message"] = f"maas:region:hosts does not name {name}"
    return rows


def _row(minion, region, one=None):
    row = {**dict.fromkeys(COLUMNS), "minion": minion, "region": region, "message": ""}
    row["role"] = "cluster"
    one = one or {}
    row.update({name: one.get(name) for name in row.keys() & one.keys()})
    row.update({"DHCP": ", ".join(one.get("dhcp") or ()), "images in sync": one.get("images")})
    return row


def import_images(fleet: Fleet, target: object, kind: str) -> dict[str, dict]:
    """Import what the regions select and have each cluster hold it, in batches."""
    chosen = None if target is None else set(onboard.resolve(fleet, target, kind))
    found: dict[str, dict] = {}
    for region in fleet.settings.regions:
        minions = [region]  # whose an error is while the region's clusters are not known
        try:
            members, _ = fleet.members(region)
            states = {
                minion: entry["state"]
                for minion, entry in members.items()
                if chosen is None or minion in chosen
            }
            minions = [minion for minion, state in states.items() if state in ENROLLED]
            for minion, state in states.items():
                if state not in ENROLLED:
                    found[minion] = _images(f"the region has it as {state}")
            if minions:
                _import(fleet, region, minions, found)
        except MaasError as error:
            found.update({minion: _images(str(error)) for minion in minions})
    return found


def _import(fleet, region, minions, found):
    """Import at a region, then have its clusters fetch; those done are taken off the list."""
    total, limit = len(minions), fleet.settings.region_seconds

    def ended():
        return not fleet.region(region, "maas_fleet.importing") or None

    def report(seconds):
        fleet.progress.show(0, total, f"{region}: import, {seconds:.0f} s")

    if fleet.region(region, "maas_fleet.import_images", wait=False) and not poll.wait(
        ended, limit, _PAUSE, _LONGEST_PAUSE, report
    ):
        raise MaasError(poll.timed_out(limit, "the image import"))
    for part in list(fleet.batches(minions)):
        done = fleet.region(region, "maas_fleet.apply_phase", part, "images")
        found.update({minion: _images(one["error"]) for minion, one in done.items()})
        del minions[: len(part)]
        fleet.progress.show(total - len(minions), total, f"{region}: clusters")


def _images(error):
    return {"images": "failed" if error else "in sync", "message": error or ""}
