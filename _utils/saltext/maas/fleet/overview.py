"""``salt-run maas.status`` and ``maas.import_images``: a fleet at a glance, and its images."""

from __future__ import annotations

import time

from saltext.maas.errors import MaasError
from saltext.maas.fleet import onboard

#: Seconds between two looks at an import: at first, and at the most.
_LOOK, _LOOK_AT_MOST = 2.0, 20.0
#: What a region says of clusters that are at work.
_AT_WORK = ("accepted", "connected")
#: The state of a region that cannot be asked.
_UNKNOWN = "not known"
COLUMNS = (
    "minion", "cluster", "region", "release", "state", "connected", "accepted", "DHCP",
    "images in sync", "minion answers", "last seen", "onboarding", "message",
)  # fmt: skip


def status(fleet, target, kind) -> list[dict]:
    """One row for each cluster that a region has or its pillar names, or that was onboarded.

    Where no minion is known, it is empty; a region that cannot be asked has a row of its own.

    Raises:
        MaasError: The target fits no minion, or none of the regions' clusters.
    """
    chosen = None if target is None else set(onboard.resolve(fleet, target, kind))
    rows, regions = [], fleet.settings.regions
    for number, region in enumerate(regions):
        fleet.progress.show(number, len(regions) + 1, f"asking region {region}")
        rows += _rows(fleet, region)
    if chosen is not None:
        # A region that cannot be asked is told of in any case.
        rows = [row for row in rows if row["minion"] in chosen or row["state"] == _UNKNOWN]
    fleet.progress.show(len(regions), len(regions) + 1, f"asking {len(rows)} minions")
    answering = fleet.salt.connected([row["minion"] for row in rows if row["minion"]])
    for row in rows:
        minion = row["minion"]
        if not minion:
            continue
        record = fleet.store.record(minion)
        row["minion answers"] = minion in answering
        row["last seen"] = _when(
            time.time() if minion in answering else fleet.salt.last_heard(minion)
        )
        row["onboarding"] = record.get("state")
        if record.get("error"):
            row["message"] = row["message"] or f"{record.get('step')}: {record['error']}"
    fleet.progress.end()
    if not rows:
        raise MaasError(_nobody(chosen, regions))
    return sorted(rows, key=lambda row: (row["minion"], row["cluster"] or ""))


def _nobody(chosen, regions):
    where = ", ".join(regions)
    if chosen is None:
        return f"no cluster is known: neither the pillar nor the region of {where} names one"
    return f"{', '.join(sorted(chosen))}: no cluster of {where} is one of these minions"


def _rows(fleet, region):
    records = fleet.store.records()
    onboarded = {one for one, record in records.items() if record.get("region") == region}
    try:
        found = fleet.region(region, "maas_fleet.status")
    except MaasError as error:
        down = {**_row("", region, {"state": _UNKNOWN}), "message": str(error)}
        return [down, *({**_row(one, region, {}), "message": str(error)} for one in onboarded)]
    others = {name: one for name, one in found.items() if not one["named"]}
    known = fleet.onboarded(region, others)
    rows = [_row(minion, region, others.pop(name)) for minion, name in known.items()]
    for name, one in others.items():
        rows.append({**_row("", region, one), "message": f"no pillar names {name}"})
    rows += [_row(minion, region, one) for minion, one in found.items() if one["named"]]
    there = {row["minion"] for row in rows}
    rows += [_row(one, region, {"state": "absent"}) for one in onboarded - there]
    return rows


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
        minions = [region]  # whom an error is told of while the region's clusters are not known
        try:
            members, _ = fleet.members(region)
            states = {
                minion: entry["state"]
                for minion, entry in members.items()
                if chosen is None or minion in chosen
            }
            minions = [minion for minion, state in states.items() if state in _AT_WORK]
            away = {minion: state for minion, state in states.items() if state not in _AT_WORK}
            found.update({
                minion: _images(f"the region has it as {state}") for minion, state in away.items()
            })  # fmt: skip
            if minions:
                _import(fleet, region, minions, found)
        except MaasError as error:
            found.update({minion: _images(str(error)) for minion in minions})
    fleet.progress.end()
    return found


def _import(fleet, region, minions, found):
    began, pause, total = time.monotonic(), _LOOK, len(minions)
    going = fleet.region(region, "maas_fleet.import_images", wait=False)
    while going:
        seconds = time.monotonic() - began
        fleet.progress.show(0, total, f"{region}: import, {seconds:.0f} s")
        if seconds > fleet.settings.region_seconds:
            raise MaasError(f"the import did not end within {seconds:.0f} s")
        time.sleep(pause)
        pause = min(pause * 1.5, _LOOK_AT_MOST)
        going = fleet.region(region, "maas_fleet.importing")
    while minions:
        part = minions[: fleet.batch]
        done = fleet.region(region, "maas_fleet.settle", part, "images")
        found.update({minion: _images(one["error"]) for minion, one in done.items()})
        del minions[: fleet.batch]  # what is left is what an error is told of
        fleet.progress.show(total - len(minions), total, f"{region}: clusters")


def _images(error):
    return {"images": "failed" if error else "in sync", "message": error or ""}
