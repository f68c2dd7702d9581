"""Manage a cluster controller (1.x) or rack controller (2.0 and later) on its own host."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from saltext.maas import envelope, pillar, runtime, state_helpers
from saltext.maas.errors import BadInput, MaasError
from saltext.maas.host import cluster_config, enrolment, pxe_images, reach, snap

if TYPE_CHECKING:
    from saltext.maas.salt_types import Context, Opts

    __context__: Context
    __opts__: Opts

_ENROLMENT = "saltext.maas.enrolment"
#: What a test run knows of the secret that an earlier state would install.
_PREDICTED = "saltext.maas.predicted_secret"
_WAITS = "Would wait until this host is registered at the region."


def configured(
    name: str,
    url: str | list[str] | None = None,
    secret: str | None = None,
    uuid: str = "auto",
    wait: float = 60,
    sealed: dict | None = None,
    settings: dict | None = None,
) -> dict[str, Any]:
    """Configure a cluster's host with the URL of its region and the shared secret.

    The region is asked first whether it answers at the URL, since neither
    enrolment nor image import works without.  Files and debconf are brought
    in line; the daemon is restarted once and only if something changed.  The next run finishes
    one that was killed.  A rack controller keeps its identity.  A snap without a mode becomes a
    rack controller; it reads the secret from standard input.

    What is not given is taken from the pillar: the URL from this minion's entry in
    ``maas:racks``, in 1.x ``maas:clusters`` (``region_url``), or from ``maas:region:url``, the
    secret from ``maas:region:shared_secret``, the settings from this minion's entry
    (``local_settings``).

    Args:
        name (str): Any text.
        url (str or list of str): Region URL, or a list of them (2.5 and later).
        secret (str): Shared secret in hex, or an ``sdb://`` reference; never shown (1.7 and later).
        uuid (str): Cluster UUID for a 1.x cluster that has none yet; ``auto`` takes the one by
            which the region's pillar knows this minion.
        wait (float): Seconds within which the region has to answer at the URL; no more than 15
            while its host refuses connections.
        sealed (dict): The secret as :py:func:`maas_secret.seal` sealed it on the region's minion,
            instead of ``secret``. A real run uses it up.
        settings (dict): More local settings: ``tftp_port``, ``tftp_root``; ``debug`` (2.5 and
            later); ``max_idle_rpc_connections``, ``max_rpc_connections``, ``rpc_keepalive`` (3.3
            and later); ``tftp_max_blksize``, ``httpproxy_cache_size`` (3.5 and later);
            ``use_json_logging`` (3.8 and later).

    Returns:
        dict: State return.

    .. code-block:: yaml

        cluster:
          maas_cluster.configured:
            - url: http://192.0.2.10:5240/MAAS
            - secret: sdb://vault/maas-shared-secret
            - settings:
                tftp_root: /srv/tftp
    """
    test = bool(__opts__.get("test"))

    def work():
        installation = _installation()
        # The host enrols within moments after this; `registered` reports it as a change.
        before = enrolment.registered(installation)["state"]
        given = _settings(installation, url, _secret(test, secret, sealed), uuid, settings)
        done = cluster_config.configure(installation, test=True, **given)
        if not test and done["changes"]:
            urls = given["url"]
            for one in [urls] if isinstance(urls, str) else urls or ():
                reach.wait_for_api(one, installation.release, wait, patience=reach.PATIENCE)
            done = cluster_config.configure(installation, **given)
        if test:  # a later state of this run may need the same secret
            __context__[_PREDICTED] = _mark(given["secret"])
        # Only what the log says after a restart counts.
        __context__[_ENROLMENT] = (before, done["mark"])
        result = state_helpers.host_outcome(name, test, done)
        return state_helpers.with_warnings(
            globals(), result, runtime.host_release_warnings(globals())
        )

    return state_helpers.guarded(name, work)


def _secret(test, secret, sealed):
    if sealed is None:
        return secret
    if secret is not None:
        raise BadInput("sealed: cannot be given together with secret")
    return envelope.open_own(globals(), sealed, use_up=not test)


def _mark(secret):
    """Return a digest that identifies a secret without revealing it."""
    return secret and hashlib.sha256(str(secret).lower().encode()).hexdigest()


def _installation():
    found = runtime.installation(globals())
    if found is None:
        raise MaasError("No MAAS cluster or rack controller is installed on this host.")
    runtime.refuse_before_installation(globals(), found, "cluster")
    cluster_config.need(found)
    return found


def _settings(installation, url, secret, uuid, settings):
    own = runtime.controller(globals())
    region = runtime.pillar(globals(), "region")
    secret = runtime.revealed(globals(), secret) or region.get("shared_secret")
    return {
        "url": url or own.get("region_url") or region.get("url"),
        "secret": secret if installation.release >= "1.7" else None,
        "uuid": _uuid(installation, uuid),
        **(own.get("local_settings") or {}),
        **(settings or {}),
    }


def _uuid(installation, uuid):
    if uuid != "auto":
        return uuid
    if installation.release >= "2.0":
        return None
    minion = __opts__["id"]
    own = runtime.controller(globals())
    there, expected = (
        cluster_config.read_files(installation)["uuid"],
        pillar.cluster_uuid(minion, own),
    )
    if there and there != expected and not own.get("uuid"):
        raise BadInput(
            f"maas:clusters:{minion}:uuid: is missing; this cluster has the uuid {there} already, "
            "by which the region knows it, so set it there"
        )
    return expected


def secret_installed(
    name: str, secret: str | None = None, sealed: dict | None = None
) -> dict[str, Any]:
    """Ensure that a cluster's host has the region's shared secret, in MAAS 1.7 and later.

    It goes to MAAS's command by standard input (deb) or into its file (snap); owner, group
    and mode of the file and debconf's answer are set right.  The daemon is
    restarted only if the secret itself changed, and the host's identity is kept.

    Args:
        name (str): Any text.
        secret (str): The secret in hex, or an ``sdb://`` reference; never shown. The pillar's
            ``maas:region:shared_secret`` by default.
        sealed (dict): The secret as :py:func:`maas_secret.seal` sealed it on the region's minion,
            instead of ``secret``. A real run uses it up.

    Returns:
        dict: State return.

    .. code-block:: yaml

        shared secret:
          maas_cluster.secret_installed:
            - secret: sdb://vault/maas-shared-secret
    """
    test = bool(__opts__.get("test"))

    def work():
        installation = runtime.installation(globals(), "cluster")
        value = runtime.revealed(globals(), _secret(test, secret, sealed))
        value = value or runtime.pillar(globals(), "region").get("shared_secret")
        if not value:
            raise BadInput("secret: is missing; give it here or in maas:region:shared_secret")
        before = enrolment.registered(installation)["state"]
        done = cluster_config.configure(installation, secret=value, test=test)
        if test and __context__.get(_PREDICTED) == _mark(value):
            return state_helpers.outcome(name, test, comment="An earlier state would install it.")
        if done["mark"]:
            __context__[_ENROLMENT] = (before, done["mark"])
        return state_helpers.host_outcome(name, test, done)

    return state_helpers.guarded(name, work)


def registered(
    name: str, timeout: float = 300, profile: str | dict | None = None
) -> dict[str, Any]:
    """Ensure that this host is registered at the region; wait until it is.

    Read the host's own log and ask the region: 1.x answers anybody, 2.0 and later need a profile
    with a key, or the region's database on this host.

    Args:
        name (str): Any text.
        timeout (float): Seconds to wait; no more than 15 while the region's host refuses
            connections.
        profile (str or dict): Region to use; see :ref:`profiles`.  Not needed.

    Returns:
        dict: State return; a failure says what to do.

    .. code-block:: yaml

        enrolled:
          maas_cluster.registered:
            - timeout: 120
    """
    test = bool(__opts__.get("test"))

    def work():
        installation = runtime.installation(globals())
        before, mark = __context__.pop(_ENROLMENT, (None, None))
        if test and installation is not None and snap.unconfigured(installation):
            changes = {"enrolment": {"old": "not registered", "new": "registered"}}
            return state_helpers.outcome(name, test, changes, _WAITS)
        installation = runtime.installation(globals(), "cluster")
        client = runtime.client_with_key(globals(), profile)
        now = enrolment.registered(installation, mark, client)
        changes = {}
        if (before or now["state"]) != "registered":
            changes = {"enrolment": {"old": "not registered", "new": "registered"}}
        if test:
            comment = _WAITS if changes else now["message"] or ""
            return state_helpers.outcome(name, test, changes, comment)
        if now["state"] != "registered":
            now = enrolment.wait_registered(installation, mark, timeout, client)
        return state_helpers.outcome(name, test, changes, now["message"] or "")

    return state_helpers.guarded(name, work)


def boot_resources(name: str, sources: list[dict]) -> dict[str, Any]:
    """Ensure that a 1.5 cluster fetches its images as described (``bootresources.yaml``).

    Nothing restarts, since the importer reads the file at each run.

    Args:
        name (str): Any text.
        sources (list of dict): List of mappings with ``path`` (URL), ``keyring`` and
            ``selections``, each of these with ``release``, ``arches``, ``subarches``, ``labels``;
            ``*`` where left out.

    Returns:
        dict: State return.

    .. code-block:: yaml

        images:
          maas_cluster.boot_resources:
            - sources:
                - path: http://maas.ubuntu.com/images/ephemeral-v2/releases/
                  selections:
                    - {release: trusty, arches: [amd64], labels: [release]}
    """
    test = bool(__opts__.get("test"))

    def work():
        installation = runtime.installation(globals(), "cluster")
        return state_helpers.host_outcome(
            name, test, pxe_images.set_sources(installation, sources, test)
        )

    return state_helpers.guarded(name, work)


def images_on_disk(
    name: str, listed: list[str] | None = None, profile: str | dict | None = None
) -> dict[str, Any]:
    """Ensure that the images which the region lists are on this host's disk, up to 3.4.

    Change nothing: a cluster that lacks one has to fetch it (:py:func:`maas_image.synced`).

    Args:
        name (str): Any text.
        listed (list of str): Images such as ``ubuntu/trusty/amd64``; by default what the region
            holds (in 1.5 and 1.6 what the cluster reported), asked over its API where there is a
            profile with a key, else from its database where the region is on this host.
        profile (str or dict): Region to use; see :ref:`profiles`.

    Returns:
        dict: State return, which fails naming what is missing.

    .. code-block:: yaml

        images are here:
          maas_cluster.images_on_disk:
            - listed: [ubuntu/trusty/amd64]
    """

    def work():
        installation = runtime.installation(globals(), "cluster")
        client = runtime.client_with_key(globals(), profile) if listed is None else None
        found = pxe_images.compare(installation, listed, client)
        missing, extra = found["missing"], found["extra"]
        if missing:
            comment = f"Not on the disk: {', '.join(missing)}; have the cluster fetch them."
            return state_helpers.outcome(name, False, comment=comment, failed=True)
        more = f" Also there: {', '.join(extra)}." if extra else ""
        return state_helpers.outcome(name, False, comment=f"All are on the disk.{more}")

    return state_helpers.guarded(name, work)
