"""Any request to the embedded region of any release gets an answer that somebody thought of.

MAAS 1.x itself answers some calls with an error of the server; those the emulator means, and
says so. Here are the others: no input may break a handler. And as MAAS does in one transaction
what a request asks for, one that is refused leaves everything as it was.
"""

from __future__ import annotations

import functools
import json
import random
import re
import sys
import time
import traceback
from pathlib import Path
from urllib.parse import quote, unquote, urlencode

import maas_emulator
import pytest
from maas_emulator.api1 import catalogue, groups, reported_images
from maas_emulator.core import Region

RELEASES = ["1.5", "1.6", "1.7", "1.8", "1.9", "2.0", "2.3", "2.9", "3.3", "3.7", "3.8"]
#: Of one region, and how many regions there are of each release.
REQUESTS, REGIONS = 60, 3

_ASKED_FOR = re.compile(
    r"(?:check\.\w+|form\.get(?:list)?|query\.get(?:list)?|needed|has|_address|_mac|_words)"
    r"\(\s*(?:check, )?\"([a-z_]+)\""
)
_QUOTED = re.compile(r"\"([a-z][a-z_]+)\"")


@functools.cache
def fields_of(module):
    """Every field that a handler's module, or a form it uses, may ask for: from the code itself."""
    text = Path(sys.modules[module].__file__).read_text(encoding="utf-8")
    found = set(_QUOTED.findall(text))
    for name in re.findall(r"from maas_emulator\.(api\d\.\w+|addresses|script_files) import", text):
        path = Path(maas_emulator.__path__[0], *name.split(".")).with_suffix(".py")
        found |= set(_ASKED_FOR.findall(path.read_text(encoding="utf-8")))
    return sorted(found - {"op", "format"})


VALUES = (
    "", "0", "1", "-1", "5", "10", "4095", "99999999999999999999", "true", "false", "x",
    "name:x", "a b", "\u00e9\u00b2", "\u0663", "10.0.0.1", "10.0.0.0/24", "10.0.0.0/33",
    "0.0.0.0/0", "2001:db8::1", "2001:db8::/64", "10.0.0.50", "255.255.255.0", "24", "ffff::",
    "http://m.example.com/x/", "52:54:00:00:00:01", "amd64/generic", "amd64", "ubuntu", "trusty",
    "ubuntu/trusty", "*", "default", "[]", "{}", "[1]", "null", '[{"ip": 5}]', '{"a": [1]}',
    "admin", "joe", "dynamic", "reserved", "A", "CNAME", "name:", "id:", "cidr:10.0.0.0/24",
    "untagged", "undefined", "None", "static", "virsh", "%", "a" * 300, "1.5", "master", "eth0",
    "//node", "[", "24 25", ",", "dhcp", "auto", "nan", "1e9", "tgz", "uploaded", "inf",
)  # fmt: skip
IDS = (
    "0", "1", "2", "3", "5001", "x", "eth0", "master-1", "default", "name:x", "\u00b2", "\u0663",
    "-1", "untagged", "admin", "9" * 30, "name:", "fabric-0", "a b", "trusty", "zz", "%2f",
    "52:54:00:00:00:01", "undefined", "10.0.0.0/24",
)  # fmt: skip
#: What some fields want, lest nothing ever is right.
RIGHT = {
    "name": ("a", "b", "lab", "maas_name", "default_osystem", "upstream_dns"),
    "hostname": ("n1", "n2"), "mac_addresses": ("52:54:00:00:00:09", "52:54:00:00:00:0a"),
    "mac_address": ("52:54:00:00:00:0b",), "architecture": ("amd64/generic",), "uuid": ("u1", "u2"),
    "cidr": ("10.1.0.0/24", "10.2.0.0/30", "2001:db8::/64"), "ip": ("10.1.0.1", "10.0.0.77"),
    "netmask": ("255.255.255.0",), "subnet_mask": ("255.255.255.0",), "vid": ("5", "6"),
    "subnet": ("1", "2"), "vlan": ("0", "1", "5001"), "url": ("http://m.example.com/x/",),
    "start_ip": ("10.1.0.10",), "end_ip": ("10.1.0.20",), "type": ("dynamic", "reserved", "all"),
    "keyring_filename": ("/k.gpg",), "arches": ("*",), "subarches": ("*",), "labels": ("*",),
    "is_superuser": ("0", "1"), "email": ("a@example.com", "b@example.com"), "password": ("x",),
    "username": ("u1", "u2"), "value": ("x", "10.0.0.1"), "interface": ("eth7",),
    "power_type": ("virsh",), "mode": ("static", "auto", "dhcp"), "zone": ("default",),
    "autodetect_nodegroup": ("1",), "interfaces": ('[{"ip": "10.9.0.1", "interface": "eth0"}]',),
    "filename": ("f",), "nodes": ("x",), "domain": ("maas", "0"), "fqdn": ("h.maas",),
    "rrtype": ("TXT", "MX", "SRV"), "rrdata": ("x", "10 mail", "0 5 80 h"), "model": ("virsh",),
    "size": ("3",), "sha256": ("0" * 64,), "network": ("10.0.0.0/24",),
    "management": ("0", "1", "2"), "ip_range_low": ("10.1.0.10",),
    "ip_range_high": ("10.1.0.20",),
    "static_ip_range_low": ("10.1.0.30",), "static_ip_range_high": ("10.1.0.40",),
    "router_ip": ("10.1.0.254",), "parents": ("eth0",), "source": ("1",), "destination": ("2",),
    "gateway_ip": ("10.1.0.1",), "message": ("m",), "ident": ("i",), "script": ("#!/bin/sh",),
}  # fmt: skip
#: Values that only JSON has.
JSON_VALUES = (None, True, False, 0, 5, -1, 0.5, [], ["x", "10.0.0.1"], {"a": 1}, [None], [5])
FORM_TYPE = "application/x-www-form-urlencoded"
PARENTS = {"uuid": "master-1", "fabric": "0"}
FILES = ("content", "file", "keyring_data")
RAW = (
    (b"", "application/json"), (b"{", "application/json"), (b"[1]", "application/json"),
    (b"\xff\xfe", "application/x-www-form-urlencoded"), (b"\xff", "application/json"),
    (b"--x", "multipart/form-data"), (b"--x\r\n", "multipart/form-data; boundary=x"),
    (b"x", "text/plain"), (b"x", "application/octet-stream"),
)  # fmt: skip


