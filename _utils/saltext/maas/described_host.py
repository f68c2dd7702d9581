"""A region's host as its pillar describes it, for states and execution modules."""

from __future__ import annotations

from typing import Any

from saltext.maas import envelope, runtime
from saltext.maas.errors import BadInput
from saltext.maas.host import reach, region_host, region_member, services, snap
from saltext.maas.host.config_files import read_config
from saltext.maas.host.host_settings import described as region_settings


def configure(
    dunders: dict,
    given: dict,
    test: bool = False,
    wait: float = 180,
    sealed: dict | None = None,
    restart: bool = False,
) -> dict[str, Any]:
    """Bring this region's host to what the pillar and some arguments say.

    Args:
        dunders: A Salt module's ``globals()``.
        given: Settings that win over the pillar's, ``snap_mode`` among them.
        test: Only plan.
        wait: Seconds until the region has to answer after a restart.
        sealed: The shared secret, for a host that joins the region.
        restart: Restart the region also where nothing changes.

    Returns:
        ``{"changes", "warnings", "restarted"}``.

    Raises:
        MaasError: A value is wrong, or a step failed; the text says what was put back.
    """
    installation = runtime.installation(dunders)
    if installation is None or not snap.unconfigured(installation):
        installation = runtime.installation(dunders, "region")
    pillar = runtime.pillar(dunders, "region")
    host = runtime.region_host(dunders)
    if sealed is not None and host is None:
        raise BadInput("sealed: is for one of several region hosts, see maas:region:hosts")
    settings = {**region_settings(pillar), **given}
    alone = pillar.get("is_cluster") is False
    mode = settings.pop("snap_mode", None) or pillar.get("snap_mode")
    done = region_host.configure(
        installation,
        runtime.revealed(dunders, settings),
        pillar.get("tls"),
        pillar.get("vault"),
        mode or ("region" if alone else "region+rack"),
        test=test,
        wait=wait,
        ca_file=ca_file(dunders),
        host=host,
        secret=None if sealed is None else envelope.open_own(dunders, sealed, use_up=not test),
    )
    if restart and not done["restarted"] and not test:
        done["restarted"] = services.restart(installation, installation.fact("region_services"))
        if host:
            region_member.Member(host).wait(wait)
        else:
            url = read_config(installation)["url"]
            reach.wait_for_api(url, installation.release, wait, ca_file(dunders))
    return done


def ca_file(dunders: dict) -> str | None:
    """Return the file with the CA of the region's certificate, or None."""
    return runtime.pillar(dunders, "api").get("ca_file") or None
