"""What a sandbox host's commands may ask of the emulated region.

Requests come as JSON to ``/_emulator/VERB``, with the sandbox's root and the
token from the file ``emulator.token`` there, which only its owner can read;
the root must lie in a folder that was trusted beforehand.
"""

from __future__ import annotations

import hmac
import os

from maas_emulator.api1 import groups, reported_images

_LABEL = "_trusted_folders"


def trust(region, directory) -> None:
    """Let sandboxes in a folder, or this sandbox itself, command a region."""
    vars(region).setdefault(_LABEL, set()).add(os.path.realpath(directory))


def dispatch(region, verb: str, payload: dict) -> tuple[int, dict]:
    """Carry out one request.

    Args:
        region: The emulated region.
        verb: ``createadmin``, ``apikey``, ``changepassword``, ``ping``, ``unavailable``,
            ``outage`` or ``report_images``.
        payload: Its fields, with ``root`` and ``token``.

    Returns:
        HTTP status and the answer; errors are ``{"error": what, ...}``.
    """
    if not isinstance(payload, dict) or not _trusted(region, payload):
        return 403, {"error": "not a sandbox of this region"}
    function = _VERBS.get(verb)
    if function is None:
        return 404, {"error": f"unknown verb {verb}"}
    try:
        with region.lock:
            answer = function(region, payload)
            reads = verb == "ping" or (verb == "apikey" and payload.get("action") == "list")
            for follow in () if reads else region.after_write:
                follow(region)
            return 200, answer
    except KeyError as error:
        return 404, {"error": "unknown", "what": str(error.args[0]) if error.args else ""}


def _trusted(region, payload):
    root = os.path.realpath(str(payload.get("root", "")))
    folders = vars(region).get(_LABEL, ())
    if root not in folders and os.path.dirname(root) not in folders:
        return False
    try:
        with open(os.path.join(root, "emulator.token"), encoding="utf-8") as stream:
            token = stream.read().strip()
    except OSError:
        return False
    return bool(token) and hmac.compare_digest(token, str(payload.get("token", "")))


def _ping(region, payload):
    return {"release": str(region.release)}


def _create_admin(region, payload):
    try:
        region.create_admin(payload["username"], payload["password"], payload["email"])
    except ValueError as error:
        return {"duplicate": error.args[1] if len(error.args) > 1 else "username"}
    if not region.api_keys(payload["username"]):
        region.new_api_key(payload["username"])  # a user gets one key at creation
    return {"created": True}


def _api_key(region, payload):
    username, action = payload["username"], payload.get("action", "list")
    user = region.users[username]
    if action == "generate":
        return {"keys": [[payload.get("name"), region.new_api_key(username, payload.get("name"))]]}
    if action == "delete":
        for token in list(user.tokens):
            if token.text == payload.get("key"):
                user.tokens.remove(token)
                region.consumers.pop(token.consumer, None)
                return {"deleted": True}
        return {"deleted": False}
    if action == "rename":
        for token in user.tokens:
            if token.text == payload.get("key"):
                token.name = payload["name"]
                return {"renamed": True}
        return {"renamed": False}
    return {"keys": [list(pair) for pair in region.api_keys(username)]}


def _change_password(region, payload):
    changes = payload["passwords"]
    missing = [name for name, _ in changes if name not in region.users]
    if missing:
        raise KeyError(missing[0])
    for name, password in changes:  # all or nothing
        region.users[name].password = password
    return {"changed": len(changes)}


def _unavailable(region, payload):
    """Answer 503 to all requests for some seconds, as a proxy before a region that starts."""
    region.unavailable_until = region.clock() + float(payload["seconds"])
    return {}


def _outage(region, payload):
    """Close connections without an answer for some seconds, as a region that is being restarted."""
    region.down_until = region.clock() + float(payload["seconds"])
    return {}


def _report_images(region, payload):
    """Take what a cluster (1.5, 1.6) has imported by itself, as its job reports it later."""
    group = groups.find_group(region, payload["uuid"])
    if group is None or group["status"] != groups.ACCEPTED:
        return {"reported": False}  # it has no key to report with
    group["selects"] = payload["choices"]
    reported_images.report(region, group, payload["images"])
    return {"reported": True}


_VERBS = {
    "report_images": _report_images,
    "ping": _ping,
    "unavailable": _unavailable,
    "outage": _outage,
    "createadmin": _create_admin,
    "apikey": _api_key,
    "changepassword": _change_password,
}
