"""What is proved row against row, by the database itself: each query lists what is wrong, in columns
that fill the sentence. It is nothing when all is right."""

CHECKS: tuple[tuple[str, str], ...] = (
    (
        "hold {0} says {1} held, and has no transfers",
        """
        SELECT reference, amount_microusd FROM billing_hold AS hold
        WHERE NOT EXISTS (SELECT FROM billing_transfer WHERE hold_id = hold.id) ORDER BY 1
        """,
    ),
    (
        "usage of {0} says {1} micro-dollars, and its hold captured {2}",
        """
        SELECT usage.reference, usage.amount_microusd, hold.captured_microusd
        FROM billing_usagerecord AS usage LEFT JOIN billing_hold AS hold USING (reference)
        WHERE usage.amount_microusd IS DISTINCT FROM hold.captured_microusd ORDER BY 1
        """,
    ),
    (
        "usage of {0} says {1}, and its hold says {2}",
        """
        SELECT usage.reference,
               concat_ws(', ', usage.organization_id, usage.end_user_id, usage.member_id,
                         usage.api_key_id, usage.held_at, usage.settled_at),
               concat_ws(', ', hold.organization_id, hold.end_user_id, hold.member_id,
                         hold.api_key_id, hold.created_at, hold.resolved_at)
        FROM billing_usagerecord AS usage JOIN billing_hold AS hold USING (reference)
        WHERE (usage.organization_id, usage.end_user_id, usage.member_id, usage.api_key_id,
               usage.held_at, usage.settled_at)
            IS DISTINCT FROM (hold.organization_id, hold.end_user_id, hold.member_id,
                              hold.api_key_id, hold.created_at, hold.resolved_at)
        ORDER BY 1
        """,
    ),
    (
        "usage day {0} says {1}, and its records say {2}",
        """
        SELECT concat_ws(' ', organization_id, day, end_user_id, member_id, api_key_id, labels),
               ROW(kept.records, kept.seconds, kept.amount)::text,
               ROW(added.records, added.seconds, added.amount)::text
        FROM (SELECT organization_id, day, end_user_id, member_id, api_key_id, labels,
                     records_count::bigint AS records, seconds, amount_microusd AS amount
              FROM billing_usageday) AS kept
        FULL JOIN (SELECT organization_id, (settled_at AT TIME ZONE 'UTC')::date AS day, end_user_id,
                          member_id, api_key_id, labels, count(*) AS records,
                          sum(seconds)::bigint AS seconds, sum(amount_microusd)::bigint AS amount
                   FROM billing_usagerecord GROUP BY 1, 2, 3, 4, 5, 6) AS added
            USING (organization_id, day, end_user_id, member_id, api_key_id, labels)
        WHERE (kept.records, kept.seconds, kept.amount)
            IS DISTINCT FROM (added.records, added.seconds, added.amount)
        ORDER BY 1
        """,
    ),
    (
        "spending day {0} says {1} held and {2} charged, and its holds say {3} and {4}",
        """
        SELECT concat_ws(' ', organization_id, scope, subject_id, day),
               kept.held, kept.charged, added.held, added.charged
        FROM (SELECT organization_id, scope, subject_id, day, held_microusd AS held,
                     charged_microusd AS charged FROM billing_spendingday) AS kept
        FULL JOIN (SELECT organization_id, scope, subject_id, day,
                          coalesce(sum(amount_microusd) FILTER (WHERE resolved_at IS NULL), 0)::bigint
                              AS held,
                          coalesce(sum(captured_microusd), 0)::bigint AS charged
                   FROM (SELECT organization_id, scope, subject_id, amount_microusd, captured_microusd,
                                resolved_at, (created_at AT TIME ZONE 'UTC')::date AS day
                         FROM billing_hold CROSS JOIN LATERAL (VALUES
                             ('organization', organization_id), ('member', member_id),
                             ('api_key', api_key_id), ('end_user', end_user_id)
                         ) AS subject(scope, subject_id) WHERE subject_id <> '') AS counted
                   GROUP BY 1, 2, 3, 4) AS added USING (organization_id, scope, subject_id, day)
        WHERE (kept.held, kept.charged) IS DISTINCT FROM (added.held, added.charged)
        ORDER BY 1
        """,
    ),
)
