"""Multipart bodies, as Django reads them."""

from __future__ import annotations

from email.mime.application import MIMEApplication
from email.mime.multipart import MIMEMultipart

import pytest
from maas_emulator.bodies import read_multipart


def test_multipart_fields_and_files():
    body = (
        b'--b\r\nContent-Disposition: form-data; name="url"\r\n\r\nhttp://x\r\n'
        b'--b\r\nContent-Disposition: form-data; name="url"\r\n\r\nsecond\r\n'
        b'--b\r\nContent-Disposition: form-data; name="data"; filename="k"\r\n'
        b"Content-Type: application/octet-stream\r\n\r\n\x99\r\n\x00\r\n--b--\r\n"
    )
    form, files = read_multipart('multipart/form-data; boundary="b"', body)
    assert form.getlist("url") == ["http://x", "second"]
    assert files == {"data": b"\x99\r\n\x00"}


def test_the_body_that_the_command_line_of_maas_sends():
    """Each part in base64, made by ``email.mime``."""
    message = MIMEMultipart("form-data")
    for name, content, more in (
        ("name", "caf\u00e9".encode(), {}),
        ("content", b"\x00\x99\r\n" * 40, {"filename": "content"}),
    ):
        part = MIMEApplication(content)
        part.add_header("Content-Disposition", "form-data", name=name, **more)
        message.attach(part)
    _, _, body = message.as_bytes().partition(b"\n\n")
    form, files = read_multipart(message["Content-Type"], b"\r\n".join(body.splitlines()))
    assert (form, files) == ({"name": ["caf\u00e9"]}, {"content": b"\x00\x99\r\n" * 40})


@pytest.mark.parametrize(
    ("body", "form", "files"),
    [
        (b'name="a"\r\n\r\n1\r\n--b--\r\nmore', {"a": ["1"]}, {}),
        (b'name="a"\r\n\r\nno end', {"a": ["no end"]}, {}),
        (b'name="a"; filename=""\r\n\r\n1\r\n--b--', {"a": ["1"]}, {}),
        (b"name=a; filename*=utf-8''x\r\n\r\n1\r\n--b--", {}, {"a": b"1"}),
        (b'nome="a"\r\n\r\n1\r\n--b--', {}, {}),
        (b'name="a"\r\n\r\n1\r\n--b\r\nbroken', {"a": ["1"]}, {}),
    ],
)
def test_odd_multipart_bodies(body, form, files):
    body = b"--b\r\nContent-Disposition: form-data; " + body
    assert read_multipart("multipart/form-data; boundary=b", body) == (form, files)
    assert read_multipart("multipart/form-data", body) == ({}, {})
