"""Fake commands of a sandbox host, in the place of MAAS's and the system's.

``python -m maas_emulator.hosts.commands ROOT NAME [arguments]`` runs the command NAME; launchers
in the sandbox call it. Texts, prompts and exit codes are those of MAAS as far as they are known.
Each module is imported for its own commands only, since tests start thousands of them.
"""

from __future__ import annotations

import importlib
import json
import sys

from maas_emulator.hosts.sandbox import Sandbox

_MODULES = {
    "commands_system": (
        "systemctl", "service", "initctl", "journalctl", "snap",
        "debconf-communicate", "debconf-set-selections", "debconf-show", "dpkg-reconfigure",
        "rabbitmqctl", "erl", "apt-get", "add-apt-repository", "dpkg",
        "maas-deb-migrate",
    ),
    "commands_region": ("maas-region", "maas-region-admin"),
    "commands_cluster": ("maas-rack", "maas-provision"),
    "commands_images": ("maas-import-pxe-files",),
    "commands_client": ("maas",),
}  # fmt: skip
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}


def main(argv=None) -> int:
    """Run one command; return its exit status."""
    root, name, *arguments = sys.argv[1:] if argv is None else argv
    host = Sandbox(root)
    host.append("var/log/emulator-argv.log", json.dumps([name, *arguments]))
    module = importlib.import_module(f"maas_emulator.hosts.{_MODULE_OF[name]}")
    return module.run(host, name, arguments)


if __name__ == "__main__":
    sys.exit(main())
