"""Keys that act for a member. Every key that exists is one of the organization, as it was: `member` stays empty."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("accounts", "0011_hashed_session_keys"),
    ]

    operations = [
        migrations.AddField(
            model_name="apikey",
            name="member",
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name="api_keys", to="accounts.membership"),
        ),
    ]
