"""Manage a region: its host, its first administrator and everything that it holds.

For MAAS 1.5 and later; the host's part for packages and the snap.
"""

from __future__ import annotations

from saltext.maas import ensure, pillar, runtime, whole
from saltext.maas.client.errors import BadInput
from saltext.maas.host import region, users


def configured(
    name,
    url=None,
    database_host=None,
    database_port=None,
    database_name=None,
    database_user=None,
    database_password=None,
    wait=180,
):
    """Make sure that the region host's own configuration is as described.

    Files, debconf and services are brought into agreement, services restarted
    once and only if something changed, and the API waited for at the new URL;
    when it does not come back, everything is put back as it was.

    What is not given is taken from the pillar ``maas:region`` (``url`` and
    ``database``), and left alone where it does not stand there either.

    Args:
        name: Any text.
        url: Public URL of the region, such as ``http://192.0.2.10:5240/MAAS``.
        database_host: Host name or address of PostgreSQL.
        database_port: Its port.
        database_name: Database name.
        database_user: Role.
        database_password: Its password; never shown.
        wait: Seconds within which the API has to answer after a restart.

    Returns:
        A state's return.

    .. code-block:: yaml

        region:
          maas_region.configured:
            - url: http://192.0.2.10:5240/MAAS
    """
    test = bool(__opts__.get("test"))

    def work():
        surface = runtime.surface(globals(), "region")
        described = runtime.pillar(globals(), "region")
        settings = {
            f"database_{key}": value for key, value in (described.get("database") or {}).items()
        }
        given = {
            "url": url,
            "database_host": database_host,
            "database_port": database_port,
            "database_name": database_name,
            "database_user": database_user,
            "database_password": runtime.revealed(globals(), database_password),
        }
        settings["url"] = described.get("url")
        settings.update({key: value for key, value in given.items() if value is not None})
        done = region.configure(surface, test=test, wait=wait, **settings)
        return ensure.host_outcome(name, test, done)

    return ensure.guarded(name, work)


def secret_installed(name, secret=None):
    """Make sure that the region uses a given shared secret, in MAAS 1.7 and later.

    It is installed on a region that has none yet.  A region that has another
    one is not changed, since that would cut off its clusters; the state fails
    and says what to do.

    Args:
        name: Any text.
        secret: The secret in hex, or an ``sdb://`` reference; never shown.
            The pillar's ``maas:region:shared_secret`` by default.

    Returns:
        A state's return.

    .. code-block:: yaml

        shared secret:
          maas_region.secret_installed:
            - secret: sdb://vault/maas-shared-secret
    """
    test = bool(__opts__.get("test"))

    def work():
        surface = runtime.surface(globals(), "region")
        value = secret or runtime.pillar(globals(), "region").get("shared_secret")
        if not value:
            return ensure.outcome(name, test, comment="No secret is given: the region has its own.")
        value = runtime.revealed(globals(), value)
        return ensure.host_outcome(name, test, region.install_secret(surface, value, test=test))

    return ensure.guarded(name, work)


def admin_present(name, username=None, email=None, password=None):
    """Make sure that an administrator exists; for the first one, when there is no API key yet.

    The password goes to MAAS's own command over a terminal, not as an
    argument.  An administrator that is there already is left as it is.

    What is not given is taken from the pillar ``maas:region:admin``.

    Args:
        name: Any text.
        username: User name.
        email: E-mail address, unique in the region.
        password: Password for a new administrator, or an ``sdb://`` reference.

    Returns:
        A state's return; the password is never shown.

    .. code-block:: yaml

        administrator:
          maas_region.admin_present:
            - username: admin
            - email: admin@example.com
            - password: sdb://vault/maas-admin
    """
    test = bool(__opts__.get("test"))

    def work():
        surface = runtime.surface(globals(), "region")
        given = {"username": username, "email": email, "password": password}
        given = {key: value for key, value in given.items() if value is not None}
        admin = runtime.revealed(
            globals(), {**runtime.pillar(globals(), "region", "admin"), **given}
        )
        missing = [key for key in ("username", "email", "password") if not admin.get(key)]
        if missing and not (username or email):
            return ensure.outcome(name, test, comment="No administrator is described.")
        if missing:
            raise BadInput(
                [f"{key}: is missing; give it here or in maas:region:admin" for key in missing]
            )
        who = admin["username"]
        if users.exists(surface, who):
            return ensure.outcome(name, test, comment=f"Administrator {who} exists.")
        changes = {who: {"old": None, "new": {"email": admin["email"], "is_superuser": True}}}
        if not test:
            users.create_admin(
                surface,
                who,
                admin["password"],
                admin["email"],
                email_owner=runtime.local(surface).email_owner,
            )
        verb = "would be created" if test else "was created"
        return ensure.outcome(name, test, changes, f"Administrator {who} {verb}.")

    return ensure.guarded(name, work)


def managed(name, data=None, exclusive=None, prune=None, profile=None):
    """Make sure that the region holds what the pillar describes.

    The whole pillar is checked first; then every collection is read once,
    compared, and what differs is written in the order that MAAS needs.  What
    MAAS does in the background (clusters that enrol, image imports) is waited
    for, with progress on Salt's event bus as ``maas/progress/<name>``.

    Args:
        name: Any text.
        data: What to describe, in the pillar's form; the ``maas`` pillar by default.
        exclusive: Resource types of which what is not described is removed,
            beside those of ``maas:exclusive``: ``{type: True}``, or a list of scopes
            instead of True, such as ``{vlan: [dc1]}``.
        prune: Guard on that, beside ``maas:prune``: ``{most, fraction, in_use}``.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        A state's return.  With ``test=True`` its changes are those of the real run.

    .. code-block:: yaml

        everything:
          maas_region.managed: []
    """

    def work():
        described = runtime.pillar(globals()) if data is None else data
        pillar.check(described, runtime.release(globals()))
        snapshot = runtime.snapshot(globals(), profile)
        wishes = whole.wishes_of(snapshot, described, exclusive, prune)
        return ensure.reconcile(globals(), name, wishes, profile, pillar.limits(described))

    return ensure.guarded(name, work)


def pillar_valid(name, data=None):
    """Make sure that the pillar is right, before anything else is done.

    Args:
        name: Any text.
        data: What to check; the ``maas`` pillar by default.

    Returns:
        A state's return that lists every mistake with its path, the value and what is allowed.

    .. code-block:: yaml

        pillar:
          maas_region.pillar_valid: []
    """

    def work():
        described = runtime.pillar(globals()) if data is None else data
        pillar.check(described, runtime.release(globals()))
        return ensure.outcome(name, False, comment="The pillar is right.")

    return ensure.guarded(name, work)
