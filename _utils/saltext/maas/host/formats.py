"""The syntaxes of MAAS's configuration files: change a value, keep all the rest."""

from __future__ import annotations

import ast
import re

import yaml
from saltext.maas.host.errors import HostError

# Flat YAML: regiond.conf, clusterd.conf, rackd.conf


def yaml_read(text: str | None, name: str = "the file") -> dict:
    """Read a flat YAML mapping; no text is an empty one.

    Raises:
        HostError: It is something else.
    """
    try:
        data = yaml.safe_load(text or "")
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" (line {mark.line + 1})" if mark else ""
        raise HostError(f"{name} is not valid YAML{where}.") from None
    if data is None:
        return {}
    if not isinstance(data, dict):
        raise HostError(f"{name} is not a YAML mapping.")
    return data


def yaml_update(text: str | None, changes: dict, name: str = "the file") -> str:
    """Set keys of a flat YAML mapping; comments and other keys stay.

    Args:
        text: What the file holds now.
        changes: New values; None removes a key.
        name: File for messages.

    Returns:
        The new text.
    """
    wanted = {**yaml_read(text, name), **changes}
    wanted = {key: value for key, value in wanted.items() if value is not None}
    lines = (text or "").splitlines()
    for key, value in changes.items():
        new = [] if value is None else _yaml_line(key, value)
        place = next((at for at, line in enumerate(lines) if _is_key(line, key)), None)
        if place is None:
            lines += new
            continue
        end = place + 1
        while end < len(lines) and re.match(r"[ \t]+\S|- ", lines[end]):
            end += 1
        lines[place:end] = new
    edited = "\n".join([*lines, ""]) if lines else ""
    try:
        same = yaml_read(edited, name) == wanted
    except HostError:
        same = False
    # A layout that lines cannot express, such as {a: 1}, is written anew.
    return edited if same else _yaml_text(wanted)


def _yaml_text(data):
    return yaml.safe_dump(data, default_flow_style=False, width=10**6)


def _yaml_line(key, value):
    return _yaml_text({key: value}).splitlines()


def _is_key(line, key):
    return re.match(rf"(['\"]?){re.escape(key)}\1\s*:(\s|$)", line) is not None


# Shell assignments: maas_cluster.conf


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


# Python assignments: maas_local_settings.py


def python_read(text: str | None, name: str = "the file") -> dict:
    """Read what we know of maas_local_settings.py, without running it.

    Returns:
        ``url``, ``debug``, ``database_host``, ``_port``, ``_name``, ``_user``,
        ``_password``, ``broker_host`` and ``broker_longpoll_password``, as far as
        they are there as literals.
    """
    values = {}
    for target, node in _assignments(text, name):
        if target == "DEFAULT_MAAS_URL" and isinstance(node, ast.Constant):
            values["url"] = node.value
        elif target == "DEBUG" and isinstance(node, ast.Constant):
            values["debug"] = bool(node.value)
        elif target in _BROKER_KEYS and isinstance(node, ast.Constant):
            values[_BROKER_KEYS[target]] = node.value
        elif target == "DATABASES":
            for key, item in _database_items(node).items():
                if key in _DATABASE_KEYS.values() and isinstance(item, ast.Constant):
                    field = next(ours for ours, theirs in _DATABASE_KEYS.items() if theirs == key)
                    values[field] = item.value
    return values


_BROKER_KEYS = {
    "RABBITMQ_HOST": "broker_host",
    "RABBITMQ_PASSWORD": "broker_longpoll_password",
}
_DATABASE_KEYS = {
    "database_host": "HOST",
    "database_port": "PORT",
    "database_name": "NAME",
    "database_user": "USER",
    "database_password": "PASSWORD",
}


def _assignments(text, name):
    try:
        module = ast.parse(text or "")
    except (SyntaxError, ValueError):
        raise HostError(f"{name} is not readable as Python assignments.") from None
    for node in module.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            yield node.targets[0].id, node.value


def _database_items(node):
    """``{key: node}`` of DATABASES['default']."""
    for key, value in _items(node):
        if key == "default":
            return dict(_items(value))
    return {}


def _items(node):
    if not isinstance(node, ast.Dict):
        return
    for key, value in zip(node.keys, node.values):
        if isinstance(key, ast.Constant):
            yield key.value, value


