# A site with two racks: one VLAN served by both, two more VLANs relayed to it. MAAS 2.2 and later.
maas:
  zones:
    east:
  racks:
    rack-1: {zone: east}
    rack-2: {zone: east}
  fabrics:
    site:
      vlans:
        untagged:
          dhcp:
            enabled: true
            primary_rack: rack-1
            secondary_rack: rack-2
        10:
          name: floor-1
          dhcp: {relay_vlan: site/untagged}
        20:
          name: floor-2
          dhcp: {relay_vlan: site/untagged}
  subnets:
    10.30.0.0/24:
      name: racks
      vlan: site/untagged
      gateway_ip: 10.30.0.1
      ranges:
        - {type: dynamic, start: 10.30.0.100, end: 10.30.0.199}
        - {type: reserved, start: 10.30.0.1, end: 10.30.0.9, comment: racks and switches}
    10.30.10.0/24:
      name: floor-1
      vlan: site/10
      gateway_ip: 10.30.10.1
      ranges:
        - {type: dynamic, start: 10.30.10.100, end: 10.30.10.199}
    10.30.20.0/24:
      name: floor-2
      vlan: site/20
      gateway_ip: 10.30.20.1
      ranges:
        - {type: dynamic, start: 10.30.20.100, end: 10.30.20.199}
