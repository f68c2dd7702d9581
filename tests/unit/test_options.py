import pytest
from saltext.maas import options

SCHEMAS = {
    "batch": options.whole(1, 10),
    "seconds": options.SECONDS,
    "on": options.BOOLEAN,
    "level": options.one_of("low", "high"),
    "names": {
        "type": "array", "allowed": "a list of names",
        "items": {"type": "string", "pattern": r"\A[a-z]+\Z", "allowed": "a name"},
    },
}  # fmt: skip


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"batch": 0}, "x:batch: 0 must be a whole number from 1 to 10"),
        ({"batch": 11}, "x:batch: 11 must be a whole number from 1 to 10"),
        ({"batch": 2.0}, "x:batch: 2.0 must be a whole number from 1 to 10"),
        ({"batch": True}, "x:batch: True must be a whole number from 1 to 10"),
        ({"seconds": 0}, "x:seconds: 0 must be a number above 0"),
        ({"seconds": "1"}, "x:seconds: '1' must be a number above 0"),
        ({"seconds": False}, "x:seconds: False must be a number above 0"),
        ({"seconds": float("nan")}, "x:seconds: nan must be a number above 0"),
        ({"seconds": float("inf")}, "x:seconds: inf must be a number above 0"),
        ({"on": 1}, "x:on: 1 must be true or false"),
        ({"level": "Low"}, "x:level: 'Low' must be one of: low, high"),
        ({"names": "a"}, "x:names: 'a' must be a list of names"),
        ({"names": ["a", "B", 7]}, "x:names: 'B' must be a name|x:names: 7 must be a name"),
        ({"more": 1}, "x:more: unknown; allowed: batch, seconds, on, level, names"),
        ({"seconds": -1, "batch": 0}, "x:batch: 0 must be a whole number from 1 to 10|"
                                      "x:seconds: -1 must be a number above 0"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_in_one_line(given, message):
    assert "|".join(options.problems(given, SCHEMAS, "x")) == message


def test_what_is_right_is_not_told():
    right = {"batch": 10, "seconds": 0.1, "on": False, "level": "high", "names": ("a", "b")}
    assert options.problems(right, SCHEMAS) == []
    assert options.problems({"batch": 0}, SCHEMAS)[0].startswith("batch: 0 must")
