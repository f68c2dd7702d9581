"""Machines of MAAS as instances of salt-cloud: the driver ``maas``.

A provider, such as ``/etc/salt/cloud.providers.d/maas.conf``:

.. code-block:: yaml

    maas-dc1:
      driver: maas
      url: http://192.0.2.10:5240/MAAS
      api_key: sdb://vault/maas-cloud-key

It takes all keys of a profile of this extension; ``maas_profile`` names one in the master's
configuration instead, and without any of these it is ``maas``. A profile, such as
``/etc/salt/cloud.profiles.d/maas.conf``:

.. code-block:: yaml

    web:
      provider: maas-dc1
      image: ubuntu/jammy
      size: 8cpu-32GiB
      location: north
      ssh_keyfile: /etc/salt/pki/cloud.pem
      minion: {master: salt.example.com}

Then:

.. code-block:: bash

    salt-cloud -p web web-1 web-2

:doc:`../salt-cloud` explains it, and what API 1.0 (MAAS 1.5 to 1.10) lacks.
"""

from __future__ import annotations

import contextlib
import copy
import functools
import glob
import importlib.util
import ipaddress
import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import salt.config as config
import salt.utils.args
import salt.utils.cloud
from salt.exceptions import SaltCloudSystemExit
from saltext.maas import cloud, documentation
from saltext.maas.client import Client
from saltext.maas.errors import BadInput, MaasError
from saltext.maas.machines import instances, lifecycle
from saltext.maas.machines.parameters import seconds_of
from saltext.maas.minions import user_data

if TYPE_CHECKING:
    from saltext.maas.salt_types import Functions, Opts

    __active_provider_name__: Any
    __opts__: Opts
    __utils__: Functions

log = logging.getLogger(__name__)

__virtualname__ = "maas"

#: What copies of an instance's configuration, such as those in events, do not hold.
_SECRET = ("api_key", "master_pem", "password", "priv_key", "sudo_password", "user_data",
           "win_password")  # fmt: skip
_DEPLOY_TIMEOUT = 3600


def __virtual__():
    """Load the driver only where a provider uses it."""
    configured = config.is_provider_configured(__opts__, __virtualname__, log_message=False)
    return __virtualname__ if configured is not False and get_dependencies() else False


def get_configured_provider():
    """Return the configuration of the provider that is asked for, or of the first one.

    Returns:
        The provider's configuration; False if there is none or it is wrong, which the log says.
    """
    found = _configured()
    if found is False:
        return False
    try:
        cloud.profile(__opts__, found, f"provider {_alias()}")
    except MaasError as error:
        log.error("%s", error)
        return False
    return found


def get_dependencies():
    """Return whether the Python libraries are installed that requests to a region take.

    Returns:
        True or False.
    """
    libraries = ("requests", "requests_oauthlib", "jsonschema")
    found = {one: importlib.util.find_spec(one) is not None for one in libraries}
    return config.check_driver_dependencies(__virtualname__, found)


def _provider_name():
    name = __active_provider_name__
    return (name.value() if hasattr(name, "value") else name) or __virtualname__


def _alias():
    """The provider's name in its configuration."""
    return _provider_name().partition(":")[0]


def _configured():
    return config.is_provider_configured(__opts__, _provider_name())


@contextlib.contextmanager
def _region():
    """The client of the provider's region; all that goes wrong becomes an error of salt-cloud."""
    try:
        client = Client(cloud.profile(__opts__, _configured() or {}, f"provider {_alias()}"))
        with contextlib.closing(client):
            yield client
    except MaasError as error:
        raise SaltCloudSystemExit(str(error)) from None


def _not_as_action(call, option):
    if call == "action":
        raise SaltCloudSystemExit(f"this is no action; use salt-cloud {option}")


# What there is


def avail_locations(call=None):
    """Return the zones of the region.

    Args:
        call: How salt-cloud calls it.

    Returns:
        ``{name: {id, name, description}}``

    CLI Example:

    .. code-block:: bash

        salt-cloud --list-locations maas-dc1
    """
    _not_as_action(call, "--list-locations")
    with _region() as client:
        return instances.zones(client)


def avail_pools(kwargs=None, call=None):
    """Return the resource pools of the region (2.4 and later).

    Args:
        kwargs: Nothing.
        call: How salt-cloud calls it.

    Returns:
        ``{name: {id, name, description}}``

    CLI Example:

    .. code-block:: bash

        salt-cloud -f avail_pools maas-dc1
    """
    _not_as_action(call, "--function")
    with _region() as client:
        return instances.pools(client)


