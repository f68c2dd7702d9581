"""OIDC providers of 3.8: one enabled at most, and a secret that no one sees."""

from __future__ import annotations

import logging
from urllib.parse import quote_plus

import pytest
from maas_emulator.server import RegionServer
from saltext.maas import module_helpers, pillar, region_plan, state_helpers
from saltext.maas.errors import BadInput, StrangeAnswer
from saltext.maas.reconcile import apply
from saltext.maas.resources import BY_NAME
from support.misbehaving import Instead, Proxy
from support.pillars import held, revealed
from support.reconciling import (
    SHORT,
    carried_out,
    errors,
    planned,
    problems_of,
    pruned,
    snapshot_of,
)

SECRET = 'correct horse/"battery"&staple'
EXAMPLE = {**BY_NAME["oidc_provider"].example, "client_secret": SECRET}


def provider(name, **values):
    return {name: {**{key: EXAMPLE[key] for key in EXAMPLE if key != "name"}, **values}}


def of(*providers):
    return {"oidc_providers": {name: one for each in providers for name, one in each.items()}}


@pytest.fixture
def region():
    with RegionServer(release="3.8") as server:
        yield server


def writes(server):
    return [f"{one.method} {one.path.rpartition('/2.0/')[2]}" for one in server.requests.writes()]


# Which one is enabled


def test_the_enabled_one_is_disabled_before_another_is_enabled(region):
    carried_out(region, of(provider("a")))
    region.requests.reset()
    carried_out(region, of(provider("a", enabled=False), provider("b")))
    assert writes(region) == ["PUT oidc-providers/1/", "POST oidc-providers/"]
    region.requests.reset()
    carried_out(region, of(provider("a"), provider("b", enabled=False)))
    assert writes(region) == ["PUT oidc-providers/2/", "PUT oidc-providers/1/"]
    region.requests.reset()
    snapshot, plan = planned(region, of(provider("a"), provider("b", enabled=False)))
    apply(snapshot, plan, SHORT)
    assert region.requests.entries(path="oidc")[0].method == "GET"
    assert region.requests.count(path="oidc") == 1


def test_the_enabled_one_is_disabled_and_deleted_before_another_is_enabled(region):
    carried_out(region, of(provider("a")))
    region.requests.reset()
    data = {**of(provider("b")), "exclusive": {"oidc_provider": True}}
    assert set(pruned(region, data)["oidc_provider"]) == {"a", "b"}
    assert writes(region) == [
        "PUT oidc-providers/1/", "DELETE oidc-providers/1/", "POST oidc-providers/",
    ]  # fmt: skip


def test_two_enabled_ones_are_refused_by_their_places(region):
    with pytest.raises(BadInput) as raised:
        planned(region, of(provider("a"), provider("b")))
    assert str(raised.value).startswith(
        "maas:oidc_providers:b: this OIDC provider conflicts with the one at maas:oidc_providers:a"
    )


def test_one_that_stays_enabled_is_named(region):
    carried_out(region, of(provider("a")))
    told = "OIDC provider b: MAAS has one enabled OIDC provider at most, and a is it; describe"
    (problem,) = problems_of(region, of(provider("b")))
    assert problem.startswith(told)
    (problem,) = problems_of(region, of(provider("a"), provider("b")))
    assert problem.startswith(told)


# Requests and answers


def test_what_changed_is_sent_and_nothing_else(region):
    carried_out(region, of(provider("a")))
    sent = []

    def before(method, target, body):
        if method == "PUT":
            sent.append(body)
        return body

    with Proxy(region, before=before) as proxy:
        snapshot, plan = planned(region, of(provider("a", scopes="openid")), url=proxy.url)
        apply(snapshot, plan, SHORT)
    assert errors(plan) == {}
    assert sent == [b"scopes=openid"]


def test_an_issuer_has_no_slash_at_its_end_and_scopes_no_order(region):
    url = EXAMPLE["issuer_url"] + "/"
    carried_out(region, of(provider("a", issuer_url=url, scopes="profile  openid email")))
    (row,) = region.region.rows("oidc_providers").values()
    assert row["issuer_url"] == url[:-1]
    assert planned(region, of(provider("a", scopes="openid email profile")))[1].shown() == {}


@pytest.mark.parametrize("body", ['"OK"', '"none"', "OK", "{}", "null", '[{"id": 1}]'])
def test_what_is_no_list_of_providers_is_not_taken_for_an_empty_one(region, body, impatient):
    def before(method, target, sent):
        return Instead(body) if "oidc" in target else sent

    with Proxy(region, before=before) as proxy, pytest.raises(StrangeAnswer, match="oidc-prov"):
        planned(region, of(provider("a")), url=proxy.url)
    assert region.requests.writes() == []


