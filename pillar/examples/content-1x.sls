# What a region of MAAS 1.7 or 1.8 holds beside its clusters and images.
maas:
  settings:
    maas_name: lakeside
    ntp_server: ntp.example.com
    upstream_dns: 192.0.2.53
    kernel_opts: console=ttyS0,115200
  zones:
    north: {description: row A}
  tags:
    virtual: {definition: '//node[@id="system"]/vendor[text()="QEMU"]', comment: virtual machines}
  networks:
    office:
      ip: 172.16.0.0
      netmask: 255.255.0.0
      vlan_tag: 5
      default_gateway: 172.16.0.1
      dns_servers: [192.0.2.53]
      description: desks
  commissioning_scripts:
    50-fans:
      content: |
        #!/bin/sh
        ipmitool sdr type fan
  ssh_keys:
    - ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIuVwqNpMlNHVdXRwW8dBsyKfCkDZ3yVj1H5Oe2VvS4s ops
  files:
    motd.txt: {content: Welcome.}
