"""The fake ``maas-provision`` of 1.x and ``maas-rack`` of 2.0 and later."""

from __future__ import annotations

import contextlib
import os
import sys

from maas_emulator.hosts import formats, packages
from maas_emulator.hosts.asking import parser, say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from maas_emulator.hosts.sandbox import Sandbox

#: Command: since, until (excluded).
_KNOWN = {
    "install-shared-secret": ("1.7", None),
    "check-for-shared-secret": ("1.7", "3.4"),
    "configure-maas-url": ("1.7.1", "1.9"),
    "config": ("1.9", None),
    "register": ("2.0", None),
}


def run(host: Sandbox, name: str, arguments: list[str]) -> int:
    """Run one of its commands; return the exit status."""
    known = [
        command
        for command, (since, until) in _KNOWN.items()
        if host.release >= since and not (until and host.release >= until)
    ]
    if not arguments or arguments[0] not in known:
        say(f"usage: {name} [-h] {{{','.join(sorted(known))}}} ...", sys.stderr)
        return 2
    command, *words = arguments
    return _COMMANDS[command](host, f"{name} {command}", words)


def _install_secret(host, name, arguments):
    if sys.stdin.isatty():
        return _put_secret(host, input("Secret (hex/base16 encoded): "))
    return _put_secret(host, sys.stdin.readline())


def _put_secret(host, text):
    try:
        value = bytes.fromhex(text.strip()).hex()
    except ValueError as error:
        say(f"Secret could not be decoded: {error}", sys.stderr)
        return 1
    path, mode, _ = host.files()["secret"]
    # maas-rack runs with the group maas; who owns an existing file goes on to do so.
    host.write("secret", value, mode, "root:maas" if host.release >= "2.0" else "root:root")
    os.chmod(host.path("secret"), mode)
    say(f"Secret installed to /{path}.")
    return 0


def _check_secret(host, name, arguments):
    there = host.read("secret") is not None
    say(f"Shared-secret is {'' if there else 'NOT '}installed.")
    return 0 if there else 1


def _configure_url(host, name, arguments):
    args = parser(name)
    args.add_argument("url")
    packages.configure_cluster_url(host, args.parse_args(arguments).url)
    return 0


def _config(host, name, arguments):
    options = parser(name)
    several = host.release >= "2.5"
    options.add_argument("--region-url", dest="maas_url", action="append" if several else "store")
    options.add_argument("--tftp-port", type=int)
    options.add_argument("--tftp-root")
    if host.release >= "2.5":
        options.add_argument("--debug", choices=("true", "false"))
    if host.release < "3.5":
        which = options.add_mutually_exclusive_group()
        which.add_argument("--uuid", dest="cluster_uuid")
        which.add_argument("--init", action="store_true", default=None)
    args = vars(options.parse_args(arguments))
    given = {key: value for key, value in args.items() if value is not None}
    held = formats.read_yaml(host.read("cluster_config"))
    if given.pop("init", False) and "cluster_uuid" not in held:
        given["cluster_uuid"] = packages.new_uuid()
    if "debug" in given:
        given["debug"] = given["debug"] == "true"
    urls = given.get("maas_url", ())
    try:
        for url in [urls] if isinstance(urls, str) else urls:
            formats.check_url(url)
        if not os.path.isdir(host.root + given.get("tftp_root", "")):
            raise ValueError(f"{given['tftp_root']!r} does not exist or is not a directory")
    except ValueError as error:
        say(f"Invalid: {error}", sys.stderr)
        return 1
    host.edit_yaml("cluster_config", given)
    return 0


def _register(host, name, arguments):
    options = parser(name)
    options.add_argument("--url", action="append" if host.release >= "2.5" else "store")
    options.add_argument("--secret")
    args = options.parse_args(arguments)
    if not args.url:
        say("Give the region's URL with --url where the secret comes on the standard input.")
        return 1
    daemon = host.trait("cluster_daemon")
    host.set_service(daemon, running=False)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(host.path("maas_id"))
    host.edit_yaml("cluster_config", {"maas_url": args.url})
    if not args.secret:  # it ends with the secret's command, and never starts the daemon
        return _put_secret(host, sys.stdin.readline())
    host.write("secret", args.secret.strip(), 0o640, "root:maas")
    host.set_service(daemon, running=True)
    return 0


_COMMANDS = {
    "install-shared-secret": _install_secret,
    "check-for-shared-secret": _check_secret,
    "configure-maas-url": _configure_url,
    "config": _config,
    "register": _register,
}
