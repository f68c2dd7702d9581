"""``maas-emulator``: play a region until a signal comes."""

from __future__ import annotations

import argparse
import dataclasses
import ipaddress
import json
import os
import signal
import sys
import threading
from contextlib import nullcontext
from pathlib import Path

from maas_emulator import __version__
from maas_emulator.hosts.daemons import Hosts
from maas_emulator.server import RegionServer


def parse(argv=None):
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="maas-emulator", description="Play a MAAS region on 127.0.0.1."
    )
    add = parser.add_argument
    add("--version", action="version", version=f"%(prog)s {__version__}")
    add("--release", default="3.7", help="MAAS release to play (default 3.7)")
    add("--port", type=int, default=0, help="TCP port (default: a free one)")
    add("--no-admin", action="store_true", help="start without any administrator")
    add("--hostname", default="region", help="what the region's host calls itself")
    add("--profile-file", type=Path, help="write URL and API key here, mode 0600")
    add("--request-log", type=Path, help="append requests to this file as JSON lines")
    add("--import-seconds", type=float, default=2.0, help="duration of an image import")
    add("--index-seconds", type=float, default=0.2, help="until a boot source's catalogue is known")
    add("--sync-seconds", type=float, default=1.0, help="until clusters have the images")
    add("--machine-seconds", type=float, default=1.0, help="to commission, deploy or release one")
    add("--vm-hosts", action="store_true", help="let VM hosts answer, to compose machines on them")
    add("--rack", type=rack, action="append", default=[], metavar="NAME=ADDRESS/LENGTH",
        help="let a rack controller of this name register and connect (2.0 and later)")  # fmt: skip
    add("--database", help="PostgreSQL URI of a replica of the region's tables; needs [replica]")
    add("--hosts", type=Path, help="play the daemons of the sandbox hosts there")
    return parser.parse_args(argv)


def rack(text):
    """Read the name of a rack controller, and the address of its interface."""
    name, _, address = text.partition("=")
    try:
        return name, ipaddress.ip_interface(address)
    except ValueError:
        allowed = "a name with an address, such as rack-1=10.0.0.2/24"
        raise argparse.ArgumentTypeError(f"{text!r} must be {allowed}") from None


def register(region, name, interface):
    """Let a rack controller register and connect.

    Raises:
        ValueError: The release has none.
    """
    if region.release < "2.0":
        raise ValueError(f"--rack {name}: MAAS {region.release} has no rack controllers")
    mac = "52:54:" + interface.ip.packed[-4:].hex(":")
    ident = region.register_controller(hostname=name, interfaces=[{
        "name": "eth0", "mac": mac, "ip": str(interface.ip), "subnet_mask": str(interface.netmask),
    }])  # fmt: skip
    region.controller_connected(ident, True)


def main(argv=None):
    """Serve until SIGTERM or SIGINT; return the exit status."""
    args = parse(argv)
    try:
        server = RegionServer(
            release=args.release,
            port=args.port,
            admin=None if args.no_admin else ("admin", "admin@example.com"),
            database=args.database,
            hostname=args.hostname,
            import_seconds=args.import_seconds,
            index_seconds=args.index_seconds,
            sync_seconds=args.sync_seconds,
            machine_seconds=args.machine_seconds,
            vm_hosts=args.vm_hosts,
        )
        for name, interface in args.rack:
            register(server.region, name, interface)
    except OSError as error:
        why = error.strerror or error
        return _failed(f"--port {args.port}: 127.0.0.1 cannot be listened on: {why}")
    except ImportError as error:
        return _failed(f"an extra of maas-emulator is not installed: {error}; see --help")
    except ValueError as error:
        return _failed(error)
    hosts = Hosts(server.region, server.url, args.hosts) if args.hosts else nullcontext()
    done = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: done.set())
    with server, hosts:
        if args.profile_file:
            write_profile(args.profile_file, server)
        hello = {"url": server.url, "release": str(server.region.release), "pid": os.getpid()}
        sys.stdout.write(json.dumps(hello) + "\n")
        sys.stdout.flush()
        written = 0
        while not done.wait(0.2):
            if args.request_log:
                written = append_log(args.request_log, server.region.log, written)
    if args.request_log:
        append_log(args.request_log, server.region.log, written)
    return 0


def _failed(why):
    sys.stderr.write(f"{why}\n")
    return 1


def write_profile(path, server):
    """Write the profile of the administrator to a file that only its owner can read."""
    text = json.dumps({"url": server.url, "api_key": server.api_key})
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        os.fchmod(stream.fileno(), 0o600)
        stream.write(text + "\n")


def append_log(path, log, start):
    """Append the entries from ``start`` on to a file; return where the next ones start."""
    entries = log.since(start)
    if entries:
        with path.open("a", encoding="utf-8") as stream:
            stream.writelines(json.dumps(dataclasses.asdict(entry)) + "\n" for entry in entries)
    return start + len(entries)


if __name__ == "__main__":
    sys.exit(main())
