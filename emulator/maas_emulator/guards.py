"""Which entitlement 3.8 asks for before it carries out an operation, by the names of handlers."""

from __future__ import annotations

#: ``HANDLER METHOD[.OPERATION] ...``; what is not here looks at its user itself, or at nobody.
_GUARDED = {
    "can_view_boot_entities": """
        BootSourcesHandler GET
        BootSourceHandler GET
        BootSourceSelectionsHandler GET
        BootSourceSelectionHandler GET
    """,
    "can_edit_boot_entities": """
        BootSourcesHandler POST
        BootSourceHandler PUT DELETE
        BootSourceSelectionsHandler POST
        BootSourceSelectionHandler PUT DELETE
        BootResourcesHandler POST POST.import POST.stop_import
        BootResourceHandler DELETE
        BootResourceFileUploadHandler PUT
    """,
    "can_edit_global_entities": """
        DHCPSnippetsHandler POST
        DHCPSnippetHandler PUT DELETE POST.revert
        DNSResourceRecordsHandler POST
        DNSResourcesHandler POST
        DomainsHandler POST POST.set_serial
        FabricsHandler POST
        NetworksHandler POST
        NetworkHandler PUT DELETE POST.connect_macs POST.disconnect_macs
        PackageRepositoriesHandler POST
        PackageRepositoryHandler PUT DELETE
        ReservedIpsHandler POST
        ReservedIpHandler PUT DELETE
        NodeScriptResultHandler PUT DELETE
        NodeScriptsHandler POST
        NodeScriptHandler PUT DELETE POST.revert POST.add_tag POST.remove_tag
        SpacesHandler POST
        StaticRoutesHandler POST
        SubnetsHandler POST
        TagsHandler POST
        TagHandler PUT DELETE POST.rebuild POST.update_nodes
        ZonesHandler POST
        ZoneHandler PUT DELETE
    """,
    "can_view_license_keys": """
        LicenseKeysHandler GET
        LicenseKeyHandler GET
    """,
    "can_edit_license_keys": """
        LicenseKeysHandler POST
        LicenseKeyHandler PUT DELETE
    """,
    "can_edit_configurations": "MaasHandler POST.set_config",
    "can_edit_machines": """
        MachinesHandler POST.add_chassis GET.power_parameters
        RackControllersHandler GET.power_parameters
    """,
    "can_edit_notifications": """
        NotificationsHandler POST
        NotificationHandler PUT DELETE
    """,
    "can_view_controllers": """
        RackControllerHandler GET.list_boot_images
        RackControllersHandler GET.describe_power_types
    """,
    "can_edit_controllers": """
        RackControllersHandler POST.import_boot_images
        RackControllerHandler PUT DELETE POST.import_boot_images
        RegionControllerHandler PUT DELETE
    """,
    "can_edit_identities": """
        UsersHandler POST
        UserHandler DELETE
    """,
}


def _read():
    found = {}
    for entitlement, text in _GUARDED.items():
        for line in text.strip().splitlines():
            handler, *operations = line.split()
            for operation in operations:
                method, _, op = operation.partition(".")
                found[handler, method, op or None] = entitlement
    return found


#: ``{(handler, method, operation or None): entitlement}``.
NEEDED = _read()
#: Handlers that ask for one, and are closed to nobody else.
HANDLERS = {handler for handler, _, _ in NEEDED}
