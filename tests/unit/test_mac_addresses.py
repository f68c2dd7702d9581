"""MAC addresses: in whichever form, they are what MAAS stores in small letters with colons."""

from __future__ import annotations

import pytest
from maas_emulator.server import RegionServer
from saltext.maas import pillar
from saltext.maas.resources import kinds
from support.reconciling import carried_out, planned, snapshot_of

FORMS = ["52:54:00:0A:BC:01", "52-54-00-0a-bc-01", "5254.000A.BC01", "52:54:0:a:bc:1"]
NET = "10.10.0.0/24"


def reserved(*macs):
    addresses = {f"10.10.0.{number}": {"mac_address": mac} for number, mac in enumerate(macs, 7)}
    return {"subnets": {NET: {"name": "x", "reserved_ips": addresses}}}


@pytest.mark.parametrize("release", ["3.7", "3.8"])
def test_each_form_of_a_pillar_plans_nothing_once_it_is_there(release):
    with RegionServer(release) as region:
        client = snapshot_of(region).client
        client.post("subnets/", data={"cidr": NET, "name": "x"})
        client.post("reservedips/", data={"ip": "10.10.0.7", "mac_address": FORMS[0]})
        for form in FORMS:
            assert not planned(region, reserved(form))[1].changes
        carried_out(region, reserved(FORMS[1].upper().replace("01", "02")))
        (one,) = client.get("reservedips/")
        assert one["mac_address"] == "52:54:00:0a:bc:02"


@pytest.mark.parametrize("form", FORMS[1:])
def test_one_address_in_two_forms_is_a_duplicate(form):
    (problem,) = pillar.problems(reserved(FORMS[0], form))
    assert problem.startswith(f"maas:subnets:{NET}:reserved_ips:10.10.0.8:mac_address: ")


@pytest.mark.parametrize(
    "text", ["52:54:00-0a:bc:01", "5254000abc01", "52:54:00:0a:bc", "nonsense"]
)
def test_what_maas_takes_for_no_mac_address_is_refused(text):
    with pytest.raises(ValueError, match="a MAC address such as"):
        kinds.MAC.clean(text)
