"""Python files that consist of assignments, read without running them."""

from __future__ import annotations

import ast

from saltext.maas.host.errors import HostError


def assignments(text: str | None, name: str):
    """Yield ``(name, node)`` of each assignment.

    Raises:
        HostError: It is no Python.
    """
    try:
        module = ast.parse(text or "")
    except (SyntaxError, ValueError):
        raise HostError(f"{name} is not readable as Python assignments.") from None
    for node in module.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            yield node.targets[0].id, node.value


def items(node):
    """Yield ``(key, node)`` of a dictionary's literal keys."""
    if not isinstance(node, ast.Dict):
        return
    for key, value in zip(node.keys, node.values):
        if isinstance(key, ast.Constant):
            yield key.value, value
