"""Our staff looks at an organization as its owner would: for a while, with a reason, and changes nothing.

The session only names the look; its row decides. So it ends at once on every process, and on its own after
LOOK_TIME, whether or not anybody comes back. The organization's audit trail shows when it began and ended.
"""

from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone

from accounts import audit
from accounts.models import Look, Membership, Organization, Role, User

LOOK_TIME = timedelta(minutes=30)
SESSION_KEY = "look_id"


@transaction.atomic
def begin(organization: Organization, *, staff: User, reason: str, address: str | None) -> Look:
    """From now on `staff` sees what an owner sees. Another look of theirs ends. Locks the person."""
    User.objects.select_for_update(no_key=True).get(pk=staff.pk)
    now = timezone.now()
    for open_look in Look.objects.filter(staff=staff, ended_at=None):
        end(open_look, by=staff, address=address)
    look = Look.objects.create(
        organization=organization, staff=staff, reason=reason, began_at=now, until=now + LOOK_TIME
    )
    audit.note(
        organization, "staff.look_began", look.id,
        actor=staff, address=address, after={"reason": reason, "until": look.until.isoformat()},
    )  # fmt: skip
    return look


@transaction.atomic
def end(look: Look, *, by: User | None = None, address: str | None = None) -> None:
    """Nothing more is seen. Nobody in `by`: its time was over. A repeat changes nothing."""
    now = timezone.now()
    if Look.objects.filter(pk=look.pk, ended_at=None).update(ended_at=min(now, look.until)):
        audit.note(look.organization, "staff.look_ended", look.id, actor=by, address=address)


def end_overdue() -> None:
    """The owner of looks that nobody ended."""
    overdue = Look.objects.filter(ended_at=None, until__lte=timezone.now())
    for look in overdue.select_related("organization"):
        end(look)


def is_marked(request: HttpRequest) -> bool:
    """Does this browser look, or did it until its time was over? A browser without a session is not asked."""
    return settings.SESSION_COOKIE_NAME in request.COOKIES and SESSION_KEY in request.session


def of(request: HttpRequest) -> Look | None:
    """The look that is under way in this browser. One query, and none without a marker."""
    if not is_marked(request) or not isinstance(request.user, User) or not request.user.is_staff:
        return None
    look = (
        Look.objects.filter(
            pk=request.session[SESSION_KEY],
            staff=request.user,
            ended_at=None,
            until__gt=timezone.now(),
        )
        .select_related("organization")
        .first()
    )
    if look:
        look.staff = request.user  # read already
    return look


def membership(look: Look) -> Membership:
    """What the pages take for the person's place in the organization. It is in no table."""
    return Membership(organization=look.organization, user=look.staff, role=Role.OWNER)
