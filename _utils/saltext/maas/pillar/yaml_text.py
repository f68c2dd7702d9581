"""A pillar as YAML text such as a person would have written."""

from __future__ import annotations

import yaml

_LINE = 96  # columns


class _Dumper(yaml.SafeDumper):
    """Block style, indented lists, no anchors, nothing where nothing stands."""

    def ignore_aliases(self, data):
        return True

    def analyze_scalar(self, scalar):
        # A tab is no reason to write a text of many lines in quotes, where nobody could read it.
        found = super().analyze_scalar(scalar.replace("\t", " ") if "\n" in scalar else scalar)
        found.scalar = scalar
        return found

    def increase_indent(self, flow=False, indentless=False):
        return super().increase_indent(flow, False)


def _nothing(dumper, _):
    return dumper.represent_scalar("tag:yaml.org,2002:null", "")


def _text(dumper, value):
    style = "|" if "\n" in value else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


def _list(dumper, values):
    short = all(not isinstance(one, (dict, list)) and not {*str(one)} & {*"\n:"} for one in values)
    short = short and sum(len(str(one)) + 2 for one in values) < 60
    return dumper.represent_sequence("tag:yaml.org,2002:seq", values, flow_style=short)


_Dumper.add_representer(type(None), _nothing)
_Dumper.add_representer(str, _text)
_Dumper.add_representer(list, _list)


def to_yaml(content: dict) -> str:
    """Write a mapping.

    Args:
        content: Mappings, lists, text, numbers, booleans and None.

    Returns:
        YAML text, which says the same when it is read again.
    """
    return yaml.dump(
        content, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=_LINE,
        default_flow_style=False,
    )  # fmt: skip


def pillar_file(described: dict) -> str:
    """Return a pillar file with a part of ``maas``; nothing in it is taken for a Jinja template."""
    return f"#!yaml\n{to_yaml({'maas': described})}"
