# Desktops with Intel AMT, and a machine that is turned on by hand. MAAS 1.8 to 1.10.
maas:
  zones:
    bench: {description: below the window}
  tags:
    desktop: {comment: turned on over AMT}
    quiet: {kernel_opts: quiet}
  machines:
    desk-1:
      mac_addresses: ['52:54:00:92:00:21']
      architecture: amd64
      node_group: 0f4a6c1e-8c5d-4d0e-9a53-6f0c0b7d0a01
      zone: bench
      tags: [desktop, quiet]
      power_type: amt
      power_parameters:
        power_address: 192.0.2.21
        power_pass: sdb://maas_secrets/desk-1
    desk-2:
      mac_addresses: ['52:54:00:92:00:22']
      architecture: amd64
      zone: bench
      tags: [desktop]
      boot_type: fastpath
      swap_size: 4000000000
      power_type: amt
      power_parameters:
        mac_address: '52:54:00:92:00:22'
        power_pass: sdb://maas_secrets/desk-2
    spare:
      mac_addresses: ['52:54:00:92:00:23', '52:54:00:92:00:24']
      architecture: amd64
      power_type: manual
