"""``maas-emulator``: play a region until a signal comes."""

from __future__ import annotations

import argparse
import dataclasses
import importlib
import json
import os
import signal
import sys
import threading
from pathlib import Path

from maas_emulator import __version__
from maas_emulator.server import RegionServer


def parse(argv=None):
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="maas-emulator", description="Play a MAAS region on 127.0.0.1."
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    parser.add_argument("--release", default="3.7", help="MAAS release to play (default 3.7)")
    parser.add_argument("--port", type=int, default=0, help="TCP port (default: a free one)")
    parser.add_argument("--no-admin", action="store_true", help="start without any administrator")
    parser.add_argument("--hosts", type=Path, help="folder of sandbox hosts to play daemons for")
    parser.add_argument("--database", help="PostgreSQL URI of a replica of its tables")
    parser.add_argument("--hostname", default="region", help="what the region's host calls itself")
    parser.add_argument("--import-seconds", type=float, default=2.0)
    parser.add_argument("--index-seconds", type=float, default=0.2)
    parser.add_argument("--sync-seconds", type=float, default=1.0)
    parser.add_argument("--machine-seconds", type=float, default=1.0)
    parser.add_argument("--request-log", type=Path, help="append requests to this file as JSON")
    parser.add_argument("--profile-file", type=Path, help="write url and API key here, mode 0600")
    return parser.parse_args(argv)


def main(argv=None):
    """Serve until SIGTERM or SIGINT; returns the exit status."""
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
        )
    except OSError as error:
        why = error.strerror or error
        sys.stderr.write(f"--port {args.port}: 127.0.0.1 cannot be listened on: {why}\n")
        return 1
    except ValueError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    done = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: done.set())
    with server:
        if args.profile_file:
            write_profile(args.profile_file, server)
        hosts = None
        if args.hosts:
            module = importlib.import_module("maas_emulator.hosts.daemons")
            hosts = module.Hosts(server.region, server.url, args.hosts)
            hosts.start()
        release = str(server.region.release)
        hello = {"url": server.url, "release": release, "pid": os.getpid()}
        sys.stdout.write(json.dumps(hello) + "\n")
        sys.stdout.flush()
        written = 0
        while not done.wait(0.2):
            if args.request_log:
                written = append_log(args.request_log, server.region.log, written)
        if hosts:
            hosts.stop()
    if args.request_log:
        append_log(args.request_log, server.region.log, written)
    return 0


def write_profile(path, server):
    """Write the profile of the administrator to a file that only its owner can read."""
    text = json.dumps({"url": server.url, "api_key": server.api_key})
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        os.fchmod(stream.fileno(), 0o600)
        stream.write(text + "\n")


def append_log(path, log, start):
    """Append the entries from ``start`` on to a file; returns where the next ones start."""
    entries = log.since(start)
    if entries:
        with path.open("a", encoding="utf-8") as stream:
            stream.writelines(json.dumps(dataclasses.asdict(entry)) + "\n" for entry in entries)
    return start + len(entries)


if __name__ == "__main__":
    sys.exit(main())
