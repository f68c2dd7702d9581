# PostgreSQL on this host for a region, with the role and the database that pillar
# `maas:region:database` names, by Salt's own states. With `maas:install:postgresql` part of
# `maas.install`; else apply it to the host of the database, which needs the same pillar.
{%- set database = salt['pillar.get']('maas:region:database', {}) %}
{%- set own = salt['pillar.get']('maas:install:postgresql', {}) or {} %}
{%- set package = salt['pkg.version']('postgresql') or salt['pkg.latest_version']('postgresql') %}
{%- set version = package.split('+')[0].split('-')[0] %}
{%- set folder = '/etc/postgresql/' ~ version ~ '/main' %}
{%- set there = salt['file.file_exists'](folder ~ '/pg_hba.conf') and 'postgres.user_exists' in salt %}
{%- if not (database.get('name') and database.get('user') and package) %}

maas postgresql:
  test.fail_without_changes:
    - comment: {{ ('APT knows no package postgresql.' if database.get('name') and database.get('user') else
                   'maas:region:database needs name, user and password.') | json }}
{%- else %}

maas postgresql:
  pkg.installed:
    - name: postgresql
    - reload_modules: true
{%- if opts.get('test') and not there %}

maas database:
  test.configurable_test_state:
    - changes: true
    - result: true
    - comment: Role and database would be made once PostgreSQL is installed.
{%- else %}

maas postgresql settings:
  file.blockreplace:
    - name: {{ folder }}/postgresql.conf
    - marker_start: '# maas: managed by Salt'
    - marker_end: '# maas: end'
    - append_if_not_found: true
    - content: |
        listen_addresses = '{{ own.get('listen_addresses', '*' if own.get('clients') else 'localhost') }}'
        max_connections = {{ own.get('max_connections', 200) }}
    - require:
      - pkg: maas postgresql

maas postgresql clients:
  file.blockreplace:
    - name: {{ folder }}/pg_hba.conf
    - marker_start: '# maas: managed by Salt'
    - marker_end: '# maas: end'
    - append_if_not_found: true
    - content: |
        host "{{ database.name }}" "{{ database.user }}" 127.0.0.1/32 {{ 'md5' if version | float < 14 else 'scram-sha-256' }}
        {%- for network in own.get('clients', []) %}
        host "{{ database.name }}" "{{ database.user }}" {{ network }} {{ 'md5' if version | float < 14 else 'scram-sha-256' }}
        {%- endfor %}
    - require:
      - pkg: maas postgresql

maas postgresql runs:
  service.running:
    - name: postgresql
    - enable: true
    - watch:
      - file: maas postgresql settings
      - file: maas postgresql clients

maas database role:
  postgres_user.present:
    - name: {{ database.user | json }}
    - login: true
    - user: postgres
    - require:
      - service: maas postgresql runs

maas database role password:
  maas_database.role_password:
    - name: {{ database.user | json }}
    - require:
      - postgres_user: maas database role

# From 3.5 on the role has to own the database.
maas database:
  postgres_database.present:
    - name: {{ database.name | json }}
    - owner: {{ database.user | json }}
    - encoding: UTF8
    - template: template0
    - user: postgres
    - require:
      - maas_database: maas database role password
{%- endif %}
{%- endif %}
