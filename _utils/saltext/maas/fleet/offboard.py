"""``salt-run maas.offboard``: a cluster hands its DHCP over and is removed from its region."""

from __future__ import annotations

from saltext.maas.errors import MaasError
from saltext.maas.fleet import names, onboard
from saltext.maas.fleet.core import ABSENT, Fleet


def run(
    fleet: Fleet, target: object, kind: str, successor: str | None, force: bool, dry_run: bool
) -> dict[str, dict]:
    """Offboard clusters, one after the other; see the runner."""
    minions = onboard.resolve(fleet, target, kind)
    if successor is not None and not names.is_id(successor):
        raise names.Refused(f"successor: {names.shown(successor)} is no minion id")
    if successor in minions:
        raise MaasError(f"successor: {successor} is offboarded itself")
    owners, errors = _owners(fleet)
    found = {}
    for number, minion in enumerate(minions):
        fleet.progress.show(number, len(minions), f"offboard {minion}")
        try:
            region, entry = _owner(fleet, minion, owners.get(minion, {}), errors)
            _refuse_absent(region, entry, force)
            found[minion] = _offboard(fleet, minion, region, successor, force, dry_run)
        except MaasError as error:
            found[minion] = {"state": "failed", "message": str(error)}
            _fire(fleet, minion, "failed", str(error))
        else:
            if entry["named"] and not dry_run:
                found[minion]["todo"] = (
                    f"take it out of the pillar ({entry['where']}), or it comes back"
                )
    fleet.progress.show(len(minions), len(minions), "offboard")
    return found


def _owners(fleet):
    """``{minion: {region: what inspect says}}``, and ``{region: why it could not be asked}``."""
    found: dict = {}
    errors = {}
    for region in fleet.settings.regions:
        try:
            for minion, entry in fleet.members(region)[0].items():
                found.setdefault(minion, {})[region] = entry
        except MaasError as error:
            errors[region] = str(error)
    return found, errors


def _owner(fleet, minion, regions, errors):
    """The region of a cluster: where it was onboarded, else the one whose pillar names it."""
    recorded = fleet.store.record(minion).get("region")
    if recorded in errors or (errors and not regions):
        raise MaasError("; ".join(errors.values()))
    if recorded in regions:
        return recorded, regions[recorded]
    if len(regions) > 1:
        raise MaasError(f"the pillars of several regions name it: {', '.join(sorted(regions))}")
    for region, entry in regions.items():
        return region, entry
    if recorded is None:
        raise MaasError("the pillar of no region names it, and it was never onboarded from here")
    return recorded, ABSENT


def _refuse_absent(region, entry, force):
    if entry["state"] == "absent" and not force:
        raise MaasError(
            f"{region} does not have it; to disconnect its host all the same, say force=true"
        )


def _offboard(fleet, minion, region, successor, force, dry_run):
    machines = fleet.region(region, "maas_fleet.machines", minion, successor=successor)
    if machines and not force:
        shown = ", ".join(machines[:5]) + (", ..." if len(machines) > 5 else "")
        raise MaasError(
            f"{len(machines)} machines depend on it ({shown}): move or release them first, name a "
            "successor (2.0 and later), or say force=true"
        )
    dhcp = fleet.region(region, "maas_fleet.release_dhcp", minion, successor=successor, test=True)
    orphans = [
        where for where, change in dhcp.items() if change["enabled"] and change["new"] is None
    ]
    if orphans and not force:
        raise MaasError(
            f"no other rack would serve DHCP on {', '.join(orphans)}: name a successor, or say "
            "force=true"
        )
    result = {"region": region, "dhcp": dhcp, "machines": machines, "message": ""}
    if dry_run:
        return {**result, "state": "would be offboarded"}
    _fire(fleet, minion, "running", "DHCP is handed over")
    fleet.region(region, "maas_fleet.release_dhcp", minion, successor=successor)
    # The host goes first: one that runs would register again as soon as it is deleted.
    if error := fleet.ask([minion], "maas_secret.remove")[minion].error:
        result["message"] = f"its host could not be disconnected: {error}"
        if not force:
            raise MaasError(f"{result['message']}; say force=true to offboard it all the same")
    result["removed"] = fleet.region(region, "maas_fleet.remove", minion)
    fleet.store.forget(minion)
    _fire(fleet, minion, "done", result["message"])
    return {**result, "state": "offboarded"}


def _fire(fleet, minion, state, message):
    data = {"minion": minion, "state": state, "message": message}
    fleet.salt.fire(f"maas/offboard/{minion}", data)
