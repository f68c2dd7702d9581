"""The picture of the documentation's first page: the plan of a change to a small site.

``make picture`` writes ``docs/plan.svg``; a test compares it with what the library draws now.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
if __name__ == "__main__":
    sys.path[:0] = [str(ROOT / one) for one in ("_utils", "emulator", "tests")]

from maas_emulator.server import RegionServer  # noqa: E402
from saltext.maas import region_plan  # noqa: E402
from saltext.maas.render.drawing import draw  # noqa: E402
from saltext.maas.render.network import network_of  # noqa: E402
from support.reconciling import carried_out, rack, snapshot_of  # noqa: E402

PICTURE = ROOT / "docs" / "plan.svg"


def _ranges(net, **spans):
    return [
        {"type": type, "start": f"{net}.{first}", "end": f"{net}.{last}"}
        for type, (first, last) in spans.items()
    ]


def before() -> dict:
    """What the region holds."""
    return {
        "fabrics": {"dc1": {"old_name": "fabric-0", "vlans": {
            "untagged": {"dhcp": {"enabled": True, "primary_rack": "rack-1"}},
            20: {"name": "storage", "dhcp": {"relay_vlan": "dc1/untagged"}},
            30: {"name": "lab"},
        }}},
        "subnets": {
            "10.10.0.0/24": {
                "name": "management", "vlan": "dc1/untagged", "gateway_ip": "10.10.0.1",
                "ranges": _ranges("10.10.0", reserved=(1, 20), dynamic=(100, 149)),
            },
            "10.20.0.0/24": {
                "name": "storage", "vlan": "dc1/20", "ranges": _ranges("10.20.0", reserved=(1, 50)),
            },
        },
    }  # fmt: skip


def after() -> dict:
    """What its pillar says now: a stand-by rack, another gateway, one VLAN more and one less."""
    pillar = before()
    vlans = pillar["fabrics"]["dc1"]["vlans"]
    vlans["untagged"]["dhcp"]["secondary_rack"] = "rack-2"
    del vlans[30]
    vlans[40] = {"name": "backup", "mtu": 9000}
    pillar["subnets"]["10.10.0.0/24"]["gateway_ip"] = "10.10.0.254"
    pillar["subnets"]["10.40.0.0/24"] = {
        "name": "backup", "vlan": "dc1/40", "ranges": _ranges("10.40.0", reserved=(1, 30)),
    }  # fmt: skip
    pillar["exclusive"] = {"vlan": ["dc1"]}
    return pillar


def picture() -> str:
    """Return the picture, on white also where the page around it is dark."""
    with RegionServer(release="3.7") as server:
        rack(server, "rack-1", "10.10.0.2")
        rack(server, "rack-2", "10.10.0.3")
        carried_out(server, before())
        snapshot = snapshot_of(server)
        plan = region_plan.plan_of(snapshot, after())
        assert plan.problems() == []
        drawn = draw(network_of(snapshot, plan))
    return drawn.replace("<svg ", '<svg style="background:#fff" ', 1).rstrip() + "\n"


if __name__ == "__main__":
    PICTURE.write_text(picture(), encoding="utf-8")
