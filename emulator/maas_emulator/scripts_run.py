"""What commissioning, tests and releases run on machines, and how far they are."""

from __future__ import annotations

import time

from maas_emulator import nodes
from maas_emulator.crud import mail_date
from maas_emulator.forms_2x import Refused

COMMISSIONING, TESTING, INSTALLATION, RELEASE = 0, 2, 1, 3
#: The number that a script's own type has for what is run.
_TYPES = {COMMISSIONING: 0, TESTING: 2, RELEASE: 3}
PENDING, RUNNING, PASSED, FAILED, ABORTED, SKIPPED = 0, 1, 2, 3, 5, 9
NAMES = {-1: "Unknown", PENDING: "Pending", RUNNING: "Running", PASSED: "Passed",
         FAILED: "Failed", ABORTED: "Aborted", SKIPPED: "Skipped"}  # fmt: skip
#: Which scripts a kind of test of a machine is about, by their hardware.
_TESTS = {"cpu": 1, "memory": 2, "storage": 3, "network": 4, "interface": 4, "other": 0}
_FIELDS = {COMMISSIONING: "current_commissioning_result_id",
           TESTING: "current_testing_result_id",
           INSTALLATION: "current_installation_result_id"}  # fmt: skip
_INSTALL_LOG = "/tmp/install.log"  # nosec B108 # that is how MAAS calls what a deployment writes
NETWORK_TESTS = "network-validation"
#: What the script that finds BMCs is given unless the settings say something else.
_IPMI = {"maas_auto_ipmi_user": "maas", "maas_auto_ipmi_cipher_suite_id": "3",
         "maas_auto_ipmi_user_privilege_level": "ADMIN"}  # fmt: skip


def scripts(region, kind, chosen):
    """The scripts of a kind that names or tags choose."""
    rows = region.rows("scripts").values()
    chosen = set(chosen)
    found = [row for row in rows if row["type"] == _TYPES[kind]]
    return [row for row in found if row["name"] in chosen or chosen & set(row["tags"])]


def choices(region, kind):
    """Names and tags of the scripts of a kind."""
    rows = [row for row in region.rows("scripts").values() if row["type"] == _TYPES[kind]]
    return {row["name"] for row in rows} | {tag for row in rows for tag in row["tags"]}


def begin(region, row, kind, chosen=()):
    """Let scripts be run on a machine.

    Args:
        region: The region.
        row: The machine.
        kind: What they are run for.
        chosen: Names and tags; those that always run come on top.

    Raises:
        Refused: There is none.
    """
    if kind == COMMISSIONING:
        rows = [item for item in scripts_of(region, kind) if _always(item, chosen)]
        rows += [item for item in scripts(region, kind, chosen) if item not in rows]
    elif kind == INSTALLATION:
        rows = [{"id": None, "name": _INSTALL_LOG, "hardware_type": 0, "parameters": {}}]
    else:
        rows = scripts(region, kind, chosen or ["commissioning"])
    if not rows:
        raise Refused("No testing scripts found!")
    _clean(region, row, kind)
    ident = region.rows("result_sets").add({"node": row["system_id"], "kind": kind})["id"]
    if kind in _FIELDS:
        row[_FIELDS[kind]] = ident
    row["results"] = dict(row.get("results", {}))
    for item in rows:
        result = {
            "set": ident, "name": item["name"], "script": item["id"], "status": PENDING,
            "hardware": item["hardware_type"], "created": mail_date(), "exit_status": None,
            "started": None, "ended": None, "parameters": _values(item["parameters"]),
        }  # fmt: skip
        result["updated"] = result["created"]
        row["results"][kind, item["name"]] = region.rows("results").add(result)


def _values(parameters):
    found = {}
    for name, parameter in parameters.items():
        if parameter["type"] in ("storage", "interface"):
            value = "all"
        elif name in _IPMI:
            value = _IPMI[name]
        elif "default" in parameter:
            value = parameter["default"]
        else:
            continue
        found[name] = {**parameter, "value": value}
    return found


def _clean(region, row, kind):
    """Stop what ran before, and forget tests of disks that never came so far."""
    results = region.rows("results")
    for ident, result in list(results.items()):
        of = region.rows("result_sets")[result["set"]]
        if of["node"] != row["system_id"] or of["kind"] != kind:
            continue
        if result["status"] in (PENDING, RUNNING):
            result["status"] = ABORTED
        is_placeholder = "storage" in result["parameters"]
        if is_placeholder and result["status"] not in (PASSED, FAILED):
            del results[ident]
            if not results_of(region, result["set"]):
                del region.rows("result_sets")[result["set"]]


def results_of(region, ident):
    """The results of a set."""
    return [row for row in region.rows("results").values() if row["set"] == ident]


def forget(region, ident):
    """Delete a set of results."""
    for row in results_of(region, ident):
        del region.rows("results")[row["id"]]
    of = region.rows("result_sets").pop(ident)
    for node in region.rows("machines").values():
        if node["system_id"] == of["node"]:
            kept = node.get("results", {}).items()
            node["results"] = {key: row for key, row in kept if row["set"] != ident}
            if node.get(_FIELDS.get(of["kind"])) == ident:
                node[_FIELDS[of["kind"]]] = None


def scripts_of(region, kind):
    """All scripts of a kind."""
    return [row for row in region.rows("scripts").values() if row["type"] == _TYPES[kind]]


def _always(script, chosen):
    if script["default"]:
        return not (not chosen and (script["for_hardware"] or "noauto" in script["tags"]))
    return not chosen and not script["for_hardware"] and "noauto" not in script["tags"]


def adopt(region, row):
    """A machine that is deployed already is looked at later."""
    begin(region, row, COMMISSIONING, ["deploy-info"])


def finish(row, kind, status):
    """Let what is run of a kind come to an end, all with the same result."""
    for (of, _), result in row.get("results", {}).items():
        if of == kind and result["status"] in (PENDING, RUNNING):
            _end(result, status)


def skip(row, kind, name):
    """Do not run a script of a kind at all."""
    result = row.get("results", {}).get((kind, name))
    if result:
        _end(result, SKIPPED)


def _end(result, status):
    result.update(status=status, updated=mail_date())
    if status != ABORTED:
        moment = (mail_date(), time.time())
        result.update(started=moment, ended=moment, exit_status=int(status == FAILED))


def has_passed(row, kind, name):
    """Whether a script ended well when it was run for the last time."""
    return row.get("results", {}).get((kind, name), {}).get("status") == PASSED


def abort(row, *kinds):
    """Let what is run of some kinds be stopped."""
    for kind in kinds:
        finish(row, kind, ABORTED)


def _overall(results):
    """One number for several results: what goes on counts most, then what failed."""
    found = {result["status"] for result in results if result["status"] != ABORTED}
    if found == {SKIPPED}:
        return PASSED
    for status in (RUNNING, PENDING, FAILED, PASSED):
        if status in found:
            return status
    return -1


def commissioning_status(row):
    """How far the commissioning of a machine is."""
    results = row.get("results", {}).items()
    return _overall([result for (kind, _), result in results if kind == COMMISSIONING])


def shown(row):
    """The fields of a machine that tell it."""
    results = row.get("results", {}).items()
    tests = [result for (kind, _), result in results if kind == TESTING]
    found = {"commissioning_status": commissioning_status(row), "testing_status": _overall(tests)}
    for name in nodes.TESTS:
        of_kind = [result for result in tests if result["hardware"] == _TESTS[name]]
        found[f"{name}_test_status"] = _overall(of_kind)
    names = {f"{name}_name": NAMES[status] for name, status in found.items()}
    return {**found, **names}
