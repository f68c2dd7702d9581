"""A real ``salt-call --local`` with a state tree for a test."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import yaml


def tree(functions, chained):
    """A state tree: one state for each call, in order; ``chained``, each needs the one before."""
    found, before = {}, None
    for function, calls in functions.items():
        for call in calls:
            ident = f"{function} {call['name']}"
            arguments = [{key: value} for key, value in call.items()]
            if before and chained:
                arguments.append({"require": [before]})
            found[ident] = {function: arguments}
            before = {function.partition(".")[0]: ident}
    return found


class Minion:
    """``salt-call --local`` with a configuration of its own."""

    def __init__(self, folder, maas, **more):
        """A minion in a folder of its own, with ``maas`` and ``more`` in its configuration."""
        self.folder = folder
        (folder / "states").mkdir()
        config = {
            "root_dir": str(folder),
            "file_client": "local",
            "file_roots": {"base": [str(folder / "states")]},
            "pillar_roots": {"base": [str(folder / "pillar")]},
            "maas": maas,
            "user": os.environ.get("USER") or "root",
            **more,
        }
        (folder / "minion").write_text(yaml.safe_dump(config))

    def call(self, *arguments):
        command = [
            str(Path(sys.executable).with_name("salt-call")), "-c", str(self.folder), "--local",
            "--out=json", "--log-level=error", *arguments,
        ]  # fmt: skip
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
        )
        try:
            return json.loads(done.stdout)["local"]
        except (ValueError, KeyError):
            raise AssertionError(f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}") from None

    def calls(self, *calls):
        """Call execution modules, all in one process; mappings are keyword arguments."""
        script = (
            "import json, sys, salt.client\n"
            "caller = salt.client.Caller(sys.argv[1])\n"
            "results = []\n"
            "for function, *arguments in json.loads(sys.argv[2]):\n"
            "    named = [one for one in arguments if isinstance(one, dict)]\n"
            "    plain = [one for one in arguments if not isinstance(one, dict)]\n"
            "    results.append(caller.cmd(function, *plain, **(named[0] if named else {})))\n"
            "print(json.dumps(results))\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", script, str(self.folder / "minion"), json.dumps(calls)],
            capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-3000:]
        return json.loads(done.stdout.splitlines()[-1])

    def apply(self, functions, *arguments, chained=True):
        text = yaml.safe_dump(tree(functions, chained), sort_keys=False)
        (self.folder / "states" / "all.sls").write_text(text.replace("FOLDER", str(self.folder)))
        answer = self.call("state.apply", "all", *arguments)
        assert isinstance(answer, dict), answer
        return {key.split("_|-")[1]: one for key, one in answer.items()}