def avail_images(call=None):
    """Return the images that machines can be deployed with.

    Args:
        call: How salt-cloud calls it.

    Returns:
        ``{name: {name, osystem, series, type, architectures}}``, with ``title`` where it has one;
        the name is what ``image`` takes.

    CLI Example:

    .. code-block:: bash

        salt-cloud --list-images maas-dc1
    """
    _not_as_action(call, "--list-images")
    with _region() as client:
        return instances.images(client)


def avail_sizes(call=None):
    """Return the sizes of the region's machines, with one request.

    Args:
        call: How salt-cloud calls it.

    Returns:
        ``{name: {name, architecture, cpu_count, memory, machines, available, locations, pools,
        tags}}``: memory in MiB, how many machines have this size, how many of these can be
        allocated, and the zones, pools and tags of those.

    CLI Example:

    .. code-block:: bash

        salt-cloud --list-sizes maas-dc1
    """
    _not_as_action(call, "--list-sizes")
    with _region() as client:
        return instances.sizes(client)


def list_nodes(call=None):
    """Return the instances: machines that salt-cloud allocated with this provider's user.

    Args:
        call: How salt-cloud calls it.

    Returns:
        ``{name: {id, image, size, state, public_ips, private_ips, machine, location}}``; the id is
        MAAS's system id, the machine its host name.

    CLI Example:

    .. code-block:: bash

        salt-cloud -Q
    """
    _not_as_action(call, "--query")
    return {name: instances.shown(raw) for name, raw in _listed().items()}


def list_nodes_full(call=None):
    """Return the instances with all that MAAS shows of their machines.

    Args:
        call: How salt-cloud calls it.

    Returns:
        As :func:`list_nodes`, and the fields of MAAS's answer.

    CLI Example:

    .. code-block:: bash

        salt-cloud -F
    """
    _not_as_action(call, "--full-query")
    found = {name: {**_full(raw), "name": name} for name, raw in _listed().items()}
    # These three of Salt do nothing unless update_cachedir is set.
    __utils__["cloud.cache_node_list"](found, _alias(), __opts__)
    return found


def list_nodes_select(call=None):
    """Return the instances with the fields that ``query.selection`` names.

    Args:
        call: How salt-cloud calls it.

    Returns:
        ``{name: {field: value}}``

    CLI Example:

    .. code-block:: bash

        salt-cloud -S
    """
    return salt.utils.cloud.list_nodes_select(
        list_nodes_full("function"), __opts__["query.selection"], call
    )


def _full(raw):
    return {**raw, **instances.shown(raw)}


def _listed():
    try:
        with _region() as client:
            return instances.listed(client)
    except SaltCloudSystemExit as error:
        # salt-cloud takes a provider that fails for one without instances.
        log.error("Instances of %s: %s", _provider_name(), error)
        raise


def show_instance(name, call=None):
    """Return one instance.

    Args:
        name: Of the instance.
        call: How salt-cloud calls it.

    Returns:
        As of :func:`list_nodes_full`.

    CLI Example:

    .. code-block:: bash

        salt-cloud -a show_instance web-1
    """
    if call != "action":
        raise SaltCloudSystemExit("show_instance is an action: salt-cloud -a show_instance NAME")
    with _region() as client:
        raw = instances.existing(client, name)
    found = {**_full(raw), "name": name}
    __utils__["cloud.cache_node"](found, _provider_name(), __opts__)
    return found


# Create


def create(vm_):
    """Allocate a machine, deploy it, and make it a minion.

    Args:
        vm_: The instance as salt-cloud has it from profile, map and provider.

    Returns:
        As of :func:`list_nodes`, and what salt-cloud tells of the minion's installation.

    CLI Example:

    .. code-block:: bash

        salt-cloud -p web web-1
    """
    name = vm_["name"]
    _fire(name, "creating", "starting create", vm_)
    try:
        raw = _deployed(vm_)
    except Exception:
        _remove_key(vm_)
        raise
    found = instances.shown(raw)
    if _by(vm_) == "ssh" and _value("deploy", vm_):
        found.update(_bootstrap(vm_, raw))
    _fire(name, "created", "created instance", vm_)
    return found


def _value(key, vm_, default=None):
    return config.get_cloud_config_value(key, vm_, __opts__, default=default)


def _own(key, vm_):
    return config.get_cloud_config_value(key, vm_, __opts__, default=None, search_global=False)


def _by(vm_):
    return _own("bootstrap", vm_) or "ssh"


def _fire(name, tag, text, vm_=None):
    facts = ["name", "profile", "provider", "driver"]
    __utils__["cloud.fire_event"](
        "event", text, f"salt/cloud/{name}/{tag}",
        args=__utils__["cloud.filter_event"](tag, vm_ or {"name": name}, facts),
        sock_dir=__opts__["sock_dir"], transport=__opts__["transport"],
    )  # fmt: skip


