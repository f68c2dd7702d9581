"""A plan as one HTML page that loads nothing and runs nothing."""

from __future__ import annotations

import time

from saltext.maas.errors import MaasError
from saltext.maas.reconcile import Plan, Snapshot
from saltext.maas.render.data import as_data
from saltext.maas.render.drawing import DARK, SIGNS, draw
from saltext.maas.render.machine_drawing import USES, draw_machine
from saltext.maas.render.machines import pictures_of
from saltext.maas.render.network import network_of
from saltext.maas.render.text import clean, lost_text, value_text

#: Machines that are drawn at most, so that the page of a large plan stays small.
_MOST_DRAWN = 40
_TEMPLATE = """{% set actions %}<i style="background:var(--create)"></i>created
<i style="background:var(--update)"></i>changed
<i style="background:var(--delete)"></i>removed{% endset -%}
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Plan for MAAS {{ data.release }}</title>
<style>
:root { color-scheme: light dark; --ink: #1f2328; --pale: #57606a; --paper: #fff; --line: #d0d7de;
        --create: #1a7f37; --update: #b35900; --delete: #cf222e; --alarm: #ffebee; }
@media (prefers-color-scheme: dark) {
:root { --ink: #e6edf3; --pale: #9198a1; --paper: #0d1117; --line: #3d444d;
        --create: #3fb950; --update: #e3a03a; --delete: #ff7b72; --alarm: #3c1618; }
{% for light, dark in dark_colours %}
[fill="{{ light }}"] { fill: {{ dark }}; } [stroke="{{ light }}"] { stroke: {{ dark }}; }
{% endfor %}}
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
       margin: 0 auto; padding: 24px; max-width: 1260px; }
h1 { font-size: 24px; margin: 0 0 4px; }
h2 { font-size: 18px; margin: 32px 0 10px; }
h3 { font-size: 15px; margin: 22px 0 4px; }
.counts span { display: inline-block; margin-right: 18px; font-weight: 600; }
.create { color: var(--create); } .update { color: var(--update); }
.delete { color: var(--delete); }
.legend { color: var(--pale); font-size: 13px; }
.legend i { display: inline-block; width: 22px; height: 11px; margin: 0 5px 0 16px;
            border-radius: 2px; vertical-align: -1px; }
.drawn { overflow-x: auto; border: 1px solid var(--line); border-radius: 6px; margin-top: 8px; }
svg { display: block; width: 100%; height: auto; min-width: 900px; }
.problems { background: var(--alarm); border: 1px solid var(--delete); border-radius: 6px;
            padding: 10px 16px 10px 34px; }
table { border-collapse: collapse; width: 100%; table-layout: fixed; }
th, td { text-align: left; vertical-align: top; padding: 5px 10px; overflow-wrap: anywhere;
         border-top: 1px solid var(--line); white-space: pre-wrap; }
th { font-size: 13px; color: var(--pale); border-top: none; }
th.what, td.what { width: 24%; font-weight: 600; } th.field, td.field { width: 14%; }
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
{% if lost %}<p class="delete"><b>{{ lost }}</b></p>
{% endif %}{% for one in data.warnings %}<p class="update">{{ one | clean }}</p>
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
{{ actions }}</div>
<div class="legend">A line leads from a rack to each VLAN on which it serves DHCP; it is dashed
from the secondary one, and between VLANs where DHCP is relayed.</div>
<div class="drawn">{{ drawing }}</div>
{% endif %}
{% if pictures %}
<h2>Machines</h2>
<div class="legend">Interfaces from left to right, each right of those that it is on; disks with
their partitions in proportion, and what is made of them.{{ actions }}</div>
<div class="legend">Use of disks and partitions:
{% for words, colour in uses %}<i style="background:{{ colour }}"></i>{{ words }}
{% endfor %}</div>
{% for one, svg in pictures %}
<h3 class="{{ one.action }}">{{ signs[one.action] }}{{ one.name | clean }}</h3>
{% if one.lost %}<div class="delete"><b>Data is lost</b> on {{ one.lost | value }}.</div>
{% endif %}<div class="drawn">{{ svg }}</div>
{% endfor %}
{% if more %}<p>{{ more }} more machines change their interfaces or disks; the list below has their
requests.</p>{% endif %}
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
{% set tree = (change.machine or {})[name] %}
<td>{% if tree %}{{ tree | outdated }}
{%- elif values and change.action != "create" %}{{ values.old | value }}{% endif %}</td>
<td>{% if tree %}{{ tree | requests }}
{%- elif values and change.action != "delete" %}{{ values.new | value }}{% endif %}</td>
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
    pictures = pictures_of(snapshot, plan)
    # Those whose data is lost come first.
    shown = sorted(pictures.values(), key=lambda one: not one.lost)[:_MOST_DRAWN]
    try:
        drawing = Markup(draw(network)) if network.groups else ""  # nosec B704 # see draw
        drawn = [(one, Markup(draw_machine(one))) for one in shown]  # nosec B704 # see draw
    except ImportError:
        raise MaasError("the page needs drawsvg: salt-pip install 'saltext.maas[plan]'") from None
    environment = jinja2.Environment(autoescape=True)
    environment.filters.update(
        clean=clean, value=value_text, outdated=_outdated, requests=_requests
    )
    kinds = "Fabrics" if "fabric" in snapshot.tables else "Clusters"
    data = as_data(snapshot, plan, pictures)
    return environment.from_string(_TEMPLATE).render(
        data=data, lost=lost_text(data), drawing=drawing, pictures=drawn,
        more=len(pictures) - len(drawn), signs=SIGNS, kinds=kinds, uses=USES.values(),
        dark_colours=DARK.items(), minion=minion,
        now=time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
    )  # fmt: skip


def _outdated(tree):
    """What of a machine's interfaces or disks is removed or changed."""
    return "\n".join(clean(one["text"]) for one in tree["lines"] if one["action"] == "delete")


def _requests(tree):
    return "\n".join(f"{number}. {clean(step)}" for number, step in enumerate(tree["steps"], 1))
