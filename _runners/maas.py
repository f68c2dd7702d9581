"""A whole fleet from the master: regions, and the clusters or racks that hang on them.

What the master has to be told for this is in :doc:`../onboarding`.
"""

from __future__ import annotations


def version():
    """Tell which version of this extension the master has.

    Returns:
        The version, as text.

    CLI Example:

    .. code-block:: bash

        salt-run maas.version
    """
    import saltext.maas

    return saltext.maas.__version__


def onboard(target, tgt_type="glob", batch=None, dry_run=False):
    """Onboard clusters: hand over the secret, enrol, accept, DHCP, images.

    What is done already is left alone; after a failure it goes on where it failed.

    Args:
        target: One minion id, a list of them, or a target.
        tgt_type: How ``target`` is to be understood if it is no list: ``glob``,
            ``grain``, ``pillar``, ``compound`` ...
        batch: How many at once; ``maas.fleet:batch`` by default.
        dry_run: Only tell what would be done.

    Returns:
        ``{minion: {state, region, step, message, todo}}``; the state is ``enrolled``, ``failed``
        or ``refused``, with ``dry_run`` ``would be onboarded``.

    Raises:
        CommandExecutionError: The master's configuration is wrong.

    CLI Example:

    .. code-block:: bash

        salt-run maas.onboard 'rack-*' dry_run=true
        salt-run maas.onboard '[rack-1, rack-2]' batch=20
    """
    from saltext.maas.fleet import core, onboard

    with core.Fleet(globals(), progress=True, batch=batch) as fleet:
        return onboard.run(fleet, target, tgt_type, dry_run)


def react(tag, sender=None, asked=None):
    """Act on an event that asks for onboarding; for the reactor.

    Args:
        tag: The event's tag.
        sender: Minion that fired it; None for the master.
        asked: Minion id, or list of them, that the event names.

    Returns:
        ``{queued: [minion], running: [minion], refused: {minion: why}}``.

    CLI Example:

    .. code-block:: bash

        salt-run maas.react maas/cluster/onboard asked=rack-1
    """
    from saltext.maas.fleet import core, worker

    with core.Fleet(globals()) as fleet:
        return worker.react(fleet, tag, sender, asked)


def step(step, batch):
    """Take a batch through one step of its onboarding; for the orchestration.

    Args:
        step: Name of the step.
        batch: Id of the batch.

    Returns:
        ``{minion: "done", "skipped" or why it failed}``.

    CLI Example:

    .. code-block:: bash

        salt-run maas.step pillar 0123456789abcdef0123456789abcdef
    """
    from saltext.maas.fleet import core, steps

    with core.Fleet(globals()) as fleet:
        return steps.take(fleet, batch, step)
