"""A plan as text, data and page; the page also in a real browser."""

from __future__ import annotations

import io
import json
import re
import shutil
import subprocess
from html.parser import HTMLParser

import pytest
from maas_emulator.server import RegionServer
from saltext.maas import region_plan, render
from saltext.maas.errors import BadInput
from saltext.maas.reconcile import Snapshot, desired_object, make_plan
from saltext.maas.release import Release
from saltext.maas.render import colour
from support.reconciling import carried_out, cluster, rack, snapshot_of

pytest.importorskip("drawsvg", reason="drawsvg is not installed")
Image = pytest.importorskip("PIL.Image", reason="Pillow is not installed")

HOSTILE = "</svg></script><script>document.title='taken'</script><img src=x onerror=alert(1)>"
BROWSER = shutil.which("chromium") or shutil.which("chromium-browser")


def before():
    span = {"type": "dynamic", "start": "10.0.0.100", "end": "10.0.0.150"}
    return {
        "fabrics": {"dc1": {"vlans": {
            "untagged": {"dhcp": {"enabled": True, "primary_rack": "a", "secondary_rack": "b"}},
            5: {"dhcp": {"relay_vlan": "dc1/untagged"}}, 9: None,
        }}},
        "subnets": {
            "10.0.0.0/24": {"vlan": "dc1/untagged", "gateway_ip": "10.0.0.1", "ranges": [span]},
            "10.5.0.0/24": {"vlan": "dc1/5"}, "fd00::/64": {"vlan": "dc1/5"},
        },
    }  # fmt: skip


def after():
    data = before()
    del data["fabrics"]["dc1"]["vlans"][9]
    data["fabrics"]["dc1"]["vlans"][300] = {"name": "storage", "mtu": 9000}
    data["subnets"]["10.30.0.0/22"] = {"name": "storage", "vlan": "dc1/300"}
    data["subnets"]["10.0.0.0/24"]["gateway_ip"] = "10.0.0.254"
    data["fabrics"]["new"] = None
    data["tags"] = {"gpu": {"comment": HOSTILE}}
    data["users"] = {"admin": {"email": "other@example.com"}}
    data["settings"] = {"vcenter_password": "swordfish"}
    data["exclusive"] = {"vlan": ["dc1"]}
    return data


@pytest.fixture(scope="module")
def planned():
    with RegionServer(release="3.7") as server:
        rack(server, "a", "10.0.0.2")
        rack(server, "b", "10.0.0.3")
        carried_out(server, before())
        # No pillar could say so, but a region could.
        for kind in ("vlans", "subnets"):
            for row in server.region.rows(kind).values():
                if row.get("vid") == 5 or row.get("cidr") == "10.5.0.0/24":
                    row["name"] = HOSTILE
        snapshot = snapshot_of(server)
        yield snapshot, region_plan.plan_of(snapshot, after())


def test_text(planned):
    lines = render.render_plan(*planned, "text").splitlines()
    assert "~ subnet 10.0.0.0/24" in lines
    assert "      gateway_ip: 10.0.0.1 -> 10.0.0.254" in lines
    assert "- VLAN dc1/9" in lines
    assert "      value: (none) -> **********" in lines
    assert "! user admin: MAAS's API cannot change email of a user" in lines
    assert lines[-1] == "4 to create, 2 to change, 1 to remove; 1 cannot be applied."
    assert not any("\x1b" in line for line in lines)
    assert "swordfish" not in "".join(lines)


def test_the_page_names_region_minion_and_time(planned):
    snapshot, plan = planned
    page = render.render_plan(snapshot, plan, "html", minion="region-1")
    url = snapshot.client.profile.url
    assert re.search(
        rf"Region {url}, as minion\s+region-1 describes it; read \d{{4}}-\d\d-\d\d \d\d:\d\d UTC",
        page,
    )
    assert render.render_plan(snapshot, plan, "json")["region"] == url


def test_when_text_is_in_colour(monkeypatch):
    class Terminal:
        def isatty(self):
            return True

    monkeypatch.delenv("NO_COLOR", raising=False)
    assert colour.enabled(Terminal())
    assert not colour.enabled(io.StringIO())
    assert not colour.enabled(Terminal(), {"no_color": True})
    assert colour.enabled(io.StringIO(), {"force_color": True})
    monkeypatch.setenv("NO_COLOR", "1")
    assert not colour.enabled(Terminal())


def test_text_in_colour(planned):
    plain, coloured = (render.render_plan(*planned, "text", colour) for colour in (False, True))
    assert "\x1b[31m- VLAN dc1/9\x1b[0m" in coloured
    assert re.sub(r"\x1b\[[\d;]*m", "", coloured) == plain


def test_json(planned):
    data = json.loads(json.dumps(render.render_plan(*planned, "json")))
    assert data["counts"] == {"create": 4, "update": 2, "delete": 1}
    (subnet,) = [one for one in data["changes"] if one["name"] == "10.0.0.0/24"]
    assert subnet["fields"] == {"gateway_ip": {"old": "10.0.0.1", "new": "10.0.0.254"}}
    assert data["problems"][0]["name"] == "user admin"


def test_names_cannot_control_a_terminal():
    snapshot = Snapshot(None, release=Release("3.7"))
    comment = "\x1b[2J\x07\nfine\n"
    plan = make_plan(snapshot, [desired_object("tag", {"name": "t", "comment": comment})])
    text = render.render_plan(snapshot, plan, "text")
    assert "\x1b" not in text
    assert "\x07" not in text


