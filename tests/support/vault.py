"""As much of a HashiCorp Vault as a region needs: wrapped tokens, an AppRole, a KV engine."""

from __future__ import annotations

import http.server
import json

from support.misbehaving import Served


class Vault(Served, http.server.ThreadingHTTPServer):
    """On 127.0.0.1; a wrapped token works once.

    Attributes:
        secrets: ``{path: value}`` of the KV engine.
    """

    daemon_threads = True

    def __init__(self, role="role-1", secret_id="sid-unlikely-1", wrapped="wrapped-unlikely-1"):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.role, self.secret_id, self.wrapped = role, secret_id, {wrapped}
        self.secrets = {}
        self.url = f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or "null")
        token = self.headers.get("X-Vault-Token")
        vault = self.server
        if self.path == "/v1/sys/wrapping/unwrap" and token in vault.wrapped:
            vault.wrapped.discard(token)
            return self._tell(200, {"data": {"secret_id": vault.secret_id}})
        if self.path == "/v1/auth/approle/login":
            right = body == {"role_id": vault.role, "secret_id": vault.secret_id}
            return self._tell(200, {"auth": {"client_token": "t-1"}}) if right else self._tell(400)
        if token == "t-1" and "/data/" in self.path:
            vault.secrets[self.path.partition("/data/")[2]] = body["data"]
            return self._tell(200, {"data": {}})
        return self._tell(403)

    def do_GET(self):
        if self.headers.get("X-Vault-Token") != "t-1":
            return self._tell(403)
        value = self.server.secrets.get(self.path.partition("/data/")[2])
        return self._tell(404) if value is None else self._tell(200, {"data": {"data": value}})

    def _tell(self, status, body=None):
        text = json.dumps(body or {}).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *args):
        pass
