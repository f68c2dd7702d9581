# MAAS up to 1.10: cluster controllers (node groups), with DHCP on their interfaces.
maas:
  clusters:
    cluster-a:
      uuid: 0f4a6c1e-8c5d-4d0e-9a53-6f0c0b7d0a01
      cluster_name: Cluster A
      dns_zone: a.example.com
      interfaces:
        eth0:
          management: dhcp_and_dns
          ip: 10.10.0.2
          subnet_mask: 255.255.255.0
          router_ip: 10.10.0.1
          dynamic_range: {low: 10.10.0.100, high: 10.10.0.149}
          {%- if not salt['grains.get']('maas:release', '1.7').startswith('1.5') %}
          static_range: {low: 10.10.0.150, high: 10.10.0.199}
          {%- endif %}
    cluster-b:
      uuid: 0f4a6c1e-8c5d-4d0e-9a53-6f0c0b7d0a02
      cluster_name: Cluster B
      dns_zone: b.example.com
      interfaces:
        eth0:
          management: dhcp
          ip: 10.20.0.2
          subnet_mask: 255.255.255.0
          router_ip: 10.20.0.1
          dynamic_range: {low: 10.20.0.100, high: 10.20.0.149}
