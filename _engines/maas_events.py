"""Put MAAS's own events on Salt's event bus: the engine ``maas_events``.

In the configuration of the master, or of a minion that may ask the region:

.. code-block:: yaml

    maas:
      url: http://192.0.2.10:5240/MAAS
      api_key: sdb://vault/maas-api-key

    engines:
      - maas_events:
          interval: 10

    reactor:
      - maas/event/failed_deployment:
          - salt://reactor/tell_somebody.sls
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from saltext.maas import events, master
from saltext.maas.client import Client

if TYPE_CHECKING:
    from saltext.maas.salt_types import Functions, Opts

    __opts__: Opts
    __salt__: Functions


def start(profile=None, interval=10, level="INFO", batch=100, begin="now", tag="maas/event"):
    """Follow a region's events for ever.

    Each becomes an event ``<tag>/<type>``, the type in lower case with underscores, such as
    ``maas/event/failed_deployment``, with what MAAS says of it: ``id``, ``type``, ``level``,
    ``created``, ``node``, ``hostname``, ``username`` and ``description``. Where it stopped is noted
    in Salt's cache, so that nothing is lost by a restart; an event may come twice. A region that
    is down, or a bus that takes nothing, is tried less and less often, every five minutes at last.

    An event counts as delivered when the bus of this process has taken it: the master's, or on a
    minion the minion's own, from where Salt passes it to its master without saying whether it
    came there.

    Args:
        profile: How to reach the region: the name of a profile in Salt's configuration, or a
            mapping with one; ``maas`` by default.
        interval: Seconds between two questions.
        level: Lowest level to take: DEBUG, INFO, WARNING, ERROR, CRITICAL; or AUDIT alone.
        batch: Events to read at once, 1,000 at most.
        begin: Where to begin the first time: ``now``, or ``oldest`` for all that the region has.
        tag: What tags begin with.

    Returns:
        Nothing; it goes on until Salt stops it.

    Raises:
        CommandExecutionError: An argument or the profile is wrong.

    Holds for MAAS 1.8 to 3.7; before 2.0 the region must not have more events than ``batch``
    within an interval.
    """
    reach = master.profile(__opts__, profile)
    follower = events.Follower(
        Client(reach), events.state_file(__opts__["cachedir"], reach.url), level, batch, begin, tag
    )
    follower.run(_sender(), interval)


def _sender():
    if __opts__.get("__role") == "master":
        import salt.utils.event

        bus = salt.utils.event.get_master_event(__opts__, __opts__["sock_dir"], listen=False)
        return _checked(lambda tag, data: bus.fire_event(data, tag))
    return _checked(lambda tag, data: __salt__["event.send"](tag, data))


def _checked(fire):
    """Salt answers that a bus took nothing; it does not raise."""

    def send(tag, data):
        if not fire(tag, data):
            raise OSError(f"Salt's event bus did not take {tag}")

    return send
