"""The execution module ``state`` for regions and machines that are Salt resources.

States run with the execution modules of the resource: those of this extension, for the region or
the machines of the job. States that would change the minion's host fail, as it is not theirs.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import salt.defaults.exitcodes
import salt.fileclient
import salt.loader
import salt.pillar
import salt.state
import salt.utils.args
import salt.utils.state
from saltext.maas import resource_ids

if TYPE_CHECKING:
    from saltext.maas.salt_types import Context, Functions, Opts

    __context__: Context
    __opts__: Opts
    __resource__: dict[str, str]
    __resource_funcs__: Functions

__func_alias__ = {"apply_": "apply"}


def apply_(mods: str | list[str] | None = None, **kwargs: Any) -> Any:
    """Apply SLS files to a region, or without any its highstate.

    Args:
        mods (str or list of str): The files.
        kwargs: As for :py:func:`sls`.

    Returns:
        The returns of the states, or a list of mistakes.

    CLI Example:

    .. code-block:: bash

        salt -C 'T@maas_region:dc1' state.apply maas.managed test=True
    """
    return sls(mods, **kwargs) if mods else highstate(**kwargs)


def highstate(**kwargs: Any) -> Any:
    """Apply to a region what the top file has for its name or its grains.

    Args:
        kwargs: As for :py:func:`sls`.

    Returns:
        The returns of the states, or a list of mistakes.

    CLI Example:

    .. code-block:: bash

        salt -C 'T@maas_region' state.highstate test=True
    """
    if not _is_named():
        return {}
    with _run(kwargs) as run:
        return _finished(run.call_highstate(exclude=_split(kwargs.get("exclude"))))


def sls(mods: str | list[str], **kwargs: Any) -> Any:
    """Apply SLS files to a region.

    Args:
        mods (str or list of str): The files.
        kwargs: ``test``, ``pillar`` (a mapping laid over the minion's pillar), ``exclude``,
            ``saltenv`` and ``pillarenv``, as Salt has them.

    Returns:
        The returns of the states, or a list of mistakes.

    CLI Example:

    .. code-block:: bash

        salt -C 'T@maas_region:dc1' state.sls maas.managed
    """
    if not _is_named():
        return {}
    with _run(kwargs) as run:
        high, errors = run.render_highstate({run.opts["saltenv"] or "base": _split(mods)})
        high["__exclude__"] = [*high.get("__exclude__", ()), *_split(kwargs.get("exclude"))]
        return _finished(errors or run.state.call_high(high))


def single(fun: str, name: str = "", **kwargs: Any) -> Any:
    """Run one state on a region or machine.

    Args:
        fun (str): The state, such as ``maas_space.present``.
        name (str): Its name; the id of a machine or group by default.
        kwargs: Its arguments, and ``test``, ``pillar``, ``saltenv`` and ``pillarenv``.

    Returns:
        Its return, or a list of mistakes.

    CLI Example:

    .. code-block:: bash

        salt -C 'T@maas_region:dc1' state.single maas_space.present storage
        salt -C 'T@maas_machine:web*' state.single maas_machine.deployed distro_series=noble
    """
    if not _is_named():
        return {}
    if not name and __resource__["type"] == resource_ids.MACHINE:
        name = __resource__["id"]
    state, _, function = fun.partition(".")
    own = {key: one for key, one in kwargs.items() if key not in _OPTIONS}
    low = {**own, "state": state, "fun": function, "__id__": name, "name": name}
    with _run(kwargs) as run:
        errors = run.state.verify_data(low)
        if errors:
            return _finished(errors)
        return _finished({f"{state}_|-{name}_|-{name}_|-{function}": run.state.call(low)})


_OPTIONS = {"test", "pillar", "saltenv", "pillarenv"}


def _is_named():
    """Whether the job is for this resource: a machine has to be targeted as such."""
    machine = __resource__["type"] == resource_ids.MACHINE
    return not machine or resource_ids.is_named(__opts__, __resource__["id"])


@contextlib.contextmanager
def _run(kwargs) -> Iterator[Any]:
    """A state compiler for this resource, with the minion's pillar as the master has it now."""
    opts = salt.utils.state.get_sls_opts(__opts__, **kwargs)
    test = kwargs.get("test")
    opts["test"] = bool(opts.get("test") if test is None else test)
    opts["autoload_dynamic_modules"] = False  # the minion's highstate syncs what it has
    pillar = salt.pillar.get_pillar(
        opts, opts["grains"], opts["id"], opts["saltenv"],
        pillar_override=kwargs.get("pillar"), pillarenv=opts.get("pillarenv"),
    ).compile_pillar()  # fmt: skip
    # The matchers of the top file alone take the resource for a minion. The master knows no such
    # minion, which is why all else keeps the id of this one.
    kind, ident = __resource__["type"], __resource__["id"]
    own = {"id": ident, "grains": __resource_funcs__[f"{kind}.grains"](),
           "resources": {kind: [ident]}}  # fmt: skip
    with salt.state.HighState(opts, jid=kwargs.get("__pub_jid"), initial_pillar=pillar) as run:
        run.matchers = salt.loader.matchers({**opts, **own})
        # What Salt itself calls for its own purposes, such as `config.option`.
        run.state._trusted_functions = run.state.minion_functions
        run.push_active()
        try:
            yield run
        finally:
            run.pop_active()


def _split(names):
    return salt.utils.args.split_input(names) if names else []


def _finished(result):
    if isinstance(result, list):
        __context__["retcode"] = salt.defaults.exitcodes.EX_STATE_COMPILER_ERROR
    elif not salt.utils.state.check_result(result):
        __context__["retcode"] = salt.defaults.exitcodes.EX_STATE_FAILURE
    else:
        __context__["retcode"] = salt.defaults.exitcodes.EX_OK
    return result
