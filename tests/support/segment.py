"""A network segment of our own: namespaces on a Linux bridge, with a DHCP server to add."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

_UTILS = Path(__file__).resolve().parents[2] / "_utils"
_NUMBERS = itertools.count()

#: Answers every DISCOVER with an offer, as a server that nobody knows of would.
_STRANGER = """
import socket, sys, dpkt
door = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
door.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
door.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"eth0")
door.bind(("0.0.0.0", 67))
print("ready", flush=True)
while True:
    asked = dpkt.dhcp.DHCP(door.recv(2000))
    offer = dpkt.dhcp.DHCP(
        op=2, xid=asked.xid, flags=asked.flags, chaddr=asked.chaddr.ljust(16, bytes(1)),
        yiaddr=int.from_bytes(socket.inet_aton("192.0.2.77"), "big"),
        opts=[(53, bytes([2])), (54, socket.inet_aton(sys.argv[1]))],
    )
    door.sendto(bytes(offer), ("255.255.255.255", 68))
"""


def _ip(*words):
    done = subprocess.run(["ip", *words], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"ip {' '.join(words)}: {done.stderr.strip()}")


class Segment:
    """Namespaces, each with an ``eth0`` on one bridge that lives in a namespace of its own.

    Use it as a context manager; skips the test where namespaces cannot be made.
    """

    def __init__(self):
        self.prefix = f"doc{os.getpid()}-{next(_NUMBERS)}"
        self._made, self._running = [], []

    def __enter__(self):
        if os.geteuid() != 0 or not shutil.which("ip"):
            pytest.skip("network namespaces need root and iproute2")
        try:
            self._namespace("switch")
            self.switch("link", "add", "br0", "type", "bridge", "stp_state", "0")
        except RuntimeError as error:
            self.__exit__()
            pytest.skip(f"no network namespaces or bridges here: {error}")
        self.switch("link", "set", "br0", "up")
        return self

    def __exit__(self, *_):
        for process in self._running:
            process.kill()
            process.wait()
        for name in self._made:
            _ip("netns", "del", name)

    def _namespace(self, name):
        _ip("netns", "add", f"{self.prefix}-{name}")
        self._made.append(f"{self.prefix}-{name}")

    def switch(self, *words):
        """Run ``ip`` where the bridge is."""
        _ip("-n", f"{self.prefix}-switch", *words)

    def host(self, name, address):
        """Add a namespace with an address on the bridge."""
        self._namespace(name)
        here, there = f"{self.prefix}-{name}", f"{self.prefix}-switch"
        _ip("-n", there, "link", "add", name, "type", "veth", "peer", "name", "eth0",
            "netns", here)  # fmt: skip
        self.switch("link", "set", name, "master", "br0", "up")
        _ip("-n", here, "address", "add", address, "dev", "eth0")
        _ip("-n", here, "link", "set", "eth0", "up")
        _ip("-n", here, "link", "set", "lo", "up")

    def command(self, name, *argv):
        """A command line that runs something in a namespace."""
        return ["ip", "netns", "exec", f"{self.prefix}-{name}", *argv]

    def serve_dhcp(self, name, server):
        """Let a DHCP server run in a namespace, which calls itself by an address."""
        process = subprocess.Popen(
            self.command(name, sys.executable, "-c", _STRANGER, server),
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        self._running.append(process)
        assert process.stdout.readline() == "ready\n"

    def python(self, name, program):
        """Run a Python program in a namespace; what it printed, as JSON."""
        done = subprocess.run(
            self.command(name, sys.executable, "-c", program),
            capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(_UTILS)},
            timeout=60,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)
