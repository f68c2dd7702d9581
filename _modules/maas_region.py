"""A region: its host's configuration, its administrators, and its pillar's plan."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from saltext.maas import (
    described_host,
    metrics,
    pillar,
    region_machines,
    region_plan,
    render,
    runtime,
)
from saltext.maas.doctor import examine_region, upgrade_checks
from saltext.maas.errors import BadInput
from saltext.maas.fleet.region_side import health
from saltext.maas.host import (
    cluster_config,
    consistency,
    reach,
    region_config,
    region_member,
    services,
    shared_secret,
    users,
)

if TYPE_CHECKING:
    from saltext.maas.salt_types import Opts

    __opts__: Opts


def config() -> dict[str, Any]:
    """Show all that the region is configured with, in one shape for all releases.

    Returns:
        ``{release, kind, url, database: {host, port, name, user, password}, ...,
        sources: {setting: file, "default", "debconf ...", "database" or "vault"}}``, in
        1.5 and 1.6 with ``broker``, in 1.7 and later with ``shared_secret`` (``installed`` or
        ``missing``), in 3.2 and later with ``tls``, in 3.3 and later with ``vault``; passwords
        are asterisks.  What is unknown is None, its source the reason.

    Raises:
        CommandExecutionError: No region is installed here, or a file is broken.

    Holds for MAAS 1.5 to 3.8.

    CLI Example:

    .. code-block:: bash

        salt region maas_region.config
    """
    return consistency.config(runtime.installation(globals(), "region"))


def check() -> list[dict]:
    """Show where the places that hold the region's settings disagree, or hold a trap.

    Files, debconf, MAAS's own command, RabbitMQ (1.5 and 1.6), the database and
    Vault are asked; nothing is changed.  A URL at which keys and passwords cross a network
    unencrypted is a warning.

    Returns:
        A list of ``{setting, places: {place: value}, problem, remedy}``, empty when all
        agree; secrets are asterisks.

    Raises:
        CommandExecutionError: No region is installed here, or a file is broken.

    Holds for MAAS 1.5 to 3.8.

    CLI Example:

    .. code-block:: bash

        salt region maas_region.check
    """
    installation = runtime.installation(globals(), "region")
    url = runtime.pillar(globals(), "api").get("url")
    return [*consistency.check(installation), *consistency.unencrypted(installation, url)]


def secret() -> dict[str, Any]:
    """Show where the region's shared secret stands, and whether the places agree; never the secret.

    Returns:
        ``{installed, places: {place: bool}, agree, leading, owner, mode, problems:
        [{problem, consequence, remedy}]}``; ``agree`` is None when fewer than two
        places have one that can be read.

    Raises:
        CommandExecutionError: No region is installed here, or its release has no
            shared secret (before 1.7).

    Holds for MAAS 1.7 to 3.7.

    CLI Example:

    .. code-block:: bash

        salt region maas_region.secret
    """
    return shared_secret.status(runtime.installation(globals(), "region"))


def configure(
    restart: bool = False, wait: float = 180, sealed: dict | None = None, test: bool = False
) -> dict[str, Any]:
    """Bring this region host to its pillar, as :py:func:`maas_region.configured` does.

    Args:
        restart (bool): Restart the region also where nothing changes.
        wait (float): Seconds within which the region has to answer after a restart.
        sealed (dict): For a host that joins: the shared secret as :py:func:`maas_secret.seal`
            sealed it on another region host's minion. A real run uses it up.
        test (bool): Only show what would be done.

    Returns:
        ``{changes, warnings, restarted}``.

    Raises:
        CommandExecutionError: The pillar is wrong, or a step failed; the text says what was
            restored.

    CLI Example:

    .. code-block:: bash

        salt region maas_region.configure test=true
    """
    now = runtime.refreshed(globals())
    done = described_host.configure(now, {}, test, wait, sealed, restart)
    return {name: done[name] for name in ("changes", "warnings", "restarted")}


def host_status() -> dict[str, Any]:
    """Show how this region host is, where the region has several.

    Returns:
        ``{url, answers, reason, running: [host name of each region host that runs, as this one
        knows it], release, services: {service: True or False}}``.

    Raises:
        CommandExecutionError: No region is installed here, or the pillar does not name this host
            in ``maas:region:hosts``.

    Holds for MAAS 2.0 to 3.8.

    CLI Example:

    .. code-block:: bash

        salt region maas_region.host_status
    """
    now = runtime.refreshed(globals())
    host = runtime.region_host(now)
    if host is None:
        raise BadInput("maas:region:hosts: is missing; name all region hosts there")
    return region_member.status(runtime.installation(now, "region"), host)


def reconfigure(wait: float = 180, test: bool = False) -> dict[str, Any]:
    """Run ``dpkg-reconfigure`` of the region's package, keeping every setting as it is.

    What the package's scripts change against the configuration is restored, and debconf
    is given a right answer first; services restart once.

    Args:
        wait (float): Seconds within which the API has to answer afterwards.
        test (bool): Only show what would be done.

    Returns:
        ``{changes, warnings, restarted}``.

    Raises:
        CommandExecutionError: A snap, no region here, or a step failed; everything was restored.

    Holds for MAAS 1.5 to 3.8 from packages.

    CLI Example:

    .. code-block:: bash

        salt region maas_region.reconfigure
    """
    return region_config.reconfigure(
        runtime.installation(globals(), "region"), test=test, wait=wait
    )


def reachable(url: str | None = None) -> dict[str, Any]:
    """Return whether the region answers at its URL, as seen from this minion.

    Args:
        url (str): Region URL; that of the pillar by default.

    Returns:
        ``{url, reachable, reason}``.

    Raises:
        CommandExecutionError: No URL is known.

    CLI Example:

    .. code-block:: bash

        salt '*' maas_region.reachable http://192.0.2.10:5240/MAAS
    """
    url = url or runtime.profile(globals()).url
    ca_file = runtime.pillar(globals(), "api").get("ca_file") or None
    return {"url": url, **reach.check_region_url(url, ca_file=ca_file)}


def service_status() -> dict[str, bool]:
    """Show which of the region's services run on this host.

    Returns:
        ``{service: True or False}``.

    Raises:
        CommandExecutionError: No MAAS is installed here.

    CLI Example:

    .. code-block:: bash

        salt region maas_region.service_status
    """
    return services.status(runtime.installation(globals(), "region"))


def admin_exists(name: str) -> bool:
    """Return whether the region has a user.

    Args:
        name (str): User name.

    Returns:
        True or False.

    Raises:
        CommandExecutionError: No region is installed here, or its command fails.

    CLI Example:

    .. code-block:: bash

        salt region maas_region.admin_exists admin
    """
    return users.exists(runtime.installation(globals(), "region"), name)


def plan(
    data: dict | None = None,
    form: str | None = None,
    colour: bool = False,
    profile: str | dict | None = None,
) -> dict[str, Any] | str:
    """Show what :py:func:`maas_region.managed` would change, without changing anything.

    Args:
        data (dict): Pillar data to use in place of the ``maas`` pillar that the master has now.
        form (str): ``text`` for a person, ``json`` for machines, or ``html`` for one page with the
            network and machines drawn; by default as the state shows it.
        colour (bool): Whether text is coloured, for a terminal.
        profile (str or dict): Region to use; see :ref:`profiles`.

    Returns:
        ``{type: {name: change}}``, empty if all is as described; or with ``form`` text, a
        mapping ``{release, region, counts, changes, problems}``, or HTML.

    Raises:
        CommandExecutionError: The pillar is wrong, or the region cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_region.plan
        salt region maas_region.plan form=text
    """
    now = runtime.refreshed(globals(), data)
    described = runtime.described(now, data)
    snapshot = _snapshot(now, profile, True, described)
    found = region_plan.plan_of(snapshot, described)
    if form is None:
        return found.shown()
    return render.render_plan(snapshot, found, form, colour, runtime.minion_id(globals()))


def unmanaged(
    data: dict | None = None, types: list[str] | None = None, profile: str | dict | None = None
) -> dict[str, dict]:
    """Report what the region holds that the pillar does not describe, without removing it.

    Args:
        data (dict): Pillar data to use in place of the ``maas`` pillar that the master has now.
        types (list of str): Resource types to look at, such as ``[vlan, subnet]``; all by default.
        profile (str or dict): Region to use; see :ref:`profiles`.

    Returns:
        ``{type: {name: remark}}``: the remark says why an object is never pruned or what
        would suffer if it were; it is empty for what ``exclusive`` would remove.

    Raises:
        CommandExecutionError: The pillar is wrong, or the region cannot be asked.

    Holds for MAAS 1.5 to 3.8.

    CLI Example:

    .. code-block:: bash

        salt region maas_region.unmanaged types='[vlan, subnet]'
    """
    now = runtime.refreshed(globals(), data)
    described = runtime.described(now, data)
    return region_plan.unmanaged_of(_snapshot(now, profile), described, types)


def compare_machines(
    state: str | None = None, data: dict | None = None, profile: str | dict | None = None
) -> list[dict]:
    """Compare the machines of the region with those that the pillar describes.

    Args:
        state (str): Only those that are ``described``, ``undescribed`` (in the region alone) or
            ``missing`` (in the pillar alone).
        data (dict): Pillar data to use in place of the ``maas`` pillar that the master has now.
        profile (str or dict): Region to use; see :ref:`profiles`.

    Returns:
        ``[{hostname, state, status, mac_addresses, fits, system_id}]``; ``fits`` are the machine
        classes whose ``match`` an undescribed machine fulfils.

    Raises:
        CommandExecutionError: The pillar or the state is wrong, or the region cannot be asked.

    Holds for MAAS 1.5 to 3.8.

    CLI Example:

    .. code-block:: bash

        salt region maas_region.compare_machines undescribed
    """
    now = runtime.refreshed(globals(), data)
    described = runtime.described(now, data)
    return region_machines.compared(_snapshot(now, profile), described, state)


def drift(
    data: dict | None = None, profile: str | dict | None = None, seconds: float | None = None
) -> dict[str, Any]:
    """Return whether the region equals its pillar, by reading alone.

    Args:
        data (dict): Pillar data to use in place of the ``maas`` pillar that the master has now.
        profile (str or dict): Region to use; see :ref:`profiles`.
        seconds (float): Seconds after which a region that answers too slowly is given up; by
            default only each request has the profile's ``deadline``.

    Returns:
        ``{drifted, changes, problems, warnings, new_machines}``: whether anything differs, what a
        run would change, by type and name, what cannot come true, what to know besides, such as a
        Site Manager that writes the same, and machines that are New and not described, if the
        pillar describes machines.

    Raises:
        CommandExecutionError: The pillar is wrong, or the region cannot be asked.

    Holds for MAAS 1.5 to 3.8.

    CLI Example:

    .. code-block:: bash

        salt region maas_region.drift
    """
    now = runtime.refreshed(globals(), data)
    described = runtime.described(now, data)
    with runtime.client(now, profile).within(seconds):
        return region_plan.drift(_snapshot(now, profile, described=described), described)


def status(
    form: str | None = None,
    folder: str | None = None,
    profile: str | dict | None = None,
    seconds: float = 60,
) -> dict[str, Any] | str:
    """Show the state of the region: whether it answers, matches the pillar, and has its clusters.

    Each collection is read at most once.

    Args:
        form (str): ``prometheus`` for the text that Prometheus reads.
        folder (str): Folder of node_exporter's textfile collector on this minion; the text is
            written there, as ``maas-<region>.prom``.
        profile (str or dict): Region to use; see :ref:`profiles`.
        seconds (float): Seconds after which a region that answers too slowly counts as away.

    Returns:
        ``{region, up, error, release, pending, problems, plan_error, last_run: {time, success},
        clusters: {minion: {...}}}``: what a run would change and what it cannot apply, as numbers;
        the clusters as :py:func:`maas_fleet.status` has them. Unknown values are None. With
        ``form`` the text, with ``folder`` the path of the file.

    Raises:
        CommandExecutionError: ``form`` is wrong, or the file cannot be written.

    CLI Example:

    .. code-block:: bash

        salt region maas_region.status
        salt region maas_region.status folder=/var/lib/prometheus/node-exporter
    """
    metrics.check_form(form)
    found = health.status(runtime.refreshed(globals()), profile, seconds)
    if form is None and folder is None:
        return found
    samples = metrics.of_region(found)
    for minion, one in found["clusters"].items():
        samples += metrics.of_cluster(found["region"], minion if one["named"] else "", one)
    text = metrics.as_text(samples)
    return metrics.write(folder, text, found["region"]) if folder else text


def export(
    folder: str | None = None,
    by: str | None = None,
    profile: str | dict | None = None,
    for_release: str | None = None,
    racks: dict | None = None,
) -> dict[str, Any]:
    """Write what the region holds as a pillar, such that a highstate with it changes nothing.

    MAAS's defaults are left out; secrets are references, to be put into a secret store.  With
    ``for_release`` the pillar is for an empty region of a later release; see :doc:`../migrating`.

    Args:
        folder (str): Folder on this minion to write the files into; it must be empty or new.
        by (str): ``type`` for a file for each kind of thing, ``site`` for one for each fabric with
            what lies on it; all in one where not given.
        profile (str or dict): Region to use; see :ref:`profiles`.
        for_release (str): Release of another region that the pillar is for, such as ``3.7``; not
            an older one. The file ``migration.txt`` has ``secrets`` and ``notes``.
        racks (dict): With ``for_release``, ``{UUID or name of a cluster: minion id}`` for the hosts
            of 1.x's clusters that neither are this minion's nor stand under ``clusters`` in its
            pillar.

    Returns:
        ``{files, secrets, notes}``: the files' texts by name (or, with ``folder``, their
        paths), the references that stand for secrets, and what could not be described, or be
        carried to the other release.

    Raises:
        CommandExecutionError: The region cannot be asked, the folder is in use, or an argument is
            wrong.

    Holds for MAAS 1.5 to 3.8.

    CLI Example:

    .. code-block:: bash

        salt region maas_region.export /srv/pillar/maas by=type
        salt region maas_region.export for_release=3.7 racks='{Cluster master: rack-1}'
    """
    now = runtime.refreshed(globals())
    hosts = None if for_release is None else _hosts(now, racks)
    found = pillar.export(_snapshot(now, profile), for_release, hosts)
    texts = pillar.files(found, by)
    if for_release is not None:
        texts["migration.txt"] = pillar.report(found)
    written = pillar.write(folder, texts) if folder else texts
    return {"files": written, "secrets": found.secrets, "notes": found.notes}


def _hosts(dunders, racks):
    """Which minion is on the host of each cluster of 1.x, as far as this minion knows."""
    found, here = runtime.installation(dunders), {}
    if found is not None and "cluster" in found.roles and found.release < "2.0":
        here[cluster_config.read_files(found)["uuid"]] = dunders["__opts__"]["id"]
    return {**here, **pillar.hosts_of(runtime.pillar(dunders, "clusters"), racks)}


def _snapshot(dunders, profile, plans=False, described=None):
    return runtime.new_snapshot(dunders, runtime.client(dunders, profile), plans, described)


def check_pillar(data: dict | None = None) -> list[str]:
    """Check the pillar without asking any region.

    Args:
        data (dict): Pillar data to check in place of the ``maas`` pillar that the master has now.

    Returns:
        A list of mistakes: path, value and what is allowed; empty if there is none. What begins
        with ``warning:`` is carried out today: a release of MAAS that is not known, and what this
        extension will refuse, or MAAS has deprecated or removed.

    CLI Example:

    .. code-block:: bash

        salt region maas_region.check_pillar
    """
    now = runtime.refreshed(globals(), data)
    described, release = runtime.described(now, data), runtime.release(now)
    warnings = [f"warning: {line}" for line in pillar.warnings(described, release)]
    return [*pillar.problems(described, release), *warnings]


def _written():
    try:
        return runtime.as_written(globals())
    except BadInput:  # a host can be examined without
        return {}


def doctor(upgrade_to: str | None = None) -> dict[str, Any]:
    """Diagnose what keeps a region from working; change nothing.

    Checks: the region URL (does the API answer there, is it the same in files, debconf and
    pillar, is it encrypted), name resolution, clocks, the database (reachable, of a version that
    this release accepts), the shared secret in file and database, the region's own ports, in 3.6
    and later Site Manager as a second owner, and in 3.8 and later maas-openfga.

    Args:
        upgrade_to (str): A later release, such as ``3.8``: also checks what would stop an upgrade
            to it, or no longer work after it.

    Returns:
        ``{healthy, problems, warnings, findings: [{check, status, found, remedy}]}``; a status is
        ``ok``, ``warning``, ``problem`` or ``unknown``.

    Raises:
        CommandExecutionError: No region is installed here, or its file is broken.

    Holds for MAAS 1.5 to 3.8.

    CLI Example:

    .. code-block:: bash

        salt region maas_region.doctor
        salt region maas_region.doctor upgrade_to=3.8
    """
    return examine_region(
        runtime.installation(globals(), "region"),
        url=runtime.pillar(globals(), "region").get("url"),
        ca_file=runtime.pillar(globals(), "api").get("ca_file"),
        api_url=runtime.pillar(globals(), "api").get("url"),
        described=_written(),
        upgrade_to=upgrade_checks.target(upgrade_to) if upgrade_to else None,
    )
