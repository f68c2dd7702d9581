"""A plan as one HTML page that loads nothing and runs nothing."""

from __future__ import annotations

import time

from saltext.maas.errors import MaasError
from saltext.maas.reconcile import Plan, Snapshot
from saltext.maas.render.data import as_data
from saltext.maas.render.drawing import COLOURS, SIGNS, draw
from saltext.maas.render.network import network_of
from saltext.maas.render.text import clean, value_text

_TEMPLATE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Plan for MAAS {{ data.release }}</title>
<style>
body { font: 15px/1.5 system-ui, sans-serif; color: #1f2328; background: #fff;
       margin: 0 auto; padding: 24px; max-width: 1240px; }
h1 { font-size: 24px; margin: 0 0 4px; }
h2 { font-size: 18px; margin: 32px 0 10px; }
.counts span { display: inline-block; margin-right: 18px; font-weight: 600; }
.create { color: {{ colours["create"] }}; } .update { color: {{ colours["update"] }}; }
.delete { color: {{ colours["delete"] }}; }
.legend { color: #57606a; font-size: 13px; }
.legend i { display: inline-block; width: 22px; height: 11px; margin: 0 5px 0 16px;
            border-radius: 2px; vertical-align: -1px; }
.network { overflow-x: auto; border: 1px solid #d0d7de; border-radius: 6px; margin-top: 8px; }
svg { display: block; width: 100%; height: auto; min-width: 900px; }
.problems { background: #ffebee; border: 1px solid #cf222e; border-radius: 6px;
            padding: 10px 16px 10px 34px; }
table { border-collapse: collapse; width: 100%; table-layout: fixed; }
th, td { text-align: left; vertical-align: top; padding: 5px 10px; border-top: 1px solid #d8dee4;
         overflow-wrap: anywhere; white-space: pre-wrap; }
th { font-size: 13px; color: #57606a; border-top: none; }
th.what, td.what { width: 34%; font-weight: 600; } th.field, td.field { width: 18%; }
</style>
</head>
<body>
<h1>Plan for MAAS {{ data.release }}</h1>
<p class="legend">Region {{ data.region or "(none yet)" }}{% if minion %}, as minion
{{ minion | clean }} describes it{% endif %}; read {{ now }}.</p>
<p class="counts">{% if data.changes %}
<span class="create">+ {{ data.counts["create"] }} to create</span>
<span class="update">~ {{ data.counts["update"] }} to change</span>
<span class="delete">&minus; {{ data.counts["delete"] }} to remove</span>
{% else %}<span>Nothing to change.</span>{% endif %}</p>
{% for one in data.warnings %}<p class="update">{{ one | clean }}</p>
{% endfor %}{% if data.problems %}
<h2>What cannot be applied</h2>
<ul class="problems">
{% for one in data.problems %}<li><b>{{ one.name | clean }}</b>: {{ one.problem | clean }}</li>
{% endfor %}</ul>
{% endif %}
{% if drawing %}
<h2>Network</h2>
<div class="legend">{{ kinds }}: rows are VLANs with their subnets.
<i style="background:#54aeff"></i>dynamic range<i style="background:#8c959f"></i>reserved range
<i style="background:{{ colours["create"] }}"></i>created
<i style="background:{{ colours["update"] }}"></i>changed
<i style="background:{{ colours["delete"] }}"></i>removed</div>
<div class="legend">A line leads from a rack to each VLAN on which it serves DHCP; it is dashed
from the secondary one, and between VLANs where DHCP is relayed.</div>
<div class="network">{{ drawing }}</div>
{% endif %}
{% if data.changes %}
<h2>Changes</h2>
<table>
<thead><tr><th class="what">Object</th><th class="field">Field</th>
<th>Now</th><th>Then</th></tr></thead>
{% for change in data.changes %}<tbody>
{% for name, values in (change.fields or {"": none}).items() %}<tr>
{% if loop.first %}<td class="what {{ change.action }}" rowspan="{{ loop.length }}">
{{- signs[change.action] }}{{ change.noun }} {{ change.name | clean }}</td>{% endif %}
<td class="field">{{ name }}</td>
<td>{% if values and change.action != "create" %}{{ values.old | value }}{% endif %}</td>
<td>{% if values and change.action != "delete" %}{{ values.new | value }}{% endif %}</td>
</tr>{% endfor %}
</tbody>
{% endfor %}</table>
{% endif %}
</body>
</html>
"""


def as_page(snapshot: Snapshot, plan: Plan, minion: str | None = None) -> str:
    """Return a plan as a page.

    Args:
        snapshot: The snapshot that it was made from.
        plan: The plan.
        minion: Id of the minion whose pillar it is.

    Returns:
        HTML that holds everything it shows.  Names and values are text in it, whatever
        they say.

    Raises:
        MaasError: drawsvg is not installed.
    """
    import jinja2
    from markupsafe import Markup

    network = network_of(snapshot, plan)
    try:
        drawing = Markup(draw(network)) if network.groups else ""  # noqa: S704 -- see draw
    except ImportError:
        raise MaasError("the page needs drawsvg: salt-pip install 'saltext.maas[plan]'") from None
    environment = jinja2.Environment(autoescape=True)
    environment.filters.update(clean=clean, value=value_text)
    kinds = "Fabrics" if "fabric" in snapshot.tables else "Clusters"
    return environment.from_string(_TEMPLATE).render(
        data=as_data(snapshot, plan), drawing=drawing, colours=COLOURS, signs=SIGNS, kinds=kinds,
        minion=minion, now=time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
    )  # fmt: skip
