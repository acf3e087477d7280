"""A hold is admitted by every budget that applies, in the same function and under the same lock."""

from django.db import migrations

PERIOD_START = """
CREATE FUNCTION billing_period_start(period text, day date) RETURNS date LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE period
        WHEN 'day' THEN day
        WHEN 'lifetime' THEN '-infinity'::date
        ELSE date_trunc(period, day::timestamp)::date  -- a week begins on Monday (ISO 8601)
    END
$$;
"""

# The first budget in the way of `p_amount`, or null. The scopes are asked in a fixed order, the widest first.
OVER_BUDGET = """
CREATE FUNCTION billing_over_budget(p_organization text, p_hold jsonb, p_day date)
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
                AND (subject_id = v_subject.id OR (scope = 'end_user' AND subject_id = '*'))
            ORDER BY subject_id = v_subject.id DESC LIMIT 1;
        CONTINUE WHEN NOT FOUND OR v_budget.limit_microusd IS NULL;
        SELECT coalesce(sum(held_microusd), 0), coalesce(sum(charged_microusd), 0)
            INTO v_held, v_charged FROM billing_spendingday
            WHERE organization_id = p_organization AND scope = v_subject.scope
                AND subject_id = v_subject.id AND day <= p_day
                AND day >= billing_period_start(v_budget.period, p_day);
        IF v_charged + v_held + v_amount > v_budget.limit_microusd THEN
            RETURN jsonb_build_object('verdict', 'budget_exceeded', 'scope', v_subject.scope,
                'id', v_subject.id, 'period', v_budget.period,
                'limit_microusd', v_budget.limit_microusd, 'spent_microusd', v_charged,
                'held_microusd', v_held, 'needed_microusd', v_amount);
        END IF;
    END LOOP;
    RETURN NULL;
END $$;
"""

SUBJECTS = """
CREATE FUNCTION billing_subjects(p_organization text, p_hold jsonb)
RETURNS TABLE (scope text, id text) LANGUAGE sql IMMUTABLE AS $$
    SELECT * FROM (VALUES
        ('organization', p_organization),
        ('member', p_hold->>'member_id'),
        ('api_key', p_hold->>'api_key_id'),
        ('end_user', p_hold->>'end_user_id')
    ) AS subject(scope, id) WHERE subject.id <> ''
$$;
"""

