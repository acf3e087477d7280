"""The books: transfers are the truth and balances their cache. Amounts are micro-dollars."""

from functools import partial

from django.db import models
from django.db.models import F, Q

from accounts.models import Organization
from seedance_saas import ids


class Wallet(models.Model):
    """One per organization: the row that every change of its money locks first."""

    organization = models.OneToOneField(
        Organization, models.PROTECT, primary_key=True, related_name="wallet"
    )
    # How many transfers the organization has: the number of its newest one.
    transfers_count = models.BigIntegerField(default=0)
    # The transfer up to which its alerts were looked at; another number: they are due.
    watched_number = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"wallet of {self.organization_id}"


class Account(models.Model):
    """Where money is. A tenant's account caches its balance; ours do not, or all would queue for one row."""

    class Kind(models.TextChoices):
        GRANT = "grant"  # credits that may be held
        HELD = "held"  # held for work that runs
        DEBT = "debt"  # taken back after it was spent; counted as what is owed, out minus in
        CASH = "cash"
        RECEIVABLE = "receivable"
        PROMOTIONS = "promotions"
        REVENUE = "revenue"
        BREAKAGE = "breakage"
        DISPUTES = "disputes"
        WRITE_OFF = "write_off"

    TENANT_KINDS = (Kind.GRANT, Kind.HELD, Kind.DEBT)

    # "cash", or "held:org_…": an account is named for what it is.
    id = models.CharField(primary_key=True, max_length=60)
    kind = models.CharField(max_length=12, choices=Kind.choices)
    organization = models.ForeignKey(
        Organization, models.PROTECT, null=True, related_name="ledger_accounts"
    )
    balance_microusd = models.BigIntegerField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="tenant_balance_is_never_negative", condition=Q(balance_microusd__gte=0)
            ),
            models.CheckConstraint(
                name="only_tenant_accounts_have_balances",
                condition=Q(
                    kind__in=("grant", "held", "debt"),
                    organization__isnull=False,
                    balance_microusd__isnull=False,
                )
                | (
                    ~Q(kind__in=("grant", "held", "debt"))
                    & Q(organization__isnull=True, balance_microusd__isnull=True)
                ),
            ),
            models.UniqueConstraint(
                name="one_held_and_one_debt_account",
                fields=["organization", "kind"],
                condition=Q(kind__in=("held", "debt")),
            ),
        ]

    def __str__(self) -> str:
        return self.id


class Grant(models.Model):
    """Credits that came in together, with a priority and perhaps an expiry. Its account has what is left."""

    class Kind(models.TextChoices):
        PURCHASED = "purchased"
        PROMOTIONAL = "promotional"
        INVOICE = "invoice"

    id = models.CharField(
        primary_key=True, max_length=ids.ID_LENGTH, default=partial(ids.new, "grt"), editable=False
    )
    organization = models.ForeignKey(Organization, models.PROTECT, related_name="grants")
    account = models.OneToOneField(Account, models.PROTECT, related_name="grant")
    kind = models.CharField(max_length=12, choices=Kind.choices)
    # Burn order: the smallest priority, then what expires first, then the oldest.
    priority = models.PositiveSmallIntegerField()
    amount_microusd = models.BigIntegerField()
    expires_at = models.DateTimeField(null=True)
    reference = models.CharField(max_length=100, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.CheckConstraint(name="grant_is_positive", condition=Q(amount_microusd__gt=0))
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"


class Hold(models.Model):
    """Credits kept for one piece of work until it is captured or released, exactly once.

    Its slices are its transfers of kind `hold`: one per grant that it took from.
    """

    id = models.CharField(
        primary_key=True, max_length=ids.ID_LENGTH, default=partial(ids.new, "hld"), editable=False
    )
    organization = models.ForeignKey(
        Organization, models.PROTECT, related_name="holds", db_index=False
    )
    reference = models.CharField(max_length=100, unique=True)  # "generation:gen_…"
    amount_microusd = models.BigIntegerField()
    captured_microusd = models.BigIntegerField(null=True)
    # On whose account it counts, as opaque strings; an empty one is nobody's.
    end_user_id = models.CharField(max_length=255, blank=True)
    member_id = models.CharField(max_length=ids.ID_LENGTH, blank=True)
    api_key_id = models.CharField(max_length=ids.ID_LENGTH, blank=True)
    created_at = models.DateTimeField()
    resolved_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["organization", "created_at"],
                name="open_holds_of_organization",
                condition=Q(resolved_at=None),
            )
        ]
        constraints = [
            models.CheckConstraint(name="hold_is_positive", condition=Q(amount_microusd__gt=0)),
            models.CheckConstraint(
                name="hold_captures_at_most_what_it_holds",
                condition=Q(captured_microusd__gte=0, captured_microusd__lte=F("amount_microusd")),
            ),
            models.CheckConstraint(
                name="hold_is_resolved_when_its_capture_is_known",
                condition=Q(captured_microusd=None, resolved_at=None)
                | Q(captured_microusd__isnull=False, resolved_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.reference

    @property
    def released_microusd(self) -> int:
        """What went back to its grants; zero while it is open."""
        if self.captured_microusd is None:
            return 0
        return self.amount_microusd - self.captured_microusd


class Transfer(models.Model):
    """A positive amount from one account to another. Never updated, never deleted: the database refuses.

    An organization's transfers are numbered without a gap, in the order in which they were committed.
    """

    class Kind(models.TextChoices):
        DEPOSIT = "deposit"
        HOLD = "hold"
        CAPTURE = "capture"
        RELEASE = "release"
        EXPIRE = "expire"
        CLAW_BACK = "claw_back"
        REINSTATE = "reinstate"
        REPAY = "repay"
        PAYMENT = "payment"
        WRITE_OFF = "write_off"
        CORRECTION = "correction"

    id = models.CharField(
        primary_key=True, max_length=ids.ID_LENGTH, default=partial(ids.new, "trf"), editable=False
    )
    organization = models.ForeignKey(
        Organization, models.PROTECT, related_name="transfers", db_index=False
    )
    number = models.BigIntegerField()
    kind = models.CharField(max_length=12, choices=Kind.choices)
    # No index: an account is recomputed in one pass over everything, never alone.
    from_account = models.ForeignKey(Account, models.PROTECT, related_name="+", db_index=False)
    to_account = models.ForeignKey(Account, models.PROTECT, related_name="+", db_index=False)
    amount_microusd = models.BigIntegerField()
    reference = models.CharField(max_length=100)  # what it is for: "generation:gen_…"
    grant = models.ForeignKey(Grant, models.PROTECT, null=True, related_name="transfers")
    hold = models.ForeignKey(Hold, models.PROTECT, null=True, related_name="transfers")
    # All grants of the organization together, once this transfer is done.
    available_after_microusd = models.BigIntegerField()
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(name="transfer_is_positive", condition=Q(amount_microusd__gt=0)),
            models.CheckConstraint(
                name="transfer_goes_somewhere", condition=~Q(from_account=F("to_account"))
            ),
            models.UniqueConstraint(
                name="transfers_are_numbered", fields=["organization", "number"]
            ),
            # The idempotency of the ledger: one deposit per purchase, one slice per hold and grant.
            models.UniqueConstraint(
                name="transfer_happens_once",
                fields=["reference", "kind", "grant"],
                nulls_distinct=False,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.reference}"
