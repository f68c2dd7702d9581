"""What the salt-cloud driver ``maas`` is configured by: a provider, and profiles of instances."""

from __future__ import annotations

import base64
import io
import ipaddress
import re
import shlex
import tarfile
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

from saltext.maas import master, schemas
from saltext.maas.client.profile import SCHEMA as API
from saltext.maas.client.profile import Profile
from saltext.maas.errors import BadInput
from saltext.maas.machines.goals import Deployed, Done, Goal, Locked, Powered, Released, Unlocked
from saltext.maas.machines.parameters import PARAMETERS
from saltext.maas.release import Release

_SIZE = re.compile(r"(?:([a-z0-9]+)-)?([1-9]\d*)cpu-([1-9]\d*)(MiB|GiB)")
#: Constraints of MAAS's ``allocate`` that have no key of their own, with their first release.
CONSTRAINTS = {
    **dict.fromkeys(
        ("arch", "cpu_count", "mem", "not_tags", "not_in_zone", "fabrics", "not_fabrics",
         "fabric_classes", "not_fabric_classes", "subnets", "not_subnets", "storage",
         "interfaces"), "2.0"),
    **dict.fromkeys(("vlans", "not_vlans", "pod", "not_pod", "pod_type", "not_pod_type"), "2.2"),
    "not_in_pool": "2.4",
    "link_speed": "2.7",
    "devices": "3.0",
}  # fmt: skip
_POOL_SINCE = "2.4"
DEPLOYMENT = (
    "hwe_kernel", "ephemeral_deploy", "install_kvm", "register_vmhost", "bridge_all",
    "bridge_type", "bridge_stp", "bridge_fd", "enable_hw_sync", "enable_kernel_crash_dump",
    "vcenter_registration", "license_key", "comment",
)  # fmt: skip
ON_DESTROY = ("erase", "secure_erase", "quick_erase", "scripts", "comment")


class Action(NamedTuple):
    """An operation on an instance, or with ``--function`` on any machine.

    Attributes:
        example: Arguments of ``salt-cloud``.
        goal: What makes the goal, of ``given``.
        parameters: What it takes besides ``machine`` and ``timeout``.
        seconds: To wait for its end where no ``timeout`` is given.
    """

    example: str
    goal: Callable[..., Goal]
    parameters: tuple[str, ...] = ()
    seconds: float = 0


def _parameters(names, doc):
    return schemas.mapping({name: {"doc": PARAMETERS[name].doc} for name in names}, doc)


_VALUES = {"type": ["string", "integer", "array"], "items": {"type": ["string", "integer"]},
           "allowed": "a text, a number or a list of them"}  # fmt: skip
#: What a profile, a map or a provider may say of instances.
SCHEMA = schemas.mapping({
    "machine": schemas.text("Host name, system id or MAC address of one machine."),
    "size": schemas.text(
        "At least so many processors and so much memory.", "size",
        allowed="a size such as 8cpu-32GiB or amd64-8cpu-32GiB",
    ),
    "location": schemas.text("Zone."),
    "pool": schemas.text("Resource pool (2.4 and later)."),
    "tags": schemas.listed(schemas.text(), "Tags that the machine has."),
    "constraints": schemas.mapping(dict.fromkeys(CONSTRAINTS, _VALUES), "Other constraints."),
    "image": schemas.text("Operating system, such as ubuntu/jammy; MAAS's default if left out."),
    "user_data": schemas.text("What cloud-init gets.", secret=True),
    "userdata_file": schemas.text("File on the master with what cloud-init gets."),
    "deployment": _parameters(DEPLOYMENT, "Other parameters of the deployment."),
    "on_destroy": _parameters(ON_DESTROY, "Parameters of the release."),
    "deploy_timeout": schemas.seconds("Seconds that a deployment may take."),
    "destroy_timeout": schemas.seconds("Seconds that a release may take.", zero=True),
    "release_failed": schemas.flag("Whether a machine whose deployment failed is released."),
    "bootstrap": schemas.choice("How Salt gets onto the machine.", "ssh", "user_data"),
    "ssh_network": schemas.text(
        "Network in which SSH reaches machines.", "network",
        allowed="a network such as 10.10.0.0/16",
    ),
})  # fmt: skip
_FORMATS = {**schemas.FORMATS, "size": _SIZE.fullmatch, "network": ipaddress.ip_network}
TIMEOUT = 600  # seconds for a release, or for a machine to be on or off
_TESTS = ("testing_scripts", "enable_ssh")
#: Actions of the driver, by name.
ACTIONS = {
    "start": Action("-a start web-1", partial(Powered, True), ("comment",), TIMEOUT),
    "stop": Action(
        "-a stop web-1 stop_mode=soft", partial(Powered, False), ("comment", "stop_mode"), TIMEOUT
    ),
    "reboot": Action(
        "-a reboot web-1 stop_mode=soft", partial(Powered, True), ("comment", "stop_mode"), TIMEOUT
    ),
    "lock": Action("-a lock web-1", Locked, ("comment",)),
    "unlock": Action("-a unlock web-1", Unlocked, ("comment",)),
    "rescue_mode": Action("-a rescue_mode web-1 timeout=600", partial(Done, "rescue_mode")),
    "exit_rescue_mode": Action("-a exit_rescue_mode web-1", partial(Done, "exit_rescue_mode")),
    "test": Action(
        "-a test web-1 testing_scripts=smartctl-validate", partial(Done, "test"), _TESTS
    ),
    "commission": Action(
        "-f commission maas-dc1 machine=rack4-7 timeout=1800",
        partial(Done, "commission"),
        ("commissioning_scripts", *_TESTS, "skip_bmc_config", "skip_networking", "skip_storage"),
    ),
}
#: Keys that choose a machine; without any the one with the name of the instance is taken.
_CHOICE = ("machine", "size", "location", "pool", "tags", "constraints")


