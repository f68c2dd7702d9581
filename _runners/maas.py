"""A whole fleet from the master: regions, and their clusters (1.x) or rack controllers.

The configuration of the master for this is in :doc:`../onboarding`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from saltext.maas.salt_types import Opts

    __opts__: Opts


def version():
    """Return which version of this extension the master has.

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
        dry_run: Only report what would be done.

    Returns:
        ``{minion: {state, region, step, message, todo}}``; the state is ``enrolled``, ``failed``
        or ``refused``; with ``dry_run`` ``would be onboarded``, ``would be changed``,
        ``would fail``, ``enrolled`` or ``refused``.

    Raises:
        CommandExecutionError: The master's configuration is wrong.

    CLI Example:

    .. code-block:: bash

        salt-run maas.onboard 'rack-*' dry_run=true
        salt-run maas.onboard '[rack-1, rack-2]' batch=20
    """
    from saltext.maas.fleet import core, onboard

    with core.plainly(), core.Fleet(globals(), progress=True, batch=batch) as fleet:
        return onboard.run(fleet, target, tgt_type, dry_run)


def offboard(target, tgt_type="glob", successor=None, force=False, dry_run=False):
    """Have clusters hand their DHCP over, and remove them from their region.

    Refused while machines depend on a cluster, or while no other rack would serve
    DHCP where it does. Take the cluster out of the pillar afterwards.

    Args:
        target: One minion id, a list of them, or a target.
        tgt_type: How ``target`` is to be understood if it is no list.
        successor: Minion id of a rack that takes DHCP over where there is no
            stand-by (2.0 and later).
        force: Go on though machines or DHCP depend on it, or its host does not answer.
        dry_run: Only report what would be done.

    Returns:
        ``{minion: {state, region, dhcp, machines, message, todo}}``; the state is
        ``offboarded``, ``failed`` or ``would be offboarded``.

    Raises:
        CommandExecutionError: The master's configuration or an argument is wrong.

    CLI Example:

    .. code-block:: bash

        salt-run maas.offboard rack-3 successor=rack-1
    """
    from saltext.maas.fleet import core, offboard

    with core.plainly(), core.Fleet(globals(), progress=True) as fleet:
        return offboard.run(fleet, target, tgt_type, successor, force, dry_run)


def status(target=None, tgt_type="glob", form=None, folder=None):
    """Show all clusters: what their region and the master know of them.

    Args:
        target: One minion id, a list of them, or a target; all by default.
        tgt_type: How ``target`` is to be understood if it is no list.
        form: ``prometheus`` for the text that Prometheus reads, of all clusters and regions;
            it also has the regions' drift from their pillars, and their last runs.
        folder: Folder of node_exporter's textfile collector on the master; the text is
            written there, as ``maas.prom``.

    Returns:
        A list of rows: minion, cluster, region, release, state, connected, accepted,
        DHCP, images in sync, minion answers, last seen, onboarding, message. ``salt-run``
        shows a table for each region, unless ``--out`` is given. With ``form`` the text, with
        ``folder`` the path of the file.

    Raises:
        CommandExecutionError: The master's configuration is wrong, the target fits no cluster, or
            the file cannot be written.

    CLI Example:

    .. code-block:: bash

        salt-run maas.status
        salt-run maas.status 'rack-*' --out=json
        salt-run maas.status folder=/var/lib/prometheus/node-exporter
    """
    from saltext.maas import metrics
    from saltext.maas.errors import BadInput
    from saltext.maas.fleet import core, overview, table

    if form or folder:
        with core.plainly(), core.Fleet(globals()) as fleet:
            metrics.check_form(form)
            if target is not None:
                raise BadInput("target: must not be given with form or folder; these are of all")
            text = overview.prometheus(fleet)
            found = metrics.write(folder, text) if folder else text
        return core.shown(__opts__, found, found)
    with core.plainly(), core.Fleet(globals(), progress=core.for_person(__opts__)) as fleet:
        rows = overview.status(fleet, target, tgt_type)
    return core.shown(__opts__, rows, table.as_table(rows))


def machines(
    status=None,
    zone=None,
    pool=None,
    tag=None,
    owner=None,
    profile=None,
    name=None,
    architecture=None,
    columns=None,
    counts=False,
    watch=None,
    timeout=3600,
):
    """Show the machines of one or several regions, with one request for each region.

    Of a filter with several values, as a list or with commas, a machine must have one.

    Args:
        status: Only those in this status, such as ``Ready`` or ``Failed testing``.
        zone: Only those in this zone.
        pool: Only those in this resource pool.
        tag: Only those with this tag.
        owner: Only those of this user.
        profile: Region to use, from the master's configuration, or a list of them; see
            :ref:`profiles`. With a list each row has the column ``region``.
        name: Only those whose host name, or name with domain, fits this glob.
        architecture: Only those of this architecture, such as ``amd64`` or ``arm64/generic``.
        columns: What to show, in this order.
        counts: Show only how many machines there are in each status.
        watch: Seconds after which the region is asked again, until MAAS is not commissioning,
            testing, deploying or releasing any of the machines any more. Progress goes to
            standard error.
        timeout: How long to watch at most, in seconds.

    Returns:
        A list of rows: hostname, status, power, owner, zone, pool, tags, addresses, architecture,
        cpus, memory (MiB), system_id, fqdn. ``salt-run`` shows a table, unless ``--out`` is given.
        With ``counts`` a mapping of statuses to numbers.

    Raises:
        CommandExecutionError: An argument is wrong; a region cannot be asked, or has no such zone,
            pool or tag; or MAAS is still at work when the time is up.

    CLI Example:

    .. code-block:: bash

        salt-run maas.machines status=Ready pool=web
        salt-run maas.machines tag=gpu columns=hostname,status,memory --out=json
        salt-run maas.machines profile='[north, south]' name='web*' counts=true
        salt-run maas.machines pool=web watch=30
    """
    from saltext.maas.fleet import core, listing

    filters = {
        "status": status, "zone": zone, "pool": pool, "tag": tag, "owner": owner, "name": name,
        "architecture": architecture,
    }  # fmt: skip
    with core.plainly():
        found, text = listing.machines(
            __opts__, profile, filters, columns, counts, watch, timeout, core.for_person(__opts__)
        )
    return core.shown(__opts__, found, text)


def minions():
    """Show the minions on machines that were deployed with ``minion: true``.

    Keys of machines that did not start in time are deleted.

    Returns:
        A list of rows: minion, system_id, region, state, seconds; the state is ``expected`` (for
        so many seconds), ``renewed`` or ``key deleted``.

    Raises:
        CommandExecutionError: ``maas.minions`` in the master's configuration is wrong.

    CLI Example:

    .. code-block:: bash

        salt-run maas.minions
    """
    from saltext.maas.fleet import core
    from saltext.maas.minions import master_side

    with core.plainly(), master_side.Minions(__opts__) as found:
        return list(found.rows())


def expect_minions(url, machines):
    """Accept the first keys of machines about to be deployed; for the minion that deploys them.

    Args:
        url: URL of the region.
        machines: ``{minion: {"system_id", "key"}}``.

    Returns:
        ``{"answer": {"finger": fingerprint of the master, "minions": {minion: "expected" or why
        not}}}``, or a text with what is wrong.

    CLI Example:

    .. code-block:: bash

        salt region publish.runner maas.expect_minions '[http://192.0.2.10:5240/MAAS, {}]'
    """
    return _answered(lambda found: {"answer": found.expect(url, machines)})


def renew_minion_key(key):
    """Replace the first key of the minion that calls this by its own, once.

    Args:
        key: Body of the new public key's PEM, in one line and without ``=``.

    Returns:
        ``renewed``, or a text with what is wrong.

    CLI Example:

    .. code-block:: bash

        salt-call publish.runner maas.renew_minion_key MIIBIjANBgkqhkiG9w0BAQ
    """
    from saltext.maas.fleet import minions as salt_side

    said = _answered(lambda found: found.renew(key))
    if said == "renewed":
        salt_side.Salt(globals()).fire(f"maas/minion/{__opts__['id']}", {"state": said})
    return said


def forget_minions(url, system_ids):
    """Delete the keys of machines that were released; for the minion that did so.

    Args:
        url: URL of the region.
        system_ids: List of the machines' system ids.

    Returns:
        ``{"answer": {minion: system id}}``, or a text with what is wrong.

    CLI Example:

    .. code-block:: bash

        salt region publish.runner maas.forget_minions '[http://192.0.2.10:5240/MAAS, [x3c8fa]]'
    """
    return _answered(lambda found: {"answer": found.forget(url, system_ids)})


def sync_minions(url, machines):
    """Delete keys of machines in use no more, and set the grains of the others; for a region.

    Args:
        url: URL of the region.
        machines: Grains of all machines in use, by system id.

    Returns:
        ``{"answer": {"deleted": [minion], "updated": [minion]}}``, or a text with what is wrong.

    CLI Example:

    .. code-block:: bash

        salt region publish.runner maas.sync_minions '[http://192.0.2.10:5240/MAAS, {}]'
    """
    from saltext.maas.minions import master_side

    said = _answered(lambda found: found.synced(url, machines))
    if isinstance(said, str):
        return said
    deleted, grains = said
    updated = master_side.set_grains(globals(), grains)
    return {"answer": {"deleted": deleted, "updated": updated}}


def _answered(work):
    """Answer a minion: what ``work`` returns, or a text with what is wrong."""
    from saltext.maas.errors import MaasError
    from saltext.maas.minions import master_side

    try:
        with master_side.Minions(__opts__) as found:
            return work(found)
    except MaasError as error:
        return f"refused: {error}"


def import_images(target=None, tgt_type="glob", batch=None):
    """Import the selected images at the regions, and have every cluster hold them.

    Args:
        target: One minion id, a list of them, or a target; all clusters by default.
        tgt_type: How ``target`` is to be understood if it is no list.
        batch: How many clusters at once; ``maas.fleet:batch`` by default.

    Returns:
        ``{minion: {images, message}}``; ``images`` is ``in sync`` or ``failed``.

    Raises:
        CommandExecutionError: A region cannot be asked, or its import fails.

    CLI Example:

    .. code-block:: bash

        salt-run maas.import_images
    """
    from saltext.maas.fleet import core, overview

    with core.plainly(), core.Fleet(globals(), progress=True, batch=batch) as fleet:
        return overview.import_images(fleet, target, tgt_type)


def reconfigure_url(url, region=None, batch=None, dry_run=False, force=False):
    """Move a region to another URL: the region first, then all its clusters.

    Nothing is begun while a cluster is away, or while one of the hosts does not reach a
    region at the new URL. When one does not come back, all are moved back to where they
    were. Clusters with a ``region_url`` of their own in the pillar are not touched, but
    waited for. Put the new URL into the pillar afterwards.

    Args:
        url: The new URL, such as ``http://192.0.2.10:5240/MAAS``.
        region: Minion id of the region's host, where the master knows several.
        batch: How many clusters at once; ``maas.fleet:batch`` by default.
        dry_run: Only report what would be done.
        force: Begin although no region answers at the new URL yet, for a name or a
            proxy that comes up later, or although there are clusters that no pillar
            names, which stay behind.

    Returns:
        ``{state, region, old, new, clusters: {minion: what became of it}, message, todo}``; the
        state is ``moved``, ``failed`` or ``would move``.

    Raises:
        CommandExecutionError: The URL is wrong or leads nowhere, or a cluster is away.

    CLI Example:

    .. code-block:: bash

        salt-run maas.reconfigure_url http://192.0.2.10:5240/MAAS
    """
    from saltext.maas.fleet import core, move

    with core.plainly(), core.Fleet(globals(), progress=True, batch=batch) as fleet:
        return move.run(fleet, url, region, dry_run, force)


def rotate_secret(region=None, batch=None, dry_run=False, resume=False, force=False):
    """Renew a region's shared secret and re-enrol all its clusters with it, in batches.

    First every cluster shows that it can open a sealed secret; then the region gets
    the new one, then each cluster. Up to 3.2 clusters stay connected until
    it is their turn; from 3.3 on the region restarts, and they are away until then.

    Args:
        region: Minion id of the region's host, where the master knows several.
        batch: How many clusters at once; ``maas.fleet:batch`` by default.
        dry_run: Only report what would be done.
        resume: Make no new secret, but give the clusters the region's present one.
        force: Go on although there are clusters that no pillar names, which are cut off.

    Returns:
        ``{state, region, clusters: {minion: "re-enrolled" or why not}, message, todo}``;
        the state is ``rotated``, ``failed`` or ``would rotate``.

    Raises:
        CommandExecutionError: A cluster is away or cannot open a sealed secret, or
            the region's database cannot be reached; nothing was changed.

    Holds for MAAS 1.7 and later.

    CLI Example:

    .. code-block:: bash

        salt-run maas.rotate_secret dry_run=true
    """
    from saltext.maas.fleet import core, rotation

    with core.plainly(), core.Fleet(globals(), progress=True, batch=batch) as fleet:
        return rotation.run(fleet, region, dry_run, resume, force)


def roll_region(
    region=None, hosts=None, restart=False, dry_run=False, resume=False, force=False, pause=10
):
    """Configure the hosts of a region one after the other, while another one answers.

    Each host is brought to its pillar (:py:func:`maas_region.configure`); a new one
    joins the region with the shared secret, sealed by another host. Hosts that do not
    answer come first. Before a host that answers restarts, another one has to answer, and
    the next one has to wait until it does again.

    Args:
        region: Minion id of the region's host, where the master knows several regions.
        hosts: Minion ids of some of ``maas:region:hosts``; all by default.
        restart: Restart each host also where nothing changes.
        dry_run: Only report what would be done.
        resume: With ``restart``, leave out the hosts that an interrupted run has restarted.
        force: Restart a host also while no other one answers.
        pause: Seconds after a host is back, for a load balancer to see it.

    Returns:
        ``{state, region, hosts: {minion: {changes, restarts, error}}, message, todo}``; the
        state is ``rolled``, ``failed``, ``would roll`` or ``nothing to do``.

    Raises:
        CommandExecutionError: A host is away or would be refused, releases differ, or the
            region would not answer for a while; nothing was changed.

    Holds for MAAS 2.0 and later.

    CLI Example:

    .. code-block:: bash

        salt-run maas.roll_region dry_run=true
        salt-run maas.roll_region restart=true
    """
    from saltext.maas.fleet import core, roll

    with core.plainly(), core.Fleet(globals(), progress=True) as fleet:
        return roll.run(fleet, region, hosts, restart, dry_run, resume, force, pause)


def upgrade(
    to, region=None, version=None, repository=None, channel=None, kind=None, backup=True,
    force=False, cancel=False, dry_run=False, test=False,
):  # fmt: skip
    """Upgrade a region with all its hosts and racks, step by step, as far as one call can.

    First everything is looked for that stands in the way. Then a backup is taken, MAAS stops on
    all hosts, one region host gets the new packages (or the snap) and migrates the database, the
    other region hosts follow one after the other, then the racks in batches. After a failure, or a
    kill, the next call goes on. Where a release needs another Ubuntu, MAAS is stopped and the
    runner ends, for Ubuntu to be upgraded; the next call goes on.

    Args:
        to: The release, such as ``3.8``.
        region: Minion id of the region's host, where the master knows several.
        version: Version that the packages begin with; the newest of the release by default.
        repository: What ``add-apt-repository`` adds before, such as ``ppa:maas/3.8``; by default
            APT's sources are left alone.
        channel: The snap's channel; ``RELEASE/stable`` by default.
        kind: ``snap`` to move all hosts from packages to the snap, of the release that they have.
        backup: Whether to take one first; or a mapping of arguments for it.
        force: Go on in spite of problems that were found.
        cancel: Start MAAS again where nothing was changed yet, and forget the upgrade.
        dry_run: Only report what would be done.
        test: The same.

    Returns:
        ``{region, state, from, to, path, done, findings, backup, message, todo}``: the state is
        ``upgraded``, ``upgraded so far``, ``waiting`` (for Ubuntu), ``refused``, ``failed``,
        ``cancelled``, ``nothing to do``, ``would upgrade`` or ``would be refused``; ``path`` are
        the releases on the way; ``done`` what was or would be done; ``findings`` what stands in
        the way.

    Raises:
        CommandExecutionError: The release cannot be reached, or a host does not answer; nothing
            was changed.

    CLI Example:

    .. code-block:: bash

        salt-run maas.upgrade to=3.8 test=true
        salt-run maas.upgrade to=3.8
    """
    from saltext.maas.fleet import core
    from saltext.maas.fleet import upgrade as work

    options = {"version": version, "repository": repository, "channel": channel, "kind": kind}
    with core.plainly(), core.Fleet(globals(), progress=True) as fleet:
        return work.run(
            fleet, to, region, dry_run or test, backup, force, cancel,
            **{name: value and str(value) for name, value in options.items()},
        )  # fmt: skip


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

    with core.plainly(), core.Fleet(globals()) as fleet:
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

    with core.plainly(), core.Fleet(globals()) as fleet:
        return steps.take(fleet, batch, step)


def plan(region=None, form="text", output=None):
    """Show what a highstate with its pillar would change on a region.

    Args:
        region: Minion id of the region's host; the only one of ``maas.fleet:regions`` by default.
        form: ``text`` for a person (coloured on a terminal), ``json`` for machines, or
            ``html`` for one page with the network and machines drawn.
        output: File on the master to write it to, instead of printing it; only its
            owner can read it.

    Returns:
        The plan in that form, or the file's path.

    Raises:
        CommandExecutionError: The region cannot be asked, or its pillar is wrong.

    CLI Example:

    .. code-block:: bash

        salt-run maas.plan maas-region
        salt-run maas.plan maas-region form=html output=/tmp/plan.html
    """
    from saltext.maas.fleet import core, regions

    with core.plainly():
        return regions.plan(globals(), region, form, output)


def export(region=None, folder=None, by=None, for_release=None, racks=None):
    """Write what a region holds as pillar, such that a highstate with it changes nothing.

    With ``for_release`` the pillar is for an empty region of a later release; see
    :doc:`../migrating`.

    Args:
        region: Minion id of the region's host; the only one of ``maas.fleet:regions`` by default.
        folder: Folder on the master to write the files into; it must be empty or new.
        by: ``type`` for a file for each kind of thing, ``site`` for one for each fabric
            with what lies on it; all in one where not given.
        for_release: Release of another region that the pillar is for, such as ``3.7``; not an
            older one. The file ``migration.txt`` has ``secrets`` and ``notes``.
        racks: With ``for_release``, ``{UUID or name of a cluster: minion id}`` for the hosts of
            1.x's clusters that neither are the region's nor stand under ``clusters`` in its pillar.

    Returns:
        ``{files, secrets, notes}``: the files' texts by name (or, with ``folder``, their
        paths), the references that stand for secrets, and what could not be described, or be
        carried to the other release.

    Raises:
        CommandExecutionError: The region cannot be asked, the folder is in use, or an argument is
            wrong.

    CLI Example:

    .. code-block:: bash

        salt-run maas.export maas-region /srv/pillar/maas by=type
        salt-run maas.export old-region /srv/pillar/new for_release=3.7 racks='{master: rack-1}'
    """
    from saltext.maas.fleet import core, regions

    with core.plainly():
        return regions.export(globals(), region, folder, by, for_release, racks)


def backup(
    region=None, key=None, folder="/var/backups/maas", keep=7, images=False, stop=False,
    dry_run=False,
):  # fmt: skip
    """Make a backup of a region on its own host, and delete those that are too many.

    Args:
        region: Minion id of the region's host; the only one of ``maas.fleet:regions`` by default.
        key: Public key of age (``age1…``) that the backup is encrypted to, or a list of them; not
            encrypted without.
        folder: Folder on the region's host, made for root alone.
        keep: How many good backups to keep there, this one among them.
        images: Whether the images' files are in it, too (3.5 and later; up to 3.4 the
            database holds the images).
        stop: Whether MAAS on that host is stopped meanwhile.
        dry_run: Only report what would be done.

    Returns:
        ``{state, name, parts, encrypted, stopped, deleted, size, warnings}``, see
        :py:func:`maas_backup.create`; the state is ``made`` or ``would be made``.

    Raises:
        CommandExecutionError: The region cannot be asked, or the backup not be made.

    CLI Example:

    .. code-block:: bash

        salt-run maas.backup maas-region key=age1… keep=14
    """
    from saltext.maas.fleet import backups, core

    given = {"key": key, "folder": folder, "keep": keep, "images": images, "stop": stop}
    with core.plainly():
        return backups.backup(globals(), region, dry_run, **given)


def restore(
    minion=None, name=None, folder="/var/backups/maas", identity=None, others=None, force=False,
    url=None, dry_run=False,
):  # fmt: skip
    """Bring a backup back to a region's host, on which the same release of MAAS is installed.

    Args:
        minion: Minion id of the host; the only one of ``maas.fleet:regions`` by default.
        name: The backup; the newest in the folder by default.
        folder: Where it is on that host.
        identity: File on that host, for root alone, with the private key of age.
        others: Minion ids of the region's other hosts and of racks, on which MAAS is stopped
            before and started afterwards.
        force: Also replace a region that holds users, machines or networks.
        url: Region URL from now on; that of the backup by default.
        dry_run: Only report what would be done, and what forbids it.

    Returns:
        ``{state, backup, release, made, host, parts, steps, problems, warnings, others}``, see
        :py:func:`maas_backup.restore`; the state is ``restored``; with ``dry_run`` ``would be
        restored`` or ``refused``.

    Raises:
        CommandExecutionError: A host cannot be asked, something forbids the restore, or it failed;
            the text says what was put back.

    CLI Example:

    .. code-block:: bash

        salt-run maas.restore new-region identity=/root/maas-backup.key dry_run=true
    """
    from saltext.maas.fleet import backups, core

    given = {"name": name, "folder": folder, "identity": identity, "force": force, "url": url}
    with core.plainly():
        return backups.restore(globals(), minion, others, dry_run, **given)


def from_formula(source, folder=None):
    """Convert a pillar of salt-formula-maas to one of this extension.

    Args:
        source: Minion whose pillar is to be converted, or the absolute path of a YAML file on
            the master with a compiled pillar.
        folder: Folder on the master to write the pillar into; it must be empty or new.

    Returns:
        ``{files, secrets, notes}``: the files' texts by name (or, with ``folder``, their
        paths), the references that stand for secrets with where the formula had them, and
        what could not be carried, with the reason.

    Raises:
        CommandExecutionError: The source holds no pillar of the formula, or the folder is
            in use.

    CLI Example:

    .. code-block:: bash

        salt-run maas.from_formula maas-region /srv/pillar/new
        salt-run maas.from_formula /root/formula.yml
    """
    from saltext.maas.fleet import core, formula

    with core.plainly():
        return formula.converted(globals(), source, folder)


def machines_from_csv(path, machine_class=None, saltenv="base"):
    """Convert a CSV file of machines to pillar; see the external pillar ``maas_machines``.

    Args:
        path: The file on the master, or ``salt://`` in its file roots.
        machine_class: Class of the machines whose row has none.
        saltenv: Environment of a ``salt://`` path.

    Returns:
        ``{"maas": {"machines": {hostname: description}}}``, with references in place of secrets;
        ``salt-run`` shows YAML, unless ``--out`` is given.

    Raises:
        CommandExecutionError: The file cannot be read, or is wrong: line, column and value.

    CLI Example:

    .. code-block:: bash

        salt-run maas.machines_from_csv /srv/maas/machines.csv machine_class=r640
    """
    from saltext.maas import master
    from saltext.maas.fleet import core
    from saltext.maas.pillar import machines_csv, yaml_text

    with core.plainly():
        found = machines_csv.read(master.local_file(__opts__, path, saltenv), machine_class)
    data = {"machines": machines_csv.without_secrets(found)}
    return core.shown(__opts__, {"maas": data}, yaml_text.pillar_file(data))


def unmanaged(region=None, types=None):
    """Report what a region holds that its pillar does not describe, without removing it.

    Args:
        region: Minion id of the region's host; the only one of ``maas.fleet:regions`` by default.
        types: Resource types to look at, such as ``[vlan, subnet]``; all by default.

    Returns:
        ``{type: {name: remark}}``, see :py:func:`maas_region.unmanaged`.

    Raises:
        CommandExecutionError: The region cannot be asked, or its pillar is wrong.

    CLI Example:

    .. code-block:: bash

        salt-run maas.unmanaged maas-region types='[vlan, subnet]'
    """
    from saltext.maas.fleet import core, regions

    with core.plainly():
        return regions.ask(globals(), region, "maas_region.unmanaged", types=types)


def compare_machines(region=None, state=None):
    """Compare the machines of a region with those that its pillar describes.

    Args:
        region: Minion id of the region's host; the only one of ``maas.fleet:regions`` by default.
        state: Only those that are ``described``, ``undescribed`` or ``missing``.

    Returns:
        A list of rows, see :py:func:`maas_region.compare_machines`. ``salt-run`` shows a table,
        unless ``--out`` is given.

    Raises:
        CommandExecutionError: The region cannot be asked, or its pillar is wrong.

    CLI Example:

    .. code-block:: bash

        salt-run maas.compare_machines maas-region undescribed
    """
    from saltext.maas.fleet import core, regions

    with core.plainly():
        return regions.compare_machines(globals(), region, state)


def drift(region=None):
    """Return whether a region equals its pillar, by reading alone.

    Args:
        region: Minion id of the region's host; the only one of ``maas.fleet:regions`` by default.

    Returns:
        ``{drifted, changes, problems, warnings, new_machines}``, see
        :py:func:`maas_region.drift`.

    Raises:
        CommandExecutionError: The region cannot be asked, or its pillar is wrong.

    CLI Example:

    .. code-block:: bash

        salt-run maas.drift maas-region
    """
    from saltext.maas.fleet import core, regions

    with core.plainly():
        return regions.ask(globals(), region, "maas_region.drift")
