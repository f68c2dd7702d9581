"""The emulator of 3.7 against random sequences of right and wrong requests to a real 3.7.3."""

from __future__ import annotations

import pytest
from harness_random import replay

#: File, requests in it, and how many of a hundred are to be answered alike at least.
FILES = [("random-3.7.3.jsonl", 501, 98)]


@pytest.mark.parametrize(("name", "total", "least"), FILES)
def test_random_sequence(name, total, least):
    different, count = [], 0
    for exchange, _, found in replay(name):
        count += 1
        if found:
            different.append(f"{exchange.id}: {found[0][:200]}")
    matched = count - len(different)
    print(f"\n{name}: matched {matched} of {count} ({100 * matched / count:.1f} %)")
    assert count == total
    assert 100 * matched >= least * count, "\n".join(different)
