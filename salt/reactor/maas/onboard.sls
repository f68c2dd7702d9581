#!py
# Hands what an event says on to the runner, which judges it. Nothing of the event is rendered:
# only a tag, a sender and ids leave here, cut to length, as data.


def _short(value):
    return value[:300] if isinstance(value, str) else None


def run():
    told = data if isinstance(data, dict) else {}
    # What a minion fires carries its id, noted by the master, around its own data.
    fired = told.get("cmd") == "_minion_event"
    inner = told.get("data") if fired else told
    inner = inner if isinstance(inner, dict) else {}
    asked = inner.get("minions", inner.get("id"))
    if isinstance(asked, list):
        asked = [_short(one) for one in asked[:1001]]
    else:
        asked = _short(asked)
    arguments = {
        "tag": _short(tag),
        "sender": _short(told.get("id")) or "" if fired else None,
        "asked": asked,
    }
    args = [{name: value} for name, value in arguments.items()]
    call = {"runner.maas.react": [{"args": args}]}
    return {"maas onboard": call}