def test_several_lines_are_compared_by_line():
    with RegionServer(release="3.7") as server:
        text = "#!/bin/sh\necho one\necho two\n"
        carried_out(server, {"scripts": {"x": {"script": text}}})
        snapshot = snapshot_of(server)
        plan = region_plan.plan_of(
            snapshot, {"scripts": {"x": {"script": text.replace("two", "2")}}}
        )
        lines = render.render_plan(snapshot, plan, "text").splitlines()
    assert "        -echo two" in lines
    assert "        +echo 2" in lines
    assert "        -echo one" not in lines


def test_an_empty_plan():
    with RegionServer(release="3.7") as server:
        snapshot = snapshot_of(server)
        plan = region_plan.plan_of(snapshot, {})
        assert render.render_plan(snapshot, plan, "text") == "Nothing to change."
        assert "Nothing to change." in render.render_plan(snapshot, plan, "html")


def test_an_unknown_form(planned):
    with pytest.raises(BadInput, match="form: 'pdf' must be one of: text, json, html"):
        render.render_plan(*planned, "pdf")


class Page(HTMLParser):
    """What a browser would load or run, and the text."""

    def __init__(self, page):
        super().__init__()
        self.loads, self.text = [], ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        risky = {"src", "href", "xlink:href", "action", "data", "srcset", "style"}
        if tag in ("script", "iframe", "object", "embed", "img", "link", "form", "foreignobject"):
            self.loads.append(tag)
        for name, value in attrs:
            if name.startswith("on") or (name in risky and "url(" in str(value)):
                self.loads.append((tag, name))
            if name in risky - {"style"}:
                self.loads.append((tag, name))

    handle_startendtag = handle_starttag

    def handle_data(self, data):
        self.text += data


def test_the_page_loads_and_runs_nothing_whatever_names_say(planned):
    page = Page(render.render_plan(*planned, "html"))
    assert page.loads == []
    assert HOSTILE in page.text
    assert "swordfish" not in page.text


@pytest.fixture(scope="module")
def browser():
    if not BROWSER:
        pytest.skip("no chromium to look at the page with")

    def look(page, *options):
        command = [BROWSER, "--headless", "--no-sandbox", "--disable-gpu"]
        # Nothing is to be had from anywhere, so that the page shows what it holds.
        command += ["--disable-dev-shm-usage", "--host-resolver-rules=MAP * ~NOTFOUND"]
        command += ["--no-first-run", *options, page.as_uri()]
        told = subprocess.run(command, capture_output=True, text=True, timeout=120)
        assert told.returncode == 0, told.stderr
        return told

    return look


def test_in_a_browser(planned, browser, tmp_path):
    page = tmp_path / "plan.html"
    page.write_text(render.render_plan(*planned, "html"))
    picture = tmp_path / "plan.png"
    seen = browser(page, "--dump-dom", f"--user-data-dir={tmp_path / 'profile'}")

    assert "<title>Plan for MAAS 3.7" in seen.stdout
    assert "taken" not in re.search("<title>(.*?)</title>", seen.stdout)[1]
    parsed = Page(seen.stdout)
    assert parsed.loads == []
    for text in ("dc1", "VLAN 5", "10.30.0.0/22", "rack controller", "4 to create", "gateway_ip"):
        assert text in parsed.text, text

    def colours_of(name, *options):
        browser(page, f"--screenshot={picture}", "--window-size=1300,1200",
                f"--user-data-dir={tmp_path / name}", *options)  # fmt: skip
        with Image.open(picture) as shot:
            return {one for _, one in shot.convert("RGB").getcolors(1 << 24)}

    colours = colours_of("light")
    # The four kinds of change and a dynamic range are to be seen.
    for desired in ((0x1A, 0x7F, 0x37), (0xB3, 0x59, 0x00), (0xCF, 0x22, 0x2E), (0x54, 0xAE, 0xFF)):
        assert desired in colours
    colours = colours_of("dark", "--blink-settings=preferredColorScheme=0")
    for desired in ((0x0D, 0x11, 0x17), (0x3F, 0xB9, 0x50), (0xE3, 0xA0, 0x3A), (0xFF, 0x7B, 0x72)):
        assert desired in colours
    assert (0xFF, 0xFF, 0xFF) not in colours


def test_clusters_of_1_x_are_drawn():
    uuid = "0f4a6c1e-8c5d-4d0e-9a53-6f0c0b7d0a01"
    with RegionServer(release="1.7") as server:
        cluster(server, uuid, "10.10.0.2")
        snapshot = snapshot_of(server)
        data = {"clusters": {"c1": {"uuid": uuid, "cluster_name": "c1", "interfaces": {"eth0": {
            "management": "dhcp", "ip": "10.10.0.2", "subnet_mask": "255.255.255.0",
            "dynamic_range": {"low": "10.10.0.100", "high": "10.10.0.120"}}}}}}  # fmt: skip
        page = Page(render.render_plan(snapshot, region_plan.plan_of(snapshot, data), "html"))
    assert page.loads == []
    for text in ("cluster c1", "eth0", "10.10.0.0/24", "dynamic 10.10.0.100 to 10.10.0.120"):
        assert text in page.text, text
