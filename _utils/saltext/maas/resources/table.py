"""What a resource type is: a table of facts that one engine works from.

To add a resource type, write a subclass of :class:`Table` in a module beside this one and run
``make generate``, which writes its state and its execution module.  Most types are data alone;
where MAAS does what no data can say, override a hook.  The parts of a table:

* :mod:`~saltext.maas.resources.table_identity`: names, fields, keys, what values may be
* :mod:`~saltext.maas.resources.table_comparison`: differences, problems, predicted results
* :mod:`~saltext.maas.resources.table_protection`: what can be deleted, and what pruning removes
* :mod:`~saltext.maas.resources.table_order`: what comes before what
* :mod:`~saltext.maas.resources.table_wire`: requests and answers
* :mod:`~saltext.maas.resources.table_pillar`: the pillar's mappings, and exports
"""

from __future__ import annotations

from saltext.maas.resources.field import UNKNOWN, Field, Record
from saltext.maas.resources.location import PillarLocation
from saltext.maas.resources.table_order import Order
from saltext.maas.resources.table_pillar import InPillar
from saltext.maas.resources.table_wire import Wire

__all__ = ["UNKNOWN", "Field", "PillarLocation", "Record", "Table"]


class Table(InPillar, Wire, Order):
    """A resource type.  Its attributes are facts; its methods are hooks, with what follows from
    the facts as their default.

    The docstring of a subclass is for users: the first sentence says what the objects are, and
    follows from ``noun`` where it is missing; the rest is what one has to know of them.
    """
