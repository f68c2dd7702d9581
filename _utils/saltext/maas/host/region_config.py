"""Configure a region controller: URL, database, broker, debugging."""

from __future__ import annotations

import dataclasses
from typing import Any

from saltext.maas.host import (
    broker,
    config_files,
    database,
    debconf,
    migration,
    openfga,
    reach,
    region_member,
    services,
    transaction,
    vault,
)
from saltext.maas.host.config_files import read_config, values
from saltext.maas.host.errors import HostError
from saltext.maas.host.host_settings import available, desired
from saltext.maas.host.installation import Installation
from saltext.maas.host.transaction import Transaction
from saltext.maas.redact import HIDDEN

__all__ = ["configure", "read_config", "reconfigure", "try_database", "values"]

_LOGIN = {"database_name", "database_user", "database_password"}
_QUESTION = "maas/default-maas-url"


@dataclasses.dataclass
class _Plan:
    """What is desired and what differs, for one run."""

    before: dict[str, Any]
    sources: dict[str, str]
    want: dict[str, Any]
    changes: dict[str, dict]
    warnings: list[str]

    def settings(self):
        changed = {name: self.want[name] for name in self.changes if name in self.want}
        if _LOGIN & changed.keys() and "vault" in self.sources.values():
            # The region moves them to Vault again when it starts, all three together.
            changed = {**{name: self.before[name] for name in _LOGIN}, **changed}
        return changed

    def users(self):
        """Settings whose user of RabbitMQ gets its password."""
        fields = {name: broker.FIELD.format(user) for name, user in broker.USERS.items()}
        return [name for name, field in fields.items() if field in self.changes]


def _plan(installation, settings):
    installation.need_supported("region")
    want = desired(installation, settings)
    found = config_files.places(installation)
    now, sources = values(installation, found)
    if {"url", "broker_host"} & want.keys() and "broker_host" in now:
        want["broker_workers_host"] = broker.workers_host({**now, **want})
    table = available(installation)
    changes, warnings = transaction.plan(installation, "region"), []
    for name, value in want.items():
        others = [one for one, _ in found.get(name, [(now[name], "")]) if one != value]
        if others and table[name].secret:
            changes[name] = {"old": HIDDEN if others[0] else None, "new": HIDDEN}
        elif others:
            changes[name] = {"old": others[0], "new": value}
    parts = [broker.plan(installation, want, {**now, **want})]
    if "url" in want and installation.kind == "deb":
        parts.insert(0, debconf.plan_region(installation, want["url"]))
    for part in parts:
        changes.update(part["changes"])
        warnings += part["warnings"]
    obstacles = openfga.obstacles(installation, {**now, **want}, bool(vault.config(installation)))
    warnings += [" ".join(pair) for pair in obstacles]
    return _Plan(now, sources, want, changes, warnings)


def configure(
    installation: Installation,
    test: bool = False,
    wait: float = 180,
    verify: bool = True,
    ca_file: str | None = None,
    member: region_member.Member | None = None,
    **settings: Any,
) -> dict:
    """Bring files, debconf, RabbitMQ and services to the given settings, or leave all as it was.

    A database without tables gets those of the release; they stay there in any case.

    Args:
        test: Only plan.
        wait: Seconds until the API has to answer after the restart, and again
            until the clusters that were connected before are connected again.
        verify: Whether to try the database's login first, and to wait for that answer.
        ca_file: CA for an https URL.
        member: Where the region has several hosts: this one's part in it.  Its own region has to
            answer then, since another host's may answer at the URL.
        settings: ``url``, ``database_host``, ``database_port``,
            ``database_name``, ``database_user``, ``database_password``,
            ``debug``, ``num_workers``, ... (see
            :data:`~saltext.maas.host.host_settings.SETTINGS`); None leaves alone.

    Returns:
        ``{"changes": {field: {"old", "new"}}, "warnings": [text], "restarted": [service]}``;
        secrets are asterisks, debconf questions and users of RabbitMQ are fields of their own.

    Raises:
        HostError: A value is wrong, the database refuses, a step failed or the API
            did not come back; files, debconf and services were restored, or
            the text says which were not.
    """
    planned = _plan(installation, settings)
    changed, warnings, changes = planned.settings(), planned.warnings, planned.changes
    if member:
        changes.update(member.changes)
    empty = verify and _look_at_database(installation, planned)
    if test or not changes:
        return {"changes": changes, "warnings": warnings, "restarted": []}
    users = planned.users()
    clusters = reach.ConnectedRacks(installation) if verify else None

    def is_back():
        if clusters:
            url = {**planned.before, **planned.want}["url"]
            if member:
                member.wait(wait)
            else:
                reach.wait_for_api(url, installation.release, wait, ca_file)
            wait_for_openfga(installation, wait)
            warnings.extend(clusters.wait(wait))

    def mend():
        # A run that was killed may have changed RabbitMQ as well.
        if users or transaction.UNFINISHED in changes:
            return broker.mend(installation, values(installation)[0])
        return False

    joining = member if member and member.changes else None
    answers = {_QUESTION: changes[_QUESTION]["new"]} if _QUESTION in changes else {}
    with Transaction(
        installation,
        "region",
        [
            *config_files.paths(installation, changed),
            *(joining.paths(installation) if joining else ()),
        ],
        _questions(installation, answers),
        _to_restart(installation, {*changed, *users, *(joining.changes if joining else ())}),
        is_back,
        mend,
    ) as run:
        # Debconf first: where it refuses, no file has changed yet.
        _answer(installation, answers)
        if joining:
            joining.prepare(installation)
        config_files.write(installation, changed)
        if empty:
            _make_tables(installation)
        for name in users:
            broker.set_password(installation, broker.USERS[name], planned.want[name])
    return {"changes": changes, "warnings": warnings, "restarted": run.restarted}


