"""Shell assignments: maas_cluster.conf."""

from __future__ import annotations

import re

from saltext.maas.host.errors import HostError


def _assignment(name):
    return re.compile(
        rf"^(?P<head>\s*(?:export\s+)?{re.escape(name)}=)"
        r"(?P<value>\"[^\"\n]*\"|'[^'\n]*'|[^\s#;]*)",
        re.MULTILINE,
    )


def shell_read(text: str | None, name: str) -> str | None:
    """Value of the last assignment to a name, or None."""
    found = list(_assignment(name).finditer(text or ""))
    return found[-1].group("value").strip("\"'") or None if found else None


def shell_set(text: str | None, name: str, value: str) -> str:
    """Assign ``NAME="value"``, in place of the last assignment or at the end.

    Raises:
        HostError: The value has a character that a shell would interpret.
    """
    if re.search(r"[\"'$`\\\s]", value):
        raise HostError(f"{name} cannot hold quotes, spaces, '$', '`' or a backslash.")
    text = text or ""
    found = list(_assignment(name).finditer(text))
    if found:
        last = found[-1]
        return f'{text[: last.start()]}{last.group("head")}"{value}"{text[last.end() :]}'
    gap = "" if not text or text.endswith("\n") else "\n"
    return f'{text}{gap}{name}="{value}"\n'