def value(dice, name):
    """A value for a field, right or wrong."""
    return dice.choice(RIGHT[name] if name in RIGHT and dice.random() < 0.7 else VALUES)


def form(dice, fields):
    """Some fields; mostly all of those that have right values, with one or two wrong."""
    chosen = {}
    if dice.random() < 0.7:
        chosen = {name: [dice.choice(RIGHT[name])] for name in fields if name in RIGHT}
    for name in dice.sample(fields, min(len(fields), dice.choice((0, 1, 2, 5)))):
        chosen[name] = [value(dice, name) for _ in range(dice.choice((1, 1, 2)))]
    for name in dice.sample(sorted(chosen), min(len(chosen), dice.choice((0, 0, 1, 3)))):
        del chosen[name]
    return chosen


def body(dice, fields):
    """A body with its content type."""
    kind = dice.choice(("form", "form", "form", "multipart", "json", "raw", None))
    if kind == "form":
        text = urlencode(form(dice, fields), doseq=True)
        return text.encode(), FORM_TYPE
    if kind == "multipart":
        parts = [
            f'--x\r\nContent-Disposition: form-data; name="{name}"'
            + ('; filename="f"' if name in FILES else "")
            + f"\r\n\r\n{values[0]}\r\n"
            for name, values in form(dice, fields).items()
        ]
        return ("".join(parts) + "--x--\r\n").encode(), "multipart/form-data; boundary=x"
    if kind == "json":
        data = {name: dice.choice((*JSON_VALUES, *values, values))
                for name, values in form(dice, fields).items()}  # fmt: skip
        return json.dumps(data).encode(), "application/json"
    return dice.choice(RAW) if kind == "raw" else (b"", None)


def calls(region):
    """(endpoint, operation, fields) of everything that a region serves."""
    homes = {}
    for name, module in sys.modules.items():
        if name.startswith("maas_emulator.api"):
            homes.update((id(item), name) for item in vars(module).values())
    return [
        (endpoint, operation, fields_of(homes[id(endpoint)]))
        for endpoint, operations in region.routes.endpoints
        for operation in operations.values()
    ]


def request(dice, served, places):
    """(method, target, body, content type) of a call that there is, about what may be there."""
    endpoint, operation, fields = dice.choice(served)
    known = [place for place in places if endpoint.regex.match(place)]
    path = re.sub(r"\{(?:[^{}]|\{\d+\})+\}", lambda _: quote(dice.choice(IDS)), endpoint.template)
    if known and dice.random() < 0.8:
        path = quote(dice.choice(known))
    query = {} if operation.op is None else {"op": [operation.op]}
    if operation.method in ("GET", "DELETE") or dice.random() < 0.1:
        query.update({k: v for k, v in form(dice, fields).items() if k != "op"})
    sent = body(dice, fields) if operation.method in ("POST", "PUT") else (b"", None)
    return (operation.method, path + "?" + urlencode(query, doseq=True), *sent)