def python_update(text: str | None, changes: dict, name: str = "the file") -> str:
    """Set values of maas_local_settings.py in the shapes that the package's own edits expect.

    Args:
        text: What the file holds now.
        changes: Keys as :func:`python_read` returns them.
        name: File for messages.

    Returns:
        The new text.

    Raises:
        HostError: It has no DATABASES to change, or a value does not fit.
    """
    text = text or ""
    for key, value in changes.items():
        if key == "url":
            text = _python_url(text, value)
        elif key == "debug":
            text = _python_line(text, "DEBUG", repr(bool(value)))
        elif key in _BROKER_KEYS.values():
            target = next(theirs for theirs, ours in _BROKER_KEYS.items() if ours == key)
            text = _python_line(text, target, _single_quoted(str(value)))
        elif key in _DATABASE_KEYS:
            text = _python_database(text, _DATABASE_KEYS[key], str(value), name)
        else:
            raise HostError(f"{name} has no place for {key}.")
    return text


def _python_url(text, url):
    if re.search(r"[\"\\\s]", url):
        raise HostError("A region URL cannot hold quotes, spaces or a backslash.")
    # Double quotes in column 0 are what the package's upgrade looks for.
    return _python_line(text, "DEFAULT_MAAS_URL", f'"{url}"')


def _python_line(text, target, literal):
    line = f"{target} = {literal}"
    pattern = re.compile(rf"^{target}\s*=.*$", re.MULTILINE)
    if pattern.search(text):
        return pattern.sub(lambda _: line, text)
    gap = "" if not text or text.endswith("\n") else "\n"
    return f"{text}{gap}{line}\n"


def _python_database(text, key, value, name):
    items = {}
    for target, node in _assignments(text, name):
        if target == "DATABASES":
            items = _database_items(node)
    if not items:
        raise HostError(f"{name} has no DATABASES entry 'default' to change.")
    literal = _single_quoted(value)
    raw = text.encode()
    starts = [0]
    for line in raw.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    if key in items:
        node = items[key]
        start = starts[node.lineno - 1] + node.col_offset
        end = starts[node.end_lineno - 1] + node.end_col_offset
        return (raw[:start] + literal.encode() + raw[end:]).decode()
    # A missing key goes into a line of its own, before the first one.
    first = next(iter(items))
    where = re.compile(rf"(['\"]){re.escape(first)}\1\s*:\s*$".encode())
    value_at = starts[items[first].lineno - 1] + items[first].col_offset
    found = where.search(raw[:value_at])
    if not found:
        raise HostError(f"{name} writes DATABASES in a way that cannot be changed safely.")
    new = f"'{key}': {literal},\n        ".encode()
    return (raw[: found.start()] + new + raw[found.start() :]).decode()


def _single_quoted(text):
    # The package's own edits look for single quotes around these values.
    inner = repr('"' + text)[2:-1]  # the double quote makes repr use single ones
    return f"'{inner}'"


# maas_local_celeryconfig.py: BROKER_URL = 'amqp://maas_workers:PASSWORD@HOST:5672//maas_workers'

_AMQP = re.compile(r"(amqp://[^:@/\s]*:)([^@/\s]*)@(\[[^\]]*\]|[^:/@\s]*)")


def broker_url_read(text: str | None, name: str = "the file") -> dict:
    """``broker_workers_host`` and ``broker_workers_password`` of BROKER_URL."""
    for target, node in _assignments(text, name):
        if target == "BROKER_URL" and isinstance(node, ast.Constant):
            found = _AMQP.match(str(node.value))
            if found:
                return {
                    "broker_workers_password": found.group(2),
                    "broker_workers_host": found.group(3).strip("[]"),
                }
    return {}


def broker_url_update(text: str | None, changes: dict, name: str = "the file") -> str:
    """Set host or password of BROKER_URL in single quotes, as the package's own edits expect.

    Raises:
        HostError: There is no BROKER_URL of the known form.
    """
    now = broker_url_read(text, name)
    if not now:
        raise HostError(f"{name} has no BROKER_URL of the form amqp://USER:PASSWORD@HOST.")
    then = {**now, **changes}
    host = then["broker_workers_host"]
    host = f"[{host}]" if ":" in host else host

    def line(found):
        new = f"{then['broker_workers_password']}@{host}"
        url = _AMQP.sub(lambda parts: parts.group(1) + new, found.group(2))
        return f"BROKER_URL = '{url}'"

    return re.sub(r"^BROKER_URL\s*=\s*(['\"])(.*)\1\s*$", line, text, flags=re.MULTILINE)


# txlongpoll.yaml: a section broker with host and password

