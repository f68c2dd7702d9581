"""The execution module ``maas_machine`` for machines, and groups of them, that are Salt resources.

Functions are those of minions, without ``name`` and ``profile``: they are for the machine, or all
machines of the group, that the job targets.
"""

from saltext.maas import machine_resource, resource_modules

resource_modules.load(globals())
machine_resource.bind(globals())
