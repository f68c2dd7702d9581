"""The region of the fleet's measurement: embedded, with a door for stand-in daemons.

A cluster's daemon proves that it knows the shared secret and is then known to the region, as a
rack is that registers over RPC. Prints its URL and the door's as JSON; SIGTERM ends it.
"""

from __future__ import annotations

import json
import signal
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "_utils"))

from maas_emulator.hosts.daemons import Hosts
from maas_emulator.server import RegionServer


def door(region):
    """A server that takes ``POST`` of ``{"hostname", "secret", "number"}``."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            told = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if told["secret"] != region.secret:
                self.send_error(403)
                return
            high, low = divmod(told["number"], 250)
            nic = {
                "name": "eth0", "mac": f"52:54:01:00:{high:02x}:{low:02x}",
                "ip": f"10.{high}.{low}.2", "subnet_mask": "255.255.255.0",
            }  # fmt: skip
            ident = region.register_controller(hostname=told["hostname"], interfaces=[nic])
            region.controller_connected(ident, True)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def do_GET(self):
            body = json.dumps(region.log.total).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    return ThreadingHTTPServer(("127.0.0.1", 0), Handler)


def main(hosts, release):
    done = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: done.set())
    with RegionServer(release, admin=None, hostname="maas-region", import_seconds=0.5) as server:
        clusters = door(server.region)
        threading.Thread(target=clusters.serve_forever, daemon=True).start()
        with Hosts(server.region, server.url, hosts):
            told = {"url": server.url, "door": f"http://127.0.0.1:{clusters.server_port}"}
            print(json.dumps(told), flush=True)
            done.wait()
        clusters.shutdown()


if __name__ == "__main__":
    main(*sys.argv[1:])
