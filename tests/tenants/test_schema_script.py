"""Tables that are made by carrying a script out again are those that the migrations make."""

from __future__ import annotations

from django.db import connection
from django_tenants.utils import get_tenant_model

from tenants import schema_script
from tenants.provision import create_tenant

COLUMNS = """
SELECT table_name, column_name, data_type, is_nullable, column_default
FROM information_schema.columns WHERE table_schema = %s ORDER BY 1, 2
"""
INDEXES = (
    "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = %s ORDER BY 1, 2"
)
CONSTRAINTS = """
SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid)
FROM pg_constraint WHERE connamespace = %s::regnamespace ORDER BY 1, 2
"""
TRIGGERS = """
SELECT event_object_table, trigger_name, event_manipulation, action_statement
FROM information_schema.triggers WHERE trigger_schema = %s ORDER BY 1, 2, 3
"""
MIGRATIONS = "SELECT app, name, '' FROM {schema}.django_migrations ORDER BY 1, 2"


def shape(schema: str) -> list[tuple]:
    found = []
    with connection.cursor() as cursor:
        for sql in (COLUMNS, INDEXES, CONSTRAINTS, TRIGGERS):
            cursor.execute(sql, [schema])
            found += [
                tuple(str(value).replace(schema, "SCHEMA") for value in row)
                for row in cursor.fetchall()
            ]
        cursor.execute(MIGRATIONS.format(schema=schema))
        found += cursor.fetchall()
    return found


def test_both_ways_give_the_same_schema(tenant):
    made = []
    connection.set_schema_to_public()
    script, schema_script._script[:] = list(schema_script._script), []
    try:
        for name in ("first", "second"):
            made.append(
                create_tenant(name=name, slug=name, host=f"{name}.localhost", time_zone="UTC")
            )
        assert schema_script._script
        assert shape("t_first") == shape("t_second")
        assert len(shape("t_first")) > 200
    finally:
        connection.set_schema_to_public()
        schema_script._script[:] = script
        for row in made:
            with connection.cursor() as cursor:
                cursor.execute(f'DROP SCHEMA "{row.schema_name}" CASCADE')
            get_tenant_model().objects.filter(pk=row.pk).delete()
