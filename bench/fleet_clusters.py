"""What the stand-in minions of the fleet's measurement can do: be onboarded.

The sealed secret is opened with the minion's own key, as the state does it; in the place of
files, debconf and daemon there is the door of the measurement's region.
"""

from __future__ import annotations

import json
import os
import re
import sys
import urllib.request
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "_utils"))

from saltext.maas import __version__, envelope


def functions(minion):
    """The functions of one minion."""

    def refresh(**_):
        return minion.refresh_pillar()

    def high(data, **_):
        """The states that onboarding runs: configured, with the sealed secret, and registered."""
        results = {}
        for ident, states in data.items():
            parts = states["maas_cluster"]
            options = {key: value for one in parts if isinstance(one, dict)
                       for key, value in one.items()}  # fmt: skip
            if parts[0] == "configured":
                _configure(minion, options["sealed"])
            results[f"maas_cluster_|-{ident}_|-{ident}_|-{parts[0]}"] = {
                "__id__": ident, "name": ident, "result": True, "comment": "done",
                "changes": {"url": {"old": None, "new": "x"}}, "__run_num__": len(results),
            }  # fmt: skip
        return results

    return {
        "maas_fleet.version": lambda: __version__,
        "saltutil.refresh_pillar": refresh,
        "state.high": high,
    }


def _configure(minion, sealed):
    opts = {"id": minion.name, "pki_dir": minion.opts["pki_dir"],
            "cachedir": minion.opts["cachedir"]}  # fmt: skip
    secret = envelope.open_own({"__opts__": opts, "__salt__": {}}, sealed)
    number = int(re.search(r"\d+$", minion.name).group())
    told = json.dumps({"hostname": minion.name, "secret": secret, "number": number})
    request = urllib.request.Request(
        os.environ["FLEET_DOOR"], told.encode(), {"Content-Type": "application/json"}
    )
    urllib.request.urlopen(request, timeout=60).close()
