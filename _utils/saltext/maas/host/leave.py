"""A cluster or rack that leaves its region: its daemon stopped, its secret taken away."""

from __future__ import annotations

from saltext.maas.host import debconf, files, paths, services
from saltext.maas.host.surface import Surface


def leave(surface: Surface) -> dict:
    """Stop the cluster's daemon and remove the shared secret, its backup and debconf's copy.

    A host that the region has forgotten would otherwise register again by itself.

    Args:
        surface: The host.

    Returns:
        ``{"stopped": [service], "removed": whether there was a secret}``.

    Raises:
        HostError: No cluster here, or a service would not stop.
    """
    surface.need("cluster")
    stopped = services.stop(surface, surface.fact("cluster_services"))
    removed = False
    if surface.has("secret"):
        path = surface.path("secret")
        for one in (path, path + files.BACKUP_SUFFIX):
            removed = paths.remove(one) or removed
        question = surface.fact("cluster_secret_question")
        if question:
            package = surface.fact("cluster_packages")[0]
            debconf.set_answer(surface, package, question, "password", "")
    return {"stopped": stopped, "removed": removed}
