"""A cluster or rack that leaves its region: its daemon stopped, its secret taken away."""

from __future__ import annotations

from typing import Any

from saltext.maas.host import debconf, files, paths, services, transaction
from saltext.maas.host.installation import Installation


def leave(installation: Installation) -> dict[str, Any]:
    """Stop the cluster's daemon and remove the shared secret and all its copies.

    They are its backup, debconf's, what a run that was killed left and, from 3.5 on, that of the
    agent's configuration, which a rack writes again once it is connected.

    A host that the region has forgotten would otherwise register again by itself.

    Returns:
        ``{"stopped": [service], "removed": whether there was a secret}``.

    Raises:
        HostError: No cluster here, a service would not stop, or another run is at work.
    """
    installation.need("cluster")
    stopped = services.stop(installation, installation.fact("cluster_services"))
    removed = False
    if installation.has("secret"):
        path = installation.path("secret")
        removed = paths.remove(path)
        removed = paths.remove(path + files.BACKUP_SUFFIX) or removed
        files.sweep(path)
        removed = transaction.forget(installation, "cluster") or removed
        if installation.has("cluster_agent"):
            removed = paths.remove(installation.path("cluster_agent")) or removed
        question = installation.fact("cluster_secret_question")
        if question:
            package = installation.fact("cluster_packages")[0]
            debconf.set_answer(installation, package, question, "password", "")
    return {"stopped": stopped, "removed": removed}
