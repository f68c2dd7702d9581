maas:
  settings:
    maas_name: example
    upstream_dns: [192.0.2.53, 192.0.2.54]
    ntp_servers: [ntp.example.com]
    enable_analytics: false
  spaces:
    management:
  fabrics:
    dc1:
      vlans:
        untagged:
          space: management
          dhcp:
            enabled: true
            primary_rack: cluster-a
            secondary_rack: cluster-b
        100:
          name: storage
          mtu: 9000
          dhcp:
            relay_vlan: dc1/untagged
  subnets:
    10.10.0.0/24:
      name: management
      vlan: dc1/untagged
      gateway_ip: 10.10.0.1
      dns_servers: [192.0.2.53]
      ranges:
        - {type: dynamic, start: 10.10.0.100, end: 10.10.0.149}
        - {type: reserved, start: 10.10.0.1, end: 10.10.0.20, comment: infrastructure}
    10.10.100.0/24:
      name: storage
      vlan: dc1/100
      ranges:
        - {type: reserved, start: 10.10.100.1, end: 10.10.100.50}
