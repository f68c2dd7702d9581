"""What MAAS a host is to get, from where, and why it cannot have it."""

from __future__ import annotations

import dataclasses
import os
import re
from typing import Any, NamedTuple

from saltext.maas.errors import BadInput
from saltext.maas.host import debconf, files, paths
from saltext.maas.host.errors import HostError
from saltext.maas.host.installation import Installation, detect, packages
from saltext.maas.release import Release, supported

ROLES = ("region", "rack", "region+rack")
ARCHIVE = "archive"
#: The key of the team that owns the PPAs of MAAS.
PPA_KEY = "3AB6DCF1F234E78DAA9C104204E7FDC5684D4A1C"
KEYRING = "/etc/apt/keyrings/maas.gpg"
REPOSITORY = "/etc/apt/sources.list.d/maas.list"
PIN = "/etc/apt/preferences.d/maas"


class Row(NamedTuple):
    """Where the packages of some releases are.

    Attributes:
        since: First of these releases.
        ubuntu: Releases of Ubuntu that they are made for.
        source: ``archive``, a PPA (``{}`` is the release), or None where none is known.
    """

    since: str
    ubuntu: tuple[str, ...]
    source: str | None


#: By release; what holds for a release is the last row that is not newer.
TABLE = (
    Row("1.5", ("14.04",), ARCHIVE),
    Row("1.6", ("14.04", "14.10"), None),
    Row("1.7", ("14.04", "14.10"), ARCHIVE),
    Row("1.8", ("14.04",), "ppa:maas/stable"),
    Row("1.9", ("14.04", "15.10"), "ppa:maas/stable"),
    Row("1.10", ("16.04",), None),
    Row("2.0", ("16.04", "16.10"), ARCHIVE),
    Row("2.1", ("16.04", "16.10", "17.04"), ARCHIVE),
    Row("2.2", ("16.04", "17.04", "17.10"), ARCHIVE),
    Row("2.3", ("16.04", "17.10"), ARCHIVE),
    Row("2.4", ("18.04",), ARCHIVE),
    Row("2.5", ("18.04", "18.10"), "ppa:maas/{}"),
    Row("2.6", ("18.04", "19.04", "19.10"), "ppa:maas/{}"),
    Row("2.7", ("18.04",), "ppa:maas/{}"),
    Row("2.9", ("20.04",), "ppa:maas/{}"),
    Row("3.3", ("22.04",), "ppa:maas/{}"),
    Row("3.6", ("24.04",), "ppa:maas/{}"),
    Row("3.8", ("26.04",), "ppa:maas/{}"),
)
LAST_DEB, _FIRST_TRACK = "3.8", "2.7"
#: From then on the archive's package ``maas`` only installs the snap.
_ARCHIVE_IS_SNAP = "2.9"
#: What MAAS's packages conflict with: role, first and last release, package. APT would remove it.
_CONFLICTS = (
    ("rack", "1.5", "", "tftpd-hpa"),
    ("region", "1.5", "", "dnsmasq"),
    ("", "2.4", "", "ntp"),
    ("", "1.7", "", "squid-deb-proxy"),
)
_PPA = re.compile(r"ppa:[a-z0-9][a-z0-9.+-]*/[a-z0-9][a-z0-9.+-]*")
_HALF = ("half-installed", "unpacked", "half-configured", "triggers-awaited", "triggers-pending")


