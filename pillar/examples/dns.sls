# DNS for two domains with records of every type. MAAS 2.0 and later.
maas:
  domains:
    example.com:
      ttl: 300
      resources:
        '@': {ip_addresses: [192.0.2.10]}
        www: {ip_addresses: [192.0.2.10, '2001:db8::10'], address_ttl: 60}
        mail: {ip_addresses: [192.0.2.25]}
        ns1: {ip_addresses: [192.0.2.53]}
      records:
        - {name: ftp, rrtype: CNAME, rrdata: www.example.com}
        - {name: '@', rrtype: MX, rrdata: 10 mail.example.com}
        - {name: '@', rrtype: MX, rrdata: 20 mail.example.org}
        - {name: '@', rrtype: TXT, rrdata: v=spf1 mx -all, ttl: 3600}
        - {name: _sip._tcp, rrtype: SRV, rrdata: 0 5 5060 www.example.com}
        - {name: mail, rrtype: SSHFP, rrdata: 4 1 0123456789abcdef0123456789abcdef01234567}
        - {name: lab, rrtype: NS, rrdata: ns1.example.com}
    example.org:
      resources:
        mail: {ip_addresses: [198.51.100.25]}
      records:
        - {name: web, rrtype: CNAME, rrdata: www.example.com}
        - {name: '@', rrtype: MX, rrdata: 10 mail.example.org}
        - {name: '@', rrtype: TXT, rrdata: owner=ops}
