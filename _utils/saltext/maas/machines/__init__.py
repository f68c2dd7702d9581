"""The lifecycle of machines, from commissioning to release (API 2.0)."""

from __future__ import annotations