@dataclasses.dataclass
class Plan:
    """What is to be installed.

    Attributes:
        kind: ``deb`` or ``snap``.
        role: One of :data:`ROLES`.
        release: Release of MAAS.
        packages: Packages, with the version that each must have; ``*`` at its end is a wildcard.
        repository: Arguments of Salt's ``pkgrepo.managed``, or nothing.
        pin: Text of the file of APT's preferences, or nothing.
        questions: Debconf's questions before a first installation: package, question, type and
            answer; none is a secret.
        channel: The snap's channel.
        cohort: Its cohort.
        hold: Whether it is kept from upgrades.
        interrupted: Whether dpkg was stopped within its work.
        missing: Of ``region`` and ``cluster`` what of the role is not installed yet.
        problems: Why it cannot be installed, one line each.
    """

    kind: str = "deb"
    role: str = ""
    release: str = ""
    packages: dict[str, str] = dataclasses.field(default_factory=dict)
    repository: dict[str, Any] = dataclasses.field(default_factory=dict)
    pin: str = ""
    questions: list[tuple[str, str, str, str]] = dataclasses.field(default_factory=list)
    channel: str = ""
    cohort: str | None = None
    hold: bool = False
    interrupted: bool = False
    missing: list[str] = dataclasses.field(default_factory=list)
    problems: list[str] = dataclasses.field(default_factory=list)


def row(release: Release) -> Row:
    """Return the row of :data:`TABLE` that holds for a release."""
    return [one for one in TABLE if release >= one.since][-1]


def follow(root: str, release: Release) -> None:
    """Have what ``maas.install`` wrote for APT lead to another release: its PPA, and no pin.

    Args:
        root: Folder that stands for ``/``.
        release: The release that packages are upgraded to.
    """
    paths.remove(os.path.join(root, PIN.lstrip("/")))
    path, source = os.path.join(root, REPOSITORY.lstrip("/")), row(release).source or ""
    text = files.read(path)
    name = re.search(
        r"^VERSION_CODENAME=(\S+)", files.read(os.path.join(root, "etc/os-release")) or "", re.M
    )
    if text is None or not source.startswith("ppa:") or not name:
        return
    ppa = source.format(release.series).removeprefix("ppa:")
    new = re.sub(r"(/)maas/[^/\s]+(/ubuntu/? )\S+", rf"\g<1>{ppa}\g<2>{name[1]}", text)
    if new != text:
        files.put(path, new.encode(), 0o644)


def make_plan(
    pillar: dict, own: dict | None, system: dict, root: str = "/", url: str | None = None
) -> Plan:
    """Return what is to be installed on this host, with all that prevents it.

    Args:
        pillar: The ``maas`` pillar; only ``release``, ``install``, ``region`` are looked at.
        own: What the pillar says of the rack or cluster controller on this host, if it has one.
        system: Salt's grains; ``os``, ``osrelease`` and ``oscodename``.
        root: Folder that stands for ``/``.
        url: URL of the region as this host sees it; the pillar's by default.

    MAAS 1.5 and later as packages, 2.7 and later as a snap.
    """
    wanted, region = pillar.get("install") or {}, pillar.get("region") or {}
    plan = Plan(kind=wanted.get("kind") or "deb", hold=bool(wanted.get("hold")))
    plan.role = wanted.get("role") or ("rack" if own is not None else "")
    if not plan.role:
        plan.problems.append(
            f"maas:install:role: is missing; must be one of: {', '.join(ROLES)}; or name this "
            "minion in maas:racks (up to 1.10 in maas:clusters)"
        )
    if not pillar.get("release"):
        plan.problems.append("maas:release: is missing; say which MAAS is to be installed")
    if plan.problems:
        return plan
    release = supported(pillar["release"])
    plan.release = release.series
    url = url or (own or {}).get("region_url") or region.get("url")
    url = url[0] if isinstance(url, list) else url
    database = region.get("database") or {}
    if "region" in plan.role:
        plan.problems += _database(plan, database, "postgresql" in wanted)
    if plan.kind == "snap":
        _snap(plan, wanted, release)
    else:
        _deb(plan, wanted, release, system, bool(database), url)
        plan.problems += _conflicts(plan, release, root)
        plan.interrupted = _interrupted(root)
    _compare(plan, root)
    return plan


def _database(plan, database, own):
    """What is missing to reach a database that no package of MAAS makes."""
    if plan.kind == "deb" and not database and not own:
        return
    for key in ("host", "name", "user", "password"):
        if not database.get(key):
            where = "of a snap" if plan.kind == "snap" else "without a database of its own"
            yield f"maas:region:database:{key}: is missing; the region {where} needs it"


