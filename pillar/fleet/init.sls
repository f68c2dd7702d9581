# Render the pillar of MAAS from sites.yaml: for each site a fabric, its VLANs, subnets and ranges,
# with addresses from the site's prefix, and the racks. A rack's minion gets its own entry only.
# MAAS 2.6 and later; without descriptions in sites.yaml 2.2 and later.
{%- import_yaml 'fleet/sites.yaml' as fleet %}
{%- set merge = salt['slsutil.merge'] %}
{%- set is_region = 'region' in salt['grains.get']('maas:roles', []) %}
{#- Each site with what it inherits; its racks are a mapping, or a list of names. #}
{%- set sites = {} %}
{%- set controllers = {} %}
{%- for site_name, site in fleet.sites.items() %}
{%-   set common = merge(fleet.defaults.rack, site.get('rack', {})) %}
{%-   set listed = site.racks or [] %}
{%-   set named = listed if listed is mapping else dict.fromkeys(listed) %}
{%-   for name, own in named.items() %}
{%-     do controllers.update({name: merge(common, own or {})}) %}
{%-   endfor %}
{#-   Leave out a network that none of the site's racks serves, and networks relayed to it. #}
{%-   set all = merge(fleet.defaults.networks, site.get('networks', {})) %}
{%-   set networks = {} %}
{%-   for name, net in all.items() %}
{%-     set server = all[net.relay] if net.relay is defined else net %}
{%-     set racks = [] %}
{%-     for number in server.racks %}
{%-       do racks.extend((named | list)[number - 1:number]) %}
{%-     endfor %}
{%-     if racks %}
{%-       do networks.update({name: merge(net, {'racks': racks})}) %}
{%-     endif %}
{%-   endfor %}
{%-   set servers = site.get('dns_servers', fleet.defaults.dns_servers) %}
{%-   set plan = {'prefix': site.prefix, 'dns_servers': servers, 'networks': networks} %}
{%-   do sites.update({site_name: plan}) %}
{%- endfor %}
maas:
  region:
    url: http://192.0.2.10:5240/MAAS
    shared_secret: sdb://maas_secrets/shared_secret
{%- if not is_region %}
  racks: {{ ({grains.id: controllers[grains.id]} if grains.id in controllers else {}) | json }}
{%- else %}
  racks: {{ controllers | json }}
  fabrics:
{%-   for site_name, site in sites.items() %}
    {{ site_name }}:
      vlans:
{%-     for name, net in site.networks.items() %}
        {{ net.vid }}:
          {%- if net.vid != 'untagged' %}
          name: {{ name }}
          {%- endif %}
          mtu: {{ net.get('mtu', fleet.defaults.mtu) }}
          dhcp:
            {%- if net.relay is defined %}
            relay_vlan: {{ site_name }}/{{ site.networks[net.relay].vid }}
            {%- else %}
            enabled: true
            primary_rack: {{ net.racks[0] }}
            {%- if net.racks | length > 1 %}
            secondary_rack: {{ net.racks[1] }}
            {%- endif %}
            {%- endif %}
{%-     else %} {}
{%-     endfor %}
{%-   endfor %}
  subnets:
{%-   for site_name, site in sites.items() %}
{%-     for name, net in site.networks.items() %}
{%-       set start = site.prefix ~ '.' ~ net.number ~ '.' %}
    {{ start }}0/24:
      name: {{ site_name }}-{{ name }}
      vlan: {{ site_name }}/{{ net.vid }}
      gateway_ip: {{ start }}1
      dns_servers: {{ site.dns_servers | json }}
      ranges:
        - {type: reserved, start: {{ start }}1, end: {{ start }}20, comment: infrastructure}
        {%- if net.dynamic is defined %}
        - type: dynamic
          start: {{ start }}{{ net.dynamic[0] }}
          end: {{ start }}{{ net.dynamic[1] }}
        {%- endif %}
{%-     endfor %}
{%-   endfor %}
{%- endif %}
