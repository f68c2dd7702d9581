"""States and functions as Salt calls them: pillar and arguments are broken, and text is only text."""

# ruff: noqa: E501 -- hostile values read best with many on a line

from __future__ import annotations

import base64
import shutil
import struct
import subprocess

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from maas_emulator.server import RegionServer
from saltext.maas import metrics
from saltext.maas.doctor import packets
from saltext.maas.host import logs
from saltext.maas.minions import user_data
from saltext.maas.minions.settings import settings_of
from support.hostile import SECRET, bytes_of, examples, folder, mutated, texts, tried
from support.loader import load
from support.reconciling import snapshot_of

SMALL = {
    "api": {"url": "http://127.0.0.1:1/MAAS", "api_key": f"a:b:{SECRET}", "deadline": 0.2},
    "release": "3.7",
    "zones": {"north": {"description": "x"}},
    "racks": {"rack-1": {"description": "x"}},
    "region": {"url": "http://127.0.0.1:1/MAAS", "admin": {"username": "a", "password": SECRET}},
    "machines": {"web-1": {"mac_addresses": ["52:54:00:00:00:01"], "power_type": "ipmi",
                           "power_parameters": {"power_address": "x", "power_pass": SECRET}}},
    "minions": {"master": "salt"},
    "exclusive": {"zone": True}, "prune": {"most": 5}, "limits": {"sync_seconds": 5},
}  # fmt: skip


@examples(4)
@given(mutated({"maas": SMALL}, of_yaml=True), st.booleans())
def test_a_state_and_functions_with_a_broken_pillar(whole, test):
    """Before anything is asked; at the port of the region nobody listens."""
    with folder() as root:
        opts = {"id": "m", "cachedir": str(root / "cache"), "maas.root": str(root), "test": test,
                "extension_modules": str(root)}  # fmt: skip
        given = whole if isinstance(whole, dict) else {}
        loaded = [load(path, opts=opts, pillar=given) for path in (
            "_states/maas_region.py", "_modules/maas_region.py", "_states/maas_zone.py")]  # fmt: skip
        state, module, zone = loaded
        for work in (
            lambda: state.managed("all"), module.check_pillar, module.plan, module.drift,
            lambda: module.check_pillar(data=given.get("maas")), module.status,
            lambda: zone.present("north", description="x"),
        ):  # fmt: skip
            found, _ = tried("pillar in Salt", work, root=root, seconds=4)
            if isinstance(found, dict) and "comment" in found:
                assert found["result"] is not True
                assert SECRET not in repr(found)
            assert SECRET not in repr(found)


@pytest.fixture(scope="module")
def region():
    with RegionServer(release="3.8") as server:
        yield server


@examples(2, 0.1)
@given(text=texts)
def test_text_is_only_text(region, text):
    """What a pillar holds is in MAAS afterwards to the letter, or was refused: nothing renders it."""
    api = {"url": region.url, "api_key": region.api_key}
    described = {
        "api": api,
        "zones": {"north": {"description": text}},
        "dhcp_snippets": {"x": {"value": text}},
    }
    with folder() as root:
        opts = {"id": "m", "cachedir": str(root), "maas.root": str(root), "test": False}
        state = load("_states/maas_region.py", opts=opts, pillar={"maas": described})
        found, _ = tried("text", state.managed, "all", root=root, seconds=4)
    if found and found["result"]:
        there = snapshot_of(region).records("zone")["north"].raw
        assert there["description"] == text.strip()


# What becomes a script

GRAINS = {"system_id": "4y3h7n", "hostname": "web-1", "fqdn": "web-1.maas", "zone": {"name": "z"},
          "pool": {"name": "p"}, "tag_names": ["a", "b"]}  # fmt: skip
CONFIG = {"master_port": 4506, "log_level": "debug", "grains": {"a": ["b"]}, "keysize": 2048}