def _snap(plan, wanted, release):
    plan.channel = wanted.get("channel") or f"{release.series}/stable"
    plan.cohort = wanted.get("cohort")
    if release < _FIRST_TRACK:
        plan.problems.append(
            f"maas:install:kind: MAAS {release} has no track in the snap store; the first is "
            f"{_FIRST_TRACK}"
        )
    if plan.channel.partition("/")[0] != release.series:
        plan.problems.append(
            f"maas:install:channel: {plan.channel!r} is not of MAAS {release.series}, which "
            f"maas:release names; must be such as {release.series}/stable"
        )
    for key in ("source", "key", "version"):
        if wanted.get(key):
            plan.problems.append(f"maas:install:{key}: is for packages, not for the snap")


def _deb(plan, wanted, release, system, remote, url):
    if not release.within(up_to=LAST_DEB):
        plan.problems.append(
            f"maas:install:kind: MAAS {release} has no Debian packages; must be snap"
        )
        return
    for key in ("channel", "cohort"):
        if wanted.get(key):
            plan.problems.append(f"maas:install:{key}: is for the snap, not for packages")
    found = row(release)
    source = wanted.get("source") or (found.source or "").format(release.series)
    version = _version(plan, wanted.get("version"), release)
    names = _names(plan.role, release, remote)
    plan.packages = dict.fromkeys(names, f"{version}*")
    plan.questions = [*_questions(plan.role, release, remote, url)]
    if wanted.get("version"):
        plan.pin = (
            "Package: maas* python-maas* python3-maas* python-django-maas python3-django-maas\n"
            f"Pin: version {version}*\nPin-Priority: 990\n"
        )
    _source(plan, wanted, source, release, system)
    if not source.startswith("deb "):
        plan.problems += _ubuntu(release, found, system)


def _version(plan, wanted, release):
    """The version that packages begin with, with dpkg's epoch, which 2.9 brought."""
    epoch = "1:" if release >= "2.9" else ""
    if not wanted:
        return f"{epoch}{release.series}"
    wanted = str(wanted).rstrip("*")
    given, _, rest = wanted.rpartition(":")
    try:
        same = Release(rest).series == release.series
    except ValueError:
        same = False
    if not same or (given and f"{given}:" != epoch):
        plan.problems.append(
            f"maas:install:version: {wanted!r} is no version of MAAS {release.series}; must be "
            f"such as {epoch}{release.series}.1"
        )
    return f"{epoch}{rest}"


def _names(role, release, remote):
    """Packages of a role. The package ``maas`` is not among them, as it may be the snap's."""
    old, names = release < "2.0", []
    if "region" in role:
        if remote:
            names += ["maas-region-controller-min" if old else "maas-region-api"]
        else:
            names += ["maas-region-controller", *(["maas-dns"] if old else [])]
    if "rack" in role:
        names += ["maas-cluster-controller", "maas-dhcp"] if old else ["maas-rack-controller"]
    return names


def _questions(role, release, remote, url):
    if not url:
        return
    if "region" in role and not remote:
        package = "maas-region-controller" + ("-min" if release < "2.0" else "")
        yield package, "maas/default-maas-url", "string", debconf.region_host(url)
    if "rack" in role:
        package = "maas-cluster-controller" if release < "2.0" else "maas-rack-controller"
        yield package, f"{package}/maas-url", "string", url


