# The host of a rack controller (2.0 and later) or cluster controller (1.x). All values come from
# pillar `maas`. Where it has `install`, MAAS is installed first.
{%- if salt['pillar.get']('maas:install', {}) %}
include:
  - maas.install

maas cluster host:
  maas_cluster.configured:
    - require:
      - sls: maas.install
{%- else %}

maas cluster host:
  maas_cluster.configured: []
{%- endif %}

maas cluster enrolment:
  maas_cluster.registered:
    - require:
      - maas_cluster: maas cluster host
