"""Money in: who pays at Stripe, what was bought, and what of it went back. Amounts of Stripe are cents."""

from functools import partial

from django.db import models
from django.db.models import F, Q

from accounts.models import Organization, User
from billing.models.books import Grant
from seedance_saas import ids


class StripeCustomer(models.Model):
    """An organization as Stripe knows it, and the card that it pays with when nobody is there to ask."""

    organization = models.OneToOneField(
        Organization, models.PROTECT, primary_key=True, related_name="stripe_customer"
    )
    stripe_id = models.CharField(max_length=100, unique=True)
    # A copy of what Stripe said last; all empty without a card.
    payment_method_id = models.CharField(max_length=100, blank=True)
    card_brand = models.CharField(max_length=30, blank=True)
    card_last4 = models.CharField(max_length=4, blank=True)
    card_fingerprint = models.CharField(max_length=100, blank=True)  # the same for the same number
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.stripe_id


class Purchase(models.Model):
    """Credits that are being bought, or were: the row exists before Stripe is asked for anything.

    Its id is Stripe's idempotency key, so that whoever asks twice is answered twice and pays once.
    """

    class Origin(models.TextChoices):
        CHECKOUT = "checkout"  # a person pays on Stripe's page
        AUTO_TOP_UP = "auto_top_up"  # the saved card is charged while nobody is there

    class State(models.TextChoices):
        CREATED = "created"  # Stripe has not answered yet
        OPEN = "open"  # the person is on Stripe's page
        CLOSING = "closing"  # another one took its place: Stripe's page is to be closed
        PROCESSING = "processing"  # paid by a method that takes days
        PAID = "paid"
        FAILED = "failed"
        EXPIRED = "expired"  # left without paying

    # Stripe may still charge somebody for it.
    UNDER_WAY = (State.CREATED, State.OPEN, State.CLOSING, State.PROCESSING)

    id = models.CharField(
        primary_key=True, max_length=ids.ID_LENGTH, default=partial(ids.new, "pur"), editable=False
    )
    organization = models.ForeignKey(
        Organization, models.PROTECT, related_name="purchases", db_index=False
    )
    origin = models.CharField(max_length=12, choices=Origin.choices)
    made_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    token = models.CharField(
        max_length=40, blank=True
    )  # of the form: a second click sends it again
    state = models.CharField(max_length=12, choices=State.choices, default=State.CREATED)
    # When whoever owns the state looks at it next.
    due_at = models.DateTimeField()

    # The credits' price, without tax. Wide, for the check below counts it in micro-dollars.
    amount_cents = models.PositiveBigIntegerField()
    bonus_microusd = models.BigIntegerField(default=0)
    tax_cents = models.PositiveIntegerField(default=0)
    total_cents = models.PositiveIntegerField(null=True)  # what was paid

    session_id = models.CharField(max_length=100, blank=True)  # Stripe's page
    session_url = models.TextField(blank=True)
    intent_id = models.CharField(max_length=100, blank=True)  # Stripe's payment
    payment_method_id = models.CharField(max_length=100, blank=True)
    card_brand = models.CharField(max_length=30, blank=True)
    card_last4 = models.CharField(max_length=4, blank=True)
    card_fingerprint = models.CharField(max_length=100, blank=True)
    receipt_url = models.TextField(blank=True)
    invoice_url = models.TextField(blank=True)
    failure_code = models.CharField(max_length=60, blank=True)
    failure_message = models.TextField(blank=True)

    grant = models.OneToOneField(Grant, models.PROTECT, null=True, related_name="purchase")
    bonus_grant = models.OneToOneField(
        Grant, models.PROTECT, null=True, related_name="bonus_of_purchase"
    )
    # What refunds and disputes have taken back so far: of what was paid for, and of the bonus.
    withdrawn_microusd = models.BigIntegerField(default=0)
    bonus_withdrawn_microusd = models.BigIntegerField(default=0)

    # How often Stripe's answer was written here: one that was read before another was written is too old.
    looks_count = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField()
    paid_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["organization", "id"], name="purchases_of_organization"),
            models.Index(
                fields=["due_at"],
                name="purchases_under_way",
                condition=Q(state__in=("created", "open", "closing", "processing")),
            ),
            models.Index(
                fields=["organization", "card_fingerprint"],
                name="top_ups_by_card",
                condition=Q(origin="auto_top_up"),
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                name="one_purchase_per_form",
                fields=["organization", "token"],
                condition=~Q(token=""),
            ),
            models.UniqueConstraint(
                name="one_open_checkout_per_person",
                fields=["organization", "made_by"],
                condition=Q(origin="checkout", state__in=("created", "open")),
            ),
            models.UniqueConstraint(
                name="one_auto_top_up_in_flight",
                fields=["organization"],
                condition=Q(origin="auto_top_up", state__in=("created", "processing")),
            ),
            models.UniqueConstraint(
                name="one_purchase_per_checkout",
                fields=["session_id"],
                condition=~Q(session_id=""),
            ),
            models.UniqueConstraint(
                name="one_purchase_per_payment", fields=["intent_id"], condition=~Q(intent_id="")
            ),
            models.CheckConstraint(name="purchase_is_positive", condition=Q(amount_cents__gt=0)),
            models.CheckConstraint(
                name="paid_purchase_has_a_grant",
                condition=Q(
                    state="paid",
                    grant__isnull=False,
                    paid_at__isnull=False,
                    total_cents__isnull=False,
                )
                & ~Q(intent_id="")
                | (~Q(state="paid") & Q(grant__isnull=True, paid_at__isnull=True)),
            ),
            models.CheckConstraint(
                name="purchase_gives_back_at_most_what_it_gave",
                condition=Q(
                    withdrawn_microusd__gte=0,
                    withdrawn_microusd__lte=F("amount_cents") * 10_000,
                    bonus_withdrawn_microusd__gte=0,
                    bonus_withdrawn_microusd__lte=F("bonus_microusd"),
                ),
            ),
        ]

    def __str__(self) -> str:
        return self.id

    @property
    def reference(self) -> str:
        return f"purchase:{self.id}"

    @property
    def amount_microusd(self) -> int:
        return self.amount_cents * 10_000

    @property
    def is_under_way(self) -> bool:
        return self.state in self.UNDER_WAY


