"""Machines from a CSV file: the pillar that it makes, and what is wrong with it."""

# ruff: noqa: E501 -- a mistake and its message read best on one line

from __future__ import annotations

import re

import pytest
from saltext.maas import pillar
from saltext.maas.errors import BadInput, MaasError
from saltext.maas.pillar import machines_csv
from support.loader import load

SECRET = "correct horse"
GOOD = """\
# written by hand
hostname;class;number;mac_addresses;tags;in_use;power_parameters:power_pass;interfaces:eth0:mtu

web-1;r640 gpu;;24:6e:96:00:00:01 24:6e:96:00:00:02;a, b;yes;correct horse;9000
web-2;;7;24:6e:96:00:00:03;;;sdb://vault/web-2;
# web-3;;;;
"""


def read(tmp_path, text, **more):
    path = tmp_path / "machines.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return machines_csv.read(str(path), **more)


@pytest.mark.parametrize("form", ["plain", "windows", "commas", "tabs"])
def test_each_row_is_a_machine(tmp_path, form):
    text = GOOD
    if form == "windows":
        text = b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode()
    elif form == "commas":
        text = GOOD.replace("a, b", '"a, b"').replace(";", ",")
    elif form == "tabs":
        text = GOOD.replace(";", "\t")
    assert read(tmp_path, text, machine_class="r640") == {
        "web-1": {
            "class": ["r640", "gpu"], "mac_addresses": ["24:6e:96:00:00:01", "24:6e:96:00:00:02"],
            "tags": ["a", "b"], "in_use": True, "power_parameters": {"power_pass": SECRET},
            "interfaces": {"eth0": {"mtu": "9000"}}, "source": "machines.csv:4",
        },
        "web-2": {
            "class": "r640", "number": 7, "mac_addresses": ["24:6e:96:00:00:03"],
            "power_parameters": {"power_pass": "sdb://vault/web-2"}, "source": "machines.csv:5",
        },
    }  # fmt: skip


BAD = {
    "unknown column": ("hostname,clas\n", "machines.csv:1: column 'clas' is unknown; did you mean class .*"),
    "odd column": ("hostname,qqq\n", "machines.csv:1: column 2 is unknown; allowed: hostname, .*architecture.*"),
    "source": ("hostname,source\n", "machines.csv:1: column 'source' is unknown; .*"),
    "no key": ("hostname,power_parameters\n", "machines.csv:1: column 'power_parameters' must be power_parameters:NAME"),
    "key": ("hostname,zone:a\n", "machines.csv:1: column 'zone:a' must be zone"),
    "inner column": ("hostname,values:a,values:a:b\nweb-1,1,2\n",
                     "machines.csv:1: columns 'values:a' and 'values:a:b' overlap; leave one out"),
    "outer column": ("hostname,values:a:b,values:a\nweb-1,1,2\n",
                     "machines.csv:1: columns 'values:a:b' and 'values:a' overlap; leave one out"),
    "twice": ("hostname,zone,zone\n", "machines.csv:1: column 'zone' is there twice"),
    "no hostname": ("zone\n", "machines.csv:1: must name the columns, one of which is hostname"),
    "empty file": ("", "machines.csv:1: must name the columns, one of which is hostname"),
    "empty name": ("hostname,zone\n,a\n", "machines.csv:2: hostname: is missing"),
    "same name": ("hostname\na\n\na\n", "machines.csv:4: hostname: 'a' is that of machines.csv:2"),
    "too many cells": ("hostname\na,b\n", "machines.csv:2: has 2 cells; must have 1, as line 1"),
    "shifted": (f"hostname,in_use,power_parameters:power_pass\na,{SECRET}\n", "machines.csv:2: has 2 cells; must have 3, as line 1"),
    "no line of columns": (f"web-1,{SECRET}\n", "machines.csv:1: must name the columns, .*"),
    "open quote": ('hostname\n"a\n', "machines.csv:2: is no CSV: .*"),
    "number": ("hostname,number\na,x\n", "maas:machines:a:number: 'x' must be a whole number .* \\(machines.csv:2\\)"),
    "flag": ("hostname,in_use\na,x\n", "maas:machines:a:in_use: 'x' must be true or false \\(machines.csv:2\\)"),
    "name": ("hostname\na b\n", "maas:machines:a b: 'a b' must be a host name .* \\(machines.csv:2\\)"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), BAD.values(), ids=BAD)
def test_a_mistake_is_told_with_line_and_column(tmp_path, text, expected):
    with pytest.raises(BadInput) as caught:
        read(tmp_path, text)
    (line,) = caught.value.problems
    assert re.fullmatch(expected, line), line


def test_columns_that_are_values_are_not_shown(tmp_path):
    """The line of columns is damaged, so that a row's values stand in it."""
    with pytest.raises(BadInput) as caught:
        read(tmp_path, f"hostname,tags,power_parameters web-1,{SECRET},tags:{SECRET}\n")
    assert SECRET not in str(caught.value)
    assert "machines.csv:1: column 4 is unknown; " in str(caught.value)
    assert "machines.csv:1: column 5 must be tags" in str(caught.value)


def test_what_only_the_whole_pillar_shows_names_the_line_too(tmp_path):
    text = f"hostname;class;power_type;power_parameters:power_pas\nweb-1;r640;ipmi;{SECRET}\n"
    data = {"machine_classes": {"r640": {"architecture": "amd64"}},
            "machines": read(tmp_path, text)}  # fmt: skip
    lines = pillar.problems(data)
    assert len(lines) == 1
    assert lines[0].startswith("maas:machines:web-1:power_parameters: ")
    assert lines[0].endswith(" (machines.csv:2)")
    assert SECRET not in lines[0]


def test_files_that_are_none(tmp_path):
    with pytest.raises(MaasError, match="cannot be read: No such file"):
        machines_csv.read(str(tmp_path / "none.csv"))
    with pytest.raises(BadInput, match="must be a text in UTF-8"):
        read(tmp_path, b"hostname\n\xff\n")


def test_the_runner_shows_no_secret(tmp_path):
    read(tmp_path, GOOD)
    runner = load("_runners/maas.py", {"cachedir": str(tmp_path)})
    found = runner.machines_from_csv(str(tmp_path / "machines.csv"))["maas"]["machines"]
    assert found["web-1"]["power_parameters"]["power_pass"] == "sdb://maas/machine/web-1/power_pass"
    assert found["web-2"]["power_parameters"]["power_pass"] == "sdb://vault/web-2"
    assert "source" not in found["web-1"]
    runner.__opts__["__cli"] = "salt-run"
    text = runner.machines_from_csv(str(tmp_path / "machines.csv"))["data"]
    assert text.startswith("#!yaml\nmaas:\n  machines:\n    web-1:\n")
    assert SECRET not in text
