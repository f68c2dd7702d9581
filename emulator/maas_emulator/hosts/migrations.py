"""Migrations of the region's database: the names that each release brings, and who applies them.

Of each release there is the last one.  They are files among its Python packages, as with MAAS,
and applied ones are rows of South's, Django's or Alembic's own table.
"""

from __future__ import annotations

from maas_emulator.hosts import database

TYPE_CHECKING = False
if TYPE_CHECKING:
    from maas_emulator.hosts.sandbox import Sandbox

_SOUTH = (
    ("1.5", "maasserver", "0074_boot_images_timestamp"),
    ("1.5", "metadataserver", "0014_commission_result_rename_data_bin_col"),
    ("1.6", "maasserver", "0088_z_backport_trunk_0099"),
    ("1.7", "maasserver", "0120_make_macaddress_node_nullable"),
    ("1.7", "metadataserver", "0015_rename_nodecommissionresult_add_result_type"),
    ("1.8", "maasserver", "0139_power_parameters_and_state_updated_field"),
    ("1.9", "maasserver", "0191_remove_comma_from_dns_servers"),
)
_DJANGO = (
    ("1.10", "maasserver", "0002_remove_candidate_name_model"),
    ("2.0", "maasserver", "0067_add_size_to_largefile"),
    ("2.1", "maasserver", "0093_add_rdns_model"),
    ("2.2", "maasserver", "0121_relax_staticipaddress_unique_constraint"),
    ("2.3", "maasserver", "0129_add_install_rackd_flag"),
    ("2.4", "maasserver", "0160_pool_only_for_machines"),
    ("2.5", "maasserver", "0182_remove_duplicate_null_ips"),
    ("2.6", "maasserver", "0195_event_username_max_length"),
    ("2.7", "maasserver", "0202_event_node_on_delete"),
    ("2.8", "maasserver", "0209_default_partitiontable_gpt"),
    ("2.9", "maasserver", "0219_vm_nic_link"),
    ("3.0", "maasserver", "0240_ownerdata_key_fix"),
    ("3.1", "maasserver", "0251_auto_20211027_2128"),
    ("3.2", "maasserver", "0276_bmc_autodetect_metric"),
    ("3.3", "maasserver", "0290_migrate_node_power_parameters"),
    ("3.4", "maasserver", "0318_add_port_to_forward_dns_servers"),
    ("3.5", "maasserver", "0330_bootresourcefile_filename_on_disk"),
    ("3.6", "maasserver", "0340_drop_keysource_table"),
    ("3.7", "maasserver", "0343_goodbye_django"),
)
#: Revision, what it follows, name.
_ALEMBIC = (
    ("3.7", "0000", (), "initial"),
    ("3.7", "0004", ("0000",), "create_views"),
    ("3.8", "0024", ("0004",), "add_provider_vendor_column"),
    ("3.7", "0026", ("0004",), "trusted_ssh_host_keys"),
    ("3.8", "0030", ("0024", "0026"), "merge_heads"),
)


def _place(host, kind, application):
    python = "python2.7" if host.release < "1.10" else "python3"
    folder = f"usr/lib/{python}/dist-packages"
    if host.kind == "snap":
        folder = "snap/maas/current/lib/python3.8/site-packages"
    below = {"south": "", "django": f"/{application}"}[kind]
    if kind == "django" and host.release < "2.6":
        below = f"/builtin/{application}"
    return f"{folder}/{application}/migrations{below}"


def files(host: Sandbox) -> dict[str, str]:
    """Return the files of a region's release: ``{path below the root: text}``."""
    kind, table = ("south", _SOUTH) if host.release < "1.10" else ("django", _DJANGO)
    found = {
        f"{_place(host, kind, application)}/{name}.py": "class Migration: pass\n"
        for since, application, name in table
        if host.release >= since
    }
    if host.release >= "3.7":
        below = _place(host, "south", "maasservicelayer").replace("migrations", "db/alembic")
        for since, revision, follows, name in _ALEMBIC:
            if host.release >= since:
                text = f"revision: str = {revision!r}\ndown_revision = {follows!r}\n"
                found[f"{below}/versions/{revision}_{name}.py"] = text
    return found


def apply(host: Sandbox, application: str | None = None) -> None:
    """Write down in the region's database that this release's migrations were applied.

    Args:
        host: The region's host; without the files of :func:`files` nothing is done.
        application: Only those of one; South's command is called for each.

    Raises:
        psycopg2.Error: The database cannot be reached.
    """
    if not any(host.read(path) for path in files(host)):
        return
    release = host.release
    with database.transaction(host) as cursor:
        if release >= "1.10":
            _django(cursor, release)
            if release >= "3.7":
                _alembic(cursor, release)
            return
        _rows(cursor, "south_migrationhistory", "app_name, migration", [
            (owner, name) for since, owner, name in _SOUTH
            if release >= since and owner == application
        ])  # fmt: skip


def _django(cursor, release):
    cursor.execute("SELECT to_regclass('south_migrationhistory')")
    if cursor.fetchone()[0] and release < "2.6":  # 1.9's own come first
        _rows(cursor, "south_migrationhistory", "app_name, migration", [row[1:] for row in _SOUTH])
    rows = [(owner, name) for since, owner, name in _DJANGO if release >= since]
    _rows(cursor, "django_migrations", "app, name", rows)


def _alembic(cursor, release):
    there = [(revision, follows) for since, revision, follows, _ in _ALEMBIC if release >= since]
    followed = {one for _, follows in there for one in follows}
    heads = [(revision,) for revision, _ in there if revision not in followed]
    _rows(cursor, "alembic_version", "version_num", [])
    cursor.execute("DELETE FROM alembic_version")
    _rows(cursor, "alembic_version", "version_num", heads)


def _rows(cursor, table, columns, rows):
    typed = ", ".join(f"{column} varchar(255)" for column in columns.split(", "))
    cursor.execute(f"CREATE TABLE IF NOT EXISTS {table} ({typed})")  # nosec B608
    for row in rows:
        condition = " AND ".join(f"{column} = %s" for column in columns.split(", "))
        marks = ", ".join(["%s"] * len(row))
        cursor.execute(
            f"INSERT INTO {table} ({columns}) SELECT {marks} "  # nosec B608
            f"WHERE NOT EXISTS (SELECT 1 FROM {table} WHERE {condition})",
            [*row, *row],
        )
