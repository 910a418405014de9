"""The trail is insert-only: the database itself refuses everything else."""

from django.db import migrations

MAKE = """
CREATE FUNCTION audit_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'The audit trail is insert-only: % on % is refused.', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END $$;
"""
TRIGGERS = """
CREATE TRIGGER {table}_insert_only BEFORE UPDATE OR DELETE ON {table}
    FOR EACH ROW EXECUTE FUNCTION audit_refuse_change();
CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse_change();
"""
TABLES = ("audit_entry", "audit_seal", "audit_sealedentry")


class Migration(migrations.Migration):
    dependencies = [("audit", "0001_initial")]
    operations = [
        migrations.RunSQL(
            MAKE + "".join(TRIGGERS.format(table=table) for table in TABLES),
            "".join(
                f"DROP TRIGGER {table}_insert_only ON {table};"
                f"DROP TRIGGER {table}_no_truncate ON {table};"
                for table in TABLES
            )
            + "DROP FUNCTION audit_refuse_change();",
        )
    ]
