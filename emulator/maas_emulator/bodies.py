"""Fields and files of requests' bodies."""

from __future__ import annotations

import re
from urllib.parse import unquote


class Form(dict):
    """Fields of a query or body: ``{name: [value, ...]}``; values of JSON keep their type."""

    def get(self, name, default=None):
        """The last value of a field."""
        values = super().get(name)
        return values[-1] if values else default

    def getlist(self, name):
        """All values of a field, in the order sent."""
        return super().get(name) or []

    @classmethod
    def of_pairs(cls, pairs):
        form = cls()
        for name, value in pairs:
            form.setdefault(name, []).append(value)
        return form


def read_multipart(content_type, body):
    """Split a multipart body into fields and files.

    Args:
        content_type: The whole header, which names the boundary.
        body: Bytes as received.

    Returns:
        A :class:`Form` and ``{name: bytes}`` of the parts that are files.
    """
    form, files = Form(), {}
    match = re.search(r'boundary="?([^";]+)', content_type)
    if not match:
        return form, files
    for part in body.split(b"--" + match.group(1).encode())[1:]:
        head, found, content = part.partition(b"\r\n\r\n")
        if not found:
            continue
        content = content[:-2]  # the line end before the next boundary is not content
        line = re.search(rb"(?im)^content-disposition:(.*)$", head)
        name = re.search(rb'[; ]name="?([^";\r]+)', line.group(1)) if line else None
        if not name:
            continue
        key = unquote(name.group(1).decode())
        if re.search(rb"[; ]filename\*?=", line.group(1)):
            files[key] = content
        else:
            form.setdefault(key, []).append(content.decode("utf-8", "replace"))
    return form, files
