"""The collector of cyclic garbage is paused, and left as it was."""

from __future__ import annotations

import gc

import pytest
from saltext.maas import collector


@pytest.fixture(params=[True, False], ids=["enabled", "disabled"])
def before(request):
    if not request.param:
        gc.disable()
    yield request.param
    gc.enable()


def test_it_is_paused_only_within_the_block(before):
    with collector.paused():
        with collector.paused():
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled() is before


def test_it_goes_on_after_an_error(before):
    with pytest.raises(KeyError), collector.paused():
        raise KeyError
    assert gc.isenabled() is before
