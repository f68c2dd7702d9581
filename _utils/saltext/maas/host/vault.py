"""HashiCorp Vault as the place of a region's secrets, in 3.3 and later."""

from __future__ import annotations

import re
from typing import Any

from saltext.maas import parsing, region_url
from saltext.maas.host import files, formats, openfga, region_shell
from saltext.maas.host.errors import HostError
from saltext.maas.host.installation import Installation

#: Our names, and those of ``regiond.conf``.
KEYS = {
    "url": "vault_url",
    "approle_id": "vault_approle_id",
    "secret_id": "vault_secret_id",
    "secrets_path": "vault_secrets_path",
    "secrets_mount": "vault_secrets_mount",
}
_WORD = re.compile(r"[^\s'\"\\]+")


def config(installation: Installation, secrets: bool = False) -> dict | None:
    """Return how this region reaches Vault, from its file; None where it does not.

    Args:
        secrets: With ``secret_id``, which is never shown.

    Returns:
        ``{"url", "approle_id", "secrets_path", "secrets_mount"}``.
    """
    if not installation.has("vault_command"):
        return None
    path = installation.path("region_config")
    data = formats.yaml_read(files.read(path), installation.inside(path))
    if not data.get("vault_url"):
        return None
    found = {ours: data.get(key) for ours, key in KEYS.items()}
    found["secrets_mount"] = found["secrets_mount"] or "secret"
    if not secrets:
        found.pop("secret_id")
    return found


def read(installation: Installation, path: str, timeout: float = 5) -> dict:
    """Return one of the region's secrets from Vault, with the region's own AppRole.

    Args:
        path: Such as ``global/rpc-shared``.
        timeout: Seconds for each of the two requests.

    Returns:
        The secret; empty when Vault has none there.

    Raises:
        HostError: Vault is not configured here, cannot be reached or refuses.
    """
    import requests  # slow, and most runs ask no Vault

    here = config(installation, secrets=True)
    if here is None:
        raise HostError("Vault is not configured on this region host.")
    base = f"{here['url'].rstrip('/')}/v1"
    with requests.Session() as http:
        http.trust_env = False
        try:
            login = http.post(
                f"{base}/auth/approle/login",
                json={"role_id": here["approle_id"], "secret_id": here["secret_id"]},
                timeout=timeout,
            )
            if login.status_code != 200:
                raise HostError(f"Vault refused the region's AppRole ({login.status_code}).")
            token = login.json()["auth"]["client_token"]
            answer = http.get(
                f"{base}/{here['secrets_mount']}/data/{here['secrets_path'].strip('/')}/{path}",
                headers={"X-Vault-Token": token},
                timeout=timeout,
            )
            if answer.status_code == 404:
                return {}
            if answer.status_code != 200:
                raise HostError(f"Vault refused the secret {path} ({answer.status_code}).")
            return answer.json()["data"]["data"] or {}
        except (requests.exceptions.RequestException, ValueError, KeyError, TypeError):
            raise HostError(f"Vault does not answer at {here['url']} as it should.") from None


def status(installation: Installation) -> dict:
    """Return what ``config-vault status`` says.

    Returns:
        ``{"status": "enabled" or "disabled", "unconfigured_regions": [name]}``.

    Raises:
        HostError: No region here, a release before 3.3, or the command failed.
    """
    _need(installation)
    printed = installation.check([*installation.fact("vault_command"), "status"])
    try:
        return {"unconfigured_regions": [], **parsing.of_yaml(printed)}
    except (ValueError, TypeError):
        raise HostError("config_vault status printed no YAML.") from None


def database_login(installation: Installation) -> dict:
    """Return the database's login, which the region moves to Vault with the secrets.

    Returns:
        ``{"database_name", "database_user", "database_password"}``; empty when Vault has none.

    Raises:
        HostError: Vault cannot be read.
    """
    ident = (files.read(installation.path("maas_id")) or "").strip()
    if not ident:
        return {}
    found = read(installation, f"controller/{ident}/database-creds")
    names = {"name": "database_name", "user": "database_user", "pass": "database_password"}
    return {ours: found[key] for key, ours in names.items() if key in found}


def _need(installation):
    installation.need_supported("region")
    if not installation.has("vault_command"):
        raise HostError(
            f"MAAS {installation.release} has no Vault integration; 3.3 and later have."
        )


def configure(
    installation: Installation,
    url: str,
    approle_id: str,
    secrets_path: str,
    secrets_mount: str = "secret",
    wrapped_token: str | None = None,
    migrate: bool = False,
    test: bool = False,
    first: bool = False,
) -> dict[str, Any]:
    """Let this region use Vault, and move the secrets there.

    The wrapped token goes to MAAS's own command through the standard input of
    ``maas-region shell``, since ``config-vault`` takes it as an argument only.

    Args:
        url: Vault's URL.
        approle_id: Role id of the region's AppRole.
        secrets_path: Path below which MAAS keeps its secrets.
        secrets_mount: Mount of the KV engine.
        wrapped_token: Token that wraps the AppRole's secret id; it can be used once,
            and is needed only when something about the connection changes.
        migrate: Move the secrets, which works once all regions are configured.
        test: Only plan.
        first: Whether the region is only just being made, so that nothing can be read; with
            ``test``.

    Returns:
        ``{"changes": {field: {"old", "new"}}, "warnings": [text], "restarted": []}``: MAAS
        restarts its regions itself.

    Raises:
        HostError: A value is wrong, or this release has no Vault; the token is missing or
            refused; Vault is not configured on all regions.
    """
    if not first:
        _need(installation)
    want = _checked(url, approle_id, secrets_path, secrets_mount)
    changes = _differences({} if first else config(installation) or {}, want)
    connection = bool(changes)
    if connection and not wrapped_token:
        raise HostError("A wrapped_token is needed to configure Vault; it can be used once.")
    if migrate and (first or status(installation)["status"] != "enabled"):
        changes["vault_enabled"] = {"old": False, "new": True}
    if connection and not test:
        _give(installation, url, approle_id, wrapped_token, secrets_path, secrets_mount)
        if _differences(config(installation) or {}, want):
            raise HostError("Vault is not configured as desired after config_vault configure.")
    if "vault_enabled" in changes and not test:
        installation.check([*installation.fact("vault_command"), "migrate"], timeout=300)
    warnings = [" ".join(pair) for pair in openfga.obstacles(installation, {}, in_vault=True)]
    return {"changes": changes, "warnings": warnings, "restarted": []}


def _checked(url, approle_id, secrets_path, secrets_mount):
    wrong = region_url.service_problem(url)
    if wrong:
        raise HostError(f"vault url: {wrong}")
    want = {
        "url": str(url).rstrip("/"),
        "approle_id": approle_id,
        "secrets_path": str(secrets_path).strip("/"),
        "secrets_mount": str(secrets_mount).strip("/"),
    }
    for name, value in want.items():
        if not value or not _WORD.fullmatch(str(value)):
            raise HostError(f"vault {name} must be one word, not {str(value)[:60]!r}.")
    return want


def _differences(now, want) -> dict[str, dict]:
    return {
        f"vault_{name}": {"old": now.get(name), "new": value}
        for name, value in want.items()
        if now.get(name) != value
    }


def _give(installation, url, approle_id, token, path, mount):
    if not _WORD.fullmatch(str(token)):
        raise HostError("The wrapped_token must be one word.")
    words = [repr(one) for one in ("config_vault", "configure", url, approle_id, token, path)]
    region_shell.call(installation, [*words, f"mount={mount!r}", "yes=True"], [token])
