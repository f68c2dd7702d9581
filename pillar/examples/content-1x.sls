# A region of MAAS 1.7 or 1.8, beside its clusters and images.
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
    - "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQDK8Kgl0DaxVU9eIJjM2S6y50Yiqn8gtF7kCO3fXtvFCeThpn2z1c\
      5fW46wOiYkAb87QMQ2alBd4ysrFXnjpEMB0pZSXEYrcv249APx7bMP26TjrFpXy46Tel2la7XCtwH1oubp6tg1Swx3\
      vMVcmn2NYYBYWoIk+Wivo3JZhabQqw== ops"
  files:
    motd.txt: {content: Welcome.}
