"""Certificates of a region on 127.0.0.1, good and bad ones, and servers' TLS contexts with them."""

from __future__ import annotations

import datetime
import ipaddress
import ssl
import tempfile
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

_DAY = datetime.timedelta(days=1)
_PEM = serialization.Encoding.PEM


class Certificates:
    """A certificate authority, and what its servers show.

    Attributes:
        ca_file: PEM file with the authority's own certificate.
        good, expired, other: ``ssl.SSLContext`` of a server with a valid certificate, with one
            that has expired, and with one of another authority.
    """

    def __init__(self):
        self._folder = tempfile.TemporaryDirectory(prefix="certificates-")
        key, authority = _signed("authority", ca=True)
        _, stranger = strange = _signed("stranger", ca=True)
        self.ca_file = self._written("ca", authority.public_bytes(_PEM))
        self.good = self._context("good", (key, authority))
        self.expired = self._context("expired", (key, authority), -_DAY)
        self.other = self._context("other", (strange[0], stranger))

    def _written(self, name, data):
        path = Path(self._folder.name, f"{name}.pem")
        path.write_bytes(data)
        return str(path)

    def _context(self, name, issuer, until=_DAY):
        key, made = _signed("region", issuer, until)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self._written(name, _private(key) + made.public_bytes(_PEM)))
        return context


def _private(key):
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(_PEM, form, serialization.NoEncryption())


def _signed(name, issuer=None, until=_DAY, ca=False):
    """A key with its certificate, which is valid for 127.0.0.1."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    signer, authority = issuer or (key, None)
    now = datetime.datetime.now(datetime.timezone.utc)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    return key, (
        x509.CertificateBuilder()
        .subject_name(subject).issuer_name(authority.subject if authority else subject)
        .public_key(key.public_key()).serial_number(x509.random_serial_number())
        .not_valid_before(now - 2 * _DAY).not_valid_after(now + until)
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .sign(signer, hashes.SHA256())
    )  # fmt: skip
