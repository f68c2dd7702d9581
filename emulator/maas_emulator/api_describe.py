"""``describe/``: what this region serves, made from its routes."""

from __future__ import annotations

import hashlib
import re

import yaml

from maas_emulator.web import BARE_JSON, Endpoint, Response, as_json

describe = Endpoint("describe/", "")
openapi = Endpoint("openapi.yaml", "", since="3.3")

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
    if request.region.release >= "1.9":
        text = repr([(item["name"], item["auth"]["path"]) for item in resources])
        answer["hash"] = hashlib.sha256(text.encode()).hexdigest()[:40]
    return as_json(answer, content_type=BARE_JSON)


@openapi("GET", anonymous=True)
def read_openapi(request):
    """Describe the API as OpenAPI does."""
    paths: dict = {}
    for endpoint, operations in request.region.routes.endpoints:
        for operation in operations.values():
            path = "/" + re.sub(r"\{(\w+)(:(?:[^{}]|\{\d+\})+)?\}", r"{\1}", endpoint.template)
            path += f"op-{operation.op}" if operation.op else ""
            paths.setdefault(path, {})[operation.method.lower()] = {
                "operationId": f"{endpoint.name}_{operation.op or _CRUD[operation.method]}",
                "summary": operation.doc,
                "responses": {"200": {"description": ""}},
            }
    info = {"title": "MAAS HTTP API", "version": "2.0.0"}
    text = yaml.safe_dump({"openapi": "3.1.0", "info": info, "paths": paths})
    return Response(200, text, "application/openapi+yaml")
