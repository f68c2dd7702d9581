"""Manage a region: its host, its first administrator and everything that it holds.

For MAAS 1.5 and later; the host's part for packages and the snap.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from saltext.maas import (
    described_host,
    pillar,
    region_machines,
    region_plan,
    runtime,
    state_helpers,
)
from saltext.maas.doctor import findings, upgrade_checks
from saltext.maas.errors import BadInput
from saltext.maas.fleet.region_side import health
from saltext.maas.host import admins, region_host, shared_secret, tls, vault
from saltext.maas.host.local import Local

if TYPE_CHECKING:
    from saltext.maas.salt_types import Opts

    __opts__: Opts


def configured(
    name: str,
    url: str | None = None,
    database_host: str | None = None,
    database_port: int | None = None,
    database_name: str | None = None,
    database_user: str | None = None,
    database_password: str | None = None,
    broker_host: str | None = None,
    broker_longpoll_password: str | None = None,
    broker_workers_password: str | None = None,
    num_workers: int | None = None,
    debug: bool | None = None,
    debug_queries: bool | None = None,
    debug_http: bool | None = None,
    broadcast_address: str | None = None,
    use_json_logging: bool | None = None,
    snap_mode: str | None = None,
    wait: float = 180,
    sealed: dict | None = None,
) -> dict[str, Any]:
    """Configure the region host: its URL, database, message broker and services.

    Bring files, debconf, RabbitMQ (1.5 and 1.6) and services in line, restart services once and
    only if something changed, and wait for the API at the new URL; if it does not answer, undo
    everything.  Try a new database login before anything is changed.  The next run finishes one
    that was killed.  A snap that is not initialised yet is initialised, which needs the URL and all
    of the database but the port.

    What is not given is taken from the pillar ``maas:region`` (``url``, ``database``, ``broker``,
    ``num_workers``, ...), and left alone where that does not say it either.  The pillar's ``tls``
    (3.2 and later) and ``vault`` (3.3 and later) are applied as by :py:func:`tls_enabled` and
    :py:func:`vault_configured`, TLS before a URL that needs it.

    Where the pillar's ``hosts`` name several region hosts (2.0 and later), a host that does not
    belong to the region yet joins it.  It never migrates the database.  What another installation
    left is removed before its first start, and nothing is changed if MAAS would take the host for
    another of its nodes.  Each host is waited for at its own address.

    Args:
        name (str): Any text.
        url (str): Public URL of the region, such as ``http://192.0.2.10:5240/MAAS``.
        database_host (str): Host name or address of PostgreSQL.
        database_port (int): Its port.
        database_name (str): Database name.
        database_user (str): Role.
        database_password (str): Its password; never shown.
        broker_host (str): Host name or address of RabbitMQ, in 1.5 and 1.6.
        broker_longpoll_password (str): Password of its user ``maas_longpoll``; never shown.
        broker_workers_password (str): Password of its user ``maas_workers``; never shown.
        num_workers (int): Number of region processes (2.4 and later).
        debug (bool): Whether to log more, and to show errors in full.
        debug_queries (bool): Whether to log database queries (2.4 and later).
        debug_http (bool): Whether to log HTTP requests (2.4 and later).
        broadcast_address (str): Address for other regions (3.5 and later).
        use_json_logging (bool): Whether regiond logs lines of JSON, or of text (3.8 and later).
        snap_mode (str): ``region+rack`` or ``region``: what a snap without a mode becomes.
        wait (float): Seconds within which the API has to answer after a restart, and then those
            within which clusters have to be connected again; one that is not is named in the
            comment.
        sealed (dict): For a host that joins: the shared secret as :py:func:`maas_secret.seal`
            sealed it on another region host's minion. A real run uses it up.

    Returns:
        dict: State return.

    .. code-block:: yaml

        region:
          maas_region.configured:
            - url: http://192.0.2.10:5240/MAAS
    """
    given = state_helpers.given(locals(), "name", "wait", "sealed")
    test = bool(__opts__.get("test"))

    def work():
        done = described_host.configure(globals(), given, test, wait, sealed)
        return state_helpers.host_outcome(name, test, done, globals())

    return state_helpers.guarded(name, work)


def _require(given, where, *names):
    missing = [one for one in names if not given.get(one)]
    if missing:
        raise BadInput(
            [f"{one}: is missing; give it here or in maas:region:{where}" for one in missing]
        )


def tls_enabled(
    name: str,
    key: str | None = None,
    cert: str | None = None,
    cacert: str | None = None,
    port: int | None = None,
    wait: float = 60,
) -> dict[str, Any]:
    """Ensure that the region's web server speaks TLS with a certificate (3.2 and later).

    The files have to be on the region host; the key never leaves it.  What is not
    given is taken from the pillar ``maas:region:tls``; where that says
    ``enabled: false``, TLS is switched off, and without it nothing is done.

    Args:
        name (str): Any text.
        key (str): Path of the private key.
        cert (str): Path of the certificate, in PEM form.
        cacert (str): Path of the CA's chain.
        port (int): Port; 5443 by default.
        wait (float): Seconds within which the API has to answer at the URL of the pillar, if that
            is one with ``https``; TLS is switched off again otherwise.

    Returns:
        dict: State return.

    .. code-block:: yaml

        tls:
          maas_region.tls_enabled:
            - key: /etc/ssl/private/maas.key
            - cert: /etc/ssl/certs/maas.pem
    """
    own = state_helpers.given(locals(), "name", "wait")
    test = bool(__opts__.get("test"))

    def work():
        given = {**runtime.pillar(globals(), "region", "tls"), **own}
        if not given:
            return state_helpers.outcome(
                name, test, comment="Neither arguments nor pillar describe TLS."
            )
        if given.get("enabled") is False and not (key or cert):
            return tls_disabled(name)
        given = region_host.tls_described({**given, "enabled": True})
        installation = runtime.installation(globals(), "region")
        url = runtime.pillar(globals(), "region", "url") or ""
        done = tls.enable(
            installation,
            given["key"],
            given["cert"],
            given.get("cacert"),
            given.get("port") or tls.PORT,
            test=test,
            wait=wait,
            url=url if url.startswith("https:") else None,
            ca_file=described_host.ca_file(globals()) or given.get("cacert"),
        )
        return state_helpers.host_outcome(name, test, done, globals())

    return state_helpers.guarded(name, work)


def upgradable(name: str, release: str) -> dict[str, Any]:
    """Ensure that nothing is known that would stop an upgrade of the region's host to a release.

    Change nothing; fail where something would stop the upgrade, or the region after it. Let the
    upgrade of the packages or the snap require this. On a host that has the release already,
    nothing is checked.

    Args:
        name (str): Any text.
        release (str): The release that it is to have, such as ``3.8``.

    Returns:
        dict: State return; warnings are in its comment.

    .. code-block:: yaml

        ready for 3.8:
          maas_region.upgradable:
            - release: '3.8'

        maas:
          pkg.latest:
            - require:
              - maas_region: ready for 3.8
    """

    def work():
        wanted = upgrade_checks.target(release)
        installation = runtime.installation(globals(), "region")
        if installation.release.parts[:2] >= wanted.parts[:2]:
            text = f"This host has MAAS {installation.release} already."
            return state_helpers.outcome(name, False, comment=text)
        report = findings.run(upgrade_checks.checks(installation, wanted))
        lines = [
            f"{one['check']}: {one['status']}: {one['found']} {one['remedy']}".rstrip()
            for one in report["findings"]
            if one["status"] != "ok"
        ]
        comment = "\n".join(lines) or f"Nothing is known that would stop an upgrade to {wanted}."
        return state_helpers.outcome(name, False, comment=comment, failed=not report["healthy"])

    return state_helpers.guarded(name, work)


def tls_disabled(name: str) -> dict[str, Any]:
    """Ensure that the region's web server speaks plain HTTP (3.2 and later).

    Args:
        name (str): Any text.

    Returns:
        dict: State return.

    .. code-block:: yaml

        no tls:
          maas_region.tls_disabled: []
    """
    test = bool(__opts__.get("test"))

    def work():
        installation = runtime.installation(globals(), "region")
        return state_helpers.host_outcome(
            name, test, tls.disable(installation, test=test), globals()
        )

    return state_helpers.guarded(name, work)


def vault_configured(
    name: str,
    url: str | None = None,
    approle_id: str | None = None,
    wrapped_token: str | None = None,
    secrets_path: str | None = None,
    secrets_mount: str | None = None,
    migrate: bool | None = None,
) -> dict[str, Any]:
    """Ensure that the region uses HashiCorp Vault (3.3 and later).

    What is not given is taken from the pillar ``maas:region:vault``; without it nothing is done.
    The token goes to MAAS's own command through a pipe.  ``migrate`` cannot be undone here.

    Args:
        name (str): Any text.
        url (str): Vault's URL.
        approle_id (str): Role id of the region's AppRole.
        wrapped_token (str): Token that wraps the AppRole's secret id.  It works once and is only
            needed, and used, where something about the connection differs.
        secrets_path (str): Path below which the region keeps its secrets.
        secrets_mount (str): Mount of the KV engine, ``secret`` by default.
        migrate (bool): Whether to move the secrets there, once every region is configured.

    Returns:
        dict: State return; the token is never shown.

    .. code-block:: yaml

        vault:
          maas_region.vault_configured:
            - url: https://vault.example.com:8200
            - approle_id: 00000000-0000-0000-0000-000000000000
            - wrapped_token: sdb://maas_secrets/vault_token
            - secrets_path: maas
            - migrate: true
    """
    own = state_helpers.given(locals(), "name")
    test = bool(__opts__.get("test"))

    def work():
        given = {**runtime.pillar(globals(), "region", "vault"), **own}
        if not given:
            return state_helpers.outcome(
                name, test, comment="Neither arguments nor pillar describe Vault."
            )
        _require(given, "vault", "url", "approle_id", "secrets_path")
        installation = runtime.installation(globals(), "region")
        done = vault.configure(installation, test=test, **runtime.revealed(globals(), given))
        return state_helpers.host_outcome(name, test, done, globals())

    return state_helpers.guarded(name, work)


def secret_installed(name: str, secret: str | None = None) -> dict[str, Any]:
    """Ensure that the region uses a given shared secret, in MAAS 1.7 and later.

    It is installed on a region that has none yet.  A region that has another
    one is not changed, since that would cut off its clusters; the state fails
    and says what to do.

    Args:
        name (str): Any text.
        secret (str): The secret in hex, or an ``sdb://`` reference; never shown. The pillar's
            ``maas:region:shared_secret`` by default.

    Returns:
        dict: State return.

    .. code-block:: yaml

        shared secret:
          maas_region.secret_installed:
            - secret: sdb://vault/maas-shared-secret
    """
    test = bool(__opts__.get("test"))

    def work():
        installation = runtime.installation(globals(), "region")
        value = secret or runtime.pillar(globals(), "region").get("shared_secret")
        if not value:
            return state_helpers.outcome(
                name, test, comment="No secret is given: the region has its own."
            )
        value = runtime.revealed(globals(), value)
        done = shared_secret.install(installation, value, test=test)
        return state_helpers.host_outcome(name, test, done, globals())

    return state_helpers.guarded(name, work)


def admin_present(
    name: str,
    username: str | None = None,
    email: str | None = None,
    password: str | None = None,
    enforce_password: bool = False,
) -> dict[str, Any]:
    """Ensure that an administrator exists; for the first one, when there is no API key yet.

    The password goes to MAAS's own command over a terminal, not as an
    argument.  An existing user becomes an administrator again if its rights were taken away, as
    far as the region's database can be reached; its password is changed only on request.

    What is not given is taken from the pillar ``maas:region:admin``.

    Args:
        name (str): Any text.
        username (str): User name.
        email (str): E-mail address, unique in the region.
        password (str): Password for a new administrator, or an ``sdb://`` reference.
        enforce_password (bool): Give an existing administrator this password if it has another one,
            which only the region's database can tell.

    Returns:
        dict: State return; the password is never shown.

    .. code-block:: yaml

        administrator:
          maas_region.admin_present:
            - username: admin
            - email: admin@example.com
            - password: sdb://vault/maas-admin
    """
    own = state_helpers.given(locals(), "name", "enforce_password")
    test = bool(__opts__.get("test"))

    def work():
        installation = runtime.installation(globals(), "region")
        admin = {**runtime.pillar(globals(), "region", "admin"), **own}
        admin = runtime.revealed(globals(), admin)
        needed = ("username", "email", "password")
        if not (username or email or all(map(admin.get, needed))):
            return state_helpers.outcome(
                name, test, comment="Neither arguments nor pillar describe an administrator."
            )
        _require(admin, "admin", *needed)
        who = admin["username"]
        done = admins.present(
            installation,
            who,
            admin["email"],
            admin["password"],
            enforce_password,
            Local(installation).email_owner,
            test,
        )
        comment = f"Administrator {who} exists."
        if done["changes"]:
            what = "created" if who in done["changes"] else "changed"
            comment = f"Administrator {who} {'would be' if test else 'was'} {what}."
        return state_helpers.outcome(
            name, test, done["changes"], "\n".join([comment, *done["warnings"]])
        )

    return state_helpers.guarded(name, work)


def managed(
    name: str,
    data: dict | None = None,
    exclusive: dict | None = None,
    prune: dict | None = None,
    profile: str | dict | None = None,
) -> dict[str, Any]:
    """Ensure that the region holds what the pillar describes.

    Check the whole pillar first; then read every collection once, compare, and write what differs
    in the order that MAAS needs.  Wait for what MAAS does in the background (clusters that enrol,
    image imports), with progress on Salt's event bus as ``maas/progress/<name>``.

    Args:
        name (str): Any text.
        data (dict): Pillar data to use in place of the ``maas`` pillar.
        exclusive (dict): Resource types of which what is not described is removed, beside those of
            ``maas:exclusive``: ``{type: True}``, or a list of scopes instead of True, such as
            ``{vlan: [dc1]}``.
        prune (dict): Guard on that, beside ``maas:prune``: ``{most, fraction, in_use}``.
        profile (str or dict): Region to use; see :ref:`profiles`.

    Returns:
        dict: State return.  With ``test=True`` its changes are those of the real run.

    .. code-block:: yaml

        everything:
          maas_region.managed: []
    """

    def work():
        described = runtime.described(globals(), data)
        pillar.check(described, runtime.release(globals()), runtime.checked(globals()))
        limits, warnings = pillar.limits(described), []

        def desired_objects(snapshot):
            warnings.extend(region_plan.warnings_of(snapshot, described))
            found = region_plan.desired_objects_of(snapshot, described, exclusive, prune)
            new = region_machines.new(snapshot, described, found)
            warnings.extend(region_machines.warnings(new))
            return found

        def placed(lines):
            return pillar.placed(described, lines)

        result = state_helpers.reconcile(
            globals(), name, desired_objects, profile, limits, placed, described
        )
        return state_helpers.with_warnings(globals(), result, warnings)

    result = state_helpers.guarded(name, work)
    if not __opts__.get("test"):
        health.record_run(globals(), profile, result["result"] is True)
    return result


def pillar_valid(name: str, data: dict | None = None) -> dict[str, Any]:
    """Check the pillar, before anything else is done.

    Args:
        name (str): Any text.
        data (dict): Pillar data to check in place of the ``maas`` pillar.

    Returns:
        dict: State return that lists every mistake with its path, the value and what is allowed.

    .. code-block:: yaml

        pillar:
          maas_region.pillar_valid: []
    """

    def work():
        described = runtime.described(globals(), data)
        release = runtime.release(globals())
        pillar.check(described, release, runtime.checked(globals()))
        result = state_helpers.outcome(name, False, comment="The pillar is valid.")
        return state_helpers.with_warnings(globals(), result, pillar.warnings(described, release))

    return state_helpers.guarded(name, work)
