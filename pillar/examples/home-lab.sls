# Old office desktops with Intel AMT as a home lab: one NIC, one SSD. One of them keeps backups on a
# second, rotating disk. MAAS 2.6 to 3.8.
maas:
  boot_sources:
    http://images.example.com/ephemeral-v3/stable:
      selections:
        - {os: ubuntu, release: bionic, arches: [amd64]}
  zones:
    cupboard: {description: under the stairs}
  resource_pools:
    lab: {}
  tags:
    quiet: {comment: may run at night}
  domains:
    lab.example.com: {}
  fabrics:
    home: {}
  subnets:
    10.93.0.0/24:
      vlan: home/untagged
      gateway_ip: 10.93.0.1
      dns_servers: [10.93.0.1]
      ranges:
        - {type: reserved, start: 10.93.0.1, end: 10.93.0.49, comment: router and family}
        - {type: dynamic, start: 10.93.0.200, end: 10.93.0.250}
  machines:
    elm:
      mac_addresses: ['52:54:00:93:00:01']
      architecture: amd64
      domain: lab.example.com
      zone: cupboard
      pool: lab
      tags: [quiet]
      description: the small one
      power_type: amt
      power_parameters: {power_address: 10.93.0.51, power_pass: sdb://maas_secrets/amt}
      interfaces: &wired
        eno1: {links: [{mode: auto, subnet: 10.93.0.0/24, default_gateway: true}]}
      storage: &one_disk
        boot_disk: system
        disks:
          system:
            match: {smallest: ssd}
            partitions: [{size: rest}]
        volume_groups:
          vg0:
            devices: [system-part1]
            volumes:
              root: {size: 30G, fs: ext4, mount: /}
              swap: {size: 4G, fs: swap}
    ash:
      mac_addresses: ['52:54:00:93:00:02']
      architecture: amd64
      domain: lab.example.com
      zone: cupboard
      pool: lab
      tags: [quiet]
      power_type: amt
      power_parameters: {power_address: 10.93.0.52, power_pass: sdb://maas_secrets/amt}
      interfaces: *wired
      storage: *one_disk
    oak:
      mac_addresses: ['52:54:00:93:00:03']
      architecture: amd64
      domain: lab.example.com
      zone: cupboard
      pool: lab
      description: keeps the backups
      power_type: amt
      power_parameters: {power_address: 10.93.0.53, power_pass: sdb://maas_secrets/amt}
      interfaces:
        eno1:
          links:
            - {mode: static, subnet: 10.93.0.0/24, ip_address: 10.93.0.60, default_gateway: true}
      storage:
        boot_disk: system
        disks:
          system:
            match: {smallest: ssd}
            partitions:
              - {size: 30G, fs: ext4, mount: /}
              - {size: rest, fs: ext4, mount: /home}
          backups:
            match: {largest: rotary}
            partitions: [{size: rest, fs: btrfs, mount: /srv/backups, label: backups}]
