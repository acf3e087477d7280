"""Transfers are append-only, our own accounts exist, and a hold is one function call."""

from django.db import migrations

NEW_ID = """
CREATE FUNCTION billing_new_id(prefix text) RETURNS text LANGUAGE sql VOLATILE AS $$
    -- The same form as seedance_saas/ids.py: milliseconds, then random digits.
    SELECT prefix || '_'
        || lpad(to_hex(floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint), 12, '0')
        || substr(md5(gen_random_uuid()::text), 1, 20)
$$;
"""

# Every statement after the first has a snapshot taken after the lock was won: nothing it reads is
# older than the lock. One statement for all of it would read, after a wait, what was true before.
PLACE_HOLDS = """
CREATE FUNCTION billing_place_holds(p_organization text, p_holds jsonb, p_now timestamptz)
RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
    v_number bigint;
    v_posted bigint;     -- all grants together: what the next transfer's "available after" starts from
    v_available bigint;  -- of these, what has not expired
    v_debt bigint;
    v_needed bigint;
    v_left bigint;
    v_take bigint;
    v_hold record;
    v_grant record;
BEGIN
    SELECT transfers_count INTO v_number FROM billing_wallet
        WHERE organization_id = p_organization FOR NO KEY UPDATE;

    SELECT coalesce(sum(amount_microusd), 0) INTO v_needed
        FROM jsonb_to_recordset(p_holds) AS wanted(reference text, amount_microusd bigint)
        WHERE NOT EXISTS (SELECT FROM billing_hold
            WHERE reference = wanted.reference AND organization_id = p_organization);
    IF v_needed = 0 THEN
        RETURN jsonb_build_object('verdict', 'held');
    END IF;

    SELECT balance_microusd INTO v_debt FROM billing_account
        WHERE organization_id = p_organization AND kind = 'debt';
    IF v_debt > 0 THEN
        RETURN jsonb_build_object('verdict', 'in_debt', 'debt_microusd', v_debt);
    END IF;

    SELECT coalesce(sum(balance_microusd), 0),
           coalesce(sum(balance_microusd) FILTER (WHERE expires_at IS NULL OR expires_at > p_now), 0)
        INTO v_posted, v_available
        FROM billing_grant JOIN billing_account ON billing_account.id = account_id
        WHERE billing_grant.organization_id = p_organization;
    IF v_number IS NULL OR v_available < v_needed THEN
        RETURN jsonb_build_object('verdict', 'insufficient_credits',
            'needed_microusd', v_needed, 'available_microusd', v_available);
    END IF;

    FOR v_hold IN
        SELECT * FROM ROWS FROM (jsonb_to_recordset(p_holds) AS (id text, reference text,
                amount_microusd bigint, end_user_id text, member_id text, api_key_id text))
            WITH ORDINALITY AS wanted(id, reference, amount_microusd,
                end_user_id, member_id, api_key_id, position)
        WHERE NOT EXISTS (SELECT FROM billing_hold
            WHERE reference = wanted.reference AND organization_id = p_organization)
        ORDER BY position
    LOOP
        INSERT INTO billing_hold (id, organization_id, reference, amount_microusd,
                end_user_id, member_id, api_key_id, created_at)
            VALUES (v_hold.id, p_organization, v_hold.reference, v_hold.amount_microusd,
                v_hold.end_user_id, v_hold.member_id, v_hold.api_key_id, p_now);
        v_left := v_hold.amount_microusd;
        FOR v_grant IN
            SELECT billing_grant.id, account_id, balance_microusd
                FROM billing_grant JOIN billing_account ON billing_account.id = account_id
                WHERE billing_grant.organization_id = p_organization AND balance_microusd > 0
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
                    'held:' || p_organization, v_take, v_hold.reference, v_grant.id, v_hold.id,
                    v_posted, p_now);
        END LOOP;
        UPDATE billing_account SET balance_microusd = balance_microusd + v_hold.amount_microusd
            WHERE id = 'held:' || p_organization;
    END LOOP;
    UPDATE billing_wallet SET transfers_count = v_number WHERE organization_id = p_organization;
    RETURN jsonb_build_object('verdict', 'held');
END $$;
"""

OUR_ACCOUNTS = """
INSERT INTO billing_account (id, kind) SELECT name, name FROM unnest(ARRAY[
    'cash', 'receivable', 'promotions', 'revenue', 'breakage', 'disputes', 'write_off']) AS name;
"""

APPEND_ONLY = """
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON billing_transfer
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only_whole BEFORE TRUNCATE ON billing_transfer
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
"""


class Migration(migrations.Migration):
    dependencies = [("billing", "0001_initial"), ("accounts", "0002_audit_is_append_only")]

    operations = [
        migrations.RunSQL(NEW_ID, "DROP FUNCTION billing_new_id"),
        migrations.RunSQL(PLACE_HOLDS, "DROP FUNCTION billing_place_holds"),
        migrations.RunSQL(OUR_ACCOUNTS, migrations.RunSQL.noop),
        migrations.RunSQL(
            APPEND_ONLY,
            "DROP TRIGGER append_only ON billing_transfer;"
            "DROP TRIGGER append_only_whole ON billing_transfer;",
        ),
    ]
