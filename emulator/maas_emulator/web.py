"""What a handler gets and gives: requests, forms, answers and the table of endpoints."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import parse_qsl, quote

from maas_emulator.bodies import Form, read_multipart
from maas_emulator.release import Release

JSON = "application/json; charset=utf-8"
BARE_JSON = "application/json"
TEXT = "text/plain; charset=utf-8"
BARE_TEXT = "text/plain"
HTML = "text/html; charset=utf-8"

_HTML_PAGE = """<!DOCTYPE html>
<html>
  <head>
    <title>Error: {title}</title>
  </head>
  <body>
    <h2>{text}</h2>
  </body>
</html>
"""


class Response:
    """An answer: status, body in bytes, content type and further headers."""

    __slots__ = ("body", "content_type", "headers", "status")

    def __init__(self, status=200, body=b"", content_type=BARE_TEXT, headers=None):
        self.status = status
        self.body = body.encode() if isinstance(body, str) else body
        self.content_type = content_type
        self.headers = headers or {}


class Answer(Exception):
    """Ends a handler with the given answer."""

    def __init__(self, status=200, body=b"", content_type=TEXT, headers=None):
        super().__init__(status)
        self.response = Response(status, body, content_type, headers)


class Invalid(Answer):
    """400 with the JSON of a form's errors: ``{field: [message, ...]}``.

    The content type is that of the release, unless one is given.
    """

    def __init__(self, errors, content_type=None):
        super().__init__(400, json.dumps(errors), content_type)
        self.errors = errors


class Missing(Answer):
    """404 as the region words it.

    Args:
        kind: Name of the model (``Fabric``), which 2.0 puts into its text; 1.x says
            ``Not Found`` whatever it is.
    """

    def __init__(self, kind, request):
        two = request.region.release.api == "2.0"
        text = f"No {kind} matches the given query." if two else "Not Found"
        super().__init__(404, text, BARE_TEXT)


def as_json(data, status=200, content_type=JSON, headers=None):
    """Answer with data as JSON (not indented, as MAAS does, since that costs time)."""
    return Response(status, json.dumps(data), content_type, headers)


def as_text(text, status=200, content_type=TEXT):
    """Answer with plain text."""
    return Response(status, text, content_type)


def no_content():
    """The answer to a deletion."""
    return Response(204, b"", BARE_TEXT)


def in_path(text):
    """A name as a part of a URI."""
    return quote(text, safe="!$&'()*+,;=/~:@")


def html_page(status, title, text, headers=None, content_type=HTML):
    """One of the pages that MAAS answers with where no API code is in charge."""
    return Response(status, _HTML_PAGE.format(title=title, text=text), content_type, headers)


def conflict():
    """409 with the page for what waits for something else until it times out."""
    text = "Conflict error. Try your request again, as it will most likely succeed."
    answer = Answer(409)
    answer.response = html_page(409, "Conflict Error", text, {"Retry-After": "5"})
    return answer


def gateway_page():
    """503 with a page, as a proxy answers while the region behind it starts."""
    answer = Answer(503)
    answer.response = html_page(503, "503 Service Unavailable", "No server is available.")
    return answer


class Request:
    """One call of the API.

    Attributes:
        region: The :class:`~maas_emulator.core.Region` that is asked.
        method, path, op: Verb, path below ``/MAAS/api/X.Y/``, operation or None.
        ids: Values of the path template's names.
        query, form, files: Fields; ``files`` maps names to bytes.
        user, token: The user who signed it and the key used for it, None when anonymous.
        content_type: Media type of the body, ``""`` when there is none.
        bound: False when a body is of a type that holds no form: MAAS answers with ``{}``.
    """

    def __init__(self, region, method, path, query="", headers=None, body=b""):
        self.region = region
        self.method = method
        self.path = path
        self.query = Form.of_pairs(parse_qsl(query, keep_blank_values=True)) if query else Form()
        self.headers = headers or {}
        self.body = body
        self.content_type = self.headers.get("content-type", "").partition(";")[0].strip().lower()
        self.form = Form()
        self.files = {}
        self.bound = True
        self.ids = {}
        self.user: Any = None
        self.token: Any = None
        self.op = self.query.get("op")

    @property
    def is_json(self):
        """Whether the body is JSON, where 1.x code that wants repeated fields breaks."""
        return self.content_type == "application/json"

    def read_body(self):
        """Fill :attr:`form` and :attr:`files` from the body.

        Raises:
            Answer: 400 for malformed JSON, 500 for JSON that is no object.
        """
        if self.method not in ("POST", "PUT"):
            return
        if self.content_type == "application/x-www-form-urlencoded":
            text = self.body.decode("utf-8", "replace")
            self.form = Form.of_pairs(parse_qsl(text, keep_blank_values=True))
        elif self.content_type == "multipart/form-data":
            self.form, self.files = read_multipart(self.headers["content-type"], self.body)
        elif self.is_json:
            self._read_json()
        elif self.content_type:
            self.bound = False
        if self.method == "POST" and "op" in self.form and "op" not in self.query:
            self.op = self.form.get("op")

    def _read_json(self):
        try:
            data = json.loads(self.body)
        except ValueError:
            raise Answer(400, "Bad Request", BARE_TEXT) from None
        if not isinstance(data, dict):
            kind = type(data).__name__
            raise Answer(500, f"'{kind}' object has no attribute 'items'", TEXT)
        self.form = Form((k, v if isinstance(v, list) else [v]) for k, v in data.items())
        if self.region.release.api == "1.0":  # its forms want texts, and nothing for null
            texts = {k: [str(v) for v in vs if v is not None] for k, vs in self.form.items()}
            self.form = Form((k, vs) for k, vs in texts.items() if vs)

    def may(self, entitlement, pool=None):
        """Whether the user who signed it may do something, see ``Region.may``."""
        return self.region.may(self.user, entitlement, pool)

    def admin_only(self, entitlement="can_edit_global_entities", pool=None):
        """Refuse ordinary users, once it is known that there is what they ask for.

        Raises:
            Answer: 403 without a text.
        """
        if not self.may(entitlement, pool):
            raise Answer(403, b"", TEXT)

    def needed(self, name):
        """A field that an operation cannot do without.

        Raises:
            Answer: 400 ``No provided NAME!``.
        """
        source = self.query if self.method in ("GET", "DELETE") else self.form
        value = source.get(name)
        if value is None:
            raise Answer(400, f"No provided {name}!", TEXT)
        return value


_PLAIN = re.compile(r"[\w-]+\Z")


class Operation:
    """A function that answers one method and op of an endpoint."""

    __slots__ = ("admin", "anonymous", "call", "doc", "method", "needs", "op", "since", "until")

    def __init__(self, call, method, op, admin, anonymous, since, until, needs=None):
        self.call = call
        self.method = method
        self.op = op
        self.admin = admin
        self.anonymous = anonymous
        self.needs = needs
        self.since = Release(since) if since else None
        self.until = Release(until) if until else None
        self.doc = (call.__doc__ or "").strip()

    def served_by(self, release):
        """Whether the release has it: from ``since`` on, and before ``until``."""
        return (not self.since or release >= self.since) and (
            not self.until or release < self.until
        )


class Endpoint:
    """A path of the API; calling it declares an operation.

    Args:
        template: Path below ``api/X.Y/``, ``{name}`` for one segment, ``{name:REGEX}`` for
            others; it ends in ``/`` where MAAS wants one.
        name: What ``describe/`` calls it.
        restricted: Only administrators may use it at all (403, also for anonymous calls).
        since, until: Releases that have it, as in :class:`Operation`.
        plain_until: First release where the first name in the path may hold more than letters,
            digits, ``-`` and ``_``: before that, such a path is unknown.
        gone: (first release that has taken away what it was for, text), if there is one: its
            operations are answered 410 from then on.
    """

    def __init__(
        self,
        template,
        name="",
        restricted=False,
        since=None,
        until=None,
        plain_until=None,
        gone=None,
    ):
        self.template = template
        self.name = name
        self.restricted = restricted
        self.since, self.until = since, until
        self.plain_until = plain_until
        self.gone = gone
        self.operations: list[Operation] = []
        pattern = re.sub(
            r"\{(\w+)(?::((?:[^{}]|\{\d+\})+))?\}",
            lambda match: f"(?P<{match.group(1)}>{match.group(2) or '[^/]+'})",
            template,
        )
        self.regex = re.compile(pattern + ("+" if template.endswith("/") else "") + r"\Z")

    def __call__(
        self, method, op=None, *, admin=False, anonymous=False, since=None, until=None, needs=None
    ):
        """Declare the decorated function as an operation.

        Args:
            method: ``GET``, ``POST``, ``PUT`` or ``DELETE``.
            op: Name of a custom operation.
            admin: Refuse other users with 403.
            anonymous: True when no key is needed, ``"only"`` when a signed call is refused.
            since, until: Releases that have it (``until`` is the first that has not).
            needs: Entitlement that it takes from 3.8 on, whatever ``admin`` says.
        """

        def declare(function):
            first, gone = since or self.since, until or self.until
            operation = Operation(function, method, op, admin, anonymous, first, gone, needs)
            self.operations.append(operation)
            return function

        return declare


class Routes:
    """The endpoints that one release serves, and the way from a path to them."""

    def __init__(self, endpoints, release):
        self._release = release
        self.endpoints = []
        self._fixed = {}
        self._patterns: dict[str, list] = {}
        for endpoint in endpoints:
            operations = {}
            for operation in endpoint.operations:
                if operation.served_by(release):
                    operations[operation.method, operation.op] = operation
            if not operations:
                continue
            entry = (endpoint, operations)
            self.endpoints.append(entry)
            if "{" in endpoint.template:
                self._patterns.setdefault(endpoint.template.split("/")[0], []).append(entry)
            else:
                self._fixed[endpoint.template] = entry

    def find(self, path):
        """Find ``(endpoint, operations, ids)`` of a path, or None."""
        entry = self._fixed.get(path)
        if entry:
            return (*entry, {})
        doubled = path.endswith("//")
        lenient = self._release >= "1.9"  # about more than one slash at the end
        if doubled and lenient and path.rstrip("/") + "/" in self._fixed:
            return (*self._fixed[path.rstrip("/") + "/"], {})
        for endpoint, operations in self._patterns.get(path.partition("/")[0], ()):
            if doubled and not lenient and ":." not in endpoint.template:
                continue
            match = endpoint.regex.match(path)
            if match and endpoint.plain_until and self._release < endpoint.plain_until:
                match = _PLAIN.match(match.group(1)) and match
            if match:
                return endpoint, operations, match.groupdict()
        return None
