"""Put MAAS's own events, or changes of its machines, on Salt's event bus: ``maas_events``.

In the configuration of the master, or of a minion that may ask the region:

.. code-block:: yaml

    maas:
      url: http://192.0.2.10:5240/MAAS
      api_key: sdb://vault/maas-api-key

    engines:
      - maas_events:
          interval: 10
      - machines:
          engine_module: maas_events
          follow: machines
          interval: 30
          pool: web

    reactor:
      - maas/event/failed_deployment:
          - salt://reactor/tell_somebody.sls
      - maas/machine/deployed:
          - salt://reactor/welcome.sls
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from saltext.maas import events, machine_events, master
from saltext.maas.client import Client
from saltext.maas.errors import BadInput

if TYPE_CHECKING:
    from saltext.maas.salt_types import Functions, Opts

    __opts__: Opts
    __salt__: Functions


def start(
    profile=None,
    interval=None,
    level="INFO",
    batch=100,
    begin="now",
    tag=None,
    follow="events",
    zone=None,
    pool=None,
    machine_tag=None,
):
    """Follow a region for ever: its events, or its machines.

    **Events** of MAAS become events ``<tag>/<type>``, the type in lower case with underscores, such
    as ``maas/event/failed_deployment``, with what MAAS says of it: ``id``, ``type``, ``level``,
    ``created``, ``node``, ``hostname``, ``username`` and ``description``. Where it stopped is noted
    in Salt's cache, so that nothing is lost by a restart; an event may come twice.

    **Machines** are compared with the last list of them, which one request reads. Changes become
    ``<tag>/added`` for a machine that was not there before, ``<tag>/removed`` for one that was
    deleted or does not fit the filters any more, and ``<tag>/<status>`` for another status, such as
    ``maas/machine/deployed`` or ``maas/machine/failed_deployment``. They hold ``system_id``,
    ``hostname``, ``fqdn``, ``status``, ``old_status``, ``power``, ``owner``, ``zone``, ``pool``,
    ``tags`` and ``addresses``. A status that lasts for less than ``interval`` can be missed.

    A region that is down, or a bus that takes nothing, is tried less and less often, every five
    minutes at last. An event counts as delivered when the bus of this process has taken it: the
    master's, or on a minion the minion's own, from where Salt passes it to its master without
    saying whether it came there.

    Args:
        profile: How to reach the region: the name of a profile in Salt's configuration, or a
            mapping with one; ``maas`` by default.
        interval: Seconds between two questions; 10 by default, 30 for machines.
        level: Lowest level to take: DEBUG, INFO, WARNING, ERROR, CRITICAL; or AUDIT alone.
        batch: Events to read at once, 1,000 at most.
        begin: Where to begin the first time: ``now``, or ``oldest`` for all events that the region
            has, and for all its machines as added.
        tag: What tags begin with; ``maas/event``, or ``maas/machine``.
        follow: ``events``, or ``machines``.
        zone: Of machines: only those in this zone.
        pool: Of machines: only those in this resource pool.
        machine_tag: Of machines: only those with this tag.

    Returns:
        Nothing; it goes on until Salt stops it.

    Raises:
        CommandExecutionError: An argument or the profile is wrong.

    Events: MAAS 1.8 to 3.7; before 2.0 the region must not have more events than ``batch`` within
    an interval. Machines: MAAS 1.5 to 3.8.
    """
    reach = master.profile(__opts__, profile)
    client, folder = Client(reach), __opts__["cachedir"]
    if follow == "events":
        path = events.state_file(folder, reach.url)
        tag = "maas/event" if tag is None else tag
        events.Follower(client, path, level, batch, begin, tag).run(
            _sender(), 10 if interval is None else interval
        )
    elif follow == "machines":
        tag = "maas/machine" if tag is None else tag
        machine_events.MachineFollower(
            client, folder, reach.url, begin, tag, zone, pool, machine_tag
        ).run(_sender(), 30 if interval is None else interval)
    else:
        raise BadInput(f"maas_events:follow: {follow!r} must be events or machines")


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
