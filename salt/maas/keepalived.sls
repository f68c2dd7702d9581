# The virtual address of a region with several hosts, held by one whose HAProxy runs. All values come
# from pillar maas:region (hosts, load_balancer).
{%- set region = salt['pillar.get']('maas:region', {}) %}
{%- set hosts = region.get('hosts', {}) %}
include:
  - maas.haproxy

{%- if grains.id not in hosts %}

maas virtual address:
  test.fail_without_changes:
    - name: maas:region:hosts does not name this minion, {{ grains.id }}
{%- else %}

maas keepalived:
  pkg.installed:
    - name: keepalived
  file.managed:
    - name: /etc/keepalived/keepalived.conf
    - source: salt://maas/files/keepalived.conf.jinja
    - template: jinja
    - mode: '0600'
    - show_changes: false
    - check_cmd: keepalived -t -f
    - require:
      - pkg: maas keepalived
  service.running:
    - name: keepalived
    - enable: true
    - reload: true
    - require:
      - service: maas haproxy
    - watch:
      - file: maas keepalived
{%- endif %}
