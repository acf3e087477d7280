"""Proves the books: everything that is cached or claimed, recomputed from the transfers alone."""

from django.db import connection, transaction

# Each query lists what is wrong, and nothing when all is right. The columns fill the sentence.
_CHECKS: tuple[tuple[str, str], ...] = (
    (
        "account {0} says {1} micro-dollars and its transfers say {2}",
        """
        SELECT id, balance_microusd, moved FROM (
            SELECT account.id, balance_microusd,
                   CASE WHEN kind = 'debt' THEN -1 ELSE 1 END
                       * (coalesce(incoming.total, 0) - coalesce(outgoing.total, 0)) AS moved
            FROM billing_account AS account
            LEFT JOIN (SELECT to_account_id AS id, sum(amount_microusd) AS total
                       FROM billing_transfer GROUP BY 1) AS incoming USING (id)
            LEFT JOIN (SELECT from_account_id AS id, sum(amount_microusd) AS total
                       FROM billing_transfer GROUP BY 1) AS outgoing USING (id)
            WHERE organization_id IS NOT NULL
        ) AS recomputed WHERE balance_microusd <> moved ORDER BY id
        """,
    ),
    (
        "wallet of {0} counts {1} transfers, there are {2}, and the newest has number {3}",
        """
        SELECT wallet.organization_id, transfers_count, count(transfer.id), coalesce(max(number), 0)
        FROM billing_wallet AS wallet
        LEFT JOIN billing_transfer AS transfer USING (organization_id)
        GROUP BY 1, 2
        HAVING transfers_count <> count(transfer.id) OR transfers_count <> coalesce(max(number), 0)
        ORDER BY 1
        """,
    ),
    (
        "transfer {0} says {1} micro-dollars are available after it, and the transfers up to it say {2}",
        """
        SELECT id, available_after_microusd, running FROM (
            SELECT id, organization_id, number, available_after_microusd,
                   sum(amount_microusd * ((to_account_id LIKE 'grant:%%')::int
                                          - (from_account_id LIKE 'grant:%%')::int))
                       OVER (PARTITION BY organization_id ORDER BY number) AS running
            FROM billing_transfer
        ) AS walked WHERE available_after_microusd <> running ORDER BY organization_id, number
        """,
    ),
    (
        "hold {0} says {1} held, {2} captured, and its transfers say {3} held, {4} captured, {5} released",
        """
        SELECT hold.reference, hold.amount_microusd, hold.captured_microusd,
               coalesce(moved.held, 0), coalesce(moved.captured, 0), coalesce(moved.released, 0)
        FROM billing_hold AS hold
        LEFT JOIN (
            SELECT hold_id,
                   sum(amount_microusd) FILTER (WHERE kind = 'hold') AS held,
                   sum(amount_microusd) FILTER (WHERE kind = 'capture') AS captured,
                   sum(amount_microusd) FILTER (WHERE kind = 'release') AS released
            FROM billing_transfer WHERE hold_id IS NOT NULL GROUP BY 1
        ) AS moved ON moved.hold_id = hold.id
        WHERE hold.amount_microusd <> coalesce(moved.held, 0)
           OR coalesce(hold.captured_microusd, 0) <> coalesce(moved.captured, 0)
           OR CASE WHEN resolved_at IS NULL THEN 0 ELSE hold.amount_microusd - captured_microusd END
              <> coalesce(moved.released, 0)
        ORDER BY hold.reference
        """,
    ),
    (
        "{0} holds {1} micro-dollars, and its open holds are {2}",
        """
        SELECT account.organization_id, balance_microusd, coalesce(sum(hold.amount_microusd), 0)
        FROM billing_account AS account
        LEFT JOIN billing_hold AS hold
            ON hold.organization_id = account.organization_id AND resolved_at IS NULL
        WHERE account.kind = 'held' GROUP BY account.id, 1, 2
        HAVING balance_microusd <> coalesce(sum(hold.amount_microusd), 0)
        ORDER BY 1
        """,
    ),
    (
        "grant {0} was {1} micro-dollars, and its deposit is {2}",
        """
        SELECT grants.id, grants.amount_microusd, coalesce(sum(transfer.amount_microusd), 0)
        FROM billing_grant AS grants
        LEFT JOIN billing_transfer AS transfer
            ON transfer.grant_id = grants.id AND transfer.kind = 'deposit'
        GROUP BY 1, 2
        HAVING grants.amount_microusd <> coalesce(sum(transfer.amount_microusd), 0)
        ORDER BY 1
        """,
    ),
    (
        "usage of {0} says {1} micro-dollars, and its hold captured {2}",
        """
        SELECT usage.reference, usage.amount_microusd, hold.captured_microusd
        FROM billing_usagerecord AS usage LEFT JOIN billing_hold AS hold USING (reference)
        WHERE usage.amount_microusd IS DISTINCT FROM hold.captured_microusd
        ORDER BY 1
        """,
    ),
)


def differences() -> list[str]:
    """Every difference, in words; empty when the books prove themselves.

    One snapshot for all checks, for money moves meanwhile: what one query sees, the next sees too.
    Within a caller's transaction it is that transaction's view.
    """
    found: list[str] = []
    outermost = not connection.in_atomic_block
    with transaction.atomic(), connection.cursor() as cursor:
        if outermost:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        for sentence, query in _CHECKS:
            cursor.execute(query, [])
            found += [sentence.format(*row) for row in cursor]
    return found
