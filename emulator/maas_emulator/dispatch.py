"""The way from a request to the handler that answers it."""

from __future__ import annotations

import re
from urllib.parse import quote_plus

from maas_emulator import entitlements, guards, oauth, region_hosts
from maas_emulator.web import (
    BARE_TEXT,
    HTML,
    TEXT,
    Answer,
    Response,
    as_json,
    html_page,
)

_FORBIDDEN = "User is not allowed access to this API."
_ADMIN_ONLY = "This method is reserved for admin users."
_LOGIN = "/MAAS/accounts/login/"


def dispatch(region, request, raw_path, query):
    """Find what a request asks for, who asks, and answer.

    Args:
        region: The region that is asked.
        request: Its :class:`~maas_emulator.web.Request`.
        raw_path: Path as it was sent, which signatures are of.
        query: Query as it was sent.

    Returns:
        A :class:`~maas_emulator.web.Response`.

    Raises:
        Answer: The request is refused.
    """
    prefix = f"/MAAS/api/{region.release.api}/"
    path = request.path[len(prefix) :] if request.path.startswith(prefix) else None
    found = None if path is None else region.routes.find(path)
    if found is None and path is not None and region.release.api == "2.0":
        # The OpenAPI description writes operations into the path.
        parent, _, last = path.rpartition("/")
        if last.startswith("op-"):
            found = region.routes.find(parent + "/")
            request.op = last[3:]
    if found is None:
        return _unknown_path(region, request, path, query)
    endpoint, operations, request.ids = found
    request.user, request.token = oauth.authenticate(region, request, raw_path, query)
    request.read_body()
    if endpoint.template == "describe/" and region.release.api == "1.0":
        return _describe(request, operations)
    operation = _choose(region, request, endpoint, operations)
    shape = request.query.get("format", "json")
    if shape != "json":
        raise Answer(400, f"Invalid output format specified '{shape}'.", BARE_TEXT)
    result = operation.call(request)
    return result if isinstance(result, Response) else as_json(result)


def _describe(request, operations):
    """What 1.x makes of ``describe/``: a page like any other, which knows no operations."""
    if request.method != "GET" and request.region.release < "1.9":
        text = "CSRF verification failed."
        return html_page(403, "Forbidden", text, content_type="text/html")
    return operations["GET", None].call(request)


def _choose(region, request, endpoint, operations):
    """The operation that a request asks for, if it may have it."""
    user, method = request.user, request.method
    operation = operations.get((method, request.op))
    guarded = region.release >= entitlements.SINCE and endpoint.name in guards.HANDLERS
    restricted = endpoint.restricted and not guarded
    if user is None:
        open_to_all = [op.method for op in operations.values() if op.anonymous]
        if not (operation and operation.anonymous):
            if restricted:
                raise Answer(403, _FORBIDDEN, TEXT)
            # What asks nobody for a key answers a wrong method itself.
            if method not in open_to_all and len(open_to_all) < len(operations):
                raise Answer(401, "Forbidden", BARE_TEXT)
            operation = None
    elif restricted and not region.may(user, "can_edit_global_entities"):
        raise Answer(403, _FORBIDDEN, TEXT)
    elif operation and operation.anonymous == "only":
        operation = None
    if operation:
        _check(request, endpoint, operation)
        return operation
    methods = sorted({op.method for op in operations.values()})
    if method not in methods:
        raise Answer(405, b"", HTML, {"Allow": ", ".join(methods)})
    if region.release < "1.8":
        raise Answer(400, f"Unrecognised signature: {method} {request.op}", TEXT)
    raise Answer(400, f"Unrecognised signature: method={method} op={request.op}", TEXT)


def _check(request, endpoint, operation):
    """Refuse an operation that was removed, or that the user is not permitted."""
    region, user = request.region, request.user
    if endpoint.gone and region.release >= endpoint.gone[0]:
        raise Answer(410, endpoint.gone[1], TEXT)
    if region.release < entitlements.SINCE:
        if operation.admin and not user.is_superuser:
            raise Answer(403, _ADMIN_ONLY, TEXT)
        return
    needs = operation.needs or guards.NEEDED.get((endpoint.name, operation.method, operation.op))
    if needs:
        entitlements.guard(region, user, needs)
    elif operation.admin and "{" not in endpoint.template:  # else asked once the object is known
        request.admin_only("can_edit_machines")


def _unknown_path(region, request, path, query):
    if path is None and region.release < "2.0" and request.path.startswith("/MAAS/"):
        return _web_interface(request)
    if region.release >= "2.0" and request.path == "/MAAS/api/version/":
        return Response(200, "2.0", BARE_TEXT)
    if region.release >= "2.0" and request.path == "/MAAS/rpc/":
        return region_hosts.rpc(region)
    if region.release >= "2.0" and request.path.startswith("/MAAS/api/1.0/"):
        text = "The 1.0 API is no longer available. Please use API version 2.0."
        return Response(410, text, TEXT)
    if region.release >= "1.8":
        shown = re.sub("/+$", "/", request.path) if region.release < "2.0" else request.path
        return Response(404, f"Unknown API endpoint: {shown}.", TEXT)
    if path and not path.endswith("/") and region.routes.find(path + "/"):
        place = f"http://{request.headers.get('host', '')}{request.path}/"
        place += f"?{query}" if query else ""
        return Response(301, b"", HTML, {"Location": place})
    return html_page(404, "Page not found", "The requested URL was not found.")


def _web_interface(request):
    """What 1.x says to any path but those of its API: log in first, even where nothing is."""
    if request.path == _LOGIN:
        return html_page(200, "Login", "Login to MAAS")
    host = request.headers.get("host", "")
    place = f"http://{host}{_LOGIN}?next={quote_plus(request.path, safe='')}"
    return Response(302, b"", HTML, {"Location": place})
