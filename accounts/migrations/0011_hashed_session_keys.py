"""The tables of sessions hold hashes of keys. Whoever is signed in stays so."""

from django.db import migrations

HASH = "UPDATE {} SET session_key = left(encode(sha256(convert_to(session_key, 'UTF8')), 'hex'), 40)"


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0010_count_requests"),
        ("sessions", "0001_initial"),
        ("usersessions", "0001_initial"),
    ]

    operations = [
        # There is no way back: then everybody signs in again.
        migrations.RunSQL(HASH.format(table), f"DELETE FROM {table}")
        for table in ("django_session", "usersessions_usersession")
    ]
