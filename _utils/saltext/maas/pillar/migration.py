"""An export on its way to a later release."""

from __future__ import annotations

from dataclasses import dataclass, field

from saltext.maas.pillar.validators import ROOT
from saltext.maas.reconcile import Snapshot
from saltext.maas.release import Release

#: First release, the oldest LTS series that it commissions with, and its own one.
_SERIES = (
    ("3.6", "bionic", "noble"), ("3.5", "bionic", "jammy"), ("2.9", "xenial", "focal"),
    ("2.5", "xenial", "bionic"), ("2.4", "trusty", "bionic"), ("2.0", "trusty", "xenial"),
    ("1.5", "precise", "trusty"),
)  # fmt: skip


@dataclass
class Migration:
    """One export that is converted.

    Attributes:
        described: The mapping under ``maas``; it is changed.
        snapshot: The region that it describes.
        target: The release that it is for.
        hosts: ``{UUID or name of a cluster: id of its host's minion}``.
        notes: What cannot be carried, one line each.
    """

    described: dict
    snapshot: Snapshot
    target: Release
    hosts: dict
    notes: list[str] = field(default_factory=list)

    @property
    def source(self) -> Release:
        """The region's own release."""
        return self.snapshot.release

    def crosses(self, release: str) -> bool:
        """Return whether a release comes after the region's own and not after the target."""
        return self.source < release <= self.target

    @property
    def own_series(self) -> tuple[str, str]:
        """The oldest LTS series that the target commissions with, and its own one."""
        return next((oldest, own) for since, oldest, own in _SERIES if self.target >= since)

    def note(self, path: str, text: str) -> None:
        """Add a line about a place in the pillar."""
        self.notes.append(f"{ROOT}:{path}: {text}")

    def section(self, name: str) -> dict:
        """Return a section of the pillar, which is made where there is none."""
        found = self.described.get(name)
        return found if isinstance(found, dict) else self.described.setdefault(name, {})

    def objects(self, name: str) -> dict[str, dict]:
        """Return the objects of a section by name, each as a mapping that can be changed."""
        found = self.section(name)
        for key in found:
            found[key] = found[key] or {}
        return found
