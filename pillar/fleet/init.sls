# From pillar/fleet/sites.yaml to MAAS's pillar: a fabric, its VLANs, subnets and ranges for each
# site, addresses from the site's prefix, and the racks.
{%- import_yaml 'fleet/sites.yaml' as fleet %}
{%- set merge = salt['slsutil.merge'] %}
maas:
  region:
    url: http://192.0.2.10:5240/MAAS
    shared_secret: sdb://maas_secrets/shared_secret
  clusters:
{%- for site in fleet.sites.values() %}
{%-   for name, own in site.clusters.items() %}
    {{ name }}: {{ merge(merge(fleet.defaults.cluster, site.get('cluster', {})), own) | json }}
{%-   endfor %}
{%- endfor %}
{%- if 'region' in salt['grains.get']('maas:roles', []) %}
  fabrics:
{%-   for site_name, site in fleet.sites.items() %}
{%-     set racks = site.clusters | list %}
    {{ site_name }}:
      vlans:
{%-     for name, net in merge(fleet.defaults.networks, site.get('networks', {})).items() %}
        {{ net.vid }}:
          {%- if net.vid != 'untagged' %}
          name: {{ name }}
          {%- endif %}
          mtu: {{ net.get('mtu', fleet.defaults.mtu) }}
          dhcp:
            {%- if net.relay is defined %}
            relay_vlan: {{ site_name }}/{{ merge(fleet.defaults.networks, site.get('networks', {}))[net.relay].vid }}
            {%- else %}
            enabled: true
            primary_rack: {{ racks[net.racks[0] - 1] }}
            {%- if net.racks | length > 1 %}
            secondary_rack: {{ racks[net.racks[1] - 1] }}
            {%- endif %}
            {%- endif %}
{%-     endfor %}
{%-   endfor %}
  subnets:
{%-   for site_name, site in fleet.sites.items() %}
{%-     for name, net in merge(fleet.defaults.networks, site.get('networks', {})).items() %}
{%-       set start = site.prefix ~ '.' ~ net.number ~ '.' %}
    {{ start }}0/24:
      name: {{ site_name }}-{{ name }}
      vlan: {{ site_name }}/{{ net.vid }}
      gateway_ip: {{ start }}1
      dns_servers: {{ site.get('dns_servers', fleet.defaults.dns_servers) | json }}
      ranges:
        - {type: reserved, start: {{ start }}1, end: {{ start }}20, comment: infrastructure}
        {%- if net.dynamic is defined %}
        - {type: dynamic, start: {{ start }}{{ net.dynamic[0] }}, end: {{ start }}{{ net.dynamic[1] }}}
        {%- endif %}
{%-     endfor %}
{%-   endfor %}
{%- endif %}
