"""``salt-run maas.status`` and ``maas.import_images``: a fleet at a glance, and its images."""

from __future__ import annotations

import time

from saltext.maas.client.errors import MaasError
from saltext.maas.fleet import onboard

COLUMNS = (
    "minion", "cluster", "region", "release", "state", "connected", "accepted", "DHCP",
    "images in sync", "minion answers", "last seen", "onboarding", "message",
)  # fmt: skip


def status(fleet, target, kind) -> list[dict]:
    """One row for each cluster that a region's pillar names or that was onboarded."""
    chosen = None if target is None else set(onboard.resolve(fleet, target, kind))
    rows = []
    for region in fleet.settings.regions:
        try:
            found = fleet.region(region, "maas_fleet.status", seconds=fleet.settings.region_seconds)
            rows += [_row(minion, region, one) for minion, one in found.items()]
        except MaasError as error:
            records = fleet.store.records().items()
            rows += [
                {**_row(minion, region, {}), "message": str(error)}
                for minion, record in records
                if record.get("region") == region
            ]
    rows = [row for row in rows if chosen is None or row["minion"] in chosen]
    answering = fleet.salt.connected([row["minion"] for row in rows])
    for row in rows:
        minion = row["minion"]
        record = fleet.store.record(minion)
        row["minion answers"] = minion in answering
        row["last seen"] = _when(
            time.time() if minion in answering else fleet.salt.last_heard(minion)
        )
        row["onboarding"] = record.get("state")
        if record.get("error"):
            row["message"] = row["message"] or f"{record.get('step')}: {record['error']}"
    return sorted(rows, key=lambda row: row["minion"])


def _row(minion, region, one):
    return {
        "minion": minion,
        "cluster": one.get("cluster"),
        "region": region,
        "release": one.get("release"),
        "state": one.get("state"),
        "connected": one.get("connected"),
        "accepted": one.get("accepted"),
        "DHCP": ", ".join(one.get("dhcp") or ()),
        "images in sync": one.get("images"),
        "minion answers": None,
        "last seen": None,
        "onboarding": None,
        "message": "",
    }


def _when(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds)) if seconds else None


def import_images(fleet, target, kind) -> dict:
    """Import what the regions select and have each cluster hold it, in batches."""
    chosen = None if target is None else set(onboard.resolve(fleet, target, kind))
    found = {}
    for region in fleet.settings.regions:
        named = fleet.named_by(region)
        minions = [
            minion
            for minion, (_, entry) in named.items()
            if (chosen is None or minion in chosen) and entry["state"] in ("accepted", "connected")
        ]
        for minion in named:
            if minion not in minions and (chosen is None or minion in chosen):
                state = named[minion][1]["state"]
                found[minion] = {"images": "failed", "message": f"the region has it as {state}"}
        if not minions:
            continue
        fleet.progress.show(0, len(minions), f"{region}: import")
        seconds = fleet.settings.region_seconds
        fleet.region(region, "maas_fleet.import_images", seconds=seconds)
        for start in range(0, len(minions), fleet.batch):
            part = minions[start : start + fleet.batch]
            done = fleet.region(region, "maas_fleet.settle", part, "images", seconds=seconds)
            for minion, one in done.items():
                state = "failed" if one["error"] else "in sync"
                found[minion] = {"images": state, "message": one["error"] or ""}
            fleet.progress.show(start + len(part), len(minions), f"{region}: clusters")
    fleet.progress.end()
    return found
