"""What minions answer to the functions that are called here: nothing of another form goes on.

A region signs what its own minion says, but it may say anything; any other minion's answer may
even be forged.
"""

from __future__ import annotations

from typing import Any

from saltext.maas.client import shape
from saltext.maas.fleet.minions import Answer

_CLUSTER = {"cluster": (str, None), "state": str}
_ROW = {
    **_CLUSTER, "state": (str, None), "named": bool, "release?": (str, None),
    "accepted?": (bool, None), "connected?": (bool, None), "dhcp?": [str], "images?": (bool, None),
}  # fmt: skip
_INSPECTED = {
    **_CLUSTER, "named": bool, "problems": [str], "digest": str, "where?": (str, None),
    "own_url?": bool,
}  # fmt: skip
_ENVELOPE = {"sender?": str, "sender_key?": str, "boxes?": dict, "problems?": {str: str}}
_STATE = {"__id__?": str, "changes?": {str: object}}
#: The form of an answer by the function, see :mod:`saltext.maas.client.shape`.
FORMS: dict[str, Any] = {
    "maas_backup.create": {"name": (str, None), "deleted": [str], "warnings": [str]},
    "maas_backup.restore": {"backup": str, "problems": [str], "warnings": [str]},
    "maas_fleet.apply_phase": {
        str: {"changes": {str: {str: object}}, "error": (str, None), "later?": [str]}
    },
    "maas_fleet.import_images": bool,
    "maas_fleet.importing": bool,
    "maas_fleet.inspect": {
        "problems": [str], "clusters": {str: _INSPECTED}, "unnamed?": {str: _CLUSTER}
    },
    "maas_fleet.machines": [str],
    "maas_fleet.prepare": _ENVELOPE,
    "maas_fleet.region_hosts": {
        str: {"hostname": str, "named": bool, "state": str, "address": (str, None),
              "release": (str, None)},
    },
    "maas_fleet.release_dhcp": {str: {"new": (str, None), "enabled": bool}},
    "maas_fleet.status": {str: _ROW},
    "maas_fleet.wait_for": {str: str},
    "maas_region.compare_machines": [dict],
    "maas_region.config": {"url": (str, None)},
    "maas_region.configure": {"changes": {str: object}, "restarted": [str]},
    "maas_region.host_status": {
        "url": str, "answers": bool, "reason": (str, None), "running": [str], "release": str,
    },
    "maas_region.drift": dict,
    "maas_region.export": {"files": {str: str}, "secrets": object, "notes": [str]},
    "maas_region.plan": (str, dict),
    "maas_region.reachable": {"reachable": bool, "reason": (str, None)},
    "maas_region.status": {
        "clusters": {str: _ROW}, "release?": (str, None), "pending?": (int, None),
        "problems?": (int, None),
        "last_run?": ({"time?": (int, float, None), "success?": (bool, None)}, None),
    },
    "maas_region.unmanaged": {str: {str: str}},
    "maas_secret.follow": {"changes": dict, "restarted": [str]},
    "maas_secret.renew": {"restarts": bool},
    "maas_secret.seal": _ENVELOPE,
    "maas_upgrade.cancel": [str],
    "maas_upgrade.connected": [str],
    "maas_upgrade.describe": {
        "release": str, "kind": str, "roles": [str], "ubuntu": (str, None), "hostname": str,
    },
    "maas_upgrade.examine": [{"check": str, "status": str, "found": str, "remedy": str}],
    "maas_upgrade.hosts": {"minions": [str], "controllers": [str]},
    "maas_upgrade.install": {"from": str, "to": str, "mended": dict},
    "maas_upgrade.migrate": {"migrated": bool},
    "maas_upgrade.start": {"release": str, "api": (str, None)},
    "maas_upgrade.stop": [str],
    "state.high": (str, list, {str: (_STATE, str, list, None)}),
}  # fmt: skip


def formed(function: str, answer: Answer) -> Answer:
    """Return an answer, or in its place the error that it has another form.

    Args:
        function: What was called.
        answer: What came.
    """
    if answer.error or function not in FORMS:
        return answer
    mistake = shape.mistake(answer.value, FORMS[function])
    if mistake is None:
        return answer
    return Answer(error=f"its answer to {function} has another form: {mistake}")