def profile(opts: dict, provider: Mapping[str, Any], where: str) -> Profile:
    """Return how to reach the region of a provider.

    Args:
        opts: Salt's configuration.
        provider: The provider's configuration: the keys of a profile, or ``maas_profile`` with
            the name of one in the master's configuration.
        where: What messages call the provider.

    Raises:
        BadInput: It is wrong.
    """
    own = {key: provider[key] for key in API["properties"] if key in provider}
    named = provider.get("maas_profile")
    if named and own:
        raise BadInput(
            f"{where}: has maas_profile and {', '.join(sorted(own))}; give either a profile of the "
            "master's configuration, or url and api_key"
        )
    return master.profile(opts, own or named, where if own else "")


class Settings:
    """What is configured of one instance.

    Args:
        values: The keys of :data:`SCHEMA`; what is None counts as not given.
        where: What messages call the instance.

    Raises:
        BadInput: With one line for each mistake.
    """

    def __init__(self, values: Mapping[str, Any], where: str):
        self.where = where
        self._given = {key: one for key, one in values.items() if one is not None}
        schemas.check(self._given, SCHEMA, where, _FORMATS)
        if "user_data" in self._given and "userdata_file" in self._given:
            raise BadInput(f"{where}: user_data and userdata_file cannot both be given")

    def get(self, key: str, default: Any = None) -> Any:
        """Return the value of a key."""
        return self._given.get(key, default)

    def machine(self, name: str) -> str | None:
        """Return the machine that an instance takes; None for any that fits."""
        chosen = any(self.get(key) for key in _CHOICE)
        return self.get("machine") if chosen else name

    def constraints(self, release: Release) -> dict[str, Any]:
        """Return the constraints of an allocation.

        Raises:
            BadInput: The release does not support one; earlier ones than 2.3 ignore it then.
        """
        form = dict(self.get("constraints", {}))
        late = {key: CONSTRAINTS[key] for key in form}
        keys = {"location": "zone", "pool": "pool", "tags": "tags"}
        form.update({keys[key]: self.get(key) for key in keys if key in self._given})
        late.update({"pool": _POOL_SINCE} if "pool" in form else {})
        late = {key: since for key, since in late.items() if release < since}
        if late:
            raise BadInput(
                f"{self.where}:{key}: MAAS {release} does not support it; {since} and later do"
                for key, since in late.items()
            )
        size = _SIZE.fullmatch(self.get("size", ""))
        if size:
            architecture, cpus, memory, unit = size.groups()
            form.update(cpu_count=int(cpus), mem=int(memory) * (1024 if unit == "GiB" else 1))
            form.update({"arch": architecture} if architecture else {})
        return form

    def deployment(self, user_data: str | bytes | None) -> Deployed:
        """Return the goal of a new instance.

        Args:
            user_data: What cloud-init gets.
        """
        series = self.get("image")
        given = {**self.get("deployment", {}), "distro_series": series, "user_data": user_data}
        return self._goal(Deployed, given, "deployment")

    def release(self) -> Released:
        """Return the goal of an instance that is destroyed."""
        return self._goal(Released, self.get("on_destroy", {}), "on_destroy")

    def _goal(self, kind: type[Goal], given, key):
        try:
            return kind(given)
        except BadInput as error:
            raise BadInput(f"{self.where}:{key}:{line}" for line in error.problems) from None


# User data


def minion_script(files: Mapping[str, str], arguments: str, environment: Mapping[str, str]) -> str:
    """Return the script that makes a machine a minion when cloud-init runs it.

    It does what salt-cloud does over SSH: it puts keys and configuration into a folder of its
    own, and has Salt's deploy script install Salt from there.

    Args:
        files: Contents by name: ``deploy.sh``, ``minion``, ``minion.pem``, ``minion.pub``.
        arguments: Of the deploy script, besides ``-c FOLDER`` where it is Salt's.
        environment: Variables of the deploy script.
    """
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.mode, member.size = 0o600, len(content.encode())
            archive.addfile(member, io.BytesIO(content.encode()))
    command = 'sh "$folder/deploy.sh"'
    if "bootstrap-salt" in files["deploy.sh"]:  # as Salt finds out whether it knows the option
        command += ' -c "$folder"'
    lines = [
        "#!/bin/sh",
        "umask 077",
        "folder=$(mktemp -d) || exit 1",
        "trap 'rm -rf \"$folder\"' EXIT",
        "base64 -d <<'END' | tar -xzf - -C \"$folder\" || exit 1",
        base64.encodebytes(packed.getvalue()).decode() + "END",
        *(f"export {name}={shlex.quote(str(value))}" for name, value in environment.items()),
        f"{command} {arguments}".rstrip(),
    ]
    return "\n".join(lines) + "\n"
