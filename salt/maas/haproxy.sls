# HAProxy on a region host, before all hosts of the region: pillar maas:region:hosts and
# maas:region:load_balancer. Its address has to be that of maas:region:url.
{%- set region = salt['pillar.get']('maas:region', {}) %}
{%- set release = salt['grains.get']('maas:release', '') %}
{%- if not region.get('hosts') or not region.get('load_balancer') %}
maas load balancer:
  test.fail_without_changes:
    - name: maas:region:hosts and maas:region:load_balancer are needed in the pillar
{%- else %}
{%- if release.startswith(('2.0', '2.1', '2.2', '2.3')) %}

# It has port 80, and MAAS itself answers at 5240.
maas apache2:
  service.dead:
    - name: apache2
    - enable: false
    - require_in:
      - service: maas haproxy
{%- endif %}

# So that HAProxy can listen on the virtual address while another host has it.
maas nonlocal bind:
  sysctl.present:
    - name: net.{{ 'ipv6' if ':' in region.load_balancer.address | string else 'ipv4' }}.ip_nonlocal_bind
    - value: 1

maas haproxy:
  pkg.installed:
    - name: haproxy
  file.managed:
    - name: /etc/haproxy/haproxy.cfg
    - source: salt://maas/files/haproxy.cfg.jinja
    - template: jinja
    - mode: '0644'
    - check_cmd: haproxy -c -f
    - require:
      - pkg: maas haproxy
  service.running:
    - name: haproxy
    - enable: true
    - reload: true
    - require:
      - sysctl: maas nonlocal bind
    - watch:
      - file: maas haproxy
{%- endif %}
