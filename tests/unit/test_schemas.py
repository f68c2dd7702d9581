"""One message for what a schema refuses: where, which value, and what is allowed."""

from __future__ import annotations

import collections

import jsonschema
import pytest
from saltext.maas import schemas
from saltext.maas.errors import BadInput
from saltext.maas.pillar.schema import schema
from support.schemas import nodes, right, wrong

SCHEMA = schemas.mapping(
    {
        "regions": {"type": "array", "items": schemas.text("")},
        "batch": schemas.whole("", 1, 1000),
        "most": schemas.whole("", 1),
        "trust": schemas.flag(),
        "seconds": schemas.seconds(""),
        "pause": schemas.seconds("", zero=True),
        "id": {"enum": ["fqdn", "hostname"]},
        "password": schemas.text("Its password.", secret=True),
        "admin": schemas.mapping({"password": schemas.text("", secret=True)}),
        "url": schemas.text("", "url"),
        "email": schemas.text("", "email"),
        "release": schemas.release(""),
        "people": schemas.named(schemas.flag()),
    },
    required=("password",),
)
WRONG = {
    "unknown key": ({"colour": 1}, "top:colour: unknown key; allowed: admin, batch, "),
    "unknown key that is no text": ({7: 1}, "top:7: unknown key; allowed: "),
    "list": ({"regions": "r"}, "top:regions: 'r' must be a list"),
    "within a list": ({"regions": ["a", 7]}, "top:regions:1: 7 must be text"),
    "whole number": ({"batch": 1.5}, "top:batch: 1.5 must be a whole number from 1 to 1000"),
    "too many": ({"batch": 1001}, "top:batch: 1001 must be a whole number from 1 to 1000"),
    "larger than any float": ({"batch": 10**400}, f"top:batch: 1{'0' * 56}"),
    "too few": ({"most": 0}, "top:most: 0 must be a whole number from 1 on"),
    "no number": ({"most": True}, "top:most: True must be a whole number from 1 on"),
    "truth value": ({"trust": "yes"}, "top:trust: 'yes' must be true or false"),
    "above": ({"seconds": 0}, "top:seconds: 0 must be a number above 0"),
    "endless": ({"seconds": float("inf")}, "top:seconds: inf must be a number above 0"),
    "no number at all": ({"pause": float("nan")}, "top:pause: nan must be a number from 0 on"),
    "choice": ({"id": "x"}, "top:id: 'x' must be one of: fqdn, hostname"),
    "empty": ({"url": ""}, "top:url: must not be empty"),
    "secret": ({"password": 7}, "top:password: ********** must be text"),
    "around a secret": ({"admin": "swordfish"}, "top:admin: ********** must be a mapping"),
    "format": ({"email": "me"}, "top:email: 'me' must be an e-mail address such as "),
    "format with a reason": ({"url": "x"}, "top:url: 'x' must be a URL of http:// or https://: "),
    "release": ({"release": 1.1}, "top:release: 1.1 must be a MAAS release, 1.5 or later, "),
    "long value": ({"id": "x" * 99}, f"top:id: '{'x' * 56}... must be one of: "),
    "name": ({"people": {"": True}}, "top:people:: '' must be a name"),
    "within a name": ({"people": {"a b": 1}}, "top:people:a b: 1 must be true or false"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_one_line(case):
    value, expected = WRONG[case]
    with pytest.raises(BadInput) as raised:
        schemas.check({"password": "p", **value}, SCHEMA, "top")
    (line,) = raised.value.problems
    assert line.startswith(expected)


def test_what_is_missing_is_named_with_what_it_is_for():
    assert schemas.mistakes({}, SCHEMA) == [([], "password: is missing; Its password.")]


def test_no_mapping_at_all():
    assert schemas.mistakes(7, schemas.mapping({})) == [([], "7 must be a mapping")]


def test_every_mistake_is_reported_with_its_path():
    found = schemas.mistakes({"password": "p", "most": 0, "regions": [1]}, SCHEMA)
    assert [path for path, _ in found] == [["most"], ["regions", 0]]


def test_what_is_right_passes():
    schemas.check({
        "regions": ["r"], "batch": 1000, "most": 5, "trust": True, "seconds": 0.5, "pause": 0,
        "id": "fqdn", "password": "p", "admin": {"password": "q"}, "url": "https://h/x",
        "email": "a@b", "release": 3.7, "people": {"me": False},
    }, SCHEMA)  # fmt: skip


ODD = (
    None, "", "x", 0, 1, True, [], [""], [1, {}], {}, {"": {}}, {"a": None}, {"b": []}, {1: 2},
    {"x": {"y": 1}},
)  # fmt: skip


def test_what_is_within_a_value_is_refused_exactly_where_jsonschema_alone_refuses_it():
    draft = jsonschema.Draft7Validator
    types = draft.TYPE_CHECKER.redefine("binary", lambda _, value: isinstance(value, bytes))
    validator = jsonschema.validators.extend(draft, type_checker=types)
    formats = collections.defaultdict(lambda: lambda _: True)  # which jsonschema ignores, too
    outer = [(path, node) for path, node, _ in nodes(schema())
             if {"properties", "additionalProperties", "items"} & node.keys()]  # fmt: skip
    different = [
        (path, value)
        for path, node in outer
        for value in (*ODD, right(node), *wrong(node), {"x": right(node)}, [right(node)])
        if bool(schemas.mistakes(value, node, formats=formats)) == validator(node).is_valid(value)
    ]
    assert len(outer) > 50
    assert different == []


def test_thousands_of_unknown_keys_are_named_without_a_hint_each():
    known = schemas.mapping({f"key-{number}": {} for number in range(30)})
    lines = [line for _, line in schemas.mistakes({f"kex-{n:04}": 1 for n in range(3000)}, known)]
    assert len(lines) == 3000
    assert sum("closest" in line for line in lines) == 100
    assert lines[-1] == "kex-2999: unknown key"
