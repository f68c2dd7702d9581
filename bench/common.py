"""What the measurements share: a region in a process of its own, and pillars of any size."""

from __future__ import annotations

import contextlib
import ipaddress
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "_utils"))

FABRICS = 10


@contextlib.contextmanager
def region(release="3.7"):
    """Start a region; yields its URL and an API key."""
    with tempfile.TemporaryDirectory() as folder:
        profile = Path(folder) / "profile.json"
        command = [sys.executable, "-m", "maas_emulator", "--release", release]
        command += ["--port", "0", "--profile-file", str(profile)]
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, env={"PYTHONPATH": str(ROOT / "_utils")}
        )
        try:
            process.stdout.readline()
            found = json.loads(profile.read_text())
            yield found["url"], found["api_key"]
        finally:
            process.terminate()
            process.wait(10)


@contextlib.contextmanager
def bytecode():
    """Have processes compile a module once, as ``pip`` does it, wherever the sources are."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    with tempfile.TemporaryDirectory() as os.environ["PYTHONPYCACHEPREFIX"]:
        yield


@contextlib.contextmanager
def cache():
    """A folder, in ``BENCH_CACHE``, for what a minion remembers from run to run."""
    if "BENCH_CACHE" in os.environ:  # that of the process which started this one
        yield
        return
    with tempfile.TemporaryDirectory() as os.environ["BENCH_CACHE"]:
        yield


def pillar(count: int) -> dict:
    """A pillar with about that many objects.

    A fifth each are VLANs, subnets, IP ranges, tags and DNS names; the VLANs are spread over
    a few fabrics, the names lie in one domain.
    """
    fabrics = {f"dc{number}": {"vlans": {}} for number in range(min(FABRICS, max(1, count // 50)))}
    subnets, tags, names = {}, {}, {}
    nets = ipaddress.ip_network("10.0.0.0/8").subnets(new_prefix=24)
    for number, net in zip(range(max(1, count // 5)), nets):
        fabric, vid = f"dc{number % len(fabrics)}", 1 + number // len(fabrics)
        fabrics[fabric]["vlans"][vid] = {"name": f"net-{number}", "mtu": 9000}
        subnets[str(net)] = {
            "name": f"net-{number}",
            "vlan": f"{fabric}/{vid}",
            "gateway_ip": str(net[1]),
            "dns_servers": ["192.0.2.53"],
            "ranges": [{"type": "reserved", "start": str(net[10]), "end": str(net[50])}],
        }
        tags[f"tag-{number}"] = {"comment": f"number {number}"}
        names[f"host-{number}"] = {"ip_addresses": [str(net[60])]}
    return {
        "release": "3.7", "fabrics": fabrics, "subnets": subnets, "tags": tags,
        "domains": {"example.com": {"resources": names}},
    }  # fmt: skip


class Bare:
    """The least that a client can be: a pooled, signed ``requests`` session."""

    def __init__(self, url, api_key, workers=4):
        import requests
        from requests_oauthlib import OAuth1

        consumer, token, secret = api_key.split(":")
        self.url, self.workers = url, workers
        self.http = requests.Session()
        self.http.mount("http://", requests.adapters.HTTPAdapter(pool_maxsize=workers))
        self.http.auth = OAuth1(
            consumer,
            resource_owner_key=token,
            resource_owner_secret=secret,
            signature_method="PLAINTEXT",
        )

    def send(self, method, path, data=None):
        answer = self.http.request(method, f"{self.url}/api/2.0/{path}", data=data)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def send_all(self, calls):
        """Send ``(method, path, data)`` concurrently."""
        with ThreadPoolExecutor(self.workers) as pool:
            return list(pool.map(lambda call: self.send(*call), calls))


class Meter:
    """Wall time and the CPU time of this process, in seconds."""

    def __enter__(self):
        self.wall, self.cpu = time.perf_counter(), time.process_time()
        return self

    def __exit__(self, *exc_info):
        self.wall = time.perf_counter() - self.wall
        self.cpu = time.process_time() - self.cpu


def peak_mib() -> float:
    """The most memory that this process has had, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def in_own_process(script: str, *args: str) -> dict:
    """Run a measurement in a fresh process, so that peaks and imports are its own."""
    told = subprocess.run(
        [sys.executable, script, *args], stdout=subprocess.PIPE, text=True, check=True
    )
    return json.loads(told.stdout.splitlines()[-1])


def table(rows: list[dict]) -> str:
    """Rows as a Markdown table."""
    names = list(rows[0])
    lines = [names, ["---:"] * len(names)]
    lines += [[f"{row[n]:.2f}" if isinstance(row[n], float) else str(row[n]) for n in names]
              for row in rows]  # fmt: skip
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def main(args, measure, compare):
    """Work through a measurement's command line.

    Args:
        args: Numbers of objects; or ``--one WHAT URL``, for a process of its own, with the API key
            in ``BENCH_API_KEY``.
        measure: ``(what, url, key)`` to what one process measured; ``what`` may be a number.
        compare: ``(number)`` to a row of the table, or a list of rows.
    """
    if args[:1] == ["--one"]:
        what = int(args[1]) if args[1].isdecimal() else args[1]
        print(json.dumps(measure(what, args[2], os.environ["BENCH_API_KEY"])))
        return
    rows: list = []
    for count in [int(arg) for arg in args] or [10, 100, 1000, 5000]:
        found = compare(count)
        rows += found if isinstance(found, list) else [found]
    print(table(rows))
