"""Make MAAS's machines targets of salt-ssh: the roster ``maas``.

In the master's configuration:

.. code-block:: yaml

    maas:
      url: http://192.0.2.10:5240/MAAS
      api_key: sdb://vault/maas-api-key

    maas_roster:
      user: ubuntu
      sudo: true
      network: 10.10.0.0/16

Then:

.. code-block:: bash

    salt-ssh --roster maas 'web*' test.ping
    salt-ssh --roster maas 'tag:web zone:dc1' test.ping
    salt-ssh --roster maas -H
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import salt.output
from salt.exceptions import SaltClientError
from saltext.maas import master, roster
from saltext.maas.errors import MaasError

if TYPE_CHECKING:
    from saltext.maas.salt_types import Opts

    __opts__: Opts


def targets(tgt, tgt_type="glob", **kwargs):
    """Find the machines that a target names.

    What ``maas_roster`` in the master's configuration may hold: ``profile``, ``id`` (``fqdn`` or
    ``hostname``: what a machine is called; ``fqdn``), ``network`` (which of its addresses to
    take), ``tags``, ``zones`` and ``pools`` (what to offer at all; of each list a node must have
    one), ``statuses`` and ``kinds`` (what to offer where the target does not ask for another:
    machines that are deployed), ``users`` (whom to log in as by operating system, such as
    ``{ubuntu: ubuntu, centos: cloud-user, custom/rocky9: rocky}``; it goes before ``user``),
    ``lifetime`` and ``seconds`` as for the external pillar. All else, such as ``user``, ``port``,
    ``sudo`` or ``priv``, becomes part of every target.

    A status is what machines have: racks, regions and devices are offered whatever it says, unless
    the target asks for it. Before 1.7 MAAS calls a machine that is deployed allocated, and both
    words mean it. A cluster of 1.x is a rack, and its name is that of the cluster.

    Args:
        tgt: Names as Salt matches them, or conditions such as ``tag:web zone:'row A'``, which must
            all hold: ``tag``, ``zone``, ``pool``, ``status`` or ``kind`` (machine, device, rack,
            region).
        tgt_type: ``glob``, ``pcre``, ``list`` or ``nodegroup``; conditions are globs.
            ``list_hosts`` is ``salt-ssh -H``: the machines are shown, whatever the target is.

    Returns:
        ``{name: {"host": address, ...}}``.

    Raises:
        SaltClientError: The configuration or the target is wrong.
        SystemExit: The machines were shown for ``salt-ssh -H``, and ``maas`` is the only roster.

    Holds for MAAS 1.5 to 3.8.

    CLI Example:

    .. code-block:: bash

        salt-ssh --roster maas 'tag:web status:deployed' state.apply
    """
    try:
        options = roster.options(__opts__.get("maas_roster"))
        cache = master.node_cache(__opts__, options.profile, options.lifetime)
        nodes = cache.nodes(options.seconds)
        if tgt_type != "list_hosts":
            return roster.targets(nodes, options, tgt, tgt_type, __opts__)
        found = roster.targets(nodes, options, "*", "glob", __opts__)
    except MaasError as error:
        # The one kind of error that salt-ssh shows as a message.
        raise SaltClientError(str(error)) from None
    # Salt itself shows a roster file only, whatever rosters return, and fails where there is none.
    hosts = {name: one["host"] for name, one in found.items()}
    salt.output.display_output({"maas": hosts}, "nested", __opts__)
    if __opts__.get("roster") == "maas":
        sys.exit()
    return {}