def _deployed(vm_):
    name = vm_["name"]
    with _region() as client:
        values = {key: _own(key, vm_) for key in cloud.SCHEMA["properties"]}
        settings = cloud.Settings(values, f"instance {name}")
        constraints = settings.constraints(client.release)
        goal = settings.deployment(_user_data(vm_, settings))
        if _by(vm_) == "ssh" and _value("deploy", vm_):
            _check_login(vm_)
        _fire(name, "requesting", "requesting instance", vm_)
        return instances.create(
            client, name, settings.machine(name), constraints, goal, _own("profile", vm_),
            settings.get("deploy_timeout", _DEPLOY_TIMEOUT), settings.get("release_failed", True),
        )  # fmt: skip


def _check_login(vm_):
    """Refuse what would only fail when the machine is deployed."""
    file = _own("key_filename", vm_) or _own("ssh_keyfile", vm_)
    if file and not os.path.isfile(file):
        raise BadInput(f"instance {vm_['name']}: ssh_keyfile: {file!r} is no file")
    if not file and not _value("password", vm_) and not __opts__.get("ssh_agent"):
        raise BadInput(
            f"instance {vm_['name']}: ssh_keyfile is missing; it is needed to install Salt over "
            "SSH; bootstrap: user_data does it without SSH, and deploy: false leaves it out"
        )


def _user_data(vm_, settings):
    text, file = settings.get("user_data"), settings.get("userdata_file")
    if file:
        try:
            with open(file, encoding="utf-8") as stream:
                text = stream.read()
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "is no text in UTF-8"
            raise BadInput(f"{settings.where}:userdata_file: {file!r}: {reason}") from None
    if text:
        try:
            text = __utils__["cloud.userdata_template"](__opts__, vm_, text)
        except Exception as error:  # whose text has lines of the user data
            reason = str(error).partition("\n")[0]
            raise BadInput(f"{settings.where}: user data cannot be rendered: {reason}") from None
    if _by(vm_) == "user_data" and _value("deploy", vm_):
        return user_data.with_script((text or "").encode(), _minion_script(vm_))
    return text


def _minion_script(vm_):
    minion = salt.utils.cloud.minion_config(__opts__, vm_)
    if __opts__.get("enable_cloud_grains", True):
        names = ("driver", "provider", "profile")
        minion["grains"] = {
            **minion.get("grains", {}),
            "salt-cloud": {one: vm_.get(one) for one in names},
        }
    script = salt.utils.cloud.os_script(_value("script", vm_), vm_, __opts__, minion)
    if not script:
        raise BadInput(f"instance {vm_['name']}: script: {_value('script', vm_)!r} does not exist")
    files = {
        "deploy.sh": script,
        "minion": salt.utils.cloud.salt_config_to_yaml(minion),
        "minion.pem": vm_["priv_key"],
        "minion.pub": vm_["pub_key"],
    }
    return cloud.minion_script(
        files, _value("script_args", vm_, ""), _value("script_env", vm_, {}) or {}
    )


class _Quiet(dict):
    """The configuration of an instance whose copies have no secrets.

    Salt puts a copy into an event, and into what it returns.
    """

    def __deepcopy__(self, memo):
        return {key: copy.deepcopy(one, memo) for key, one in self.items() if key not in _SECRET}


def _bootstrap(vm_, raw):
    host = _own("ssh_host", vm_) or _address(raw, _own("ssh_network", vm_))
    quiet = _Quiet({key: one for key, one in vm_.items() if key != "api_key"}, ssh_host=host)
    if not _value("ssh_username", vm_) and raw.get("osystem") == "ubuntu":
        quiet["ssh_username"] = "ubuntu"
    try:
        if host is None:
            raise MaasError(f"it has no address in {_own('ssh_network', vm_) or 'any network'}")
        done = __utils__["cloud.bootstrap"](quiet, __opts__)
        if "Error" in done:
            raise MaasError("; ".join(map(str, done["Error"].values())))
        return done
    except Exception as error:  # salt-cloud gives up all instances after any other than its own
        raise SaltCloudSystemExit(
            f"instance {vm_['name']}: it is deployed, but Salt is not installed: {error}"
        ) from error


def _address(raw, network):
    wanted = ipaddress.ip_network(network) if network else None
    shown = instances.shown(raw)
    found = [*shown["public_ips"], *shown["private_ips"]]
    fits = (one for one in found if wanted is None or ipaddress.ip_address(one) in wanted)
    return next(fits, None)


