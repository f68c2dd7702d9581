#!py
# Pass an event to the runner, which decides about it. Nothing of the event is rendered: only a tag,
# a sender and ids are passed, truncated, as data.


def _short(value):
    return value[:300] if isinstance(value, str) else None


def run():
    event = data if isinstance(data, dict) else {}
    # The master wraps the data of a minion's event, and adds the minion's id.
    fired = event.get("cmd") == "_minion_event"
    inner = event.get("data") if fired else event
    inner = inner if isinstance(inner, dict) else {}
    asked = inner.get("minions", inner.get("id"))
    if isinstance(asked, list):
        asked = [_short(one) for one in asked[:1001]]
    else:
        asked = _short(asked)
    arguments = {
        "tag": _short(tag),
        "sender": _short(event.get("id")) or "" if fired else None,
        "asked": asked,
    }
    args = [{name: value} for name, value in arguments.items()]
    call = {"runner.maas.react": [{"args": args}]}
    return {"maas onboard": call}
