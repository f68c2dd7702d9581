"""Fields and files of requests' bodies."""

from __future__ import annotations

import base64
import binascii

from multipart import MultipartError, MultipartSegment, PushMultipartParser, parse_options_header


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

    As Django does, parts that MAAS's own command line sends in base64 are decoded, and what
    can be read of a broken body counts.

    Args:
        content_type: The whole header, which names the boundary.
        body: Bytes as received.

    Returns:
        A :class:`Form` and ``{name: bytes}`` of the parts that are files.
    """
    form, files = Form(), {}
    for part, content in _parts(parse_options_header(content_type)[1].get("boundary"), body):
        if not part.name:
            continue
        if part.header("Content-Transfer-Encoding", "").strip().lower() == "base64":
            content = _decoded(content)
        if part.filename or "filename*=" in part["Content-Disposition"]:
            files[part.name] = content
        else:
            form.setdefault(part.name, []).append(content.decode("utf-8", "replace"))
    return form, files


def _parts(boundary, body):
    """The parts of a body up to its end or the first mistake, with their contents."""
    found = []
    try:
        for event in PushMultipartParser(boundary or "").parse(body):
            if isinstance(event, MultipartSegment):
                found.append((event, bytearray()))
            elif event:
                found[-1][1].extend(event)
    except MultipartError:
        pass  # a body without an end, say
    return [(part, bytes(content)) for part, content in found]


def _decoded(content):
    try:
        return base64.b64decode(content)
    except binascii.Error:
        return content
