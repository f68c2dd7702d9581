"""``salt-run maas.reconfigure_url``: a region moves, and all its clusters with it, or none."""

from __future__ import annotations

from saltext.maas import region_url
from saltext.maas.errors import BadInput, MaasError
from saltext.maas.fleet import states
from saltext.maas.fleet.core import ENROLLED, Fleet


def run(fleet: Fleet, url: str, region: str | None, dry_run: bool, force: bool = False) -> dict:
    """Move a region to another URL; see the runner."""
    if wrong := region_url.problem(url):
        raise BadInput(f"url: {wrong}")
    region = fleet.region_named(region)
    old = fleet.region(region, "maas_region.config")["url"]
    members, others = fleet.members(region)
    hosts = [region, *fleet.more_hosts(region)]
    members = {minion: one for minion, one in members.items() if one["state"] != "absent"}
    own = [minion for minion, one in members.items() if one.get("own_url")]
    movers = [minion for minion in members if minion not in own]
    _refuse_lost(fleet, members, [*movers, *hosts[1:]])
    if not force:
        refuse_others(others, region, "would stay behind")
        _refuse_unreachable(fleet, url, [*hosts, *movers])
    result = {
        "region": region, "old": old, "new": url, "clusters": {}, "own url": own, "message": "",
    }  # fmt: skip
    if dry_run:
        state = "would move" if old != url else "is there already"
        return {**result, "state": state, "clusters": dict.fromkeys(movers, "would move")}
    moved, failed = _move(fleet, hosts, url, movers, list(members))
    if failed:
        return {**result, **_roll_back(fleet, hosts, old, moved, failed)}
    todo = f"put the URL into the pillar (maas:region:url: {url}), or the next highstate moves back"
    return {**result, "state": "moved", "clusters": dict.fromkeys(movers, "moved"), "todo": todo}


def _refuse_lost(fleet, members, movers):
    away = {minion for minion, one in members.items() if one["state"] == "disconnected"}
    lost = sorted(away | (set(movers) - fleet.salt.connected(movers)))
    if lost:
        raise MaasError(
            "nothing was changed: not connected, or their minions do not answer: "
            f"{', '.join(lost[:10])}"
        )


def _refuse_unreachable(fleet, url, minions):
    # What a region listens on does not depend on its URL, so a good one works before the move.
    lost = {
        minion: answer.error or answer.value["reason"]
        for minion, answer in fleet.ask(minions, "maas_region.reachable", url).items()
        if answer.error or not answer.value["reachable"]
    }
    if lost:
        raise MaasError(
            f"nothing was changed: {len(lost)} of {len(minions)} hosts do not reach a region at "
            f"{url}: {listed(lost, 10)}; say force=true if they will"
        )


def refuse_others(others: list[str], region: str, fate: str) -> None:
    """Raise where clusters are at work of which no minion is known.

    Raises:
        MaasError: There are such clusters.
    """
    if others:
        raise MaasError(
            f"nothing was changed: {len(others)} clusters {fate}, since the pillar of {region} "
            f"does not name them: {', '.join(others[:10])}; name them under maas:racks "
            "(maas:clusters in 1.x), or say force=true"
        )


def listed(reasons: dict[str, str], most: int) -> str:
    """Return ``minion: why`` of some minions as one text."""
    return "; ".join(f"{minion}: {why}" for minion, why in sorted(reasons.items())[:most])


def _move(fleet, hosts, url, movers, members):
    """Move region hosts and clusters: ``({minion: None or why not}, {whoever failed: why})``."""
    region, total = hosts[0], len(movers) + 1
    moved: dict[str, str | None] = {}
    fleet.progress.show(0, total, f"{region}: region")
    for host in hosts:
        if why := states.region_url(fleet, host, url):
            # The state puts back what it changed; whether it did is not known of one that was lost.
            return moved, {host: why}
    for part in fleet.batches(movers):
        moved.update(states.enrol(fleet, part, url=url))
        fleet.progress.show(len(moved) + 1, total, f"{region}: clusters")
        if failed := {minion: why for minion, why in moved.items() if why}:
            return moved, failed
    return moved, not_back(fleet, region, members)


def not_back(fleet: Fleet, region: str, minions: list[str]) -> dict[str, str]:
    """Return ``{minion: why}`` of those that the region does not have again in time."""
    try:
        now = fleet.region(region, "maas_fleet.wait_for", minions, fleet.settings.enrol_seconds)
    except MaasError as error:
        return dict.fromkeys(minions, str(error))
    return {
        minion: f"the region has it as {state}"
        for minion, state in now.items()
        if state not in ENROLLED
    }


def _roll_back(fleet, hosts, old, moved, failed):
    # Whoever was tried may have moved, also where it did not come back in time.
    tried = {host: states.region_url(fleet, host, old) for host in hosts}
    tried.update(states.enrol(fleet, moved, url=old) if moved else {})
    left = {minion: why for minion, why in tried.items() if why}
    message = f"all was restored to {old}, because {listed(failed, 5)}"
    if left:
        message += f"; NOT restored: {listed(left, len(left))}"
    return {"state": "failed", "message": message,
            "clusters": {minion: why or "restored" for minion, why in moved.items()}}  # fmt: skip
