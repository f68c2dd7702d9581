"""The region of the measurement of machines.

A number on its input is of machines that start, are enlisted and commissioned; each has two NICs
in the VLAN of 10.0.0.0/16, and two disks.  Prints its URL and API key as JSON, and a line when that
many machines are Ready; ends with its input.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "_utils"))

from maas_emulator import hardware, machines
from maas_emulator.server import RegionServer

DISK = 100 * 10**9


def mac(number: int, nic: int) -> str:
    """The MAC address of a machine's NIC."""
    return f"52:54:00:{nic:02x}:{number // 256:02x}:{number % 256:02x}"


def enlist(region, number: int) -> None:
    """One machine starts, and MAAS commissions it."""
    found = machines.new(region, hostname=f"new-{number}", architecture="amd64/generic")
    ident = found["system_id"]
    hardware.update(region, ident, status=machines.COMMISSIONING)
    hardware.commissioned(
        region, ident,
        interfaces=[{"name": f"ens{nic}", "mac_address": mac(number, nic),
                     "address": f"10.0.{200 + number // 250}.{number % 250 + 1}/16"}
                    for nic in (0, 1)],
        disks=[{"name": name, "size": DISK, "serial": f"{name}-{number}"}
               for name in ("sda", "sdb")],
    )  # fmt: skip


if __name__ == "__main__":
    with RegionServer("3.7", import_seconds=0, index_seconds=0) as server:
        print(json.dumps([server.url, server.api_key]), flush=True)
        for line in sys.stdin:
            with server.region.lock:
                for number in range(int(line)):
                    enlist(server.region, number)
            print(flush=True)
