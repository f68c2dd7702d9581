"""Enrolment tokens as MAAS Site Manager makes them."""

from __future__ import annotations

import base64
import json
import time


def token(host="sm.example.com", **claims):
    """Return an enrolment token for a Site Manager; no signature is looked at."""
    found = {"aud": "site", "service-url": f"https://{host}/", "exp": time.time() + 86400, **claims}
    parts = [{"alg": "HS256"}, found]
    texts = [base64.urlsafe_b64encode(json.dumps(one).encode()).decode() for one in parts]
    return ".".join([*(text.rstrip("=") for text in texts), "c2lnbmF0dXJl"])
