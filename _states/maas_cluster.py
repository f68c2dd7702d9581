"""Manage a cluster controller (1.x) or rack controller (2.0 and later) on its own host."""

from __future__ import annotations

from saltext.maas import ensure, envelope, pillar, runtime
from saltext.maas.client.errors import BadInput
from saltext.maas.host import cluster, enrolment, reach

_ENROLMENT = "saltext.maas.enrolment"


def configured(name, url=None, secret=None, uuid="auto", wait=60, sealed=None):
    """Make sure that a cluster's host is pointed at its region, with the shared secret.

    The region is asked first whether it answers at the URL, since neither
    enrolment nor image import works without.  Files and debconf are brought
    into agreement; the daemon is restarted once and only if something changed.

    What is not given is taken from the pillar: the URL from this minion's entry in
    ``maas:clusters`` (``region_url``) or ``maas:region:url``, the secret from
    ``maas:region:shared_secret``.

    Args:
        name: Any text.
        url: Region URL, or a list of them (2.5 and later).
        secret: Shared secret in hex, or an ``sdb://`` reference; never shown
            (1.7 and later).
        uuid: Cluster uuid for a 1.x cluster that has none yet; ``auto`` takes
            the one by which the region's pillar knows this minion.
        wait: Seconds within which the region has to answer at the URL.
        sealed: The secret as :py:func:`maas_secret.seal` sealed it on the region's
            minion, instead of ``secret``. A real run uses it up.

    Returns:
        A state's return.

    .. code-block:: yaml

        cluster:
          maas_cluster.configured:
            - url: http://192.0.2.10:5240/MAAS
            - secret: sdb://vault/maas-shared-secret
    """
    test = bool(__opts__.get("test"))

    def work():
        surface = runtime.surface(globals(), "cluster")
        # What comes next enrols the host within moments; `registered` tells that it did.
        before = enrolment.registered(surface)["state"]
        settings = _settings(surface, url, _secret(test, secret, sealed), uuid)
        done = cluster.configure(surface, test=True, **settings)
        if not test and done["changes"]:
            urls = settings["url"]
            for one in [urls] if isinstance(urls, str) else urls or ():
                reach.wait_for_api(one, surface.release, wait)
            done = cluster.configure(surface, **settings)
        # Only what the log says after a restart counts.
        __context__[_ENROLMENT] = (before, done["mark"])
        return ensure.host_outcome(name, test, done)

    return ensure.guarded(name, work)


def _secret(test, secret, sealed):
    if sealed is None:
        return secret
    if secret is not None:
        raise BadInput("sealed: cannot be given together with secret")
    return envelope.open_own(globals(), sealed, use_up=not test)


def _settings(surface, url, secret, uuid):
    own = runtime.pillar(globals(), "clusters", __opts__["id"])
    region = runtime.pillar(globals(), "region")
    secret = runtime.revealed(globals(), secret) or region.get("shared_secret")
    return {
        "url": url or own.get("region_url") or region.get("url"),
        "secret": secret if surface.release >= "1.7" else None,
        "uuid": _uuid(surface, uuid),
    }


def _uuid(surface, uuid):
    if uuid != "auto":
        return uuid
    if surface.release >= "2.0":
        return None
    minion = __opts__["id"]
    own = runtime.pillar(globals(), "clusters", minion)
    there, expected = cluster.read_files(surface)["uuid"], pillar.cluster_uuid(minion, own)
    if there and there != expected and not own.get("uuid"):
        raise BadInput(
            f"maas:clusters:{minion}:uuid: is missing; this cluster has the uuid {there} already, "
            "by which the region knows it, so name that"
        )
    return expected


def registered(name, timeout=300):
    """Make sure that the region has taken this host in; wait for it.

    Args:
        name: Any text.
        timeout: Seconds to wait.

    Returns:
        A state's return; a failure says what to do.

    .. code-block:: yaml

        enrolled:
          maas_cluster.registered:
            - timeout: 120
    """
    test = bool(__opts__.get("test"))

    def work():
        surface = runtime.surface(globals(), "cluster")
        before, mark = __context__.pop(_ENROLMENT, (None, None))
        now = enrolment.registered(surface, mark)
        changes = {}
        if (before or now["state"]) != "registered":
            changes = {"enrolment": {"old": "not registered", "new": "registered"}}
        if test:
            comment = "It would be waited for." if changes else now["message"]
            return ensure.outcome(name, test, changes, comment)
        if now["state"] != "registered":
            now = enrolment.wait_registered(surface, mark, timeout)
        return ensure.outcome(name, test, changes, now["message"])

    return ensure.guarded(name, work)
