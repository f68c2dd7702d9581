"""The emulator of API 1.0 against random requests, right and wrong, to running servers."""

from __future__ import annotations

import pytest
from harness import report
from harness_1x import replay_random

#: Exchanges that are answered differently, and why.
KNOWN = {"random-1.5.4": {}, "random-1.7.3": {}, "random-1.9.5": {}}


@pytest.mark.parametrize(
    ("name", "count"), [("random-1.5.4", 500), ("random-1.7.3", 501), ("random-1.9.5", 500)]
)
def test_random_requests(name, count):
    results = {exchange.id: found for exchange, _, found in replay_random(f"{name}.jsonl")}
    matched, total = report(name, results, KNOWN[name])
    assert total == count
    assert matched / total >= 0.98
