"""Between Salt and the ``maas`` command's profiles: which command, which region, which key."""

from __future__ import annotations

from saltext.maas import runtime
from saltext.maas.errors import BadInput, MaasError
from saltext.maas.host import cli_login, files
from saltext.maas.host.installation import detect_client

#: Where a test run notes which files with keys it would have made.
PLANNED_KEY_FILES = "saltext.maas.planned_key_files"


def installation(dunders):
    """The host, which needs the ``maas`` command only.

    Raises:
        MaasError: There is none.
    """
    found = detect_client(runtime.root(dunders))
    if found is None:
        raise MaasError(cli_login.MISSING)
    return found


def reach(dunders, url, api_key, key_file, ca_file, verify, profile) -> dict:
    """Bring together how the region is reached: what is given wins over the profile.

    Returns:
        ``{"url", "api_key", "ca_file", "verify"}``; the key is None in a test run where an
        earlier state would make its file.

    Raises:
        BadInput: Something is missing, or given twice.
    """
    if api_key and key_file:
        raise BadInput("api_key: cannot be given together with key_file")
    if key_file:
        api_key = files.read(key_file)
        if not api_key and key_file in dunders["__context__"].get(PLANNED_KEY_FILES, ()):
            url = url or runtime.profile(dunders, profile).url
            return {"url": url, "api_key": None, "ca_file": ca_file, "verify": verify is not False}
        if not api_key:
            raise BadInput(f"key_file: {key_file} is missing or empty")
        api_key = api_key.strip()
    given = {
        "url": url, "api_key": runtime.revealed(dunders, api_key), "ca_file": ca_file,
        "verify": verify,
    }  # fmt: skip
    if not (given["url"] and given["api_key"]):
        known = runtime.profile(dunders, profile)
        for name, value in given.items():
            if value is None:
                given[name] = getattr(known, name)
    return {
        "url": given["url"], "api_key": given["api_key"] or "", "ca_file": given["ca_file"] or None,
        "verify": given["verify"] is not False,
    }  # fmt: skip
