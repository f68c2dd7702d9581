# Devices with fixed addresses, and VM hosts. MAAS 3.0 to 3.8.
maas:
  zones:
    attic:
  resource_pools:
    guests:
  domains:
    home.example.com:
  fabrics:
    home:
  subnets:
    10.90.0.0/24:
      vlan: home/0
      gateway_ip: 10.90.0.1
  devices:
    printer:
      mac_addresses: ['52:54:00:90:00:11']
      ip_addresses: [10.90.0.11]
      domain: home.example.com
      zone: attic
      description: colour, duplex
    nas:
      mac_addresses: ['52:54:00:90:00:12', '52:54:00:90:00:13']
      ip_addresses:
        '52:54:00:90:00:12': [10.90.0.12]
        '52:54:00:90:00:13': [10.90.0.13, 10.90.0.14]
  vm_hosts:
    kvm-1:
      type: virsh
      power_address: qemu+ssh://ubuntu@10.90.0.21/system
      power_pass: sdb://maas_secrets/kvm-1
      zone: attic
      pool: guests
      tags: [fast]
      cpu_over_commit_ratio: 2
    lxd-1:
      type: lxd
      power_address: 10.90.0.22
      project: maas
      password: sdb://maas_secrets/lxd-1
