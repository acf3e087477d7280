"""A sandbox has free credits, filled by a stated rule; a live organization has none."""

from datetime import timedelta
from functools import partial

import pytest
import time_machine
from django.utils import timezone

from accounts import api_keys
from accounts.models import AuditEntry, Organization
from billing import founding, sandboxes
from billing.founding import OWNED_MAX, TooManyOrganizations
from billing.models import Grant
from billing.sandboxes import FILLS_PER_DAY_MAX, EnoughCredits, NotASandbox
from seedance_saas.errors import RateLimited
from tests.billing import moves
from tests.race import race
from tests.world import make_user, money


@pytest.fixture
def sandbox(db: None) -> Organization:
    return founding.found("Acme, to try", owner=make_user(), is_sandbox=True)


def use(organization: Organization, microusd: int) -> None:
    moves.used(organization, f"work:{Grant.objects.count()}", microusd)


def test_it_begins_full_with_gifts_and_keys_of_its_own(sandbox: Organization) -> None:
    assert money(sandbox) == (100_000_000, 0)
    assert Grant.objects.get().kind == Grant.Kind.PROMOTIONAL
    _, secret = api_keys.issue(sandbox, "trial")
    assert secret.startswith("sd_test_")
    actions = AuditEntry.objects.filter(organization=sandbox).order_by("id")
    assert list(actions.values_list("action", flat=True))[:2] == [
        "organization.created",
        "sandbox.filled",
    ]


def test_a_live_one_begins_with_nothing(db: None) -> None:
    live = founding.found("Acme", owner=make_user())
    assert money(live) == (0, 0)
    with pytest.raises(NotASandbox):
        sandboxes.fill(live, by=make_user())
    assert money(live) == (0, 0)
    assert not Grant.objects.exists()


def test_it_is_filled_when_little_is_left_and_up_to_the_brim(sandbox: Organization) -> None:
    use(sandbox, 80_000_000)
    with pytest.raises(EnoughCredits, match=r"less than \$20.0000"):
        sandboxes.fill(sandbox, by=make_user())
    assert money(sandbox) == (20_000_000, 0)

    moves.used(sandbox, "work:more", 1)
    sandboxes.fill(sandbox, by=make_user())

    assert money(sandbox) == (100_000_000, 0)


def test_it_is_filled_ten_times_a_day_at_most(sandbox: Organization) -> None:
    for _ in range(FILLS_PER_DAY_MAX - 1):
        use(sandbox, 100_000_000)
        sandboxes.fill(sandbox, by=make_user())
    use(sandbox, 100_000_000)

    with pytest.raises(RateLimited):
        sandboxes.fill(sandbox, by=make_user())
    assert money(sandbox) == (0, 0)

    with time_machine.travel(timezone.now() + timedelta(days=1, minutes=1)):
        sandboxes.fill(sandbox, by=make_user())
    assert money(sandbox) == (100_000_000, 0)


@pytest.mark.django_db(transaction=True)
def test_two_clicks_at_once_fill_once(sandbox: Organization) -> None:
    use(sandbox, 100_000_000)
    outcomes = race([partial(sandboxes.fill, sandbox, by=make_user()) for _ in range(4)])
    assert sorted(type(one).__name__ for one in outcomes) == [*["EnoughCredits"] * 3, "Grant"]
    assert money(sandbox) == (100_000_000, 0)


def test_an_owner_has_a_limited_number(db: None) -> None:
    ann = make_user()
    for number in range(OWNED_MAX):
        founding.found(f"No. {number}", owner=ann)
    with pytest.raises(TooManyOrganizations):
        founding.found("One more", owner=ann, is_sandbox=True)
    assert Organization.objects.count() == OWNED_MAX

    Organization.objects.filter(name="No. 0").update(closed_at=timezone.now())
    assert founding.found("One more", owner=ann)
