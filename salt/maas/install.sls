# MAAS on a bare host: packages or the snap, of the release and for the role that pillar `maas`
# names. It neither upgrades nor exchanges a MAAS that is there.
{%- set plan = salt['maas_install.plan']() %}
{%- set postgresql = 'postgresql' in salt['pillar.get']('maas:install', {}) and not plan.problems %}
{%- if postgresql %}
include:
  - maas.postgresql
{%- endif %}

maas can be installed:
  maas_install.prepared:
    - order: first
    {%- if postgresql %}
    - require_in:
      - sls: maas.postgresql
    {%- endif %}

{%- if not plan.problems %}
{%- if plan.kind == 'snap' %}

maas programs:
  maas_snap.installed:
    - name: maas
    - channel: {{ plan.channel | json }}
    - cohort: {{ plan.cohort | json }}
    - hold: {{ plan.hold | json }}
    - reload_grains: {{ (plan.missing != []) | json }}
    - require:
      - maas_install: maas can be installed
{%- else %}
{%- if 'signed-by' in plan.repository.get('name', '') and plan.repository.get('aptkey') is false %}

/etc/apt/keyrings:
  file.directory:
    - mode: '0755'
    - require:
      - maas_install: maas can be installed
    - require_in:
      - pkgrepo: maas repository
{%- endif %}
{%- if plan.repository %}

maas repository:
  pkgrepo.managed:
    - humanname: MAAS
    - file: /etc/apt/sources.list.d/maas.list
    {%- for key, value in plan.repository.items() %}
    - {{ key }}: {{ value | json }}
    {%- endfor %}
    - require:
      - maas_install: maas can be installed
    - require_in:
      - pkg: maas programs
{%- endif %}

maas version:
{%- if plan.pin %}
  file.managed:
    - name: /etc/apt/preferences.d/maas
    - contents: {{ plan.pin | json }}
    - mode: '0644'
{%- else %}
  file.absent:
    - name: /etc/apt/preferences.d/maas
{%- endif %}
    - require:
      - maas_install: maas can be installed
{%- if plan.interrupted %}

maas packages of a run that was stopped:
  cmd.run:
    - name: dpkg --configure -a --force-confold
    - env:
      - DEBIAN_FRONTEND: noninteractive
    - require:
      - file: maas version
    - require_in:
      - pkg: maas programs
{%- endif %}

maas programs:
  pkg.installed:
    - pkgs:
      {%- for name, version in plan.packages.items() %}
      - {{ name }}: {{ version | json }}
      {%- endfor %}
    - refresh: true
    - hold: {{ plan.hold | json }}
    - reload_grains: {{ (plan.missing != []) | json }}
    - require:
      - file: maas version
{%- endif %}

maas is installed:
  maas_install.verified:
    - require:
      - {{ 'maas_snap' if plan.kind == 'snap' else 'pkg' }}: maas programs
{%- endif %}
