# Include the states of a minion's roles, as grain `maas` reports them.
{%- set roles = salt['grains.get']('maas:roles', []) %}
{%- set states = [] %}
{%- if 'region' in roles %}{% do states.append('maas.region') %}{% endif %}
{%- if 'cluster' in roles %}{% do states.append('maas.cluster') %}{% endif %}

{%- if states %}
include: {{ states | json }}
{%- else %}
no MAAS here:
  test.nop
{%- endif %}