# As in 0002, and between the debt and the credits: the budgets, hold by hold, so that each sees those
# before it. A refusal leaves what was written so far to the caller's transaction, which must end.
PLACE_HOLDS = """
CREATE OR REPLACE FUNCTION billing_place_holds(p_organization text, p_holds jsonb, p_now timestamptz)
RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
    v_day date := (p_now AT TIME ZONE 'UTC')::date;
    v_number bigint;
    v_posted bigint;     -- all grants together: what the next transfer's "available after" starts from
    v_available bigint;  -- of these, what has not expired
    v_debt bigint;
    v_needed bigint;
    v_left bigint;
    v_take bigint;
    v_refusal jsonb;
    v_hold jsonb;
    v_grant record;
BEGIN
    SELECT transfers_count INTO v_number FROM billing_wallet
        WHERE organization_id = p_organization FOR NO KEY UPDATE;

    SELECT jsonb_agg(wanted ORDER BY position) INTO p_holds
        FROM jsonb_array_elements(p_holds) WITH ORDINALITY AS element(wanted, position)
        WHERE NOT EXISTS (SELECT FROM billing_hold
            WHERE reference = wanted->>'reference' AND organization_id = p_organization);
    IF p_holds IS NULL THEN
        RETURN jsonb_build_object('verdict', 'held');
    END IF;

    SELECT balance_microusd INTO v_debt FROM billing_account
        WHERE organization_id = p_organization AND kind = 'debt';
    IF v_debt > 0 THEN
        RETURN jsonb_build_object('verdict', 'in_debt', 'debt_microusd', v_debt);
    END IF;

    FOR v_hold IN SELECT * FROM jsonb_array_elements(p_holds) LOOP
        v_refusal := billing_over_budget(p_organization, v_hold, v_day);
        IF v_refusal IS NOT NULL THEN
            RETURN v_refusal;
        END IF;
        INSERT INTO billing_spendingday AS spent
                (organization_id, scope, subject_id, day, held_microusd)
            SELECT p_organization, scope, id, v_day, (v_hold->>'amount_microusd')::bigint
                FROM billing_subjects(p_organization, v_hold)
            ON CONFLICT (organization_id, scope, subject_id, day)
                DO UPDATE SET held_microusd = spent.held_microusd + excluded.held_microusd;
    END LOOP;

    SELECT sum((wanted->>'amount_microusd')::bigint) INTO v_needed
        FROM jsonb_array_elements(p_holds) AS wanted;
    SELECT coalesce(sum(balance_microusd), 0),
           coalesce(sum(balance_microusd) FILTER (WHERE expires_at IS NULL OR expires_at > p_now), 0)
        INTO v_posted, v_available
        FROM billing_grant JOIN billing_account ON billing_account.id = account_id
        WHERE billing_account.organization_id = p_organization
            AND balance_microusd > 0;
    IF v_number IS NULL OR v_available < v_needed THEN
        RETURN jsonb_build_object('verdict', 'insufficient_credits',
            'needed_microusd', v_needed, 'available_microusd', v_available);
    END IF;

    FOR v_hold IN SELECT * FROM jsonb_array_elements(p_holds) LOOP
        v_left := (v_hold->>'amount_microusd')::bigint;
        INSERT INTO billing_hold (id, organization_id, reference, amount_microusd,
                end_user_id, member_id, api_key_id, created_at)
            VALUES (v_hold->>'id', p_organization, v_hold->>'reference', v_left,
                v_hold->>'end_user_id', v_hold->>'member_id', v_hold->>'api_key_id', p_now);
        UPDATE billing_account SET balance_microusd = balance_microusd + v_left
            WHERE id = 'held:' || p_organization;
        FOR v_grant IN
            SELECT billing_grant.id, account_id, balance_microusd
                FROM billing_grant JOIN billing_account ON billing_account.id = account_id
                WHERE billing_account.organization_id = p_organization AND balance_microusd > 0
                    AND (expires_at IS NULL OR expires_at > p_now)
                ORDER BY priority, expires_at NULLS LAST, billing_grant.id
        LOOP
            EXIT WHEN v_left = 0;
            v_take := least(v_left, v_grant.balance_microusd);
            v_left := v_left - v_take;
            v_posted := v_posted - v_take;
            v_number := v_number + 1;
            UPDATE billing_account SET balance_microusd = balance_microusd - v_take
                WHERE id = v_grant.account_id;
            INSERT INTO billing_transfer (id, organization_id, number, kind, from_account_id,
                    to_account_id, amount_microusd, reference, grant_id, hold_id,
                    available_after_microusd, created_at)
                VALUES (billing_new_id('trf'), p_organization, v_number, 'hold', v_grant.account_id,
                    'held:' || p_organization, v_take, v_hold->>'reference', v_grant.id,
                    v_hold->>'id', v_posted, p_now);
        END LOOP;
    END LOOP;
    UPDATE billing_wallet SET transfers_count = v_number WHERE organization_id = p_organization;
    RETURN jsonb_build_object('verdict', 'held');
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("billing", "0003_budgets_usage_statements")]

    operations = [
        migrations.RunSQL(PERIOD_START, "DROP FUNCTION billing_period_start"),
        migrations.RunSQL(SUBJECTS, "DROP FUNCTION billing_subjects"),
        migrations.RunSQL(OVER_BUDGET, "DROP FUNCTION billing_over_budget"),
        migrations.RunSQL(PLACE_HOLDS, migrations.RunSQL.noop),
        migrations.RunSQL(
            """
            CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON billing_statement
                FOR EACH ROW EXECUTE FUNCTION refuse_change();
            CREATE TRIGGER append_only_whole BEFORE TRUNCATE ON billing_statement
                FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
            """,
            "DROP TRIGGER append_only ON billing_statement;"
            "DROP TRIGGER append_only_whole ON billing_statement;",
        ),
    ]