def test_an_issuer_that_cannot_be_reached(region):
    region.requests.reset()
    data = of(provider("a", issuer_url="https://sso.example.invalid"))
    snapshot, plan = planned(region, data)
    apply(snapshot, plan, SHORT)
    assert "check issuer_url, and that the region can reach it" in str(errors(plan))
    assert writes(region) == ["POST oidc-providers/"]


def test_a_provider_that_lacks_something_cannot_be_created(region):
    (problem,) = problems_of(region, {"oidc_providers": {"a": {"enabled": True}}})
    assert problem == "OIDC provider a: issuer_url is missing; a new OIDC provider needs it"


@pytest.mark.parametrize(("values", "problem"), [
    ({"issuer_url": "ftp://sso.example.com"}, "issuer_url: 'ftp://sso.example.com' must be a URL"),
    ({"client_secret": None}, "client_secret: None must be text"),
    ({"client_secret": "x" * 256}, "client_secret: ********** must be text of up to 255 char"),
    ({"vendor": "Okta"}, "vendor: 'Okta' must be one of: Generic, EntraID, Auth0, Keycloak"),
    ({"scopes": []}, "scopes: cannot be cleared"),
])  # fmt: skip
def test_what_maas_would_refuse_is_refused_by_the_check(values, problem):
    (found,) = pillar.problems({"release": "3.8", **of(provider("a", **values))})
    assert found.startswith(f"maas:oidc_providers:a:{problem}")


# The secret


def test_the_secret_is_compared_and_shown_nowhere(region, caplog, tmp_path):
    caplog.set_level(logging.DEBUG)
    told = []
    _, plan = carried_out(region, of(provider("a")))
    told.append(plan.shown())
    _, plan = planned(region, of(provider("a", client_secret=SECRET + "!")))
    hidden = {"client_secret": {"old": "**********", "new": "**********"}}
    assert plan.shown() == {"oidc_provider": {"a": hidden}}
    carried_out(region, of(provider("a", client_secret=SECRET)))
    told += [_module(region), region_plan.drift(snapshot_of(region), of(provider("a", scopes="x")))]
    told += [region_plan.unmanaged_of(snapshot_of(region), {}), _unmanaged(region)]
    told += [_state(region, tmp_path, client_secret=secret) for secret in ("new one", SECRET)]
    assert [one["result"] for one in told[-2:]] == [True, True]
    # MAAS's own error holds what was to be stored.
    snapshot, plan = planned(region, of(provider("a", client_secret="x" * 250)))
    snapshot.desired[0].values["client_secret"] = SECRET * 20
    apply(snapshot, plan, SHORT)
    assert "500" in str(errors(plan))
    told.append(errors(plan))
    found = pillar.export(snapshot_of(region))
    told += [found.described, found.notes, pillar.files(found)]
    assert found.secrets == ["sdb://maas/oidc_provider/a/client_secret"]
    again = revealed(found.described, held(snapshot_of(region), found.secrets))
    assert region_plan.plan_of(snapshot_of(region), again).shown() == {}
    for form in (SECRET, quote_plus(SECRET), "correct horse", "battery", "new one"):
        assert form not in str(told)
        assert form not in caplog.text


def _dunders(**options):
    return {"__opts__": options, "__pillar__": {}, "__salt__": {}, "__context__": {},
            "__grains__": {}}  # fmt: skip


def _state(server, folder, **values):
    profile = {"url": server.url, "api_key": server.api_key}
    dunders = _dunders(**{"maas.root": str(folder)})
    return state_helpers.present(
        dunders, "oidc_provider", {"name": "a", "profile": profile, **values}
    )


def _module(server):
    dunders = _dunders()
    profile = {"url": server.url, "api_key": server.api_key}
    arguments = {"name": "a", "profile": profile}
    return [
        module_helpers.list_all(dunders, "oidc_provider", arguments),
        module_helpers.get(dunders, "oidc_provider", arguments),
    ]


def _unmanaged(server):
    """What pruning would remove, as a state shows it."""
    data = {"exclusive": {"oidc_provider": True}}
    return region_plan.plan_of(snapshot_of(server), data).shown()


def test_earlier_releases_have_none():
    (found,) = pillar.problems({"release": "3.7", **of(provider("a"))})
    assert found == (
        "maas:oidc_providers: MAAS 3.7 does not have this; it is for MAAS from 3.8"
    )  # fmt: skip
