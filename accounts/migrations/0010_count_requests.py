"""How often each key asks. Not logged: it is counted with every request, and worth nothing after a minute."""

from django.db import migrations, models

COUNT_REQUEST = """
CREATE FUNCTION accounts_count_request(p_key text, p_seconds integer)
RETURNS jsonb LANGUAGE sql VOLATILE AS $$
    INSERT INTO accounts_keyrate AS known (api_key_id, began_at, used)
        VALUES (p_key, statement_timestamp(), 1)
        ON CONFLICT (api_key_id) DO UPDATE SET
            used = CASE WHEN known.began_at > excluded.began_at - make_interval(secs => p_seconds)
                THEN known.used + 1 ELSE 1 END,
            began_at = CASE WHEN known.began_at > excluded.began_at - make_interval(secs => p_seconds)
                THEN known.began_at ELSE excluded.began_at END
        RETURNING jsonb_build_array(used,
            extract(epoch FROM began_at + make_interval(secs => p_seconds) - statement_timestamp()))
$$;
"""


class Migration(migrations.Migration):
    dependencies = [("accounts", "0009_owed_mails")]

    operations = [
        migrations.CreateModel(
            name="KeyRate",
            fields=[
                ("api_key_id", models.CharField(max_length=40, primary_key=True, serialize=False)),
                ("began_at", models.DateTimeField()),
                ("used", models.BigIntegerField()),
            ],
        ),
        migrations.RunSQL(
            # Half of each page stays free, so that a count is rewritten beside the old one.
            "ALTER TABLE accounts_keyrate SET UNLOGGED; ALTER TABLE accounts_keyrate SET (fillfactor = 50);",
            migrations.RunSQL.noop,
        ),
        migrations.RunSQL(COUNT_REQUEST, "DROP FUNCTION accounts_count_request(text, integer)"),
    ]
