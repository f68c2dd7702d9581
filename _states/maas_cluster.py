"""Manage a cluster controller (1.x) or rack controller (2.0 and later) on its own host."""

from __future__ import annotations

from saltext.maas import ensure, pillar, runtime
from saltext.maas.host import cluster, enrolment, reach

_BEFORE = "saltext.maas.enrolment"


def configured(name, url=None, secret=None, uuid="auto", wait=60):
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
        __context__[_BEFORE] = enrolment.registered(surface)["state"]
        settings = _settings(surface, url, secret, uuid)
        done = cluster.configure(surface, test=True, **settings)
        if not test and done["changes"]:
            urls = settings["url"]
            for one in [urls] if isinstance(urls, str) else urls or ():
                reach.wait_for_api(one, surface.release, wait)
            done = cluster.configure(surface, **settings)
        return ensure.host_outcome(name, test, done)

    return ensure.guarded(name, work)


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
    return pillar.cluster_uuid(minion, runtime.pillar(globals(), "clusters", minion))


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
        now = enrolment.registered(surface)
        before = __context__.pop(_BEFORE, now["state"])
        if before == "registered" and now["state"] == "registered":
            return ensure.outcome(name, test, comment=now["message"])
        changes = {"enrolment": {"old": "not registered", "new": "registered"}}
        if not test:
            now = enrolment.wait_registered(surface, timeout=timeout)
        comment = "It would be waited for." if test else now["message"]
        return ensure.outcome(name, test, changes, comment)

    return ensure.guarded(name, work)
