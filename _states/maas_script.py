"""Manage MAAS commissioning, testing and release scripts, in MAAS 2.2 and later."""

from __future__ import annotations

from saltext.maas import state_helpers


def present(
    name,
    script=None,
    type=None,
    title=None,
    description=None,
    tags=None,
    timeout=None,
    destructive=None,
    hardware_type=None,
    script_parallel=None,
    packages=None,
    for_hardware=None,
    may_reboot=None,
    recommission=None,
    apply_configured_networking=None,
    comment=None,
    profile=None,
):
    """Make sure that a script is as described.  What is not named is left alone.

    Args:
        name: Name of the script.
        script: The text, from #! on; a YAML header may say what is not said here.
        type: commissioning, testing, or release from 3.5 on.
        title: What a person calls it.
        description: Free text.
        tags: Tags by which it is chosen.
        timeout: Time that it may take, in seconds; 0 for any.
        destructive: Whether it destroys what the disks hold.
        hardware_type: What it looks at: node, cpu, memory, storage, network or gpu (2.3 and
            later).
        script_parallel: What it may run beside: disabled, instance or any (2.3 and later).
        packages: Packages that it needs: {apt: [...]}; from 3.5 on in the YAML header (2.3 and
            later, up to 3.4).
        for_hardware: Hardware that it is for (2.4 and later).
        may_reboot: Whether it may reboot the machine (2.4 and later).
        recommission: Whether MAAS's own commissioning scripts run once more after it (2.4 and
            later).
        apply_configured_networking: Whether the machine's own network is set up for it (2.7 and
            later).
        comment: Said of this version of the text; free text.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        A state's return; ``changes`` hold old and new values by field.

    .. code-block:: yaml

        check-fans:
          maas_script.present:
            - type: testing
            - timeout: 60
            - script: |
                #!/bin/sh
                echo ok
    """
    return state_helpers.present(
        globals(),
        "script",
        name,
        profile,
        script=script,
        type=type,
        title=title,
        description=description,
        tags=tags,
        timeout=timeout,
        destructive=destructive,
        hardware_type=hardware_type,
        parallel=script_parallel,
        packages=packages,
        for_hardware=for_hardware,
        may_reboot=may_reboot,
        recommission=recommission,
        apply_configured_networking=apply_configured_networking,
        comment=comment,
    )


def absent(name, profile=None):
    """Make sure that there is no such script.

    Args:
        name: Name of the script.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        A state's return.

    .. code-block:: yaml

        check-fans:
          maas_script.absent: []
    """
    return state_helpers.absent(globals(), "script", name, profile)
