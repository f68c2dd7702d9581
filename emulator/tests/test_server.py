"""The emulated region over HTTP, and its command line."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import maas_emulator
import pytest
from maas_emulator.__main__ import main
from maas_emulator.server import RegionServer

from .calls import Caller


@pytest.fixture
def server():
    with RegionServer(release="3.7") as running:
        yield running


def connect(server):
    return http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)


def ask(connection, method="GET", path="/MAAS/api/2.0/version/", body=None, headers=None):
    connection.request(method, path, body, headers or {})
    answer = connection.getresponse()
    return answer.status, answer.read()


def test_connection_is_kept(server):
    connection = connect(server)
    ask(connection)
    first = connection.sock
    assert ask(connection)[0] == 200
    assert connection.sock is first


def test_close_is_honoured(server):
    connection = connect(server)
    connection.request("GET", "/MAAS/api/2.0/version/", headers={"Connection": "close"})
    answer = connection.getresponse()
    answer.read()
    assert answer.getheader("Connection") == "close"


def test_chunked_body_is_read(server):
    caller = Caller(server.region)
    headers = {
        "Authorization": caller.header(),
        "Content-Type": "application/x-www-form-urlencoded",
    }
    connection = connect(server)
    body = (piece for piece in (b"name=", b"fab-a"))
    connection.request("POST", "/MAAS/api/2.0/fabrics/", body, headers, encode_chunked=True)
    assert json.loads(connection.getresponse().read())["name"] == "fab-a"


def test_garbage_does_not_stop_the_server(server):
    connection = connect(server)
    connection.connect()
    connection.sock.sendall(b"nonsense\r\n\r\n")
    assert connection.sock.recv(10) == b""
    assert ask(connect(server))[0] == 200


@pytest.mark.parametrize("sent", [b"", b"\r\n", b"\r\nname=fa"], ids=["headers", "no body", "half"])
def test_half_a_request_is_not_carried_out(server, sent):
    head = (
        "POST /MAAS/api/2.0/spaces/ HTTP/1.1\r\n"
        f"Authorization: {Caller(server.region).header()}\r\n"
        "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 8\r\n"
    )
    connection = connect(server)
    connection.connect()
    connection.sock.sendall(head.encode() + sent)
    connection.sock.shutdown(socket.SHUT_WR)
    assert connection.sock.recv(10) == b""
    assert server.requests.entries() == []


def test_request_log_view(server):
    ask(connect(server))
    assert server.requests.count("GET", "version/") == 1
    server.requests.reset()
    assert len(server.requests) == 0
    Caller(server.region).post("fabrics/")
    assert [entry.method for entry in server.requests.writes()] == ["POST"]


def test_many_clients_at_once(server):
    statuses = []

    def work(number):
        caller = Caller(server.region)
        connection = connect(server)
        for turn in range(10):
            headers = {
                "Authorization": caller.header(),
                "Content-Type": "application/x-www-form-urlencoded",
            }
            body = f"name=fab-{number}-{turn}"
            statuses.append(ask(connection, "POST", "/MAAS/api/2.0/fabrics/", body, headers)[0])

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [200] * 80
    assert len(Caller(server.region).get("fabrics/").json) == 80


def test_stopped_server_refuses(server):
    connection = connect(server)
    ask(connection)
    server.stop()
    with pytest.raises((OSError, http.client.HTTPException)):
        ask(connection)
    with pytest.raises(ConnectionError):
        ask(connect(server))


def test_command_line(tmp_path):
    profile, log = tmp_path / "profile.json", tmp_path / "requests.log"
    process = subprocess.Popen(
        [
            sys.executable, "-m", "maas_emulator", "--release", "1.7",
            "--profile-file", str(profile), "--request-log", str(log),
        ],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(Path(maas_emulator.__file__).parents[1])},
        text=True,
    )  # fmt: skip
    try:
        hello = json.loads(process.stdout.readline())
        assert (hello["pid"], hello["release"]) == (process.pid, "1.7.3")
        assert profile.stat().st_mode & 0o777 == 0o600
        written = json.loads(profile.read_text())
        assert written["url"] == hello["url"]
        assert len(written["api_key"].split(":")) == 3
        assert written["api_key"] not in json.dumps(hello)
        port = int(hello["url"].split(":")[2].split("/")[0])
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        assert ask(connection, path="/MAAS/api/1.0/version/")[0] == 200
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
        assert json.loads(log.read_text())["path"] == "/MAAS/api/1.0/version/"
    finally:
        process.kill()
        process.stdout.close()


def test_command_line_says_what_is_wrong(server, capsys):
    assert main(["--release", "2.10"]) == 1
    assert "not a known MAAS release" in capsys.readouterr().err
    assert main(["--release", "1.9", "--rack", "rack-1=10.0.0.2/24"]) == 1
    assert capsys.readouterr().err == "--rack rack-1: MAAS 1.9.5 has no rack controllers\n"
    with pytest.raises(SystemExit):
        main(["--rack", "rack-1"])
    assert "'rack-1' must be a name with an address" in capsys.readouterr().err
    assert main(["--port", str(server.port)]) == 1
    message = capsys.readouterr().err
    assert message.startswith(f"--port {server.port}: 127.0.0.1 cannot be listened on: Address")


def test_a_region_that_is_down_answers_nothing_but_its_hosts_commands(server):
    server.region.down_until = server.region.clock() + 60
    with pytest.raises(http.client.RemoteDisconnected):
        ask(connect(server))
    assert ask(connect(server), "POST", "/_emulator/ping", "{}")[0] == 403
    server.region.down_until = 0
    assert ask(connect(server))[0] == 200


def test_a_region_that_is_not_there_for_a_while_answers_503(server):
    connection = connect(server)
    server.region.unavailable_until = server.region.clock() + 60
    status, page = ask(connection)
    assert (status, b"503 Service Unavailable" in page) == (503, True)
    server.region.unavailable_until = 0
    assert ask(connection)[0] == 200
