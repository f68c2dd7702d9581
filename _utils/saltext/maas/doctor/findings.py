"""What an examination finds, and how its checks are run."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from saltext.maas.errors import MaasError


@dataclasses.dataclass(frozen=True)
class Finding:
    """What one check found.

    Attributes:
        check: What was checked, such as ``region URL``; empty for the name that the check runs by.
        status: ``ok``, ``warning`` (works now and will fail later), ``problem`` (does
            not work) or ``unknown`` (could not be checked).
        found: What was found.
        remedy: What to do; empty where nothing need be done.
    """

    check: str
    status: str
    found: str
    remedy: str = ""


def ok(found: str, check: str = "") -> list[Finding]:
    """Return the finding that all is well."""
    return [Finding(check, "ok", found)]


def warning(found: str, remedy: str, check: str = "") -> list[Finding]:
    """Return the finding that something works now and will fail later."""
    return [Finding(check, "warning", found, remedy)]


def problem(found: str, remedy: str, check: str = "") -> list[Finding]:
    """Return the finding that something does not work."""
    return [Finding(check, "problem", found, remedy)]


def unknown(found: str, check: str = "") -> list[Finding]:
    """Return the finding that something could not be checked."""
    return [Finding(check, "unknown", found)]


def run(checks: Iterable[tuple[str, Callable[[], list[Finding]]]]) -> dict[str, Any]:
    """Run checks side by side, and report in their order.

    Args:
        checks: Pairs of a check's name and a function that returns its findings.

    Returns:
        ``{"healthy": bool, "problems": int, "warnings": int, "findings":
        [{"check", "status", "found", "remedy"}]}``; it is healthy without any problem.
    """
    checks = list(checks)
    with ThreadPoolExecutor(len(checks) or 1) as pool:
        findings = [one for found in pool.map(lambda check: _one(*check), checks) for one in found]
    count = [finding.status for finding in findings].count
    return {
        "healthy": count("problem") == 0,
        "problems": count("problem"),
        "warnings": count("warning"),
        "findings": [dataclasses.asdict(finding) for finding in findings],
    }


def _one(name, check):
    try:
        found = check()
    except (MaasError, OSError) as error:
        # What cannot be checked must not hide the others.
        found = unknown(f"It could not be checked: {error}")
    return [one if one.check else dataclasses.replace(one, check=name) for one in found]
