"""What the pillar says of the minions on deployed machines, under ``maas:minions``."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

from saltext.maas import schemas
from saltext.maas.errors import BadInput
from saltext.maas.schemas import choice, mapping, text

WHERE = "maas:minions"
_VERSION = r"^[0-9]{4}(\.[0-9]+)?$"
_INSTALL = "bootstrap, package, or a list of commands"
#: Options that the user data sets itself.
_OWN = ("id", "grains", "master_finger", "pki_dir")

SCHEMA = mapping(
    {
        "master": text(
            "Host name or address of the master, as machines reach it; that of the minion which "
            "deploys them by default."
        ),
        "id": choice(
            "What the id of a minion is made of: fqdn (default) or hostname of the machine.",
            "fqdn", "hostname",
        ),
        "version": text(
            "Version of Salt, such as '3006' or '3008.4'; the main version of the minion which "
            "deploys machines by default.", pattern=_VERSION, allowed="a version such as '3008.4'"
        ),
        "install": {
            "type": ["string", "array"],
            "items": {"type": "string", "minLength": 1},
            "allowed": _INSTALL,
            "doc": "How a machine gets Salt: bootstrap (default) for the packages of the Salt "
                   "Project, package for the one of its distribution, or a list of commands.",
        },
        "config": {
            "type": "object",
            "allowed": "a mapping of options of a minion",
            "doc": "More options of the minions' configuration, such as master_port.",
        },
        "config_dir": text(
            "Folder of Salt's configuration on the machine; /etc/salt by default.",
            pattern=r"^/[\w./-]+$", allowed="an absolute path",
        ),
    },
    "Deployed machines with minion: true become minions of this master.", empty=True,
)  # fmt: skip


def settings_of(given: Mapping[str, Any], master: object, version: str) -> SimpleNamespace:
    """Return the settings, with defaults.

    Args:
        given: What stands under ``maas:minions``.
        master: ``master`` in the configuration of the minion that deploys.
        version: Version of Salt there.

    Raises:
        BadInput: A setting is wrong, or no master is known.
    """
    schemas.check(given, SCHEMA, WHERE)
    found = SimpleNamespace(
        master=given.get("master") or master, id=given.get("id") or "fqdn",
        version=given.get("version") or version.partition(".")[0],
        install=given.get("install") or "bootstrap", config=dict(given.get("config") or {}),
        config_dir=(given.get("config_dir") or "/etc/salt").rstrip("/"),
    )  # fmt: skip
    wrong = [f"{WHERE}:config:{name}: must not be given, as the user data sets it"
             for name in _OWN if name in found.config]  # fmt: skip
    if isinstance(found.install, str) and found.install not in ("bootstrap", "package"):
        wrong.append(f"{WHERE}:install: {found.install!r} must be {_INSTALL}")
    here = found.master in ("localhost", "127.0.0.1", "::1") and not given.get("master")
    if not isinstance(found.master, str) or here:
        wrong.append(
            f"{WHERE}:master: is missing; machines cannot use the master of this minion, "
            f"{found.master!r}; write its address as they reach it"
        )
    if wrong:
        raise BadInput(wrong)
    return found
