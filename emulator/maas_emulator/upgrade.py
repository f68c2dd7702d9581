"""A region that is upgraded under its data, as ``dbupgrade`` of MAAS 3.8 does it."""

from __future__ import annotations

from maas_emulator import entitlements, images
from maas_emulator.release import Release
from maas_emulator.settings import settings_of

_STABLE = images.DEFAULT_URL.rstrip("/")


def upgrade(region, which="3.8"):
    """Turn a region of 3.7 into one of 3.8, or a later one.

    Args:
        region: The region; its objects, users and keys stay.
        which: Release to upgrade to.

    Raises:
        ValueError: It is no region of 3.7, or is to become an older one.
    """
    release = Release(which)
    if region.release.series != "3.7" or release < "3.8":
        raise ValueError(f"MAAS {region.release} cannot be upgraded to {release} here")
    with region.lock:
        region.release = release
        region.__dict__.pop("routes", None)
        for name, setting in settings_of(release).items():
            region.settings.setdefault(name, setting.default)
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
