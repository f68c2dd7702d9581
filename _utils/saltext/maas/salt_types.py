"""Types of what Salt puts into the modules that it loads, for annotations only.

A module that uses one declares it, as Salt's loader does not:

.. code-block:: python

    if TYPE_CHECKING:
        from saltext.maas.salt_types import Functions, Opts

        __salt__: Functions
        __opts__: Opts
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

#: ``__context__``: what modules keep for the length of one run.
Context: TypeAlias = dict[str, Any]
#: ``__salt__`` and ``__states__``: functions by their names, such as ``cmd.run``.
Functions: TypeAlias = dict[str, Callable[..., Any]]
#: ``__grains__``.
Grains: TypeAlias = dict[str, Any]
#: ``__opts__``: the configuration of the minion or master.
Opts: TypeAlias = dict[str, Any]
#: ``__pillar__``.
Pillar: TypeAlias = dict[str, Any]
