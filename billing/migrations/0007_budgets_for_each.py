"""`*` is the budget of each member and each key without one of their own, as it is of each end user."""

import django.db.models.deletion
from django.db import migrations, models

# As in 0004; the verdict names the budget, too.
OVER_BUDGET = """
CREATE OR REPLACE FUNCTION billing_over_budget(p_organization text, p_hold jsonb, p_day date)
RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
    v_subject record;
    v_budget record;
    v_held bigint;
    v_charged bigint;
    v_amount bigint := (p_hold->>'amount_microusd')::bigint;
BEGIN
    FOR v_subject IN SELECT * FROM billing_subjects(p_organization, p_hold) LOOP
        SELECT * INTO v_budget FROM billing_budget
            WHERE organization_id = p_organization AND scope = v_subject.scope
                AND subject_id IN (v_subject.id, '*')
            ORDER BY subject_id = v_subject.id DESC LIMIT 1;
        CONTINUE WHEN NOT FOUND OR v_budget.limit_microusd IS NULL;
        SELECT coalesce(sum(held_microusd), 0), coalesce(sum(charged_microusd), 0)
            INTO v_held, v_charged FROM billing_spendingday
            WHERE organization_id = p_organization AND scope = v_subject.scope
                AND subject_id = v_subject.id AND day <= p_day
                AND day >= billing_period_start(v_budget.period, p_day);
        IF v_charged + v_held + v_amount > v_budget.limit_microusd THEN
            RETURN jsonb_build_object('verdict', 'budget_exceeded', 'budget', v_budget.id,
                'scope', v_subject.scope, 'id', v_subject.id, 'period', v_budget.period,
                'limit_microusd', v_budget.limit_microusd, 'spent_microusd', v_charged,
                'held_microusd', v_held, 'needed_microusd', v_amount);
        END IF;
    END LOOP;
    RETURN NULL;
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0004_teams_and_keys"),
        ("billing", "0006_purchases_and_invoices"),
    ]

    operations = [
        migrations.AddConstraint(
            model_name="budget",
            constraint=models.CheckConstraint(
                name="an_organization_is_one",
                condition=models.Q(("scope", "organization"), ("subject_id", "*"), _negated=True),
            ),
        ),
        migrations.CreateModel(
            name="BudgetRefusal",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("subject_id", models.CharField(max_length=255)),
                ("member_id", models.CharField(blank=True, max_length=40)),
                ("api_key_id", models.CharField(blank=True, max_length=40)),
                ("limit_microusd", models.BigIntegerField()),
                ("spent_microusd", models.BigIntegerField()),
                ("held_microusd", models.BigIntegerField()),
                ("needed_microusd", models.BigIntegerField()),
                ("minute", models.DateTimeField()),
                ("refused_at", models.DateTimeField()),
                (
                    "budget",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="refusals",
                        to="billing.budget",
                    ),
                ),
                (
                    "organization",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="accounts.organization",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("budget", "minute"), name="one_refusal_a_minute_and_budget"
                    )
                ],
            },
        ),
        migrations.RunSQL(OVER_BUDGET, migrations.RunSQL.noop),
    ]