def places_in(answer, prefix):
    """Paths of the objects that an answer tells of."""
    text = answer.body.decode("utf-8", "replace")
    return {unquote(path) for path in re.findall(rf'"{prefix}([^"{{}}]+)"', text)}


def signed(region, number):
    consumer, token, secret = region.api_keys("admin")[0][1].split(":")

    values = {
        "oauth_consumer_key": consumer,
        "oauth_token": token,
        "oauth_signature_method": "PLAINTEXT",
        "oauth_signature": f"&{secret}",
        "oauth_timestamp": int(time.time()),
        "oauth_nonce": f"fuzz{number}",
    }
    return "OAuth " + ", ".join(f'{key}="{quote(str(v), "")}"' for key, v in values.items())


def furnished(release):
    """A region with a cluster or rack, and images where machines need them."""
    region = Region(release)
    region.clock = lambda: 0.0
    uuid = region.register_controller(
        uuid="master-1", hostname="c1",
        interfaces=[{"name": "eth0", "mac": "52:54:00:00:00:01", "ip": "10.0.0.1",
                     "subnet_mask": "255.255.255.0"}],
    )  # fmt: skip
    if region.release.api == "1.0":
        group = groups.find_group(region, uuid)
        group["status"] = groups.ACCEPTED
        image = {"architecture": "amd64", "subarchitecture": "generic", "release": "trusty"}
        images = [{**image, "purpose": p} for p in reported_images.PURPOSES]
        reported_images.report(region, group, images)
        synced = catalogue.add_synced(region, "ubuntu", "trusty", "amd64")
        for file in synced["sets"][0]["files"]:
            file["have"] = file["size"]
    return region


def opening(served, dice):
    """The calls that create one of each kind, as far as right fields do."""
    for endpoint, operation, fields in served:
        if operation.method == "POST" and operation.op in (None, "new", "reserve"):
            sent = {name: dice.choice(RIGHT[name]) for name in fields if name in RIGHT}
            query = f"?op={operation.op}" if operation.op else ""
            path = re.sub(
                r"\{(\w+)[^/]*\}", lambda m: PARENTS.get(m.group(1), "1"), endpoint.template
            )
            yield "POST", path + query, urlencode(sent).encode(), FORM_TYPE


def held(region):
    """All that a region keeps, for comparison."""
    rows = {kind: rows for kind, rows in region._rows.items() if rows}
    return repr((rows, region.settings, region.users))


def what_changed(one, other):
    """Where two of these texts begin to differ."""
    at = next((n for n, (a, b) in enumerate(zip(one, other)) if a != b), min(len(one), len(other)))
    return f"{one[max(0, at - 200) : at + 100]}\n  became\n{other[max(0, at - 60) : at + 100]}"


def tell(region, sent):
    """Fail with what broke."""
    if region.unforeseen:
        last = region.unforeseen[-1]
        text = "".join(traceback.format_exception(type(last), last, last.__traceback__)[-3:])
        raise AssertionError(f"{region.release}: {sent}\n{text}")


def stored_all_the_same(sent, answer):
    """Whether 1.x keeps what a refused request has done so far.

    That is DHCP that fails after the commit (1.8, 1.9), and clusters before an unknown one.
    """
    lists = "nodegroups/?op=accept", "nodegroups/?op=reject"
    return (answer.status == 500 and answer.content_type.startswith("text/html")) or (
        answer.status == 404 and sent[1].startswith(lists)
    )


@pytest.mark.parametrize("release", RELEASES)
def test_no_request_breaks_a_handler(release):
    served = calls(Region(release))
    for seed in range(REGIONS):
        dice, region = random.Random(f"{release} {seed}"), furnished(release)
        prefix = f"/MAAS/api/{region.release.api}/"
        places = set()
        first = list(opening(served, dice))
        for number in range(len(first) + REQUESTS):
            sent = first.pop(0) if first else request(dice, served, sorted(places))
            method, target, content, content_type = sent
            headers = {"host": "127.0.0.1", "authorization": signed(region, number)}
            if content_type:
                headers["content-type"] = content_type
            region.tick()  # what is due has nothing to do with the request
            before = held(region) if method != "GET" else None
            answer = region.answer(method, prefix + target, headers, content)
            tell(region, sent)
            assert 200 <= answer.status < 600
            if before and answer.status >= 400 and not stored_all_the_same(sent, answer):
                after = held(region)
                assert (before == after) is True, f"{sent}\n{what_changed(before, after)}"
            if len(places) < 200:
                places |= places_in(answer, prefix)
