"""What is proved of purchases, invoices and meters: what they say against what their transfers say, by the
database itself, as in `checking_rows`. Stripe is not asked here: `comparing` does."""

CHECKS: tuple[tuple[str, str], ...] = (
    (
        "purchase {0} says {1} bought and {2} of it as a bonus, and its grants say {3} and {4}",
        """
        SELECT purchase.id, amount_cents::bigint * 10000, bonus_microusd,
               bought.amount_microusd, coalesce(bonus.amount_microusd, 0)
        FROM billing_purchase AS purchase
        JOIN billing_grant AS bought ON bought.id = purchase.grant_id
        LEFT JOIN billing_grant AS bonus ON bonus.id = purchase.bonus_grant_id
        WHERE (amount_cents::bigint * 10000, bonus_microusd)
                IS DISTINCT FROM (bought.amount_microusd, coalesce(bonus.amount_microusd, 0))
            OR purchase.organization_id <> bought.organization_id
            OR bought.reference <> 'purchase:' || purchase.id
        ORDER BY 1
        """,
    ),
    (
        "purchase {0} says {1} withdrawn of what was paid and {2} of the bonus, and its transfers say {3} and {4}",
        """
        SELECT purchase.id, withdrawn_microusd, bonus_withdrawn_microusd, moved.paid, moved.bonus
        FROM billing_purchase AS purchase CROSS JOIN LATERAL (
            SELECT coalesce(sum(signed) FILTER (WHERE NOT is_bonus), 0)::bigint AS paid,
                   coalesce(sum(signed) FILTER (WHERE is_bonus), 0)::bigint AS bonus
            FROM (
                SELECT CASE transfer.kind WHEN 'claw_back' THEN transfer.amount_microusd
                                          ELSE -transfer.amount_microusd END AS signed,
                       transfer.reference LIKE '%:bonus' AS is_bonus
                FROM billing_reversal AS reversal
                JOIN billing_transfer AS transfer
                    ON transfer.reference LIKE reversal.kind || ':' || reversal.id || '%'
                    AND transfer.kind IN ('claw_back', 'reinstate')
                    AND transfer.organization_id = purchase.organization_id
                WHERE reversal.purchase_id = purchase.id
            ) AS one
        ) AS moved
        WHERE (withdrawn_microusd, bonus_withdrawn_microusd)
            IS DISTINCT FROM (moved.paid, moved.bonus)
        ORDER BY 1
        """,
    ),
    (
        "invoice {0} says that {1} was used, and its payment says {2}",
        """
        SELECT invoice.id, CASE WHEN is_settled THEN usage_microusd ELSE 0 END, paid.total
        FROM billing_invoice AS invoice CROSS JOIN LATERAL (
            SELECT coalesce(sum(CASE from_account_id WHEN 'receivable' THEN -amount_microusd
                                                     ELSE amount_microusd END), 0)::bigint AS total
            FROM billing_transfer AS transfer
            WHERE transfer.organization_id = invoice.organization_id
                AND reference = 'invoice:' || invoice.id
        ) AS paid
        WHERE paid.total <> CASE WHEN is_settled THEN usage_microusd ELSE 0 END
        ORDER BY 1
        """,
    ),
    (
        "invoice {0} says {1} refunded and {2} disputed of what it was paid with, and its transfers say {3} and {4}",
        """
        WITH moved AS (
            SELECT invoice_id AS id, transfer.organization_id,
                   coalesce(sum(signed) FILTER (WHERE 'cash' IN (from_id, to_id)), 0)::bigint AS refunded,
                   coalesce(sum(signed) FILTER (WHERE 'disputes' IN (from_id, to_id)), 0)::bigint AS disputed
            FROM (
                SELECT organization_id, from_account_id AS from_id, to_account_id AS to_id,
                       split_part(reference, ':', 2) AS reversal_id,
                       CASE kind WHEN 'claw_back' THEN amount_microusd ELSE -amount_microusd END AS signed
                FROM billing_transfer
                WHERE kind IN ('claw_back', 'reinstate') AND grant_id IS NULL
                    AND from_account_id NOT LIKE 'debt:%' AND to_account_id NOT LIKE 'debt:%'
            ) AS transfer LEFT JOIN billing_reversal AS reversal ON reversal.id = reversal_id
            GROUP BY 1, 2
        )
        SELECT coalesce(invoice.id, moved.id, 'of ' || moved.organization_id), refunded_microusd,
               disputed_microusd, coalesce(moved.refunded, 0), coalesce(moved.disputed, 0)
        FROM billing_invoice AS invoice FULL JOIN moved USING (id, organization_id)
        WHERE (refunded_microusd, disputed_microusd)
            IS DISTINCT FROM (coalesce(moved.refunded, 0), coalesce(moved.disputed, 0))
        ORDER BY 1
        """,
    ),
    (
        "invoice {0} says that {1} of it was forgiven, and its transfers say {2}",
        """
        WITH moved AS (
            SELECT split_part(reference, ':', 2) AS id, organization_id,
                   sum(CASE from_account_id WHEN 'write_off' THEN amount_microusd
                                            ELSE -amount_microusd END)::bigint AS forgiven
            FROM billing_transfer WHERE kind = 'write_off' AND reference LIKE 'forgiven:%'
            GROUP BY 1, 2
        )
        SELECT id, forgiven_microusd, coalesce(moved.forgiven, 0)
        FROM billing_invoice AS invoice FULL JOIN moved USING (id, organization_id)
        WHERE forgiven_microusd IS DISTINCT FROM coalesce(moved.forgiven, 0)
        ORDER BY 1
        """,
    ),
    (
        "transfer {0} is a payment of {1}, which is no invoice of its organization",
        """
        SELECT transfer.id, reference FROM billing_transfer AS transfer
        WHERE kind = 'payment' AND NOT EXISTS (SELECT FROM billing_invoice AS invoice
            WHERE 'invoice:' || invoice.id = reference
                AND invoice.organization_id = transfer.organization_id)
        ORDER BY 1
        """,
    ),
    (
        "invoice {0} says that {1} was used, and what is on it comes to {2}",
        """
        SELECT invoice.id, usage_microusd, counted.total
        FROM billing_invoice AS invoice CROSS JOIN LATERAL (
            SELECT coalesce(sum(CASE WHEN event.invoice_id = invoice.id THEN value_microusd ELSE 0 END)
                          - sum(CASE WHEN credited_on_id = invoice.id THEN value_microusd ELSE 0 END),
                            0)::bigint AS total
            FROM billing_meterevent AS event
            WHERE event.invoice_id = invoice.id OR credited_on_id = invoice.id
        ) AS counted
        WHERE usage_microusd <> counted.total
        ORDER BY 1
        """,
    ),
    (
        "meter event {0} tells {1} of {2}, and what was captured is {3} of {4}",
        """
        SELECT event.id, event.value_microusd, event.reference,
               transfer.amount_microusd, transfer.reference
        FROM billing_meterevent AS event
        LEFT JOIN (billing_transfer AS transfer JOIN billing_grant AS grants
                ON grants.id = transfer.grant_id AND grants.kind = 'invoice')
            ON transfer.id = event.id AND transfer.kind = 'capture'
        WHERE meter = 'invoiced' AND (event.value_microusd, event.reference, event.organization_id)
            IS DISTINCT FROM
                (transfer.amount_microusd, transfer.reference, transfer.organization_id)
        ORDER BY 1
        """,
    ),
    (
        "capture {0} of {1} burned credits of a line, and no meter was told",
        """
        SELECT transfer.id, transfer.reference FROM billing_grant AS grants
        JOIN accounts_organization AS organization
            ON organization.id = grants.organization_id AND NOT is_sandbox
        JOIN billing_transfer AS transfer ON transfer.grant_id = grants.id AND transfer.kind = 'capture'
        WHERE grants.kind = 'invoice'
            AND EXISTS (SELECT FROM billing_usagerecord AS usage
                WHERE usage.reference = transfer.reference)
            AND NOT EXISTS (SELECT FROM billing_meterevent AS event WHERE event.id = transfer.id)
        ORDER BY 1
        """,
    ),
    (
        "meter event {0} tells {1} of {2}, and the usage record says {3} of {4}",
        """
        SELECT event.id, event.value_microusd, event.reference, usage.amount_microusd, usage.reference
        FROM billing_meterevent AS event LEFT JOIN billing_usagerecord AS usage ON usage.id = event.id
        WHERE meter = 'usage' AND (event.value_microusd, event.reference, event.organization_id)
            IS DISTINCT FROM (usage.amount_microusd, usage.reference, usage.organization_id)
        ORDER BY 1
        """,
    ),
)
