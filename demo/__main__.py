"""``python -m demo --release 3.7``: set up a region with two racks by one highstate."""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import time

from demo.lab import REGION, Lab
from demo.screen import Screen


def main(argv=None):
    """Run the demonstration; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m demo", description=__doc__)
    parser.add_argument("--release", default="3.7", help="MAAS release to play (default 3.7)")
    parser.add_argument("--no-color", action="store_true", help="print without colours")
    parser.add_argument("--keep", action="store_true", help="keep the folder with all logs")
    args = parser.parse_args(argv)
    signal.signal(signal.SIGTERM, _leave)
    screen = Screen(args.no_color)
    with tempfile.TemporaryDirectory(prefix="maas-demo-") as folder:
        if args.keep:
            folder = tempfile.mkdtemp(prefix="maas-demo-")
            screen.say(f"Logs and data stay in {folder}")
        return run(args.release, folder, screen)


def _leave(*_):
    # Once only: a second signal must not interrupt the cleanup.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sys.exit(143)


def run(release, folder, screen):
    """Show plan, first run, second run and the region; return 0 if all checks pass."""
    say, head = screen.say, screen.head
    kind = "cluster" if release.startswith("1.") else "rack"
    head(f"A MAAS {release} region, a salt-master, a region minion and two {kind} minions")
    started = time.monotonic()
    with Lab(release, folder) as lab:
        say(f"all on 127.0.0.1, region at {lab.url} ({time.monotonic() - started:.0f} s)")
        head("The plan: salt '*' state.highstate test=True")
        planned = lab.highstate("test=True")
        show(screen, planned)
        head("The first run: salt '*' state.highstate")
        done = lab.highstate(progress=screen.bar)
        show(screen, done, changes=False)
        head("The second run: no changes")
        before = len(lab.requests())
        again = lab.highstate()
        show(screen, again, changes=False)
        requests = lab.requests()[before:]
        writes = [one for one in requests if one["method"] != "GET"]
        say(f"{len(requests)} requests, {len(writes)} of them writes")
        head("The region")
        table(screen, lab, release)
        return verdict(screen, planned, done, again, writes)


def verdict(screen, planned, done, again, writes):
    """Print the checks; return the exit status."""
    checks = {
        "every state of the first run succeeded": all(succeeded(done)),
        "the first run changed exactly what the plan showed": changes(planned) == changes(done),
        "the second run changed nothing": all(succeeded(again))
        and not any(changes(again).values()),
        "the second run sent no write": not writes,
    }
    screen.head("Checks")
    for text, passed in checks.items():
        sign = screen.coloured("yes", "32") if passed else screen.coloured("NO ", "1;31")
        screen.say(f"{sign}  {text}")
    return 0 if all(checks.values()) else 1


def states(returns):
    """Yield all states of a run as ``(minion, name, return)``, in the order they ran."""
    for minion, answer in sorted(returns.items()):
        if not isinstance(answer, dict):
            yield minion, "highstate", {"result": False, "comment": str(answer), "changes": {}}
            continue
        for key, one in sorted(answer.items(), key=lambda item: item[1].get("__run_num__", 0)):
            yield minion, key.split("_|-")[1], one


def succeeded(returns):
    """Return whether each state succeeded."""
    return [one["result"] is True for _, _, one in states(returns)]


def changes(returns):
    """Return the changes of each state."""
    return {(minion, name): one["changes"] for minion, name, one in states(returns)}


def show(screen, returns, changes=True):
    """Print the results of a run."""
    for minion, name, one in states(returns):
        lines = str(one["comment"]).splitlines() or [""]
        screen.mark(one["result"], f"{minion:12} {name:24} {lines[0]}")
        for line in lines[1:] if changes or one["result"] is False else ():
            screen.say(f"{'':44} {line}")


def table(screen, lab, release):
    """Print racks or clusters, DHCP and images of the region."""

    def ask(function, *arguments):
        return lab.salt(REGION, function, *arguments)[REGION]

    rows: list[tuple]
    if release.startswith("1."):
        clusters = ask("maas_node_group.list")
        rows = [("cluster", "uuid", "status", "DHCP", "images")]
        for uuid, cluster in clusters.items():
            nics = ask("maas_node_group_interface.list", f"cluster={uuid}")
            dhcp = [
                f"{nic['name']} {nic['management']} {nic['ip_range_low']}-{nic['ip_range_high']}"
                for nic in nics.values()
            ]
            images = ask("maas_image.list_cluster", uuid)
            rows.append(
                (cluster["cluster_name"], uuid, cluster["status"], ", ".join(dhcp), len(images))
            )
    else:
        racks = ask("maas_rack.list")
        served = ask("maas_dhcp.list")
        rows = [("rack", "connected", "DHCP", "images")]
        for name, rack in racks.items():
            dhcp = [
                f"{vlan} {role}"
                for vlan, one in served.items()
                for role in ("primary", "secondary")
                if one[f"{role}_rack"] == name
            ]
            images = ask("maas_image.list_cluster", name)
            boot = [image for image in images if not image.startswith("bootloader/")]
            rows.append((name, rack["connected"], ", ".join(dhcp), " ".join(boot)))
    widths = [max(len(str(row[column])) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        screen.say("  ".join(str(cell).ljust(width) for cell, width in zip(row, widths)).rstrip())
    screen.say("images of the region: " + ", ".join(sorted(ask("maas_image.list"))))


if __name__ == "__main__":
    sys.exit(main())
