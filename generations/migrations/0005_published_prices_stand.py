"""Published prices never change, and none begins before every process can know it."""

from django.db import migrations

PUBLISHED_STANDS = """
CREATE FUNCTION generations_published_card_stands() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.published_at IS NOT NULL THEN
            RAISE EXCEPTION 'rate card % must begin as a draft', NEW.version
                USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF OLD.published_at IS NOT NULL THEN
        RAISE EXCEPTION 'rate card % is published: % is refused', OLD.version, TG_OP
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END $$;

CREATE FUNCTION generations_rules_stand_with_their_card() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    v_card record;
BEGIN
    -- FOR SHARE waits for a publication that is under way, and then sees it.
    FOR v_card IN
        SELECT version, published_at FROM generations_ratecard WHERE version = ANY (CASE TG_OP
            WHEN 'INSERT' THEN ARRAY[NEW.card_id]
            WHEN 'DELETE' THEN ARRAY[OLD.card_id]
            ELSE ARRAY[OLD.card_id, NEW.card_id] END)
        FOR SHARE
    LOOP
        IF v_card.published_at IS NOT NULL THEN
            RAISE EXCEPTION 'rate card % is published: % of its rules is refused',
                v_card.version, TG_OP USING ERRCODE = 'restrict_violation';
        END IF;
    END LOOP;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END $$;

CREATE TRIGGER published_stands BEFORE INSERT OR UPDATE OR DELETE ON generations_ratecard
    FOR EACH ROW EXECUTE FUNCTION generations_published_card_stands();
CREATE TRIGGER published_stands_whole BEFORE TRUNCATE ON generations_ratecard
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER published_stands BEFORE INSERT OR UPDATE OR DELETE ON generations_raterule
    FOR EACH ROW EXECUTE FUNCTION generations_rules_stand_with_their_card();
CREATE TRIGGER published_stands_whole BEFORE TRUNCATE ON generations_raterule
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
"""

PUBLISHED_FALLS = """
DROP TRIGGER published_stands ON generations_ratecard;
DROP TRIGGER published_stands_whole ON generations_ratecard;
DROP TRIGGER published_stands ON generations_raterule;
DROP TRIGGER published_stands_whole ON generations_raterule;
DROP FUNCTION generations_published_card_stands();
DROP FUNCTION generations_rules_stand_with_their_card();
"""

# At COMMIT, not before: what a process read until then cannot contain it. 45 seconds are the 30 that
# it may keep what it read, and 15 for clocks that differ (rate_cards.COMMIT_NOTICE).
NOTICE = """
CREATE FUNCTION generations_prices_need_notice() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.effective_from < clock_timestamp() + interval '45 seconds' THEN
        RAISE EXCEPTION 'prices begin at least 45 seconds after COMMIT, and these at %',
            NEW.effective_from USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
"""


def append_only(table):
    return migrations.RunSQL(
        f"""
        CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON {table}
            FOR EACH ROW EXECUTE FUNCTION refuse_change();
        CREATE TRIGGER append_only_whole BEFORE TRUNCATE ON {table}
            FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
        """,
        f"DROP TRIGGER append_only ON {table}; DROP TRIGGER append_only_whole ON {table};",
    )


def needs_notice(table, when="true"):
    return migrations.RunSQL(
        f"""
        CREATE CONSTRAINT TRIGGER needs_notice AFTER INSERT OR UPDATE ON {table}
            DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN ({when})
            EXECUTE FUNCTION generations_prices_need_notice();
        """,
        f"DROP TRIGGER needs_notice ON {table};",
    )


class Migration(migrations.Migration):
    dependencies = [("generations", "0004_cost_is_known")]

    operations = [
        migrations.RunSQL(PUBLISHED_STANDS, PUBLISHED_FALLS),
        append_only("generations_planmargin"),
        append_only("generations_rateagreement"),
        migrations.RunSQL(NOTICE, "DROP FUNCTION generations_prices_need_notice();"),
        needs_notice("generations_ratecard", "NEW.published_at IS NOT NULL"),
        needs_notice("generations_planmargin"),
        needs_notice("generations_rateagreement"),
    ]
