"""All of a region's host at once: the snap's first configuration, TLS, settings and Vault."""

from __future__ import annotations

from saltext.maas.client.errors import BadInput
from saltext.maas.host import region, snap, tls, vault
from saltext.maas.host.errors import HostError
from saltext.maas.host.surface import Surface, detect


def configure(
    surface: Surface,
    settings: dict,
    tls_wanted: dict | None = None,
    vault_wanted: dict | None = None,
    mode: str = "region+rack",
    test: bool = False,
    wait: float = 180,
    ca_file: str | None = None,
) -> dict:
    """Bring a region's host to what is described, in the order that it needs.

    TLS comes before the settings, since a URL with ``https`` only answers then.

    Args:
        surface: The host: a region, or a snap that has no mode yet.
        settings: As :func:`saltext.maas.host.region.configure` has them.
        tls_wanted: ``enabled``, ``key``, ``cert``, ``cacert``, ``port``; nothing is done without.
        vault_wanted: As :func:`saltext.maas.host.vault.configure`; nothing is done without.
        mode: What a snap without a mode becomes.
        test: Only plan.
        wait: Seconds until the API has to answer.
        ca_file: CA for an https URL.

    Returns:
        ``{"changes", "warnings", "restarted"}``.

    Raises:
        HostError: A value is wrong or a step failed; the text says what was put back.
    """
    done = {"changes": {}, "warnings": [], "restarted": []}
    fresh = snap.unconfigured(surface)
    if fresh:
        told = snap.initialise(surface, mode, test=test, wait=wait, ca_file=ca_file, **settings)
        _add(done, told)
        if not test:
            surface = detect(surface.root)
    if tls_wanted:
        url = settings.get("url") or (None if fresh else region.read_config(surface)["url"])
        _add(done, _tls(surface, tls_wanted, url, ca_file, test, fresh and test))
    if not fresh:
        try:
            _add(done, region.configure(surface, test, wait, ca_file=ca_file, **settings))
        except HostError as error:
            if "tls" in done["changes"] and not test:
                raise HostError(f"{error} TLS was changed before, and stays so.") from None
            raise
    if vault_wanted:
        if fresh and test:
            _add(done, {"changes": vault.first_changes(**vault_wanted)})
        else:
            _add(done, vault.configure(surface, test=test, **vault_wanted))
    return done


def _add(done, told):
    done["changes"].update(told["changes"])
    done["warnings"] += told.get("warnings", [])
    done["restarted"] += [
        name for name in told.get("restarted", []) if name not in done["restarted"]
    ]


def tls_described(wanted: dict) -> dict:
    """Check the pillar's ``maas:region:tls``.

    Raises:
        BadInput: Key or certificate is missing.
    """
    if wanted.get("enabled") is False:
        return wanted
    missing = [one for one in ("key", "cert") if not wanted.get(one)]
    if missing:
        raise BadInput(
            [f"{one}: is missing; give it here or in maas:region:tls" for one in missing]
        )
    return wanted


def _tls(surface, wanted, url, ca_file, test, planned_only):
    wanted = tls_described(wanted)
    secure = bool(url) and url.startswith("https:")
    if wanted.get("enabled") is False:
        if planned_only:
            return {"changes": {}}
        return tls.disable(surface, test=test, url=None if secure else url)
    files = (wanted["key"], wanted["cert"], wanted.get("cacert"), wanted.get("port") or tls.PORT)
    if planned_only:
        return {"changes": tls.first_changes(*files)}
    return tls.enable(
        surface,
        *files,
        test=test,
        url=url if secure else None,
        ca_file=ca_file or wanted.get("cacert"),
    )
