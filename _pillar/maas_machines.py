"""Describe machines of MAAS in a CSV file: the external pillar ``maas_machines``.

In the master's configuration:

.. code-block:: yaml

    ext_pillar:
      - maas_machines:
          path: /srv/maas/machines.csv
          minions: maas-region
          machine_class: r640

The file has a line with the names of its columns, and one for each machine:

.. code-block:: text

    hostname,mac_addresses,number,power_parameters:power_address,power_parameters:power_pass
    web-1,24:6e:96:00:00:01 24:6e:96:00:00:02,1,192.0.2.101,sdb://vault/web-1-bmc
    web-2,24:6e:96:00:00:03 24:6e:96:00:00:04,2,192.0.2.102,sdb://vault/web-2-bmc

It is merged with the rest of the pillar, which has the machine classes.
"""

from __future__ import annotations

import fnmatch
from typing import TYPE_CHECKING

from saltext.maas import master
from saltext.maas.errors import BadInput
from saltext.maas.pillar import machines_csv

if TYPE_CHECKING:
    from saltext.maas.salt_types import Opts

    __opts__: Opts


def ext_pillar(minion_id, pillar, path, minions, machine_class=None, key="maas", saltenv="base"):
    """Return the machines of a CSV file for the minion of a region.

    Args:
        minion_id: The minion's id.
        pillar: Not used.
        path: The file on the master, or ``salt://`` in its file roots.
        minions: Id or glob of the minions that get the machines, or a list of them.
        machine_class: Class of the machines whose row has none.
        key: The pillar's key; the profile where the region is a Salt resource.
        saltenv: Environment of a ``salt://`` path.

    Returns:
        ``{key: {"machines": {hostname: description}}}``; nothing for other minions.

    Raises:
        CommandExecutionError: The file is wrong, with line and column. Salt reports it in the
            pillar, so that no state is run.

    Holds for MAAS 1.5 to 3.8.

    CLI Example:

    .. code-block:: bash

        salt maas-region pillar.get maas:machines:web-1
    """
    globs = [minions] if isinstance(minions, str) else minions
    if not isinstance(globs, list) or not all(isinstance(one, str) for one in globs):
        raise BadInput(f"minions: {minions!r} must be a minion's id, a glob, or a list of them")
    if not any(fnmatch.fnmatchcase(minion_id, one) for one in globs):
        return {}
    found = machines_csv.read(master.local_file(__opts__, path, saltenv), machine_class)
    return {key: {"machines": found}}
