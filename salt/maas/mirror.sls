# A mirror of boot images that pillar `maas:mirror` describes, and nginx that serves it. Regions
# import from it with http://THIS-HOST:8081/ as boot source.
{%- set mirror = salt['pillar.get']('maas:mirror', {}) %}

maas mirror programs:
  pkg.installed:
    - pkgs: [simplestreams, ubuntu-cloudimage-keyring, nginx]

maas mirror folder:
  file.directory:
    - name: {{ mirror.folder | json }}
    - makedirs: true
    - mode: '0755'

maas mirror:
  maas_mirror.synced:
    - name: {{ mirror.folder | json }}
    - require:
      - pkg: maas mirror programs
      - file: maas mirror folder

maas mirror site:
  file.managed:
    - name: /etc/nginx/conf.d/maas-mirror.conf
    - mode: '0644'
    - contents: |
        server {
            listen {{ mirror.get('port', 8081) }};
            root {{ mirror.folder }};
            location /.data { deny all; }
        }
    - require:
      - pkg: maas mirror programs

maas mirror server:
  service.running:
    - name: nginx
    - enable: true
    - reload: true
    - watch:
      - file: maas mirror site
