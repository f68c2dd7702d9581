"""Stand-in minions: many in one process, each with an id, a handshake and Salt's own payloads.

They speak to a salt-master over its own ports as real minions do, through Salt's own channels,
but have neither loader nor forks: a function is what the table that they are given says.

Run as a program it needs a JSON file with ``master`` (``ret_port``, ``publish_port``), ``folder``,
``keys``, ``names``, ``functions`` (a module with ``functions(minion) -> {name: callable}``),
``path`` for it, ``ready`` (a file to make when all listen) and ``go`` (a file to wait for before
they start).
"""

from __future__ import annotations

import fnmatch
import importlib
import json
import logging
import os
import shutil
import sys
from pathlib import Path

log = logging.getLogger(__name__)

try:  # Salt 3006 brings a tornado of its own
    from salt.ext.tornado import gen, ioloop
except ImportError:
    from tornado import gen, ioloop


class _Silent:
    """Instead of a minion's own event bus, which nobody listens to here."""

    def fire_event(self, *_, **__):
        return True

    def destroy(self):
        pass


class Minion:
    """One stand-in.

    Args:
        name: Its id.
        folder: For its keys.
        master: ``{"ret_port", "publish_port"}`` of the master on loopback.
        keys: Folder with a ``minion.pem`` and ``minion.pub`` to share; making one takes long.
        loop: The event loop.
        functions: ``f(minion) -> {name: callable}``.
    """

    def __init__(self, name, folder, master, keys, loop, functions):
        import salt.config

        self.name = name
        self.loop = loop
        pki = Path(folder) / name / "pki"
        pki.mkdir(parents=True, exist_ok=True)
        for file in ("minion.pem", "minion.pub"):
            shutil.copy(Path(keys) / file, pki / file)
        self.opts = salt.config.DEFAULT_MINION_OPTS.copy()
        self.opts.update(
            {
                "id": name, "master": "127.0.0.1", "master_ip": "127.0.0.1", "__role": "minion",
                "master_port": master["ret_port"], "publish_port": master["publish_port"],
                "master_uri": f"tcp://127.0.0.1:{master['ret_port']}", "transport": "zeromq",
                "pki_dir": str(pki), "cachedir": str(pki.parent / "cache"),
                "sock_dir": str(pki.parent), "acceptance_wait_time": 1, "auth_timeout": 120,
                "auth_tries": 20, "random_reauth_delay": 1, "zmq_filtering": True,
                "extension_modules": "", "grains": {"id": name}, "request_channel_timeout": 120,
            }
        )  # fmt: skip
        self.pillar = {}
        self.functions = {
            "test.ping": lambda: True,
            "saltutil.find_job": lambda *_: {},
            **functions(self),
        }

    @gen.coroutine
    def connect(self):
        """Sign in and listen."""
        import salt.channel.client

        self.requests = salt.channel.client.AsyncReqChannel.factory(self.opts, io_loop=self.loop)
        self.published = salt.channel.client.AsyncPubChannel.factory(self.opts, io_loop=self.loop)
        yield self.published.connect()
        self.published.on_recv(self._hear)

    @gen.coroutine
    def start(self):
        """Say that it started, as a minion does once it listens."""
        yield self.fire(f"salt/minion/{self.name}/start", f"Minion {self.name} started")

    @gen.coroutine
    def fire(self, tag, data):
        """Put an event on the master's bus."""
        yield self.requests.send(
            {"cmd": "_minion_event", "id": self.name, "pretag": None, "tag": tag, "data": data,
             "tok": self.published.token},
            timeout=120,
        )  # fmt: skip

    @gen.coroutine
    def refresh_pillar(self):
        """Have the master compile this minion's pillar, as a minion does before a state run."""
        load = {
            "cmd": "_pillar", "id": self.name, "grains": self.opts["grains"], "saltenv": "base",
            "pillarenv": None, "pillar_override": {}, "extra_minion_data": {}, "ver": "2",
            "ext": None,
        }  # fmt: skip
        self.pillar = yield self.requests.crypted_transfer_decode_dictentry(
            load, dictkey="pillar", timeout=300
        )

    def _hear(self, payload):
        load = payload["load"]
        if self._meant(load):
            self.loop.add_callback(self._work, load)

    def _meant(self, load):
        target, kind = load["tgt"], load.get("tgt_type", "glob")
        if kind == "list":
            names = target.split(",") if isinstance(target, str) else target
            return self.name in names
        return kind == "glob" and fnmatch.fnmatchcase(self.name, target)

    @gen.coroutine
    def _work(self, load):
        import salt.utils.args

        function = load["fun"]
        plain, kwargs = salt.utils.args.parse_input(load["arg"], condition=False)
        good = True
        try:
            if function not in self.functions:
                raise KeyError(function)
            value = self.functions[function](*plain, **kwargs)
            if gen.is_future(value):
                value = yield value
        except KeyError as error:
            good, value = False, f"'{error.args[0]}' is not available."
        except Exception as error:
            log.exception("%s of %s", function, self.name)
            good, value = False, f"ERROR: {error}"
        back = {
            "cmd": "_return", "id": self.name, "jid": load["jid"], "fun": function,
            "fun_args": plain, "return": value, "success": good, "retcode": 0 if good else 1,
        }  # fmt: skip
        if load.get("ret"):
            back["ret"] = load["ret"]
        yield self.requests.send(back, timeout=300)


def make_keys(folder) -> Path:
    """A key pair to share among stand-ins."""
    import salt.crypt

    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    salt.crypt.gen_keys(str(folder), "minion", 2048)
    return folder


def main(path):
    """Play all stand-ins of a description until killed."""
    import salt.channel.client

    salt.channel.client.salt.utils.event.get_event = lambda *_, **__: _Silent()
    told = json.loads(Path(path).read_text())
    sys.path[:0] = told.get("path", [])
    functions = importlib.import_module(told["functions"]).functions
    loop = ioloop.IOLoop.current()
    minions = [
        Minion(name, told["folder"], told["master"], told["keys"], loop, functions)
        for name in told["names"]
    ]

    @gen.coroutine
    def start():
        # A few at a time: the master has but so many workers to shake hands with.
        for number in range(0, len(minions), 10):
            yield [minion.connect() for minion in minions[number : number + 10]]
        Path(told["ready"]).touch()
        while told.get("go") and not Path(told["go"]).exists():
            yield gen.sleep(0.05)
        yield [minion.start() for minion in minions]

    loop.add_callback(start)
    loop.start()


if __name__ == "__main__":
    logging.basicConfig(level=os.environ.get("STANDINS_LOG", "WARNING"))
    main(sys.argv[1])