def _questions(installation, names):
    return [(installation.fact("region_packages")[0], question, "string") for question in names]


def _answer(installation, answers):
    for package, question, kind in _questions(installation, answers):
        debconf.set_answer(installation, package, question, kind, answers[question])


def reconfigure(
    installation: Installation,
    test: bool = False,
    wait: float = 180,
    verify: bool = True,
    ca_file: str | None = None,
) -> dict:
    """Run ``dpkg-reconfigure`` of the region's package and keep every setting as it is.

    For what only the packages' scripts do.  Debconf is given the host of the URL before, since
    an empty or a wrong answer breaks the URL; afterwards what the scripts changed is put
    back: another URL, or the RabbitMQ passwords that 1.5 and 1.6 make up each time.

    Args:
        test: Only plan.
        wait: Seconds until the API has to answer.
        verify: Whether to wait for that.
        ca_file: CA for an https URL.

    Returns:
        ``{"changes": {"maas-region-controller": {"old", "new"}}, "warnings", "restarted"}``.

    Raises:
        HostError: A snap, no region here, a step failed, or the API did not come back;
            then all was put back.
    """
    installation.need_supported("region")
    if installation.kind != "deb":
        raise HostError("There is no dpkg-reconfigure for the snap.")
    package = installation.fact("region_packages")[0]
    before, _ = values(installation)
    planned = debconf.plan_region(installation, before["url"])["changes"]
    changes = {
        **transaction.plan(installation, "region"),
        **planned,
        package: {"old": "configured", "new": "configured again"},
    }
    if test:
        return {"changes": changes, "warnings": [], "restarted": []}
    every = available(installation)

    def is_back():
        if verify:
            reach.wait_for_api(before["url"], installation.release, wait, ca_file)
            wait_for_openfga(installation, wait)

    def mend():
        return broker.mend(installation, values(installation)[0])

    with Transaction(
        installation,
        "region",
        config_files.paths(installation, every),
        _questions(installation, [_QUESTION]),
        _to_restart(installation, every),
        is_back,
        mend,
    ) as run:
        _answer(installation, {name: item["new"] for name, item in planned.items()})
        debconf.reconfigure(installation, package)
        after = config_files.read_all(installation)
        put_back = [
            name for name in every if any(one != before[name] for one, _ in after.get(name, ()))
        ]
        config_files.write(installation, {name: before[name] for name in put_back})
        mend()
    warnings = [f"The package had changed {', '.join(put_back)}; restored."] if put_back else []
    return {"changes": changes, "warnings": warnings, "restarted": run.restarted}


def _to_restart(installation, changed):
    if not changed:
        return []
    names = list(installation.fact("region_services"))
    if any(name.startswith("broker_") for name in changed):
        names += installation.fact("broker_services") or ()
    return names


def wait_for_openfga(installation: Installation, wait: float) -> None:
    """Wait for maas-openfga (3.8 and later), but not for one that cannot reach the database.

    Raises:
        HostError: It does not answer in time.
    """
    now, _ = values(installation)
    if not openfga.obstacles(installation, now, bool(vault.config(installation))):
        openfga.wait(installation, wait)


def _look_at_database(installation, planned):
    """Try another database; return whether it has no tables yet."""
    changed = planned.settings()
    other = any(name.startswith("database_") for name in changed)
    if not other and transaction.UNFINISHED not in planned.changes:
        return False
    settings = {**planned.before, **changed}
    if other:
        planned.warnings += try_database(installation, settings)
    login = {key: settings.get(f"database_{key}") for key in config_files.DATABASE}
    try:
        with database.connect(login, timeout=10) as conn:
            empty = database.is_empty(conn)
    except database.DatabaseError:
        return False  # it was said, if it matters
    if empty:
        made = {"old": None, "new": f"those of MAAS {installation.release}"}
        planned.changes["database_tables"] = made
    return empty


def _make_tables(installation):
    services.stop_all(installation, ["region"])
    migration.migrate(installation)


def try_database(installation: Installation, settings: dict, upgrades: bool = False) -> list[str]:
    """Log in to a database as the region would.

    Args:
        settings: ``database_host`` and so on.
        upgrades: Whether MAAS is going to make or upgrade its tables there.

    Returns:
        Warnings: that it could not be tried, or what the role lacks for the next upgrade.

    Raises:
        HostError: It refuses, is too old for the release, or the role lacks what an upgrade needs.
    """
    login = {key: settings.get(f"database_{key}") for key in config_files.DATABASE}
    try:
        with database.connect(login, timeout=10) as conn:
            old = database.too_old(conn, installation)
            lacking = [" ".join(pair) for pair in database.missing_rights(conn, installation)]
    except database.DriverMissing as error:
        return [f"The database was not tried: {error}"]
    except database.DatabaseError as error:
        raise HostError(f"Nothing was changed: {error}") from None
    refused = [*([old] if old else []), *(lacking if upgrades else [])]
    if refused:
        raise HostError(f"Nothing was changed: {' '.join(refused)}")
    return lacking