class Reversal(models.Model):
    """Money that went back, or is about to: one refund, or one dispute, of Stripe's.

    Of a purchase, or of what an invoice was paid with. A refund that we start (of a purchase only) has its row first;
    its id is Stripe's idempotency key.
    """

    class Kind(models.TextChoices):
        REFUND = "refund"
        DISPUTE = "dispute"

    class State(models.TextChoices):
        REQUESTED = "requested"  # a refund of ours that Stripe has not answered yet
        PENDING = "pending"  # on its way
        SUCCEEDED = "succeeded"
        FAILED = "failed"  # a refund that came back, or was refused or canceled
        INQUIRY = "inquiry"  # a dispute that may follow; no money has moved
        OPEN = "open"
        LOST = "lost"
        WON = "won"  # the money came back

    # The money is not ours while it is in one of these.
    COUNTED = (State.REQUESTED, State.PENDING, State.SUCCEEDED, State.OPEN, State.LOST)

    id = models.CharField(
        primary_key=True, max_length=ids.ID_LENGTH, default=partial(ids.new, "rev"), editable=False
    )
    purchase = models.ForeignKey(Purchase, models.PROTECT, null=True, related_name="reversals")
    invoice = models.ForeignKey(
        "billing.Invoice", models.PROTECT, null=True, related_name="reversals"
    )
    kind = models.CharField(max_length=8, choices=Kind.choices)
    stripe_id = models.CharField(max_length=100, blank=True)
    amount_cents = models.PositiveIntegerField()  # tax included, as it was paid
    state = models.CharField(max_length=10, choices=State.choices)
    due_at = models.DateTimeField(null=True)  # of one that Stripe has not ended
    reason = models.CharField(max_length=200, blank=True)
    failure_message = models.TextField(blank=True)
    evidence_due_at = models.DateTimeField(null=True)  # of a dispute that waits for our answer
    made_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    # How often it has moved money in our books: a number in the references of its transfers.
    moves_count = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["due_at"], name="reversals_under_way", condition=Q(due_at__isnull=False)
            )
        ]
        constraints = [
            models.UniqueConstraint(
                name="one_reversal_per_object", fields=["stripe_id"], condition=~Q(stripe_id="")
            ),
            models.CheckConstraint(name="reversal_is_positive", condition=Q(amount_cents__gt=0)),
            models.CheckConstraint(
                name="reversal_is_of_one",
                condition=Q(purchase__isnull=False, invoice=None)
                | Q(purchase=None, invoice__isnull=False),
            ),
            models.CheckConstraint(
                name="only_our_own_refund_waits_for_its_id",
                condition=~Q(stripe_id="")
                | Q(kind="refund", state__in=("requested", "failed"), purchase__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"

    @property
    def counted_cents(self) -> int:
        return self.amount_cents if self.state in self.COUNTED else 0


class AutoTopUp(models.Model):
    """On which terms an organization lets us charge its saved card. Suspended: not until somebody acts."""

    class Suspension(models.TextChoices):
        DECLINED = "declined"  # three times; until the card is another one
        AUTHENTICATION = "authentication"  # the bank wants the person; until they paid once
        NO_CARD = "no_card"
        MONEY_BACK = "money_back"  # of a purchase; until a person agrees to the terms again

    organization = models.OneToOneField(
        Organization, models.PROTECT, primary_key=True, related_name="auto_top_up"
    )
    is_on = models.BooleanField(default=False)
    threshold_microusd = models.BigIntegerField()
    # One of the two: always the same amount, or as much as fills up to the target.
    amount_cents = models.PositiveIntegerField(null=True)
    target_microusd = models.BigIntegerField(null=True)
    ceiling_cents = models.PositiveIntegerField()  # of a month in UTC
    suspension = models.CharField(max_length=14, choices=Suspension.choices, blank=True)
    suspended_fingerprint = models.CharField(max_length=100, blank=True)
    next_attempt_at = models.DateTimeField()
    # The month for which it was said that the ceiling stands in the way.
    ceiling_told_on = models.DateField(null=True)
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="top_up_has_an_amount_or_a_target",
                condition=Q(amount_cents__gt=0, target_microusd=None)
                | Q(amount_cents=None, target_microusd__gt=F("threshold_microusd")),
            ),
            models.CheckConstraint(
                name="top_up_threshold_is_positive", condition=Q(threshold_microusd__gt=0)
            ),
        ]

    def __str__(self) -> str:
        return f"auto top-up of {self.organization_id}"
