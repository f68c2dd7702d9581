"""Compare clients: python bench/compare.py [noop|apply] [option ...]

Each run is a process of its own, and the clients take turns.  A relay delays each request, and
counts requests and bytes.  Figures are medians, but for CPU times, which are the best of all runs;
``ratio`` is the median over the pairs of this extension's whole wall time to the client's, ``CPU
ratio`` the ratio of the best CPU times.  ``--libmaas`` names a Python that has python-libmaas.
``--here`` has all runs in one process, which is quicker, and measures no imports; the table is
then one of ours and the bare client, a line for each size and delay.  ``--keep`` adds the rows to
a file of JSON lines.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import common
import one_run

HERE = Path(__file__).parent


@contextlib.contextmanager
def relayed(url, seconds):
    """Yield the URL of a relay before a region, and a list that gets its counts at the end."""
    port = url.rpartition(":")[2].partition("/")[0]
    command = [sys.executable, str(HERE / "relay.py"), port, str(seconds)]
    found: list = []
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        own = process.stdout.readline().strip()
        yield url.replace(f":{port}", f":{own}", 1), found
        process.stdin.close()
        found.append(json.loads(process.stdout.readline()))


def timed(python, client, run, count, region, seconds, options) -> dict:
    """One run: what it took, from the start of its process to the end."""
    url, key = region
    with relayed(url, seconds) as (near, counts):
        if options.here:
            profiles = [(near, key)] * options.profiles
            meter = getattr(one_run, client)(run, profiles, common.pillar(count))
            found = {"wall": meter.wall, "cpu": meter.cpu, "peak": common.peak_mib()}
        else:
            found = in_a_process([python, client, run, str(count)], near, key, options.profiles)
    return {"own wall": found["wall"], "own cpu": found["cpu"], **found, **counts[0]}


def in_a_process(told, url, key, profiles):
    """What a process took as a whole, and what of that came after its imports."""
    python, *words = told
    command = [python, "-W", "ignore", str(HERE / "one_run.py"), *words, *[url] * profiles]
    env = {**os.environ, "BENCH_API_KEYS": " ".join([key] * profiles)}
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=env)
    said = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - began
    assert status == 0, command
    return {"wall": wall, "cpu": usage.ru_utime + usage.ru_stime, "peak": usage.ru_maxrss / 1024,
            **json.loads(said.splitlines()[-1])}  # fmt: skip


@contextlib.contextmanager
def filled(run, count):
    """Yield a new region; that of a run with nothing to change holds the objects already."""
    with common.region() as (url, key):
        if run == "noop":
            command = [sys.executable, str(HERE / "one_run.py"), "ours", "apply", str(count), url]
            env = {**os.environ, "BENCH_API_KEYS": key}
            subprocess.run(command, env=env, stdout=subprocess.DEVNULL, check=True)
        yield url, key


def compare(run, count, clients, options):
    """Yield the rows of one size, for one delay after the other."""
    with filled(run, count) if run == "noop" else contextlib.nullcontext() as there:
        for delay in options.delays:
            runs: dict = {name: [] for name in clients}
            for turn in range(options.pairs + 1):  # the first warms up
                for name, python in clients.items():
                    again = contextlib.nullcontext(there) if there else filled(run, count)
                    with again as region:
                        found = timed(python, name, run, count, region, delay / 1000, options)
                    if turn:
                        runs[name].append(found)
            for name in clients:
                yield _row(run, count, delay, name, runs, options.profiles)


def _row(run, count, delay, name, runs, profiles):
    def median(key):
        return statistics.median(one[key] for one in runs[name])

    def least(key, of=name):
        return min(one[key] for one in runs[of])

    def ratio(key):
        pairs = zip(runs["ours"], runs[name])
        return statistics.median(mine[key] / other[key] for mine, other in pairs)

    return {
        "run": run, "profiles": profiles, "objects": count, "delay ms": delay, "client": name,
        "wall s": median("wall"), "CPU s": least("cpu"),
        "without imports: wall s": median("own wall"),
        "CPU ms": 1000 * least("own cpu"), "peak MiB": median("peak"),
        "requests": int(median("requests")), "KB received": int(median("received") / 1000),
        "ratio": ratio("wall"), "ratio without imports": ratio("own wall"),
        "CPU ratio": least("own cpu", "ours") / least("own cpu"),
    }  # fmt: skip


def joined(rows):
    """The rows of ours and of the bare client, as they follow one another, as one of a table."""
    for ours, bare in zip(rows[::2], rows[1::2]):
        yield {
            **{key: ours[key] for key in ("objects", "requests", "KB received")},
            "delay ms": round(ours["delay ms"]),
            "wall ms": round(1000 * ours["wall s"]), "bare wall ms": round(1000 * bare["wall s"]),
            "ratio": bare["ratio"], "CPU ms": ours["CPU ms"], "bare CPU ms": bare["CPU ms"],
            "CPU ratio": bare["CPU ratio"], "peak MiB": ours["peak MiB"],
        }  # fmt: skip


def main(args):
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs="*", default=["noop", "apply"])
    parser.add_argument("--objects", type=int, nargs="+", default=[10, 100, 1000, 5000])
    parser.add_argument("--delays", type=float, nargs="+", default=[0], help="ms per request")
    parser.add_argument("--profiles", type=int, default=1, help="of the same region, in turn")
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--libmaas", metavar="PYTHON")
    parser.add_argument("--here", action="store_true", help="all runs in this process")
    parser.add_argument("--keep", type=Path)
    options = parser.parse_args(args)
    clients = {"ours": sys.executable, "bare": sys.executable}
    if options.libmaas:
        clients["libmaas"] = options.libmaas
    rows = []
    with common.bytecode(), common.cache():
        for run in options.runs:
            for count in options.objects:
                for row in compare(run, count, clients, options):
                    rows.append(row)
                    if options.keep:
                        with options.keep.open("a") as file:
                            file.write(json.dumps(row) + "\n")
    short = options.here and not options.libmaas
    print(common.table([*joined(rows)] if short else rows))


if __name__ == "__main__":
    main(sys.argv[1:])
