# Who may do what: users, groups with what they are entitled to, and login over OpenID Connect. MAAS 3.8 and later.
maas:
  resource_pools:
    web: {description: front ends}
  users:
    automation:
      email: automation@example.com
      password: sdb://maas_secrets/automation_password
      groups: [networks]
    reader:
      email: reader@example.com
      password: sdb://maas_secrets/reader_password
  user_groups:
    networks:
      description: changes networks from a pipeline
      entitlements: [can_edit_global_entities]
    night watch:
      description: looks at everything
      entitlements:
        - can_view_machines
        - can_view_global_entities
        - can_view_controllers
        - can_view_notifications
      members: [reader]
    web team:
      pool_entitlements:
        web: [can_deploy_machines]
      members: [reader]
  oidc_providers:
    sso:
      issuer_url: https://sso.example.com/realms/lab
      client_id: maas
      client_secret: sdb://maas_secrets/sso_client_secret
      redirect_uri: https://maas.example.com:5443/MAAS/r/login/oidc/callback
      scopes: [openid, email, profile]
      vendor: Keycloak
      enabled: true
  settings:
    refresh_token_duration: 604800
