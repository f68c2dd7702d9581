# What a minion gets by the roles that grain `maas` tells.
{%- set roles = salt['grains.get']('maas:roles', []) %}
{%- set wanted = [] %}
{%- if 'region' in roles %}{% do wanted.append('maas.region') %}{% endif %}
{%- if 'cluster' in roles %}{% do wanted.append('maas.cluster') %}{% endif %}

{%- if wanted %}
include: {{ wanted | json }}
{%- else %}
no MAAS here:
  test.nop
{%- endif %}