def _source(plan, wanted, source, release, system):
    if not source:
        plan.problems.append(
            f"maas:install:source: is missing; no archive or PPA is known to have MAAS {release}"
        )
    elif source == ARCHIVE:
        if release >= _ARCHIVE_IS_SNAP:
            plan.problems.append(
                "maas:install:source: in Ubuntu's archive the package maas of MAAS "
                f"{_ARCHIVE_IS_SNAP} and later only installs the snap; leave this out for "
                f"ppa:maas/{release.series}, or set maas:install:kind to snap"
            )
    elif source.startswith("deb "):
        plan.repository = {"name": source, **_key(wanted, source)}
    elif _PPA.fullmatch(source):
        where = f"ppa.launchpadcontent.net/{source[4:]}/ubuntu {system.get('oscodename')} main"
        # APT fetches by https on its own from 1.5 on, and knows signed-by from 1.1 on.
        signed = release >= "2.0"
        scheme, option = ("https" if release >= "2.4" else "http"), f"[signed-by={KEYRING}] "
        line = f"deb {option if signed else ''}{scheme}://{where}"
        key = {"keyserver": "keyserver.ubuntu.com", "keyid": wanted.get("key") or PPA_KEY}
        plan.repository = {"name": line, "aptkey": not signed, **key}
    else:
        plan.problems.append(
            f"maas:install:source: {source[:60]!r} must be archive, a PPA such as ppa:maas/3.7, or "
            "a line of sources.list that begins with 'deb '"
        )


def _key(wanted, source):
    """What Salt needs to fetch the key of a repository that is no PPA."""
    key = wanted.get("key")
    if not key:
        return {}
    own = {"aptkey": "signed-by=" not in source}
    if "/" in key:
        return {"key_url": key, **own}
    return {"keyserver": "keyserver.ubuntu.com", "keyid": key, **own}


def _ubuntu(release, found, system):
    here = f"{system.get('os')} {system.get('osrelease')}"
    if here in (f"Ubuntu {one}" for one in found.ubuntu):
        return
    yield (
        f"maas:release: the packages of MAAS {release.series} are for Ubuntu "
        f"{' and '.join(found.ubuntu)}, and this host has {here}; install the Ubuntu that fits, "
        "another release, or the snap"
    )


def _conflicts(plan, release, root):
    have = packages(root, "|".join(name for *_, name in _CONFLICTS))
    for role, since, up_to, name in _CONFLICTS:
        if name in have and role in plan.role and release.within(since, up_to):
            yield (
                f"{name}: MAAS conflicts with this package, and APT would remove it; "
                "remove it first"
            )


def _interrupted(root):
    folder = os.path.join(root, "var/lib/dpkg")
    status = files.read(os.path.join(folder, "status")) or ""
    states = re.findall(r"^Status: \S+ \S+ (\S+)$", status, re.MULTILINE)
    try:
        waiting = any(name.isdigit() for name in os.listdir(os.path.join(folder, "updates")))
    except OSError:
        waiting = False
    return waiting or bool(set(_HALF) & set(states))


def _compare(plan, root):
    """Compare with what is installed: this neither upgrades nor exchanges it."""
    have = packages(root)
    roles = [role.replace("rack", "cluster") for role in plan.role.split("+")]
    plan.missing = roles
    if plan.kind == "snap" and any(name.startswith("maas-") for name in have):
        plan.problems.append(
            "maas:install:kind: Debian packages of MAAS are installed here; move them to the snap "
            "with its maas-deb-migrate, or remove them first"
        )
        return
    try:
        found = detect(root)
    except HostError as error:
        plan.problems.append(str(error))
        return
    if found is None:
        return
    plan.missing = [one for one in roles if plan.kind == "deb" and one not in found.roles]
    if found.kind != plan.kind:
        plan.problems.append(
            "maas:install:kind: the snap of MAAS is installed here; purge it first, with the "
            "package maas, if that installed it"
        )
    elif found.release.series != plan.release:
        plan.problems.append(
            f"maas:release: MAAS {found.release} is installed here, which only an upgrade takes to "
            f"{plan.release}: salt-run maas.upgrade"
        )
    elif plan.kind == "deb":
        _versions(plan, have)


