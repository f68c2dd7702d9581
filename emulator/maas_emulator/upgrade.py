"""A region that is upgraded under its data, as ``dbupgrade`` does it."""

from __future__ import annotations

from maas_emulator import entitlements, images
from maas_emulator.api1 import groups
from maas_emulator.release import Release
from maas_emulator.settings import settings_of

_STABLE = images.DEFAULT_URL.rstrip("/")


def upgrade(region, which="3.8"):
    """Turn a region of 3.7 into one of 3.8 or a later one, or one of 1.7 into one of 1.8.

    Args:
        region: The region; its objects, users and keys stay.
        which: Release to upgrade to.

    Raises:
        ValueError: It is a region of another release, or is to become another one.
    """
    release, series = Release(which), region.release.series
    if not (series == "3.7" and release >= "3.8") and (series, release.series) != ("1.7", "1.8"):
        raise ValueError(f"MAAS {region.release} cannot be upgraded to {release} here")
    with region.lock:
        region.release = release
        region.__dict__.pop("routes", None)
        for name, setting in settings_of(release).items():
            region.settings.setdefault(name, setting.default)
        if series == "1.7":
            for group in region.rows(groups.GROUPS).values():
                if group["status"] == groups.PENDING:
                    group["status"] = groups.REJECTED  # which is called disabled
            return
        _sources(region)
        entitlements.make_default_groups(region)
        for user in region.users.values():
            entitlements.sort_in(region, user)


def _sources(region):
    """Strip, name and prioritise the boot sources; what they select is one row for each arch."""
    rows = region.rows("boot_sources")
    for number, row in enumerate(
        (row for row in rows.values() if row["url"].rstrip("/") != _STABLE), 1
    ):
        url = row["url"].rstrip("/")
        row.update(url=url, name=url, priority=number * 10)
    for row in rows.values():
        if row["url"].rstrip("/") == _STABLE:
            row.update(url=_STABLE, name="MAAS Stable", priority=1)
        row.update(enabled=True, skip_keyring_verification=row["url"].endswith(".json"))
    for selection in region.rows("selections").values():
        images.choose_arches(selection, rows[selection["boot_source_id"]])
