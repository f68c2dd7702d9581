"""The emulator of 3.7 against what a real 3.7.3 answered about machines."""

from __future__ import annotations

import pytest
from harness import report
from harness_machines import NAME, replay

#: Exchanges that are answered differently, and why.
KNOWN = {
    "37m-135-machines-list-simple-status": "MAAS fails and lists the fields of its own model",
    "37m-1082-allocate-by-name-verbose": "it is a table by ids of interfaces, that differ",
    "37m-1161-machine-curtin-deploying": "nothing is installed, so there is no configuration",
    "37m-1542-rackcontrollers-list": "the laboratory's rack had no services and no version",
}


@pytest.fixture(scope="module")
def results():
    return {exchange.id: found for exchange, _, found in replay()}


def test_answers_as_recorded(results):
    matched, total = report(NAME, results, KNOWN)
    assert (matched, total) == (1460, 1464)
