"""A budget counts all that was held in its period, by whatever clock.

Whoever read the time just before midnight may get the wallet after one who read it just after: both days are of
the same month, and one must see the other.
"""

from django.db import migrations

# As in 0007, but for the days that count.
OVER_BUDGET = """
CREATE OR REPLACE FUNCTION billing_over_budget(p_organization text, p_hold jsonb, p_day date)
RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
    v_subject record;
    v_budget record;
    v_first date;
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
        v_first := billing_period_start(v_budget.period, p_day);
        SELECT coalesce(sum(held_microusd), 0), coalesce(sum(charged_microusd), 0)
            INTO v_held, v_charged FROM billing_spendingday
            WHERE organization_id = p_organization AND scope = v_subject.scope
                AND subject_id = v_subject.id AND day >= v_first
                AND billing_period_start(v_budget.period, day) = v_first;
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
    dependencies = [("billing", "0008_suspended_by_money_back")]

    operations = [migrations.RunSQL(OVER_BUDGET, migrations.RunSQL.noop)]
