"""All of a region's host at once: the snap's first configuration, TLS, settings and Vault."""

from __future__ import annotations

from typing import Any

from saltext.maas.errors import BadInput
from saltext.maas.host import config_files, database, region_config, region_member, snap, tls, vault
from saltext.maas.host.errors import HostError
from saltext.maas.host.installation import Installation, detect
from saltext.maas.region_hosts import RegionHost


def configure(
    installation: Installation,
    settings: dict,
    tls_desired: dict | None = None,
    vault_desired: dict | None = None,
    mode: str = "region+rack",
    test: bool = False,
    wait: float = 180,
    ca_file: str | None = None,
    host: RegionHost | None = None,
    secret: str | None = None,
) -> dict[str, Any]:
    """Bring a region's host to what is described, in the order that it needs.

    TLS comes before the settings, since a URL with ``https`` only answers then.

    Args:
        installation: The host: a region, or a snap that has no mode yet.
        settings: As :func:`saltext.maas.host.region_config.configure` has them.
        tls_desired: ``enabled``, ``key``, ``cert``, ``cacert``, ``port``; nothing is done without.
        vault_desired: As :func:`saltext.maas.host.vault.configure`; nothing is done without.
        mode: What a snap without a mode becomes.
        test: Only plan.
        wait: Seconds until the API has to answer.
        ca_file: CA for an https URL.
        host: This host, where the region has several; it joins the others unless it has.
        secret: The region's shared secret in hex, for a host that joins.

    Returns:
        ``{"changes", "warnings", "restarted"}``.

    Raises:
        HostError: A value is wrong or a step failed; the text says what was put back.
    """
    done: dict[str, Any] = {"changes": {}, "warnings": [], "restarted": []}
    fresh = snap.unconfigured(installation) or snap.unfinished(installation)
    member = None
    if host:
        if installation.release >= "3.5":
            settings = {"broadcast_address": host.address, **settings}
        member, notes = _member(installation, host, settings, secret)
        done["warnings"] += notes
    if fresh:
        _add(
            done,
            snap.initialise(
                installation, mode, test, wait, ca_file=ca_file, member=member, **settings
            ),
        )
        installation = installation if test else detect(installation.root) or installation
    url = settings.get("url")
    if tls_desired:
        if not url and not fresh:
            url = region_config.read_config(installation)["url"]
        _add(done, _tls(installation, tls_desired, url, ca_file, test, fresh and test))
    if not fresh:
        try:
            _add(
                done,
                region_config.configure(
                    installation, test, wait, ca_file=ca_file, member=member, **settings
                ),
            )
        except HostError as error:
            if "tls" in done["changes"] and not test:
                raise HostError(f"{error} TLS was changed before, and stays so.") from None
            raise
    if vault_desired:
        first = fresh and test
        _add(done, vault.configure(installation, test=test, first=first, **vault_desired))
    return done


def _member(installation, host, settings, secret):
    """This host's part in a region with several hosts, and what to know of it."""
    if installation.release < "2.0":
        raise HostError(
            f"MAAS {installation.release} does not support several region hosts; 2.0 and later do. "
            "Remove maas:region:hosts."
        )
    now = config_files.values(installation)[0]
    given = {name: value for name, value in settings.items() if value is not None}
    try:
        return region_member.examine(installation, host, {**now, **given}, secret), []
    except database.DriverMissing as error:
        return region_member.Member(host), [
            f"Whether this host may join the region was not examined: {error}"
        ]
    except database.DatabaseError as error:
        raise HostError(f"Nothing was changed: {error}") from None


def _add(done, part):
    done["changes"].update(part["changes"])
    for key in ("warnings", "restarted"):
        done[key] += [one for one in part.get(key, []) if one not in done[key]]


def tls_described(desired: dict) -> dict[str, Any]:
    """Check the pillar's ``maas:region:tls``.

    Raises:
        BadInput: Key or certificate is missing.
    """
    if desired.get("enabled") is False:
        return desired
    missing = [one for one in ("key", "cert") if not desired.get(one)]
    if missing:
        raise BadInput(
            [f"{one}: is missing; give it here or in maas:region:tls" for one in missing]
        )
    return desired


def _tls(installation, desired, url, ca_file, test, first):
    desired = tls_described(desired)
    secure = bool(url) and url.startswith("https:")
    if desired.get("enabled") is False:
        if first:
            return {"changes": {}}
        return tls.disable(installation, test=test, url=None if secure else url)
    key, cert, cacert = desired["key"], desired["cert"], desired.get("cacert")
    port = desired.get("port") or tls.PORT
    return tls.enable(
        installation,
        key,
        cert,
        cacert,
        port,
        test,
        url=url if secure else None,
        ca_file=ca_file or cacert,
        first=first,
    )
