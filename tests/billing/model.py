"""An organization's money as plain arithmetic: what the ledger must come to, told without a database."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from accounts.models import Organization
from billing.balances import Balance
from billing.ledger import Wanted
from billing.models import Grant

NEVER = datetime.max.replace(tzinfo=UTC)
PRIORITIES = {"promotional": 10, "purchased": 50, "invoice": 90}


def month_ends(now: datetime) -> datetime:
    year, month = (now.year + 1, 1) if now.month == 12 else (now.year, now.month + 1)
    return datetime(year, month, 1, tzinfo=UTC)


def same_period(period: str, day: date, today: date) -> bool:
    if day > today:
        return False
    if period == "day":
        return day == today
    if period == "week":
        return day.isocalendar()[:2] == today.isocalendar()[:2]
    return period == "lifetime" or (day.year, day.month) == (today.year, today.month)


def resets_at(period: str, now: datetime) -> str | None:
    midnight = datetime.combine(now.date(), time(), UTC)
    ends = {
        "day": midnight + timedelta(days=1),
        "week": midnight + timedelta(days=8 - now.isoweekday()),
        "month": month_ends(now),
        "lifetime": None,
    }[period]
    return ends.strftime("%Y-%m-%dT%H:%M:%S.000Z") if ends else None


def usd(microusd: int) -> str:
    """For amounts of less than a cent, which is all that the histories move."""
    text = f"0.{microusd:06d}"
    return text[:6] + text[6:].rstrip("0")


@dataclass
class Credits:
    grant: Grant
    left: int

    def is_living(self, now: datetime) -> bool:
        return (self.grant.expires_at or NEVER) > now


@dataclass(frozen=True)
class Terms:
    limit: int | None
    period: str


@dataclass
class Work:
    """One hold: what it took of which grant, on whose account and on which day."""

    amount: int
    slices: list[tuple[Credits, int]]
    subjects: list[tuple[str, str]]
    day: date
    captured: int | None = None


@dataclass
class Book:
    organization: Organization
    credits: list[Credits] = field(default_factory=list)
    works: dict[str, Work] = field(default_factory=dict)
    budgets: dict[tuple[str, str], Terms] = field(default_factory=dict)
    debt: int = 0
    running: list[int] = field(default_factory=list)  # available after each transfer

    def note(self) -> None:
        self.running.append(sum(credits.left for credits in self.credits))

    def open(self) -> list[str]:
        return sorted(name for name, work in self.works.items() if work.captured is None)

    def ended(self) -> list[str]:
        return sorted(name for name, work in self.works.items() if work.captured is not None)

    def deposit(self, grant: Grant) -> None:
        credits = Credits(grant, grant.amount_microusd)
        self.credits.append(credits)
        self.note()
        if credits.grant.kind != "invoice" and (repaid := min(self.debt, credits.left)):
            self.debt -= repaid
            credits.left -= repaid
            self.note()

    def subjects(self, wanted: Wanted) -> list[tuple[str, str]]:
        named = [
            ("organization", self.organization.pk),
            ("member", wanted.member_id),
            ("api_key", wanted.api_key_id),
            ("end_user", wanted.end_user_id),
        ]
        return [(scope, id) for scope, id in named if id]

    def terms(self, scope: str, id: str) -> Terms | None:
        return self.budgets.get((scope, id), self.budgets.get((scope, "*")))

    def spent_and_held(self, scope: str, id: str, period: str, now: datetime) -> tuple[int, int]:
        """Over every hold there ever was, which is what the product must never do."""
        works = [
            work
            for work in self.works.values()
            if (scope, id) in work.subjects and same_period(period, work.day, now.date())
        ]
        spent = sum(work.captured or 0 for work in works)
        return spent, sum(work.amount for work in works if work.captured is None)

    def verdict(self, asked: list[Wanted], now: datetime) -> dict[str, Any] | None:
        """How the holds are refused, None when they are not."""
        new = [wanted for wanted in asked if wanted.reference not in self.works]
        if not new:
            return None
        if self.debt:
            return {"code": "billing_hold", "retryable": False, "debt_usd": usd(self.debt)}
        before: dict[tuple[str, str], int] = defaultdict(int)  # of the same call
        for wanted in new:
            for subject in self.subjects(wanted):
                if refused := self._over(subject, wanted, before[subject], asked, now):
                    return refused
                before[subject] += wanted.amount_microusd
        needed = sum(wanted.amount_microusd for wanted in new)
        available = self.available(now)
        if needed > available:
            return {
                "code": "insufficient_credits",
                "retryable": False,
                "needed_usd": usd(needed),
                "available_usd": usd(available),
            }
        return None

    def _over(
        self,
        subject: tuple[str, str],
        wanted: Wanted,
        before: int,
        asked: list[Wanted],
        now: datetime,
    ) -> dict[str, Any] | None:
        terms = self.terms(*subject)
        if terms is None or terms.limit is None:
            return None
        spent, held = self.spent_and_held(*subject, terms.period, now)
        if spent + held + before + wanted.amount_microusd <= terms.limit:
            return None
        whole = sum(one.amount_microusd for one in asked if subject in self.subjects(one))
        return {
            "code": "budget_exceeded",
            "retryable": spent + whole <= terms.limit,
            "scope": subject[0],
            "id": subject[1],
            "period": terms.period,
            "limit_usd": usd(terms.limit),
            "spent_usd": usd(spent),
            "held_usd": usd(held + before),
            "needed_usd": usd(wanted.amount_microusd),
            "resets_at": resets_at(terms.period, now),
        }

    def hold(self, asked: list[Wanted], now: datetime) -> None:
        for wanted in asked:
            if wanted.reference in self.works:
                continue
            left, slices = wanted.amount_microusd, []
            for credits in sorted(
                self.credits,
                key=lambda credits: (
                    PRIORITIES[credits.grant.kind],
                    credits.grant.expires_at or NEVER,
                    credits.grant.id,
                ),
            ):
                if taken := min(left, credits.left if credits.is_living(now) else 0):
                    left -= taken
                    credits.left -= taken
                    slices.append((credits, taken))
                    self.note()
            assert left == 0
            self.works[wanted.reference] = Work(
                wanted.amount_microusd, slices, self.subjects(wanted), now.date()
            )

    def resolve(self, reference: str, amount: int, now: datetime) -> None:
        work = self.works[reference]
        work.captured = amount
        for credits, taken in work.slices:
            captured = min(amount, taken)
            amount -= captured
            if captured:
                self.note()
            if taken > captured:
                credits.left += taken - captured
                self.note()
        touched = [credits for credits, _ in work.slices if not credits.is_living(now)]
        for credits in sorted(touched, key=lambda credits: credits.grant.id):
            self.expire(credits)

    def expire(self, credits: Credits) -> int:
        left, credits.left = credits.left, 0
        if left:
            self.note()
        return left

    def claw_back(self, taken: list[Credits], amount: int) -> int:
        for credits in taken:
            if take := min(amount, credits.left):
                credits.left -= take
                amount -= take
                self.note()
        self.debt += amount
        if amount:
            self.note()
        return amount

    def correct(self, credits: Credits, change: int) -> None:
        credits.left += change
        self.note()

    def available(self, now: datetime, kind: str | None = None) -> int:
        return sum(
            credits.left
            for credits in self.credits
            if credits.is_living(now) and kind in (None, credits.grant.kind)
        )

    def held(self) -> int:
        return sum(self.works[name].amount for name in self.open())

    def balance(self, now: datetime) -> Balance:
        return Balance(
            available_microusd=self.available(now),
            held_microusd=self.held(),
            purchased_microusd=self.available(now, "purchased"),
            promotional_microusd=self.available(now, "promotional"),
            invoice_microusd=self.available(now, "invoice"),
            debt_microusd=self.debt,
            is_on_account=False,
        )

    def balances(self) -> dict[str, int]:
        """Of every account, by its id."""
        grants = {credits.grant.account_id: credits.left for credits in self.credits}
        of = self.organization.pk
        return {**grants, f"held:{of}": self.held(), f"debt:{of}": self.debt}

    def spending(self) -> dict[tuple[str, str, date], tuple[int, int]]:
        """(held, charged) by scope, subject and day."""
        days: dict[tuple[str, str, date], list[int]] = defaultdict(lambda: [0, 0])
        for work in self.works.values():
            for subject in work.subjects:
                day = days[(*subject, work.day)]
                day[0] += work.amount if work.captured is None else 0
                day[1] += work.captured or 0
        return {key: (held, charged) for key, (held, charged) in days.items()}
