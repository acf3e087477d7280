"""What went back of an invoice's payment has rows and amounts, as that of a purchase has."""

import django.db.models.deletion
from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.models import F, Q
from django.utils import timezone


def look_again(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Refunds and disputes of before were in no book: the sweep follows every invoice that was paid."""
    apps.get_model("billing", "Invoice").objects.filter(state="paid").update(due_at=timezone.now())


class Migration(migrations.Migration):
    dependencies = [("billing", "0009_budgets_count_their_whole_period")]

    operations = [
        migrations.RunPython(look_again, migrations.RunPython.noop),
        migrations.RemoveConstraint("reversal", "only_our_own_refund_waits_for_its_id"),
        migrations.RemoveField("invoice", "is_disputed"),
        migrations.AddField("invoice", "refunded_microusd", models.BigIntegerField(default=0)),
        migrations.AddField("invoice", "disputed_microusd", models.BigIntegerField(default=0)),
        migrations.AddField("invoice", "forgiven_microusd", models.BigIntegerField(default=0)),
        migrations.AddField("creditline", "refusal", models.TextField(blank=True, default="")),
        migrations.AddField(
            "reversal",
            "invoice",
            models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="reversals",
                to="billing.invoice",
            ),
        ),
        migrations.AlterField(
            "reversal",
            "purchase",
            models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="reversals",
                to="billing.purchase",
            ),
        ),
        migrations.AddConstraint(
            "invoice",
            models.CheckConstraint(
                name="only_what_is_disputed_is_forgiven",
                condition=Q(
                    refunded_microusd__gte=0,
                    forgiven_microusd__gte=0,
                    forgiven_microusd__lte=F("disputed_microusd"),
                ),
            ),
        ),
        migrations.AddConstraint(
            "reversal",
            models.CheckConstraint(
                name="reversal_is_of_one",
                condition=Q(purchase__isnull=False, invoice=None)
                | Q(purchase=None, invoice__isnull=False),
            ),
        ),
        migrations.AddConstraint(
            "reversal",
            models.CheckConstraint(
                name="only_our_own_refund_waits_for_its_id",
                condition=~Q(stripe_id="")
                | Q(kind="refund", state__in=("requested", "failed"), purchase__isnull=False),
            ),
        ),
    ]
