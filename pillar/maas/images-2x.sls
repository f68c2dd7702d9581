maas:
  boot_sources:
    http://images.maas.io/ephemeral-v3/stable:
      selections:
        - {os: ubuntu, release: jammy, arches: [amd64, arm64]}
        - {os: ubuntu, release: noble, arches: [amd64]}
