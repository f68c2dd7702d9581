"""A region controller's own configuration: URL, database, broker, debugging, shared secret."""

from __future__ import annotations

import contextlib

from saltext.maas.host import (
    broker,
    config_files,
    debconf,
    reach,
    region_broker,
    shared_secret,
    transaction,
    vault,
)
from saltext.maas.host.errors import HostError
from saltext.maas.host.host_settings import available, desired
from saltext.maas.host.installation import Installation
from saltext.maas.host.transaction import Change
from saltext.maas.redact import HIDDEN

_DATABASE = ("host", "port", "name", "user", "password")
_BROKER = ("host", "longpoll_password", "workers_host", "workers_password")


def read_config(installation: Installation, secrets: bool = False) -> dict:
    """Read the region's local configuration from its files, in one shape for all releases.

    Args:
        installation: The host.
        secrets: Show passwords instead of asterisks.

    Returns:
        ``{"url", "database": {"host", "port", "name", "user", "password"},
        "debug", ..., "sources": {setting: file or "default"}}``, in 1.5 and 1.6 with
        ``"broker": {"host", "longpoll_password", "workers_host", "workers_password"}``.

    Raises:
        HostError: No region here, or a file is broken.
    """
    installation.need("region")
    values, sources = _settings(installation)
    if not secrets:
        for item in available(installation).values():
            if item.secret and values.get(item.name):
                values[item.name] = HIDDEN
    database = {key: values.pop(f"database_{key}") for key in _DATABASE}
    told = {**values, "database": database, "sources": sources}
    if "broker_host" in values:
        told["broker"] = {key: told.pop(f"broker_{key}") for key in _BROKER}
    return told


def values(installation: Installation) -> tuple[dict, dict]:
    """Every setting's value, passwords too, and its source; never for anybody's eyes.

    Returns:
        ``({setting: value}, {setting: file, "vault" or "default"})``.
    """
    return _settings(installation)


def _read_all(installation):
    found = config_files.read_all(installation)
    if (
        "database_name" not in found
        and installation.has("vault_command")
        and vault.config(installation)
    ):
        with contextlib.suppress(HostError):  # then the defaults are shown
            for name, value in vault.database_login(installation).items():
                found.setdefault(name, []).append((value, "vault"))
    return found


def _settings(installation, found=None):
    found = _read_all(installation) if found is None else found
    values, sources = {"database_port": 5432}, {}
    for setting in available(installation).values():
        places = found.get(setting.name)
        if places:
            values[setting.name], sources[setting.name] = places[0]
        else:
            values[setting.name], sources[setting.name] = _default(installation, setting), "default"
    return values, sources


def _default(installation, setting):
    if setting.name == "url":
        return debconf.url_from_host(installation, "localhost")
    return setting.default


def plan(installation: Installation, **settings) -> dict:
    """What :func:`configure` would change.

    Args:
        installation: The host.
        settings: ``url``, ``database_host``, ``database_port``,
            ``database_name``, ``database_user``, ``database_password``,
            ``debug``, ``num_workers``, ... (see
            :data:`~saltext.maas.host.host_settings.SETTINGS`); None leaves alone.

    Returns:
        ``{"changes": {field: {"old", "new"}}, "warnings": [text]}``; secrets
        are asterisks, debconf questions and users of RabbitMQ are fields of their own.
    """
    return _plan(installation, settings).told()


class _Plan:
    """What is wanted and what differs, for one run."""

    def __init__(self, before, sources, want, changes, warnings):
        self.before = before
        self.sources = sources
        self.want = want
        self.changes = changes
        self.warnings = warnings

    def told(self):
        return {"changes": self.changes, "warnings": self.warnings}

    def settings(self):
        changed = {name: self.want[name] for name in self.changes if name in self.want}
        if _LOGIN & changed.keys() and "vault" in self.sources.values():
            # The region moves them to Vault again when it starts, all three together.
            changed = {**{name: self.before[name] for name in _LOGIN}, **changed}
        return changed

    def answers(self):
        return {name: self.changes[name]["new"] for name in self.changes if name in _QUESTIONS}

    def users(self):
        """Settings whose user of RabbitMQ gets its password."""
        fields = {name: region_broker.FIELD.format(user) for name, user in broker.USERS.items()}
        return [name for name, field in fields.items() if field in self.changes]


_LOGIN = {"database_name", "database_user", "database_password"}
_QUESTIONS = ("maas/default-maas-url",)


def _plan(installation, settings):
    installation.need("region")
    installation.need_known()
    want = desired(installation, settings)
    found = _read_all(installation)
    now, sources = _settings(installation, found)
    if {"url", "broker_host"} & want.keys() and "broker_host" in now:
        want["broker_workers_host"] = region_broker.workers_host({**now, **want})
    table = available(installation)
    changes, warnings = transaction.plan(installation, "region"), []
    for name, value in want.items():
        others = [one for one, _ in found.get(name, [(now[name], "")]) if one != value]
        if not others:
            continue
        old, new = others[0], value
        if table[name].secret:
            old, new = (HIDDEN if old else None), HIDDEN
        changes[name] = {"old": old, "new": new}
    if "url" in want and installation.kind == "deb":
        answers = debconf.plan_region(installation, want["url"])
        changes.update(answers["changes"])
        warnings += answers["warnings"]
    told = region_broker.plan(installation, want, {**now, **want})
    changes.update(told["changes"])
    warnings += told["warnings"]
    return _Plan(now, sources, want, changes, warnings)


