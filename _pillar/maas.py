"""Give each minion what MAAS knows of it: the external pillar ``maas``.

In the master's configuration:

.. code-block:: yaml

    maas:
      url: http://192.0.2.10:5240/MAAS
      api_key: sdb://vault/maas-api-key

    ext_pillar:
      - maas: {}

A minion whose id is the full name of a node, or has no domain and is the host name of only one,
then has the pillar

.. code-block:: yaml

    maas_node:
      system_id: 4y3h7n
      hostname: web1
      fqdn: web1.example.com
      kinds: [machine]
      status: deployed
      deployed: true
      zone: dc1
      pool: default
      tags: [web]
      vlans: [dc1/untagged]
      architecture: amd64/generic
      osystem: ubuntu
      distro_series: noble
      owner: admin
      addresses: [10.10.0.21]
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from saltext.maas import cache, inventory, master

if TYPE_CHECKING:
    from saltext.maas.salt_types import Opts

    __opts__: Opts

log = logging.getLogger(__name__)


def ext_pillar(
    minion_id, pillar, profile=None, key="maas_node", seconds=3, lifetime=300, ignore_domain=False
):
    """Return what MAAS knows of a minion.

    All nodes are read at once and cached by the master, so that any number of minions costs
    one reading in ``lifetime`` seconds. A region that does not answer, or a secret store that does
    not give the API key, delays a pillar by ``seconds`` at most, and not again within half a
    minute; the last answer is then taken.

    Args:
        minion_id: The minion's id.
        pillar: Not used.
        profile: How to reach the region: the name of a profile in the master's configuration, or a
            mapping with one; ``maas`` by default.
        key: The pillar's key.
        seconds: How long to wait for the region.
        lifetime: Seconds for which an answer is good.
        ignore_domain: Whether a minion whose full name no node has is the only node of its host
            name, whatever the domains: ``web1.prod.example.org`` is then ``web1.maas``. Only where
            all minions are the region's: others could be taken for its nodes.

    Returns:
        ``{key: facts}``, or nothing where MAAS knows no such node or more than one. The facts are
        ``system_id``, ``hostname``, ``fqdn``, ``kinds`` (of machine, device, rack, region),
        ``status``, ``deployed`` (before 1.7 whether it is allocated), ``zone``, ``pool``, ``tags``,
        ``vlans`` (as fabric/vid), ``architecture``, ``osystem``, ``distro_series``, ``owner`` and
        ``addresses``. A cluster of 1.x is a rack.

    Holds for MAAS 1.5 to 3.8.

    CLI Example:

    .. code-block:: bash

        salt web1 pillar.raw maas_node
    """
    try:
        nodes = master.node_cache(__opts__, profile, lifetime).nodes(seconds)
    except Exception as error:  # one that is raised would keep every minion from its states
        log.error("External pillar maas: %s", cache.loggable(error))
        return {}
    found = inventory.of_minion(nodes, minion_id, ignore_domain)
    return {key: found} if found else {}