@examples(3, 0.2)
@given(texts, texts, texts, mutated(CONFIG, of_yaml=True))
def test_the_script_that_makes_a_minion(zone, tag, master, config):
    """Whatever a region calls things, the shell sees one word of each; here it only reads the script."""
    settings = {"master": master or "salt", "config": config, "install": "package"}

    def made():
        grains = user_data.grains_of({**GRAINS, "zone": {"name": zone}, "tag_names": [tag]})
        return user_data.script(
            settings_of(settings, "x", "3008"), "web-1", grains, "key", "key", "f"
        )

    script, _ = tried("user data", made)
    if script is None:
        return
    user_data.with_script(b"", script)
    held = script.partition('>"$conf/grains" <<END\n')[2].partition("\nEND")[0]
    assert yaml.safe_load(base64.b64decode(held))["maas_machine"]["zone"] == zone
    if shutil.which("sh"):
        done = subprocess.run(["sh", "-n"], input=script.encode(), capture_output=True, timeout=60)
        assert done.returncode == 0, done.stderr


# What comes from the network segment, from logs, and goes to Prometheus

STP = bytes.fromhex("0180c2000000" "525400000001" "0026" "424203" "0000000000" "8000525400000001"
                    "00000000" "8000525400000001" "8001" "0000" "1400" "0200" "0f00") + b"\0" * 8  # fmt: skip


@examples(20)
@given(st.one_of(bytes_of(STP), st.binary(max_size=200)))
def test_frames(frame):
    tried("frame", packets.read_bpdu, frame)
    tried("frame", packets._parsed, frame)


class _Wire:
    """A socket of an interface on which only one frame comes in."""

    def __init__(self, frame):
        self.frames = [frame]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def send(self, data):
        pass

    def settimeout(self, seconds):
        pass

    def recvfrom(self, most):
        if not self.frames:
            raise TimeoutError
        return self.frames.pop(), ("eth0", 0, 0)


def _frame(kind, payload):
    return b"\xff" * 6 + bytes.fromhex("525400000001") + struct.pack("!H", kind) + payload


OFFER = _frame(0x0800, bytes(packets._discover(b"\x52\x54\0\0\0\1", 7))[14:])
ARP = _frame(0x0806, bytes.fromhex("00010800060400025254000000010a0a00025254000000020a0a0001"))


@examples(10)
@given(st.one_of(bytes_of(OFFER), bytes_of(ARP), bytes_of(STP)))
def test_answers_on_a_segment(frame):
    mac = "52:54:00:00:00:01"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(packets, "_open", lambda *_: _Wire(frame))
        patch.setattr(packets.secrets, "randbits", lambda _: 7)
        tried("frame", packets.dhcp_offers, "eth0", mac, 0.01)
        patch.setattr(packets, "_open", lambda *_: _Wire(frame))
        tried("frame", packets.arp_answers, "eth0", mac, "10.10.0.1", ["10.10.0.2"], 0.01)


@examples(10)
@given(st.one_of(texts, bytes_of('{"message": "a\\nb", "level": "info"}').map(
    lambda data: data.decode("utf-8", "replace"))))  # fmt: skip
def test_a_line_of_a_log(line):
    for one in line.splitlines():
        found, _ = tried("log line", logs._texts, one)
        assert all(isinstance(text, str) for text in found)


STATUS = {"region": "r", "up": True, "release": "3.7", "pending": 1, "problems": 0, "plan_error": None,
          "last_run": {"time": 1.5, "success": True}}  # fmt: skip


@examples(5)
@given(texts, texts)
def test_names_in_metrics(name, cluster):
    """One line for each sample, whatever the objects are called."""

    def written():
        samples = metrics.of_region({**STATUS, "region": name})
        samples += metrics.of_cluster(name, cluster, {"cluster": cluster, "connected": True})
        return metrics.as_text(samples)

    text, _ = tried("metrics", written)
    text.encode()
    for line in text.split("\n")[:-1]:
        assert line.startswith(("maas_", "# HELP maas_", "# TYPE maas_"))
