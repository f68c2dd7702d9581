# Two machines that are composed on an LXD host, and one on a host of libvirt. MAAS 3.5 to 3.8.
maas:
  settings:
    commissioning_distro_series: jammy
    default_distro_series: jammy
  boot_sources:
    http://images.example.com/ephemeral-v3/stable:
      selections:
        - {os: ubuntu, release: jammy, arches: [amd64]}
  zones:
    cellar:
  resource_pools:
    guests:
  domains:
    lab.example.com:
  racks:
    rack-1:
  fabrics:
    lab:
      vlans:
        untagged:
          dhcp: {enabled: true, primary_rack: rack-1}
        20: {name: storage}
  subnets:
    10.30.0.0/24:
      vlan: lab/untagged
      gateway_ip: 10.30.0.1
      ranges:
        - {type: dynamic, start: 10.30.0.100, end: 10.30.0.199}
  tags:
    database: {comment: runs a database}
  vm_hosts:
    lxd-1:
      type: lxd
      power_address: 10.30.0.21
      project: lab
      password: sdb://maas_secrets/lxd-1
      zone: cellar
      pool: guests
      cpu_over_commit_ratio: 2
      ready: true
    kvm-1:
      type: virsh
      power_address: qemu+ssh://ubuntu@10.30.0.22/system
      power_pass: sdb://maas_secrets/kvm-1
      zone: cellar
      ready: true
  machines:
    web-1:
      vm_host: lxd-1
      zone: cellar
      domain: lab.example.com
      description: front end
      compose: {cores: 2, memory: 4GiB, disks: [{size: 20G}]}
    db-1:
      vm_host: lxd-1
      zone: cellar
      pool: guests
      domain: lab.example.com
      tags: [database]
      compose:
        cores: 4
        memory: 8GiB
        disks:
          - {size: 20G}
          - {size: 200G, tags: [data]}
        interfaces:
          - {name: eth0, subnet: 10.30.0.0/24}
      storage:
        disks:
          data:
            match: {tag: data}
            fs: xfs
            mount: /srv
    build-1:
      vm_host: kvm-1
      domain: lab.example.com
      compose: {cores: 8, memory: 16GiB, disks: [{size: 60G}]}
