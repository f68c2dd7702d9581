"""Debconf answers, which the next package upgrade or reconfigure goes by."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from saltext.maas.host.errors import HostError
from saltext.maas.host.installation import Installation, failed

_LINE = re.compile(r"^[* ] (\S+?):(?: (.*))?$")
_NO_QUESTION = "10"


def show(installation: Installation, *packages: str) -> dict[str, str]:
    """Return the answers that debconf holds for packages.

    Returns:
        ``{question: answer}``; an answer that is a password reads
        ``(password omitted)``, an unset one is ``""``.
    """
    stdout = installation.check(["debconf-show", *packages])
    found = (_LINE.match(line) for line in stdout.splitlines())
    return {match.group(1): match.group(2) or "" for match in found if match}


def get_answer(installation: Installation, package: str, question: str) -> str | None:
    """Return one answer as debconf has it, passwords too; not to be shown.

    Returns:
        The answer, ``""`` when it is unset, or None when debconf has no such question.
    """
    argv = ["debconf-communicate", package]
    status, stdout, stderr = installation.run(argv, stdin=f"GET {question}\n")
    code, _, value = stdout.strip("\n").partition(" ")
    if code not in ("0", _NO_QUESTION):  # which is also its exit status
        raise failed(argv, status, stderr)
    return value if code == "0" else None


def set_answer(
    installation: Installation, package: str, question: str, kind: str, value: str
) -> None:
    """Store one answer; the value travels by standard input.

    Args:
        package: Package that owns the question.
        question: Such as ``maas/default-maas-url``.
        kind: Debconf type: ``string`` or ``password``.
        value: One line.
    """
    if "\n" in value:
        raise HostError(f"A debconf answer ({question}) is one line.")
    selection = f"{package} {question} {kind} {value}\n"
    installation.check(["debconf-set-selections"], stdin=selection, hide=[value] if value else ())


def region_host(url: str) -> str:
    """Return the host of a region URL as the region's debconf question wants it, without a port.

    A port given there would be appended once more by the package (2.1 and later).
    """
    host = urlsplit(url).hostname or ""
    return f"[{host}]" if ":" in host else host


def url_from_host(installation: Installation, host: str) -> str:
    """Return the URL that a package upgrade or reconfigure makes of the host in debconf."""
    port = installation.fact("default_port")
    return f"http://{host}{'' if port == 80 else f':{port}'}/MAAS"


def when_rewritten(installation: Installation) -> str:
    """Return when the region's package makes its URL of debconf's answer."""
    rewrites = installation.fact("upgrade_rewrites_url")
    return "package upgrade" if rewrites else "dpkg-reconfigure of the package"


def edit_skips(installation: Installation, url: str) -> bool:
    """Return whether the packages' edit of the URL's line cannot match this URL (1.5 to 1.8)."""
    return installation.fact("upgrade_rewrites_url") and bool(re.search(r"[^a-zA-Z0-9:/.]", url))


def trap(installation: Installation, answer: str) -> str | None:
    """Return what would go wrong with this answer to the region's question, if anything.

    Args:
        answer: What debconf has for ``maas/default-maas-url``.

    Returns:
        A sentence, or None when it is a host alone.
    """
    when = when_rewritten(installation)
    # From 1.9 on the package's script gives the URL to a command of MAAS, which checks it.
    makes = "fails, since MAAS refuses the URL that the script makes of it"
    if not answer:
        makes = "makes the broken URL http:///MAAS" if installation.release < "1.9" else makes
        return f"debconf has no host: the next {when} {makes}."
    if "/" in answer:
        makes = "makes a broken URL of it" if installation.release < "1.9" else makes
        return f"debconf has a URL where a host belongs: the next {when} {makes}."
    if re.search(r"[^\[:]:\d+$", answer) and "]" not in answer.rpartition(":")[2]:
        if installation.release < "2.1":
            makes = f"makes {url_from_host(installation, answer)}"
        return f"debconf has a port where only a host belongs: the next {when} {makes}."
    return None


def reconfigure(installation: Installation, package: str) -> None:
    """Run a package's own configuration once more, without questions.

    Args:
        package: Such as ``maas-region-controller``.

    Raises:
        HostError: It failed, or did not end in time.
    """
    argv = ["dpkg-reconfigure", "--frontend=noninteractive", package]
    installation.check(argv, timeout=600)  # a script that asks for ever is ended


def plan_region(installation: Installation, url: str) -> dict:
    """Return what debconf has to hold for a region URL.

    Returns:
        ``{"changes": {question: {"old", "new"}}, "warnings": [text]}``.
    """
    question = installation.fact("region_host_question")
    if not question:
        return {"changes": {}, "warnings": []}
    host = region_host(url)
    old = show(installation, *installation.fact("region_packages")).get(question, "")
    warnings = []
    would_be = url_from_host(installation, host)
    if edit_skips(installation, url):
        warnings.append(
            "The packages' own edit of the URL takes letters, digits, ':', '/' and '.' only: it "
            "leaves this URL alone, whatever debconf holds."
        )
    elif would_be != url.rstrip("/"):
        when = when_rewritten(installation)
        warnings.append(f"Debconf can only hold a host: the next {when} makes the URL {would_be}.")
    changes = {} if old == host else {question: {"old": old, "new": host}}
    return {"changes": changes, "warnings": warnings}
