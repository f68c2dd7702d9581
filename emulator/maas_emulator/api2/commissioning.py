"""``commissioning-scripts/``, which ``scripts/`` took the place of in 2.2."""

from __future__ import annotations

import base64

from maas_emulator import texts
from maas_emulator.api2.scripts import read_form, refuse_default
from maas_emulator.crud import by_name
from maas_emulator.web import TEXT, Answer, Endpoint, Response, no_content

scripts = Endpoint("commissioning-scripts/", "CommissioningScriptsHandler", restricted=True)
script = Endpoint("commissioning-scripts/{name}", "CommissioningScriptHandler", restricted=True)

_find = by_name("scripts", "Script"), by_name("scripts", "CommissioningScript")


def _script(request):
    return _find[request.region.release < "3.8"](request)


def _show(region, row):
    shown = {
        "name": row["name"],
        "content": base64.b64encode(texts.latest(row).encode()).decode(),
        "resource_uri": f"/MAAS/api/2.0/commissioning-scripts/{row['name']}",
    }
    if region.release >= "2.2":
        shown["deprecated"] = (
            "The commissioning-scripts endpoint is deprecated. "
            "Please use the node-scripts endpoint."
        )
    return shown


@scripts("GET")
def list_scripts(request):
    """List the names of commissioning scripts."""
    rows = request.region.rows("scripts").values()
    shown = [row for row in rows if row["type"] == 0]
    if request.region.release < "2.2":
        shown = [row for row in shown if not row["default"]]
    return sorted(row["name"] for row in shown)


def _store(request, row):
    if "content" not in request.files:
        raise Answer(400, "No provided content!", TEXT)
    fields = read_form(request, row, kind="commissioning")
    if row is None:
        row = request.region.rows("scripts").add(fields)
    row.update(fields)
    return _show(request.region, row)


@scripts("POST")
def create_script(request):
    """Create a commissioning script."""
    return _store(request, None)


@script("GET")
def read_script(request):
    """The text of a commissioning script."""
    return Response(200, texts.latest(_script(request)), "application/binary")


@script("PUT")
def update_script(request):
    """Replace a commissioning script."""
    return _store(request, _script(request))


@script("DELETE")
def delete_script(request):
    """Delete a commissioning script."""
    row = _script(request)
    refuse_default(request, row)
    del request.region.rows("scripts")[row["id"]]
    return no_content()
