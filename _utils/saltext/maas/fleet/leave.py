"""``salt-run maas.offboard``: a cluster hands its DHCP over and leaves its region."""

from __future__ import annotations

from saltext.maas.client.errors import MaasError
from saltext.maas.fleet import names, onboard


def run(fleet, target, kind, successor, force, dry_run) -> dict:
    """Offboard clusters, one after the other; see the runner."""
    minions = onboard.resolve(fleet, target, kind)
    if successor is not None and not names.is_id(successor):
        raise names.Refused(f"successor: {names.shown(successor)} is no minion id")
    if successor in minions:
        raise MaasError(f"successor: {successor} is offboarded itself")
    named = fleet.named_by()
    found = {}
    for number, minion in enumerate(minions):
        fleet.progress.show(number, len(minions), f"offboard {minion}")
        try:
            found[minion] = _leave(fleet, minion, named, successor, force, dry_run)
        except MaasError as error:
            found[minion] = {"state": "failed", "message": str(error)}
            _tell(fleet, minion, "failed", str(error))
    fleet.progress.show(len(minions), len(minions), "offboard")
    fleet.progress.end()
    return found


def _leave(fleet, minion, named, successor, force, dry_run):
    region = named[minion][0] if minion in named else fleet.store.record(minion).get("region")
    if region is None:
        raise MaasError("the pillar of no region names it, and it was never onboarded from here")
    machines = fleet.region(region, "maas_fleet.machines", minion)
    if machines and not force:
        shown = ", ".join(machines[:5]) + (", ..." if len(machines) > 5 else "")
        raise MaasError(
            f"{len(machines)} machines hang on it ({shown}): move or release them first, or say "
            "force=true"
        )
    dhcp = fleet.region(region, "maas_fleet.release_dhcp", minion, successor=successor, test=True)
    orphans = [where for where, change in dhcp.items() if change["new"] is None]
    if orphans and not force:
        raise MaasError(
            f"nobody else would serve DHCP on {', '.join(orphans)}: name a successor, or say "
            "force=true"
        )
    told = {"region": region, "dhcp": dhcp, "machines": machines, "message": ""}
    if dry_run:
        return {**told, "state": "would be offboarded"}
    _tell(fleet, minion, "running", "DHCP is handed over")
    fleet.region(region, "maas_fleet.release_dhcp", minion, successor=successor)
    # The host goes first: one that runs would register again as soon as it is deleted.
    seconds = fleet.settings.answer_seconds
    answer = fleet.salt.ask([minion], "maas_secret.remove", seconds=seconds)[minion]
    if answer.error and not force:
        raise MaasError(f"its host could not be told to leave ({answer.error}); say force=true")
    if answer.error:
        told["message"] = f"its host could not be told to leave: {answer.error}"
    told["removed"] = fleet.region(region, "maas_fleet.remove", minion)
    fleet.store.forget(minion)
    _tell(fleet, minion, "done", told["message"])
    if minion in named:
        told["todo"] = f"take it out of the pillar (maas:clusters:{minion}), or it comes back"
    return {**told, "state": "offboarded"}


def _tell(fleet, minion, state, message):
    data = {"minion": minion, "state": state, "message": message}
    fleet.salt.tell(f"maas/offboard/{minion}", data)
