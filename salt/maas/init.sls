# Include the states of a minion's roles, as grain `maas` reports them; before MAAS is installed,
# those of the role that pillar `maas:install` names.
{%- set roles = salt['grains.get']('maas:roles', []) %}
{%- set states = [] %}
{%- if not roles and salt['pillar.get']('maas:install', {}) %}
{%- set roles = salt['maas_install.plan']()['missing'] %}
{%- do states.append('maas.install') %}
{%- endif %}
{%- if 'region' in roles %}{% do states.append('maas.region') %}{% endif %}
{%- if 'cluster' in roles %}{% do states.append('maas.cluster') %}{% endif %}

{%- if states %}
include: {{ states | json }}
{%- else %}
no MAAS here:
  test.nop
{%- endif %}
