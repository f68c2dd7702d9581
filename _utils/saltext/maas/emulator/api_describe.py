"""``describe/``: what this region serves, made from its routes."""

from __future__ import annotations

import hashlib
import re

from saltext.maas.emulator.web import BARE_JSON, Endpoint, as_json

describe = Endpoint("describe/", "")

_CRUD = {"GET": "read", "POST": "create", "PUT": "update", "DELETE": "delete"}


def _action(operation):
    return {
        "name": operation.op or _CRUD[operation.method],
        "op": operation.op,
        "method": operation.method,
        "restful": operation.op is None,
        "doc": operation.doc,
    }


def _handler(request, endpoint, operations):
    template = re.sub(r"\{(\w+)(:(?:[^{}]|\{\d+\})+)?\}", r"{\1}", endpoint.template)
    path = f"/MAAS/api/{request.region.release.api}/{template}"
    return {
        "name": endpoint.name,
        "doc": "",
        "path": path,
        "uri": f"http://{request.headers.get('host', '')}{path}",
        "params": re.findall(r"\{(\w+)\}", template),
        "actions": [_action(operation) for operation in operations.values()],
    }


@describe("GET", anonymous=True)
def read_description(request):
    """Describe the API."""
    resources = []
    for endpoint, operations in request.region.routes.endpoints:
        if endpoint is not describe:
            handler = _handler(request, endpoint, operations)
            resources.append({"name": endpoint.name, "auth": handler, "anon": None})
    answer = {"doc": "MAAS API", "resources": resources}
    answer["handlers"] = [item["auth"] for item in resources]
    if request.region.release >= "2.0":
        text = repr([(item["name"], item["auth"]["path"]) for item in resources])
        answer["hash"] = hashlib.sha256(text.encode()).hexdigest()[:40]
    return as_json(answer, content_type=BARE_JSON)
