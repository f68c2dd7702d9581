# A region with two data centres: fabrics, VLANs, ranges, settings, repositories and more. MAAS 2.4 and later.
maas:
  settings:
    maas_name: lakeside
    upstream_dns: [192.0.2.53, 192.0.2.54]
    ntp_servers: [ntp1.example.com, ntp2.example.com]
    ntp_external_only: true
    http_proxy: http://proxy.example.com:3128/
    enable_third_party_drivers: false
    network_discovery: disabled
    default_storage_layout: lvm
    kernel_opts: console=ttyS0,115200
  users:
    ops:
      email: ops@example.com
      password: sdb://maas_secrets/ops_password
      is_superuser: true
    reader:
      email: reader@example.com
      password: sdb://maas_secrets/reader_password
  ssh_keys:
    - ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIuVwqNpMlNHVdXRwW8dBsyKfCkDZ3yVj1H5Oe2VvS4s ops
  zones:
    north: {description: "row A, own power feed"}
    south: {description: "row B, own power feed"}
  resource_pools:
    web: {description: front ends}
    storage: {description: disks}
  tags:
    virtual: {definition: '//node[@id="system"]/vendor[text()="QEMU"]', comment: virtual machines}
    serial: {kernel_opts: console=ttyS1, comment: second serial port}
  package_repositories:
    main_archive: {url: http://mirror.example.com/ubuntu, disabled_pockets: [backports]}
    tools:
      url: http://repo.example.com/tools
      distributions: [jammy, noble]
      components: [main]
      arches: [amd64]
  scripts:
    check-fans:
      type: testing
      timeout: 60
      tags: [fans]
      script: |
        #!/bin/sh
        ipmitool sdr type fan
  notifications:
    window:
      message: Maintenance on {day}
      category: warning
      users: true
      context: {day: Monday}
  spaces:
    management:
    storage:
    public:
  fabrics:
    dc1:
      class_type: 10g
      vlans:
        untagged: {space: management}
        100: {name: storage, mtu: 9000, space: storage}
        200: {name: public, space: public}
    dc2:
      vlans:
        untagged: {space: management}
        100: {name: storage, mtu: 9000, space: storage}
  subnets:
    10.10.0.0/24:
      name: dc1-management
      vlan: dc1/untagged
      gateway_ip: 10.10.0.1
      dns_servers: [192.0.2.53]
      ranges:
        - {type: dynamic, start: 10.10.0.100, end: 10.10.0.199, comment: commissioning}
        - {type: reserved, start: 10.10.0.1, end: 10.10.0.20, comment: switches}
    10.10.100.0/24:
      name: dc1-storage
      vlan: dc1/100
      managed: false
    198.51.100.0/25:
      name: dc1-public
      vlan: dc1/200
      gateway_ip: 198.51.100.1
      rdns_mode: disabled
      ranges:
        - {type: reserved, start: 198.51.100.1, end: 198.51.100.9}
    10.20.0.0/24:
      name: dc2-management
      vlan: dc2/untagged
      gateway_ip: 10.20.0.1
      ranges:
        - {type: dynamic, start: 10.20.0.100, end: 10.20.0.199}
    10.20.100.0/24:
      name: dc2-storage
      vlan: dc2/100
  static_routes:
    - {source: 10.10.0.0/24, destination: 10.20.0.0/24, gateway_ip: 10.10.0.2}
    - {source: 10.20.0.0/24, destination: 10.10.0.0/24, gateway_ip: 10.20.0.2, metric: 100}
  dhcp_snippets:
    jumbo: {value: 'option interface-mtu 9000;', subnet: 10.10.100.0/24}
    clock: {value: 'option ntp-servers 192.0.2.1;', description: everywhere}
