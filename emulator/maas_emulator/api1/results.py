"""``commissioning-results/`` and ``installation-results/``: what machines left behind."""

from __future__ import annotations

from maas_emulator.web import Endpoint

commissioning = Endpoint("commissioning-results/", "NodeResultsHandler")
installation = Endpoint("installation-results/", "NodeResultsHandler", since="1.7")


@commissioning("GET", "list")
@installation("GET", "list")
def list_results(request):
    """List results; no machine ever runs anything here."""
    return []
