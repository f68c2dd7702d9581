# A machine with two bonded interfaces, a VLAN and a bridge on it. MAAS 3.3 to 3.8.
maas:
  boot_sources:
    http://images.example.com/ephemeral-v3/stable:
      selections:
        - {os: ubuntu, release: focal, arches: [amd64]}
  fabrics:
    hall:
      vlans:
        untagged: {mtu: 9000}
        10: {name: storage}
  subnets:
    10.91.0.0/24: {vlan: hall/untagged, gateway_ip: 10.91.0.1}
    10.91.10.0/24: {vlan: hall/10}
  machines:
    web-1:
      mac_addresses: ['52:54:00:91:00:21', '52:54:00:91:00:22']
      architecture: amd64
      power_type: manual
      interfaces:
        eth0: {mac_address: '52:54:00:91:00:21'}
        eth1: {mac_address: '52:54:00:91:00:22'}
        bond0:
          type: bond
          parents: [eth0, eth1]
          bond_mode: 802.3ad
          vlan: hall/untagged
          links:
            - {mode: static, subnet: 10.91.0.0/24, ip_address: 10.91.0.21, default_gateway: true}
        bond0.10: {type: vlan, parent: bond0, vlan: hall/10, tags: [storage]}
        br0:
          type: bridge
          parent: bond0.10
          links: [{mode: auto, subnet: 10.91.10.0/24}]