def _versions(plan, have):
    for name, version in plan.packages.items():
        if name in have and not have[name].startswith(version.rstrip("*")):
            plan.problems.append(
                f"maas:install:version: {name} is installed here as {have[name]}, which only an "
                f"upgrade takes to {version}: salt-run maas.upgrade"
            )
    # maas-region-controller is a region without a database of its own with one added.
    if "maas-region-api" in plan.packages and "maas-region-controller" in have:
        plan.packages.pop("maas-region-api")
    if "maas-region-controller-min" in plan.packages and "maas-region-controller" in have:
        plan.packages.pop("maas-region-controller-min")


def preseed(plan: Plan, root: str = "/", test: bool = False) -> dict[str, Any]:
    """Give debconf the answers for the first installation.

    Args:
        plan: What is to be installed.
        root: Folder that stands for ``/``.
        test: Only find out.

    Returns:
        ``{"changes": {question: {"old", "new"}}, "warnings", "restarted"}``.

    Raises:
        BadInput: It cannot be installed; nothing was changed.
        HostError: Debconf failed.
    """
    if plan.problems:
        raise BadInput(plan.problems)
    changes: dict[str, Any] = {}
    host = Installation(Release(plan.release), plan.kind, frozenset(), root)
    have = packages(root)
    for package, question, kind, value in plan.questions:
        if package in have:  # then other states keep it
            continue
        old = debconf.get_answer(host, package, question)
        if old != value:
            changes[question] = {"old": old, "new": value}
            if not test:
                debconf.set_answer(host, package, question, kind, value)
    return {"changes": changes, "warnings": [], "restarted": []}


def verify(plan: Plan, root: str = "/", test: bool = False) -> dict[str, Any]:
    """Make sure that MAAS is installed as planned, and that debconf keeps no password.

    Somebody may have given the first administrator's password to debconf, which keeps it.

    Args:
        plan: What was to be installed.
        root: Folder that stands for ``/``.
        test: Only find out.

    Returns:
        As :func:`preseed`.

    Raises:
        HostError: It is not, or debconf failed.
    """
    found = detect(root)
    if found is None or found.release.series != plan.release or found.kind != plan.kind:
        raise HostError(f"MAAS {plan.release} ({plan.kind}) is not installed here.")
    changes = {}
    if plan.kind == "deb":
        lacking = sorted(set(plan.packages) - set(packages(root)))
        if lacking:
            raise HostError(f"Packages are missing: {', '.join(lacking)}.")
        package, question = "maas-region-controller", "maas/password"
        asked = package in packages(root) and found.release >= "2.0"
        if asked and debconf.get_answer(found, package, question):
            changes[question] = {"old": "a password", "new": None}
            if not test:
                debconf.set_answer(found, package, question, "password", "")
    return {"changes": changes, "warnings": [], "restarted": []}


#: What debconf is told before packages are removed, so that dbconfig-common keeps the database.
_KEEP = (
    ("maas-region-controller/dbconfig-remove", "boolean"),
    ("maas-region-controller/purge", "boolean"),
)


def make_removable(root: str = "/", confirmed: bool = False, test: bool = False) -> dict[str, Any]:
    """Prepare the removal of MAAS's packages such that the region's database stays.

    Args:
        root: Folder that stands for ``/``.
        confirmed: Whether somebody said that MAAS is to go from this host.
        test: Only find out.

    Returns:
        As :func:`preseed`.

    Raises:
        BadInput: Nobody said so.
        HostError: Debconf failed.
    """
    found = detect(root)
    if found is None:
        return {"changes": {}, "warnings": [], "restarted": []}
    if not confirmed:
        raise BadInput(
            [f"maas:install:absent: must be true before MAAS {found.release} is removed here"]
        )
    changes = {}
    if found.kind == "deb" and "maas-region-controller" in packages(root):
        for question, kind in _KEEP:
            old = debconf.get_answer(found, "maas-region-controller", question)
            if old != "false":
                changes[question] = {"old": old, "new": "false"}
                if not test:
                    debconf.set_answer(found, "maas-region-controller", question, kind, "false")
    return {"changes": changes, "warnings": [], "restarted": []}
