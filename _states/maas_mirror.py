"""Mirror boot images into a folder, for regions that are to import them from there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from saltext.maas import runtime, state_helpers
from saltext.maas.host import mirror

if TYPE_CHECKING:
    from saltext.maas.salt_types import Opts

    __opts__: Opts


def synced(
    name: str,
    source: str | None = None,
    releases: list[str] | None = None,
    arches: list[str] | None = None,
    labels: list[str] | None = None,
    kernels: list[str] | None = None,
    flavors: list[str] | None = None,
    os: list[str] | None = None,
    filters: list[str] | None = None,
    bootloaders: bool | None = None,
    versions: int | None = None,
    keyring: str | None = None,
    verify: bool | None = None,
    path: str | None = None,
    timeout: float = 6 * 3600,
) -> dict[str, Any]:
    """Ensure that a folder has the newest boot images of a source, by ``sstream-mirror``.

    What the source has no longer is removed. What the filters no longer choose stays. The index
    is the source's own, with its signature, and so lists images that are not mirrored.

    What is not given is taken from the pillar's ``maas:mirror``.

    Args:
        name (str): The folder.
        source (str): URL of the images; by default that of MAAS's stable images.
        releases (list of str): Releases, such as ``noble``; all by default.
        arches (list of str): Architectures, such as ``amd64``; all by default.
        labels (list of str): Labels, such as ``stable``; all by default.
        kernels (list of str): Kernels, such as ``ga-24.04``; all by default.
        flavors (list of str): Flavours of kernels, such as ``generic``; all by default.
        os (list of str): Operating systems, such as ``ubuntu``; all by default.
        filters (list of str): Further filters of ``sstream-mirror``.
        bootloaders (bool): Whether boot loaders are mirrored as well; true by default.
        versions (int): Versions of each image that are kept; 1 by default.
        keyring (str): File with the keys that sign the index; by default that of Ubuntu's package
            ``ubuntu-cloudimage-keyring``.
        verify (bool): Whether signatures are checked; true by default.
        path (str): Index within the source; ``streams/v1/index.sjson`` by default.
        timeout (float): Seconds that images, and boot loaders, may take.

    Returns:
        dict: State return.

    .. code-block:: yaml

        /srv/images:
          maas_mirror.synced:
            - releases: [jammy, noble]
            - arches: [amd64]
    """
    own = state_helpers.given(locals(), "name", "timeout")
    test = bool(__opts__.get("test"))

    def work():
        described = {**runtime.pillar(globals(), "mirror"), **own, "folder": name}
        return state_helpers.host_outcome(name, test, mirror.sync(described, test, timeout))

    return state_helpers.guarded(name, work)
