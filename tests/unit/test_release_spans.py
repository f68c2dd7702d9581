"""``since`` and ``up_to`` mean the first and the last release that has something, everywhere."""

from __future__ import annotations

import dataclasses

import pytest
from saltext.maas.host import host_settings
from saltext.maas.host.installation import Installation
from saltext.maas.release import SERIES, Release
from saltext.maas.resources import TABLES
from saltext.maas.resources.field import Field
from saltext.maas.resources.rules import Rule, up_to
from saltext.maas.resources.settings import SETTINGS
from saltext.maas.resources.table import Table


class Old(Table):
    name = noun = "old"
    since, up_to = "1.7", "2.1"


DATED = (
    Old(),
    Field("old", since="1.7", up_to="2.1"),
    Rule("old", bool, since="1.7", up_to="2.1"),
    dataclasses.replace(SETTINGS["kernel_opts"], since="1.7", up_to="2.1"),
)


@pytest.mark.parametrize("dated", DATED, ids=lambda one: type(one).__name__)
def test_up_to_names_the_last_release(dated):
    has = [series for series in SERIES if dated.holds_for(Release(series))]
    assert has == ["1.7", "1.8", "1.9", "1.10", "2.0", "2.1"]
    assert dated.holds_for(Release("2.1.5"))


def test_clearing_and_defaults_go_by_the_last_release_too():
    field = Field("old", clearable=up_to("2.3"))
    assert field.clears_in(Release("2.3.7"))
    assert not field.clears_in(Release("2.4"))
    setting = dataclasses.replace(SETTINGS["kernel_opts"], earlier=(("2.5", "quiet"),))
    assert setting.default_of(Release("2.5.4")) == "quiet"
    assert setting.default_of(Release("2.6")) is None


@pytest.mark.parametrize(("release", "there"), [("1.6.1", True), ("1.7", False)])
def test_settings_of_a_host_go_by_the_last_release_too(release, there, tmp_path):
    installation = Installation(Release(release), "deb", frozenset({"region"}), root=str(tmp_path))
    assert ("broker_host" in host_settings.available(installation)) is there


def test_every_release_that_is_named_is_known():
    dated = [*TABLES, *SETTINGS.values(), *host_settings.SETTINGS]
    dated += [field for table in TABLES for field in table.fields]
    dated += [rule for one in dated for rule in getattr(one, "rules", ())]
    for one in dated:
        assert {one.since, one.up_to} - {""} <= set(SERIES), one