_LONGPOLL_KEYS = {"broker_host": "host", "broker_longpoll_password": "password"}


def longpoll_read(text: str | None, name: str = "the file") -> dict:
    """``broker_host`` and ``broker_longpoll_password`` of the section ``broker``."""
    section = yaml_read(text, name).get("broker")
    section = section if isinstance(section, dict) else {}
    return {
        ours: section[key] for ours, key in _LONGPOLL_KEYS.items() if section.get(key) is not None
    }


def longpoll_update(text: str | None, changes: dict, name: str = "the file") -> str:
    """Set them in double quotes behind two spaces, as the package's own edits expect.

    Raises:
        HostError: There is no section ``broker``.
    """
    found = re.search(
        r"^broker:[ \t]*(?:#.*)?\n((?:[ \t]+.*\n|[ \t]*\n|#.*\n)*)", text or "", re.MULTILINE
    )
    if not found:
        raise HostError(f"{name} has no section broker.")
    section = found.group(1)
    for ours, value in changes.items():
        key = _LONGPOLL_KEYS[ours]
        line = f'  {key}: "{value}"'
        pattern = re.compile(rf"^[ \t]+{key}:.*$", re.MULTILINE)
        if pattern.search(section):
            section = pattern.sub(lambda _, line=line: line, section, count=1)
        else:
            section = f"{line}\n{section}"
    return text[: found.start(1)] + section + text[found.end(1) :]


# pserv.yaml

_GENERATOR = re.compile(
    r"^(?P<indent>[ \t]*)#?[ \t]*generator:[ \t]*(?P<url>\S*)[ \t]*$", re.MULTILINE
)


def pserv_generator(text: str | None) -> str | None:
    """The URL of the ``generator:`` line, or None when it is only a comment."""
    for found in _GENERATOR.finditer(text or ""):
        if "#" not in found.group(0):
            return found.group("url") or None
    return None


def pserv_set_generator(text: str, region_url: str) -> str:
    """Point the ``generator:`` line at a region; a commented one comes to life.

    Raises:
        HostError: There is no such line.
    """
    url = f"{region_url.rstrip('/')}/api/1.0/pxeconfig/"
    new, count = _GENERATOR.subn(lambda found: f"{found['indent']}generator: {url}", text)
    if not count:
        raise HostError("pserv.yaml has no generator line.")
    return new


def pserv_value(text: str | None, key: str) -> str | None:
    """Value of a key of the ``tftp:`` section, or None when it is only a comment."""
    for _, line in _tftp_lines((text or "").split("\n")):
        found = re.match(rf"[ \t]+{re.escape(key)}:[ \t]*(\S+)", line)
        if found:
            return found.group(1)
    return None


def pserv_set(text: str | None, key: str, value: str) -> str:
    """Set a key of the ``tftp:`` section; a commented line comes to life."""
    lines = (text or "").split("\n")
    section = list(_tftp_lines(lines))
    for pattern in (rf"([ \t]+){re.escape(key)}:", rf"([ \t]+)#[ \t]*{re.escape(key)}:"):
        for number, line in section:
            found = re.match(pattern, line)
            if found:
                lines[number] = f"{found.group(1)}{key}: {value}"
                return "\n".join(lines)
    head = next((at for at, line in enumerate(lines) if re.match(r"tftp:\s*$", line)), None)
    if head is None:
        return f"{(text or '').rstrip()}\ntftp:\n  {key}: {value}\n".lstrip()
    lines.insert(head + 1, f"  {key}: {value}")
    return "\n".join(lines)


def _tftp_lines(lines):
    inside = False
    for number, line in enumerate(lines):
        if re.match(r"[^\s#]", line):
            inside = bool(re.match(r"tftp:\s*$", line))
        elif inside:
            yield number, line


# maas_local_celeryconfig_cluster.py

_CELERY_UUID = re.compile(r"^CLUSTER_UUID\s*=\s*['\"]([^'\"]*)['\"].*$", re.MULTILINE)


def celery_uuid(text: str | None) -> str | None:
    """The cluster's uuid in its celery configuration, or None."""
    found = _CELERY_UUID.search(text or "")
    return found.group(1) or None if found else None


def celery_set_uuid(text: str | None, uuid: str) -> str:
    """Set that uuid."""
    line = f"CLUSTER_UUID = '{uuid}'"
    if _CELERY_UUID.search(text or ""):
        return _CELERY_UUID.sub(lambda _: line, text)
    return f"{text or ''}{line}\n"
