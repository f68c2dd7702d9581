"""``salt-run maas.backup`` and ``maas.restore``: the work is done on the region's host."""

from __future__ import annotations

from typing import Any

from saltext.maas.errors import BadInput, MaasError
from saltext.maas.fleet.minions import Salt
from saltext.maas.fleet.regions import ask

_SECONDS = 24 * 3600.0  # for a database of any size


def backup(dunders, region: str | None, dry_run: bool, salt=None, **given) -> dict[str, Any]:
    """Have a region's host make a backup; see the runner."""
    state = "would be made" if dry_run else "made"
    done = ask(
        dunders, region, "maas_backup.create", salt, limit=_SECONDS, test=dry_run, **given
    )  # fmt: skip
    return {"state": state, **done}


def restore(
    dunders, minion: str | None, others: list[str] | None, dry_run: bool, salt=None, **given
) -> dict[str, Any]:
    """Have a region's host brought back from a backup; see the runner."""
    salt = salt or Salt(dunders)
    others = _others(others, minion)
    plan = ask(dunders, minion, "maas_backup.restore", salt, limit=_SECONDS, test=True, **given)
    plan["others"] = others
    if dry_run:
        return {"state": "refused" if plan["problems"] else "would be restored", **plan}
    if plan["problems"]:
        raise MaasError(f"nothing was changed: {'; '.join(plan['problems'])}")
    try:
        _each(salt, others, "maas_upgrade.stop", "stopped")
        done = ask(dunders, minion, "maas_backup.restore", salt, limit=_SECONDS, **given)
    except MaasError as error:
        raise MaasError(f"{error} {_started(salt, others)}".strip()) from None
    if failed := _started(salt, others):
        done["warnings"] = [*done["warnings"], failed]
    return {"state": "restored", **done, "others": others}


def _others(others, minion):
    found = [others] if isinstance(others, str) else list(others or ())
    if minion in found:
        raise BadInput(f"others: {minion} is the host that is restored; name the other ones only")
    return found


def _each(salt, minions, function, what):
    failed = {
        minion: answer.error
        for minion, answer in salt.ask(minions, function, limit=_SECONDS).items()
        if answer.error
    }
    if failed:
        texts = "; ".join(f"{minion}: {why}" for minion, why in failed.items())
        raise MaasError(f"not {what} on all hosts: {texts}")


def _started(salt, others):
    """Start the other hosts again; why that failed, or nothing."""
    try:
        _each(salt, others, "maas_upgrade.cancel", "started")
    except MaasError as error:
        return f"MAAS was {error}"
    return ""