def configure(
    installation: Installation,
    test: bool = False,
    wait: float = 180,
    verify: bool = True,
    ca_file: str | None = None,
    **settings,
) -> dict:
    """Bring files, debconf, RabbitMQ and services to the given settings, or leave all as it was.

    Args:
        installation: The host.
        test: Only plan.
        wait: Seconds until the API has to answer after the restart, and again
            until the clusters that were connected before are connected again.
        verify: Whether to try the database's login first, and to wait for that answer.
        ca_file: CA for an https URL.
        settings: As in :func:`plan`.

    Returns:
        ``{"changes", "warnings", "restarted": [service]}``; the changes are
        the same as those planned.

    Raises:
        HostError: A value is wrong, the database refuses, a step failed or the API
            did not come back; files, debconf and services were put back, or
            the text says which were not.
    """
    planned = _plan(installation, settings)
    changed, warnings = planned.settings(), planned.warnings
    if verify and any(name.startswith("database_") for name in changed):
        warnings += try_database({**planned.before, **changed})
    if test or not planned.changes:
        return {**planned.told(), "restarted": []}
    answers, users = planned.answers(), planned.users()
    package = installation.fact("region_packages")[0] if answers else None
    values = {**planned.before, **planned.want}
    clusters = reach.Clusters(installation) if verify else None

    def is_back():
        if verify:
            reach.wait_for_api(values["url"], installation.release, wait, ca_file)
            warnings.extend(clusters.wait(wait))

    with Change(
        installation,
        "region",
        config_files.paths(installation, changed),
        [(package, question, "string") for question in answers],
        _to_restart(installation, {*changed, *users}),
        is_back,
        # A run that was killed may have changed RabbitMQ as well.
        lambda: (
            (users or transaction.UNFINISHED in planned.changes)
            and region_broker.mend(installation, _settings(installation)[0])
        ),
    ) as change:
        # Debconf first: where it refuses, no file has changed yet.
        for question, value in answers.items():
            debconf.set_answer(installation, package, question, "string", value)
        config_files.write(installation, changed)
        for name in users:
            broker.set_password(installation, broker.USERS[name], planned.want[name])
    return {**planned.told(), "restarted": change.restarted}


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
        installation: The host, with packages.
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
    installation.need("region")
    installation.need_known()
    if installation.kind != "deb":
        raise HostError("There is no dpkg-reconfigure for the snap.")
    package = installation.fact("region_packages")[0]
    before, _ = _settings(installation)
    answers = debconf.plan_region(installation, before["url"])["changes"]
    changes = {
        **transaction.plan(installation, "region"),
        **answers,
        package: {"old": "configured", "new": "configured again"},
    }
    if test:
        return {"changes": changes, "warnings": [], "restarted": []}
    all_settings = available(installation)
    put_back = []
    with Change(
        installation,
        "region",
        config_files.paths(installation, all_settings),
        [(package, question, "string") for question in _QUESTIONS],
        _to_restart(installation, all_settings),
        (lambda: reach.wait_for_api(before["url"], installation.release, wait, ca_file))
        if verify
        else None,
        lambda: region_broker.mend(installation, _settings(installation)[0]),
    ) as change:
        for question, item in answers.items():
            debconf.set_answer(installation, package, question, "string", item["new"])
        debconf.reconfigure(installation, package)
        after = config_files.read_all(installation)
        put_back = [
            name
            for name, value in before.items()
            if name in all_settings and any(one != value for one, _ in after.get(name, ()))
        ]
        config_files.write(installation, {name: before[name] for name in put_back})
        region_broker.mend(installation, _settings(installation)[0])
    warnings = [f"The package had changed {', '.join(put_back)}; put back."] if put_back else []
    return {"changes": changes, "warnings": warnings, "restarted": change.restarted}


def _to_restart(installation, changed):
    if not changed:
        return []
    names = list(installation.fact("region_services"))
    if any(name.startswith("broker_") for name in changed):
        names += installation.fact("broker_services") or ()
    return names


def try_database(values: dict) -> list[str]:
    """Log in to a database as the region would.

    Args:
        values: Its settings, ``database_host`` and so on.

    Returns:
        A warning when it could not be tried, else nothing.

    Raises:
        HostError: It refuses.
    """
    from saltext.maas.host import database

    described = {key: values.get(f"database_{key}") for key in _DATABASE}
    try:
        with database.connect(described, timeout=10):
            return []
    except database.DriverMissing as error:
        return [f"The database was not tried: {error}"]
    except database.DatabaseError as error:
        raise HostError(f"Nothing was changed: {error}") from None


# The shared secret


def secret(installation: Installation) -> str | None:
    """The region's shared secret from wherever its release keeps it (1.7 and later).

    Args:
        installation: The host.

    Returns:
        Hex, or None when the region has none yet.

    Raises:
        HostError: This release has none at all, its places disagree in a way that
            stops the region, or none of them can be read.
    """
    installation.need("region")
    return shared_secret.of_region(installation)


def install_secret(installation: Installation, value: str, test: bool = False) -> dict:
    """Give the region a shared secret, which only works while it has none.

    Args:
        installation: The host.
        value: Hex.
        test: Only plan.

    Returns:
        See :func:`saltext.maas.host.shared_secret.install`.

    Raises:
        HostError: It has another one; which values is never said.
    """
    installation.need("region")
    installation.need_known()
    return shared_secret.install(installation, value, test)
