"""``salt-run maas.reconfigure_url``: a region moves, and all its clusters with it, or none."""

from __future__ import annotations

from saltext.maas import region_url
from saltext.maas.errors import BadInput, MaasError
from saltext.maas.fleet import states


def run(fleet, url, region, dry_run, force=False) -> dict:
    """Move a region to another URL; see the runner."""
    wrong = region_url.problem(url)
    if wrong:
        raise BadInput(f"url: {wrong}")
    region = one_of(fleet, region)
    old = fleet.region(region, "maas_region.config")["url"]
    named, others = fleet.members(region)
    minions = [minion for minion, entry in named.items() if entry["state"] != "absent"]
    away = [minion for minion in minions if named[minion]["state"] == "disconnected"]
    own = [minion for minion in minions if named[minion].get("own_url")]
    movers = [minion for minion in minions if minion not in own]
    deaf = set(movers) - fleet.salt.connected(movers)
    told = {
        "region": region, "old": old, "new": url, "clusters": {}, "own url": own, "message": "",
    }  # fmt: skip
    if away or deaf:
        lost = ", ".join(sorted({*away, *deaf})[:10])
        raise MaasError(
            f"nothing was changed: not connected, or their minions do not answer: {lost}"
        )
    if not force:
        refuse_others(others, region, "would stay behind")
        _refuse_what_leads_nowhere(fleet, url, [region, *movers])
    if dry_run:
        return {**told, "state": "would move" if old != url else "is there already",
                "clusters": dict.fromkeys(movers, "would move")}  # fmt: skip
    fleet.progress.show(0, len(movers) + 1, f"{region}: region")
    fails = states.region_url(fleet, region, url)
    if fails:
        # The state puts back what it changed; whether it did is not known of one that was lost.
        return {**told, **_roll_back(fleet, region, old, {}, {region: fails})}
    moved = {}
    for start in range(0, len(movers), fleet.batch):
        part = movers[start : start + fleet.batch]
        moved.update(states.enrol(fleet, part, url=url))
        fleet.progress.show(len(moved) + 1, len(movers) + 1, f"{region}: clusters")
        if any(moved.values()):
            break
    bad = {minion: why for minion, why in moved.items() if why}
    if not bad:
        bad = not_back(fleet, region, minions)
    if bad:
        fleet.progress.end()
        return {**told, **_roll_back(fleet, region, old, moved, bad)}
    fleet.progress.end()
    todo = f"put the URL into the pillar (maas:region:url: {url}), or the next highstate moves back"
    return {**told, "state": "moved", "clusters": dict.fromkeys(movers, "moved"), "todo": todo}


def _refuse_what_leads_nowhere(fleet, url, minions):
    # What a region listens on does not depend on its URL, so a good one works before the move.
    seconds = fleet.settings.answer_seconds
    answers = fleet.salt.ask(minions, "maas_region.reachable", url, seconds=seconds)
    lost = {
        minion: answer.error or answer.value["reason"]
        for minion, answer in answers.items()
        if answer.error or not answer.value["reachable"]
    }
    if lost:
        shown = "; ".join(f"{minion}: {why}" for minion, why in sorted(lost.items())[:10])
        raise MaasError(
            f"nothing was changed: {len(lost)} of {len(minions)} hosts do not reach a region at "
            f"{url}: {shown}; say force=true if they will"
        )


def refuse_others(others, region, fate):
    """Raise where clusters are at work of which no minion is known."""
    if others:
        raise MaasError(
            f"nothing was changed: {len(others)} clusters {fate}, since the pillar of {region} "
            f"does not name them: {', '.join(others[:10])}; name them under maas:clusters, or "
            "say force=true"
        )


def not_back(fleet, region, minions):
    """``{minion: why}`` of those that the region does not have again in time."""
    try:
        now = fleet.region(region, "maas_fleet.wait_for", minions, fleet.settings.enrol_seconds)
    except MaasError as error:
        return dict.fromkeys(minions, str(error))
    return {
        minion: f"the region has it as {state}"
        for minion, state in now.items()
        if state not in ("accepted", "connected")
    }


def _roll_back(fleet, region, old, moved, bad):
    why = "; ".join(f"{minion}: {told}" for minion, told in sorted(bad.items())[:5])
    left = []
    fails = states.region_url(fleet, region, old)
    if fails:
        left.append(f"{region}: {fails}")
    # Whoever was tried may have moved, also where it did not come back in time.
    back = states.enrol(fleet, list(moved), url=old) if moved else {}
    left += [f"{minion}: {told}" for minion, told in back.items() if told]
    message = f"all was put back to {old}, because {why}"
    if left:
        message += f"; NOT put back: {'; '.join(left)}"
    return {"state": "failed", "message": message,
            "clusters": {minion: told or "put back" for minion, told in moved.items()}}  # fmt: skip


def one_of(fleet, region):
    regions = fleet.settings.regions
    if region is None and len(regions) == 1:
        return regions[0]
    if region not in regions:
        raise BadInput(f"region: {region!r} must be one of {', '.join(regions)}")
    return region
