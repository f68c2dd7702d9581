# A rack of 16 servers with IPMI: bonded interfaces with VLANs, RAID 1 for the system, bcache for data.
# What they have in common is in the class; addresses follow from the numbers. MAAS 3.3 to 3.8.
maas:
  boot_sources:
    http://images.example.com/ephemeral-v3/stable:
      selections:
        - {os: ubuntu, release: focal, arches: [amd64]}
  zones:
    rack-7: {description: second row}
  resource_pools:
    storage: {}
  tags:
    bcache: {}
    raid: {}
  fabrics:
    rack-7:
      vlans:
        untagged: {mtu: 9000}
        20: {name: replication, mtu: 9000}
        30: {name: clients}
  subnets:
    10.97.0.0/24:
      vlan: rack-7/untagged
      gateway_ip: 10.97.0.1
      ranges:
        - {type: dynamic, start: 10.97.0.200, end: 10.97.0.250}
    10.97.20.0/24: {vlan: rack-7/20}
    2001:db8:97::/64: {vlan: rack-7/30}
  address_plans:
    bmc: {subnet: 10.96.7.0/24, start: 10.96.7.100}
    main: {subnet: 10.97.0.0/24, start: 10.97.0.100, end: 10.97.0.199}
    replication: {subnet: 10.97.20.0/24, start: 10.97.20.100}
    clients: {subnet: '2001:db8:97::/64', start: '2001:db8:97::100'}
  machine_classes:
    storage-server:
      match: {system_vendor: QEMU, mac_prefix: '52:54:97'}
      architecture: amd64
      zone: rack-7
      pool: storage
      tags: [bcache, raid]
      description: rack 7, unit {number:02}
      power_type: ipmi
      power_parameters:
        power_driver: LAN_2_0
        power_boot_type: efi
        power_address: '{bmc}'
        power_user: maas
        power_pass: sdb://maas_secrets/rack_7_bmc
      interfaces:
        eth0: {}
        eth1: {}
        bond0:
          type: bond
          parents: [eth0, eth1]
          bond_mode: 802.3ad
          bond_xmit_hash_policy: layer3+4
          mtu: 9000
          vlan: rack-7/untagged
          links:
            - {mode: static, subnet: 10.97.0.0/24, ip_address: '{main}', default_gateway: true}
        bond0.20:
          type: vlan
          parent: bond0
          vlan: rack-7/20
          mtu: 9000
          links:
            - {mode: static, subnet: 10.97.20.0/24, ip_address: '{replication}'}
        bond0.30:
          type: vlan
          parent: bond0
          vlan: rack-7/30
          links:
            - {mode: static, subnet: '2001:db8:97::/64', ip_address: '{clients}'}
      storage:
        boot_disk: sda
        disks:
          sda:
            partitions:
              - {size: 512MiB, fs: fat32, mount: /boot/efi}
              - {size: rest}
          sdb:
            partitions:
              - {size: 512MiB}
              - {size: rest}
          sdc: {}
          nvme0n1: {}
        raids:
          md0: {level: 1, devices: [sda-part2, sdb-part2], fs: ext4, mount: /}
        bcaches:
          bcache0: {backing: sdc, cache: nvme0n1, mode: writeback, fs: xfs, mount: /srv}
    # Servers that have the disks of the system only.
    plain:
      pool: default
      tags: [raid]
      storage:
        disks: {sdc: null, nvme0n1: null}
        bcaches: null
  machines:
    store-01: {class: storage-server, mac_addresses: ['52:54:97:00:01:00', '52:54:97:00:01:01']}
    store-02: {class: storage-server, mac_addresses: ['52:54:97:00:02:00', '52:54:97:00:02:01']}
    store-03: {class: storage-server, mac_addresses: ['52:54:97:00:03:00', '52:54:97:00:03:01']}
    store-04: {class: storage-server, mac_addresses: ['52:54:97:00:04:00', '52:54:97:00:04:01']}
    store-05: {class: storage-server, mac_addresses: ['52:54:97:00:05:00', '52:54:97:00:05:01']}
    store-06: {class: storage-server, mac_addresses: ['52:54:97:00:06:00', '52:54:97:00:06:01']}
    store-07: {class: storage-server, mac_addresses: ['52:54:97:00:07:00', '52:54:97:00:07:01']}
    store-08: {class: storage-server, mac_addresses: ['52:54:97:00:08:00', '52:54:97:00:08:01']}
    store-09: {class: storage-server, mac_addresses: ['52:54:97:00:09:00', '52:54:97:00:09:01']}
    store-10: {class: storage-server, mac_addresses: ['52:54:97:00:10:00', '52:54:97:00:10:01']}
    store-11: {class: storage-server, mac_addresses: ['52:54:97:00:11:00', '52:54:97:00:11:01']}
    # Its BMC has an address of its own.
    store-12:
      class: storage-server
      mac_addresses: ['52:54:97:00:12:00', '52:54:97:00:12:01']
      values: {bmc: 10.96.7.12}
    store-13:
      class: [storage-server, plain]
      mac_addresses: ['52:54:97:00:13:00', '52:54:97:00:13:01']
    store-14:
      class: [storage-server, plain]
      mac_addresses: ['52:54:97:00:14:00', '52:54:97:00:14:01']
    store-15:
      class: [storage-server, plain]
      mac_addresses: ['52:54:97:00:15:00', '52:54:97:00:15:01']
    # Its name has no number.
    spare:
      class: [storage-server, plain]
      number: 16
      mac_addresses: ['52:54:97:00:16:00', '52:54:97:00:16:01']
