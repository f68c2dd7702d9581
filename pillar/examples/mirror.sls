# A region that imports several releases and architectures from a mirror of your own, and then sets
# the default series. MAAS 3.5 and later: older releases do not know the newest series.
maas:
  settings:
    http_proxy: http://proxy.example.com:3128/
    boot_images_auto_import: false
    commissioning_distro_series: jammy
    default_osystem: ubuntu
    default_distro_series: ubuntu/jammy
  boot_sources:
    http://images.example.com/ephemeral-v3/stable:
      keyring_filename: /usr/share/keyrings/ubuntu-cloudimage-keyring.gpg
      selections:
        - {os: ubuntu, release: focal, arches: [amd64]}
        - {os: ubuntu, release: jammy, arches: [amd64, arm64]}
        - {os: ubuntu, release: noble, arches: [amd64], subarches: ['*'], labels: ['*']}
  limits:
    import_seconds: 7200
