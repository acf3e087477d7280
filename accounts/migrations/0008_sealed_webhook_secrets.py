"""Webhook secrets lie sealed in the database. Those that there are go on signing."""

from collections.abc import Callable
from typing import Any

from django.db import migrations, models

import accounts.models.webhooks
from accounts import secrets_at_rest


def change_each(change: Callable[[str], str]) -> Callable[..., None]:
    def run(apps: Any, schema_editor: Any) -> None:
        rows = apps.get_model("accounts", "WebhookSecret").objects
        for row in rows.only("sealed").iterator():
            rows.filter(pk=row.pk).update(sealed=change(row.sealed))

    return run


class Migration(migrations.Migration):
    dependencies = [("accounts", "0007_operators_look")]

    operations = [
        migrations.RenameField("webhooksecret", "secret", "sealed"),
        migrations.AlterField(
            "webhooksecret",
            "sealed",
            models.TextField(default=accounts.models.webhooks.new_webhook_secret, editable=False),
        ),
        migrations.RunPython(
            change_each(secrets_at_rest.encrypt), change_each(secrets_at_rest.decrypt)
        ),
    ]
