"""What an examination finds, and how its checks are run."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass

from saltext.maas.errors import MaasError


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        check: What was looked at, such as ``region URL``.
        status: ``ok``, ``warning`` (works, but will hurt), ``problem`` (does
            not work) or ``unknown`` (could not be looked at).
        found: What was seen.
        remedy: What to do; empty where nothing need be done.
    """

    check: str
    status: str
    found: str
    remedy: str = ""


def ok(check: str, found: str) -> Finding:
    """All is well."""
    return Finding(check, "ok", found)


def warning(check: str, found: str, remedy: str) -> Finding:
    """It works, but will hurt."""
    return Finding(check, "warning", found, remedy)


def problem(check: str, found: str, remedy: str) -> Finding:
    """It does not work."""
    return Finding(check, "problem", found, remedy)


def unknown(check: str, found: str, remedy: str = "") -> Finding:
    """It could not be looked at."""
    return Finding(check, "unknown", found, remedy)


def run(checks) -> dict:
    """Run checks side by side, and report in their order.

    Args:
        checks: Pairs of a check's name and a function that returns a list of findings.

    Returns:
        ``{"healthy": bool, "problems": int, "warnings": int, "findings":
        [{"check", "status", "found", "remedy"}]}``; it is healthy without any problem.
    """
    checks = list(checks)
    if not checks:
        return _report([])
    with ThreadPoolExecutor(len(checks)) as pool:
        found = pool.map(lambda check: _one(*check), checks)
        return _report([finding for findings in found for finding in findings])


def _one(name, look):
    try:
        return look()
    except (MaasError, OSError) as error:
        # One thing that cannot be looked at must not hide the others.
        return [unknown(name, f"It could not be looked at: {error}")]


def _report(findings):
    count = [finding.status for finding in findings].count
    return {
        "healthy": count("problem") == 0,
        "problems": count("problem"),
        "warnings": count("warning"),
        "findings": [asdict(finding) for finding in findings],
    }