def _remove_key(vm_):
    """Remove the key that salt-cloud made and accepted for an instance that is not there."""
    minion = _value("minion", vm_, {}).get("id", vm_["name"])
    # Its name may end with a domain.
    for path in Path(__opts__["pki_dir"], "minions").glob(f"{glob.escape(minion)}*"):
        if vm_.get("pub_key") and path.read_text(encoding="utf-8") == vm_["pub_key"]:
            path.unlink()


# Destroy and operate


def destroy(name, call=None):
    """Release the machine of an instance, and wait until it is released.

    ``on_destroy`` of its profile, else of the provider, says whether disks are erased.

    Args:
        name: Of the instance.
        call: How salt-cloud calls it.

    Returns:
        ``{system_id, machine, status, power_state, locked}`` after the release.

    CLI Example:

    .. code-block:: bash

        salt-cloud -d web-1
    """
    if call == "function":
        raise SaltCloudSystemExit("destroy is no function: salt-cloud -d NAME")
    _fire(name, "destroying", "destroying instance")
    with _region() as client:
        raw = instances.existing(client, name)
        # The name may have been given as the system id.
        notes = raw.get("owner_data") or {}
        called = notes.get(instances.NAME, name)
        profile = __opts__["profiles"].get(notes.get(instances.PROFILE)) or {}
        provider = _configured() or {}
        keys = ("on_destroy", "destroy_timeout")
        values = {key: profile.get(key, provider.get(key)) for key in keys}
        settings = cloud.Settings(values, f"instance {called}")
        seconds = settings.get("destroy_timeout", cloud.TIMEOUT)
        raw = instances.bring(client, called, raw, settings.release(), seconds)
    _fire(name, "destroyed", "destroyed instance")
    __utils__["cloud.delete_minion_cachedir"](called, _alias(), __opts__)
    return _status(raw)


def _status(raw):
    return {
        "system_id": raw["system_id"],
        "machine": raw["hostname"],
        "status": raw.get("status_name"),
        "power_state": raw.get("power_state"),
        "locked": bool(raw.get("locked")),
    }


def _operate(action, name, kwargs, call):
    """Bring an instance, or with ``--function`` any machine, to the goal of an action."""
    given = salt.utils.args.clean_kwargs(**(kwargs or {}))
    given = {key: salt.utils.args.yamlify_arg(value) for key, value in given.items()}
    _, kind, parameters, seconds = cloud.ACTIONS[action]
    with _region() as client:
        machine = given.pop("machine", None)
        seconds = given.pop("timeout", seconds)
        unknown = sorted(given.keys() - {*parameters})
        if unknown:
            raise BadInput(
                f"{', '.join(unknown)}: unknown; allowed: "
                f"{', '.join(sorted([*parameters, 'timeout']))}"
            )
        seconds = seconds_of(seconds)
        if call == "action":
            raw, me = instances.existing(client, name), None
        elif machine is None:
            raise BadInput("machine: is missing; give a host name, system id or MAC address")
        else:
            name = str(machine)
            raw = lifecycle.find(client, [name])[name]
            me = functools.partial(instances.whoami, client)
        return _status(instances.bring(client, name, raw, kind(given=given), seconds, me))


def start(name=None, kwargs=None, call=None):
    """Turn an instance on, and wait until it is on."""
    return _operate("start", name, kwargs, call)


def stop(name=None, kwargs=None, call=None):
    """Turn an instance off, and wait until it is off."""
    return _operate("stop", name, kwargs, call)


def reboot(name=None, kwargs=None, call=None):
    """Turn an instance off and on again, since MAAS has no reboot."""
    stop(name, kwargs, call)
    kwargs = {key: one for key, one in (kwargs or {}).items() if key != "stop_mode"}
    return start(name, kwargs, call)


def lock(name=None, kwargs=None, call=None):
    """Lock an instance: MAAS then refuses to change, release or switch it (2.4 and later)."""
    return _operate("lock", name, kwargs, call)


def unlock(name=None, kwargs=None, call=None):
    """Unlock an instance (2.4 and later)."""
    return _operate("unlock", name, kwargs, call)


def rescue_mode(name=None, kwargs=None, call=None):
    """Let an instance enter rescue mode (2.1 and later; administrators)."""
    return _operate("rescue_mode", name, kwargs, call)


def exit_rescue_mode(name=None, kwargs=None, call=None):
    """Let an instance exit rescue mode (2.1 and later; administrators)."""
    return _operate("exit_rescue_mode", name, kwargs, call)


def test(name=None, kwargs=None, call=None):
    """Test the hardware of an instance (2.2 and later; administrators)."""
    return _operate("test", name, kwargs, call)


def commission(name=None, kwargs=None, call=None):
    """Commission a machine that is no instance, so that it can become one (administrators)."""
    return _operate("commission", name, kwargs, call)


documentation.complete_actions(globals(), cloud.ACTIONS)
