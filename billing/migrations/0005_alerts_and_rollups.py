"""Budgets say whether the alerts know their terms; the derived days begin with all that there is."""

from django.db import migrations, models

# No money moves meanwhile: every change of it locks a wallet's row first.
FILL = """
LOCK TABLE billing_wallet IN EXCLUSIVE MODE;

DELETE FROM billing_spendingday;
INSERT INTO billing_spendingday (organization_id, scope, subject_id, day, held_microusd, charged_microusd)
    SELECT hold.organization_id, subject.scope, subject.id, (hold.created_at AT TIME ZONE 'UTC')::date,
           coalesce(sum(amount_microusd) FILTER (WHERE resolved_at IS NULL), 0),
           coalesce(sum(captured_microusd), 0)
        FROM billing_hold AS hold
        CROSS JOIN LATERAL billing_subjects(hold.organization_id::text, to_jsonb(hold)) AS subject
        GROUP BY 1, 2, 3, 4;

DELETE FROM billing_usageday;
INSERT INTO billing_usageday (organization_id, day, end_user_id, member_id, api_key_id, labels,
        records_count, seconds, amount_microusd)
    SELECT organization_id, (settled_at AT TIME ZONE 'UTC')::date, end_user_id, member_id, api_key_id,
           labels, count(*), sum(seconds), sum(amount_microusd)
        FROM billing_usagerecord
        GROUP BY 1, 2, 3, 4, 5, 6;

-- Nobody is told today of what happened long ago.
UPDATE billing_wallet SET watched_number = transfers_count;
"""


class Migration(migrations.Migration):
    dependencies = [("billing", "0004_hold_within_budgets")]

    operations = [
        migrations.AddField(
            model_name="budget",
            name="is_watched",
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AddIndex(
            model_name="budget",
            index=models.Index(
                condition=models.Q(("is_watched", False)),
                fields=["organization"],
                name="unwatched_budgets",
            ),
        ),
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
    ]
