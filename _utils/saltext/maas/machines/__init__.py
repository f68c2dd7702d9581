"""The life of machines: from commissioning to release, in API 2.0."""

from __future__ import annotations
