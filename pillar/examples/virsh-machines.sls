# Four virtual machines of a KVM host, with tags on their interfaces, links of each kind and two disks.
# A machine on which a cluster runs has a bridge. MAAS 3.3 to 3.8.
{%- set kvm = 'qemu+ssh://maas@10.92.0.2/system' %}
maas:
  boot_sources:
    http://images.example.com/ephemeral-v3/stable:
      selections:
        - {os: ubuntu, release: focal, arches: [amd64]}
  tags:
    virtual-lab: {comment: machines of the KVM host}
    control: {comment: control plane}
  fabrics:
    lab:
      vlans:
        untagged: {}
        20: {name: public}
        30: {name: storage}
  subnets:
    10.92.0.0/24:
      vlan: lab/untagged
      gateway_ip: 10.92.0.1
      ranges:
        - {type: reserved, start: 10.92.0.1, end: 10.92.0.9, comment: hosts}
    10.92.20.0/24: {vlan: lab/20, gateway_ip: 10.92.20.1}
    10.92.30.0/24: {vlan: lab/30}
  machines:
{%- for number in [1, 2, 3, 4] %}
    lab-{{ number }}:
      mac_addresses: ['52:54:00:92:01:0{{ number }}', '52:54:00:92:02:0{{ number }}']
      architecture: amd64
      tags: [virtual-lab{{ ', control' if number == 1 }}]
      power_type: virsh
      power_parameters:
        power_address: {{ kvm }}
        power_id: lab-{{ number }}
        power_pass: sdb://maas_secrets/kvm
      interfaces:
        ens3:
          mac_address: '52:54:00:92:01:0{{ number }}'
          tags: [boot]
          {%- if number != 1 %}
          links:
            - {mode: static, subnet: 10.92.0.0/24, ip_address: 10.92.0.1{{ number }}, default_gateway: true}
          {%- endif %}
        {%- if number == 1 %}
        br-lab:
          type: bridge
          parent: ens3
          links:
            - {mode: static, subnet: 10.92.0.0/24, ip_address: 10.92.0.11, default_gateway: true}
        {%- endif %}
        ens4:
          mac_address: '52:54:00:92:02:0{{ number }}'
          tags: [public, external]
          vlan: lab/20
          links: [{mode: {{ 'auto' if number < 3 else 'dhcp' }}, subnet: 10.92.20.0/24}]
        ens3.30:
          type: vlan
          parent: ens3
          vlan: lab/30
          links: [{mode: auto, subnet: 10.92.30.0/24}]
      storage:
        boot_disk: vda
        disks:
          vda:
            partitions:
              - {size: 512MiB, fs: fat32, mount: /boot/efi}
              - {size: rest, fs: ext4, mount: /}
          vdb: {fs: xfs, mount: /srv, options: noatime, tags: [data]}
{%- endfor %}
