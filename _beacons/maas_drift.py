"""Report when a region no longer equals its pillar: the beacon ``maas_drift``.

In the configuration or pillar of the minion that has the region's pillar:

.. code-block:: yaml

    beacons:
      maas_drift:
        - interval: 900
        - most: 50
        - seconds: 20
      another_region:
        - beacon_module: maas_drift
        - profile: another_region
        - interval: 900

It sends ``salt/beacon/<minion>/maas_drift/drift`` when the difference is another one than last
time, and ``.../maas_drift/none`` when there is none any more; with ``onchangeonly: false`` each
time. What was sent last is in the minion's cache, over refreshes and restarts. A region that
cannot be asked is reported once as ``.../maas_drift/error``, whatever the reason.

Machines that are New and that the pillar does not describe are reported in the same way, as
``.../maas_drift/new_machines``, if the pillar describes any machine.

A minion that runs a beacon does nothing else meanwhile, so a region that does not answer is given
up after ``seconds``, 20 by default.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
from typing import TYPE_CHECKING

from saltext.maas import atomic_file, runtime, schemas
from saltext.maas.errors import MaasError

if TYPE_CHECKING:
    from saltext.maas.salt_types import Functions, Opts

    __opts__: Opts
    __salt__: Functions

log = logging.getLogger(__name__)

_MOST, _SECONDS = 50, 20
#: What Salt reads itself.
_OF_SALT = (
    "beacon_module", "disable_during_state_run", "enable", "enabled", "interval", "run_once"
)  # fmt: skip
_SCHEMA = schemas.mapping({
    "most": {**schemas.whole("", 1), "format": "digits"},
    "seconds": schemas.seconds(""),
    "profile": {},
    "onchangeonly": {},
    **{key: {} for key in _OF_SALT},
})  # fmt: skip
#: Salt takes the whole item out in which one of these is.
_TAKEN_OUT = ("disable_during_state_run", "enabled", "interval")


def validate(config):
    """Check the beacon's configuration.

    Args:
        config: The list that is configured.

    Returns:
        ``(whether it is right, what is wrong)``.
    """
    options = _options(config)
    if options is None:
        return False, "Configuration for the beacon maas_drift must be a list of mappings."
    for name in _TAKEN_OUT:
        if any(name in one and len(one) > 1 for one in config):
            return False, f"maas_drift:{name}: must be an item of its own in the list"
    options.pop("_beacon_name", None)  # which Salt adds
    try:
        schemas.check(options, _SCHEMA, "maas_drift", {"digits": str.isdigit})
    except MaasError as error:
        return False, str(error)
    return True, "The configuration is valid."


def beacon(config):
    """Compare the region with its pillar; one reading that changes nothing.

    Args:
        config: The list that is configured.

    Returns:
        A list of events: ``{"tag", "count", "changes", "problems"}``: how many differences, those
        that a run would change and those that cannot come true; and ``{"tag", "count",
        "machines"}`` for machines that are New and not described. Secrets are asterisks, and no
        more than ``most`` of each are shown.

    Holds for MAAS 1.5 to 3.8.
    """
    options = _options(config) or {}
    try:
        found = __salt__["maas_region.drift"](
            data=_pillar(), profile=options.get("profile"), seconds=options.get("seconds", _SECONDS)
        )
    except Exception as error:
        # Whatever it is, a beacon that raises is not heard of again.
        log.debug("maas_drift", exc_info=True)
        event = {"tag": "error", "message": str(error)[:1000]}
        # The text of the same trouble is another one each time: it holds paths and seconds.
        return _unless_known(options, "", event, "error")
    most = options.get("most", _MOST)
    return [
        *_unless_known(options, "", _event(found, most)),
        *_unless_known(options, "/machines", _event_of_machines(found["new_machines"], most)),
    ]


def _unless_known(options, about, event, now=None):
    """The event in a list, which is empty if it is the one that was sent last about the same."""
    if now is None:
        text = json.dumps(event, sort_keys=True, default=str)
        now = hashlib.sha256(text.encode()).hexdigest()
    # Salt says which of several beacons this is.
    path = _file(options.get("_beacon_name", "maas_drift") + about)
    last = _last(path)
    if now != last:
        _keep(path, now)
    known = now == last or (last is None and _well(event))
    return [] if known and (about or options.get("onchangeonly", True)) else [event]


def _pillar():
    """The pillar as the minion refreshed it last.

    The functions that a beacon calls were loaded before that, and hold the one before.
    """
    return runtime.as_written({**globals(), "__pillar__": __opts__.get("pillar") or {}})


def _file(name):
    digest = hashlib.sha256(name.encode()).hexdigest()[:16]
    return os.path.join(__opts__["cachedir"], "maas_drift", digest)


def _last(path):
    try:
        with open(path, encoding="utf-8") as stream:
            return stream.read(100) or None
    except (OSError, UnicodeDecodeError):
        return None


def _keep(path, text):
    try:
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        atomic_file.put(path, text)
    except OSError as error:
        log.warning("maas_drift: %s cannot be written, so that an event may come again: %s",
                    path, error.strerror)  # fmt: skip


def _well(event):
    return event.get("count") == 0


def _event_of_machines(machines, most):
    return {"tag": "new_machines", "count": len(machines), "machines": machines[:most]}


def _event(found, most):
    changes, problems = found["changes"], found["problems"]
    count = sum(map(len, changes.values())) + len(problems)
    shown, left = {}, most
    for kind, objects in changes.items():
        if left > 0:
            shown[kind] = dict(list(objects.items())[:left])
            left -= len(shown[kind])
    tag = "drift" if found["drifted"] else "none"
    return {"tag": tag, "count": count, "changes": shown, "problems": problems[:most]}


def _options(config):
    if not isinstance(config, list) or not all(isinstance(one, dict) for one in config):
        return None
    return {key: value for one in config for key, value in one.items()}
