"""``nodes/ID/results/``: what scripts that were run on a node brought; nothing has output here."""

from __future__ import annotations

from maas_emulator import permissions, scripts_run
from maas_emulator import script_files as files
from maas_emulator.machine_forms import asked_truth
from maas_emulator.web import BARE_TEXT, Answer, Endpoint, Invalid, Missing, Response
from maas_emulator.web import no_content as nothing

many = Endpoint("nodes/{system_id}/results/", "NodeScriptResultsHandler", since="2.2")
one = Endpoint("nodes/{system_id}/results/{id}/", "NodeScriptResultHandler", since="2.2")

_WORDS = {"commission": 0, "commissioning": 0, "install": 1, "installation": 1, "test": 2,
          "testing": 2, "release": 3}  # fmt: skip
_NAMES = ("Commissioning", "Installation", "Testing", "Release")
_CURRENT = {f"current-{word}": f"current_{word}_result_id"
            for word in ("commissioning", "testing", "installation")}  # fmt: skip


def _kind(request):
    """The kind of results that is asked for, None for all."""
    given = request.query.get("type")
    if given is None:
        return None
    if given.isdigit():
        if int(given) < len(_NAMES):
            return int(given)
        raise Invalid(["Invalid result type numeric value."])
    if given not in _WORDS:
        raise Invalid(["Invalid result type name"])
    return _WORDS[given]


def _hardware(request):
    given = request.query.get("hardware_type")
    if given is None:
        return None
    for ident, (_, words) in files.HARDWARE.items():
        if given == str(ident) or given in words:
            return ident
    raise Invalid([f"Hardware type must be numeric value: {given}"])


def _chosen(request, ident):
    """The results of a set that names, tags or ids ask for, by name."""
    region, wanted = request.region, request.query.get("filters")
    hardware, found = _hardware(request), []
    for row in scripts_run.results_of(region, ident):
        script = region.rows("scripts").get(row["script"]) or {"tags": (), "hardware_type": None}
        names = {row["name"], str(row["id"]), *script["tags"]}
        if wanted is not None and not names & set(wanted.split(",")):
            continue
        if hardware in (None, script["hardware_type"]):
            found.append(row)
    return sorted(found, key=lambda row: row["name"])


def _show_result(region, row, with_output):
    script = region.rows("scripts").get(row["script"])
    started, ended = row["started"], row["ended"]
    runtime = "0:00:00" if ended else ""
    limit = script["timeout"] if script else 0
    shown = {
        "id": row["id"],
        "created": row["created"],
        "updated": row["updated"],
        "name": row["name"],
        "status": row["status"],
        "status_name": scripts_run.NAMES[row["status"]],
        "exit_status": row["exit_status"],
        "started": started and started[0],
        "ended": ended and ended[0],
        "runtime": runtime,
        "starttime": started[1] if started else "",
        "endtime": ended[1] if ended else "",
        "estimated_runtime": runtime or (files.duration(limit) if limit else "Unknown"),
        "parameters": row["parameters"],
        "script_id": row["script"],
        "script_revision_id": script["revisions"][-1]["id"] if script and ended else None,
        "suppressed": row.get("suppressed", False),
    }
    if with_output:
        shown.update(output="", stdout="", stderr="", result="")
    return shown


def _show(request, row, with_output=False):
    region = request.region
    everything = scripts_run.results_of(region, row["id"])
    statuses = {item["status"] for item in everything}
    order = (scripts_run.RUNNING, scripts_run.PENDING, scripts_run.ABORTED, scripts_run.FAILED)
    status = next((item for item in order if item in statuses), scripts_run.PASSED)
    started = [item["started"] for item in everything if item["started"]]
    ended = [item["ended"] for item in everything]
    is_done = bool(ended) and all(ended)
    return {
        "id": row["id"],
        "system_id": row["node"],
        "type": row["kind"],
        "type_name": _NAMES[row["kind"]],
        "last_ping": None,
        "status": status,
        "status_name": scripts_run.NAMES[status],
        "started": min(started, key=lambda moment: moment[1])[0] if started else None,
        "ended": max(ended, key=lambda moment: moment[1])[0] if is_done else None,
        "runtime": "0:00:00" if is_done else "",
        "results": [
            _show_result(region, item, with_output) for item in _chosen(request, row["id"])
        ],
        "resource_uri": f"/MAAS/api/2.0/nodes/{row['node']}/results/{row['id']}/",
    }


@many("GET")
def list_results(request):
    """List the sets of results of a node, oldest first."""
    node, kind = permissions.node_of(request), _kind(request)
    with_output = asked_truth(request.query, "include_output")
    rows = [row for row in request.region.rows("result_sets").values()
            if row["node"] == node["system_id"] and kind in (None, row["kind"])]  # fmt: skip
    return [_show(request, row, with_output) for row in rows]


def _set(request):
    """The set that a path means: by its number, or as the present one of a kind."""
    node, given = permissions.node_of(request), request.ids["id"]
    rows = request.region.rows("result_sets")
    if given in _CURRENT:
        row = rows.get(node.get(_CURRENT[given]))
        if row is None:
            raise Invalid([f"No {given.replace('-', ' ')} script set exists for this node."])
        return row
    if not given.isdigit():
        text = f'Unknown id "{given}" must be current-commissioning, current-testing,'
        text += " current-installation, or the id number of a specific result."
        raise Invalid([text])
    row = rows.get(int(given))
    if row is None or row["node"] != node["system_id"]:
        raise Missing("ScriptSet", request)
    return row


@one("GET")
def read_result(request):
    """Read a set of results."""
    row = _set(request)
    return _show(request, row, asked_truth(request.query, "include_output"))


@one("PUT", admin=True, since="2.5")
def update_result(request):
    """Let results count, or not."""
    row = _set(request)
    given = request.form.get("suppressed")
    if given is not None:
        wanted = asked_truth(request.form, "suppressed")
        for item in _chosen(request, row["id"]):
            item["suppressed"] = wanted
    return _show(request, row)


@one("DELETE", admin=True)
def delete_result(request):
    """Delete a set of results."""
    scripts_run.forget(request.region, _set(request)["id"])
    return nothing()


@one("GET", "download")
def download(request):
    """What the scripts wrote: nothing."""
    row = _set(request)
    kind = request.query.get("filetype") or "txt"
    if kind != "txt":
        raise Answer(400, f'Unknown filetype "{kind}" must be txt or tar.xz', BARE_TEXT)
    found = _chosen(request, row["id"])
    if len(found) == 1:
        return Response(200, b"", "application/binary")
    text = ""
    for item in found:
        dashes = "-" * int((80.0 - (2 + len(item["name"]))) / 2)
        text += f"{dashes} {item['name']} {dashes}\n\n"
    return Response(200, text, "application/binary")
