maas:
  boot_sources:
    http://maas.ubuntu.com/images/ephemeral-v2/releases/:
      selections:
        - {os: ubuntu, release: trusty, arches: [amd64, i386], labels: [release]}
        - {os: ubuntu, release: precise, arches: [amd64], labels: [release]}
