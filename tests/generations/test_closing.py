"""A closed organization begins nothing, ends what runs, and is forgotten on its day, when the books stay."""

import time
from datetime import timedelta
from pathlib import Path

from django.utils import timezone

from accounts import api_keys, invitations, key_changes, organizations
from accounts.invitation_checks import Wanted
from accounts.models import Membership, Organization
from billing import budgets
from billing import closing as closing_money
from billing.models import Transfer, UsageRecord
from generations import closing, lifecycle, tasks, uploads
from generations.models import Generation, StoredFile, Upload
from tests.accounts.team import owner
from tests.generations.files import picture
from tests.generations.kept import Kept
from tests.generations.steps import BODY, Line, lose_tasks, run_all
from tests.generations.test_forget_end_user import everything
from tests.world import Api, money

NAME = "jane.doe@example.com"
PROMPT = "a red kite over a beach"


def close(acme: Organization) -> None:
    closing.close(acme, by=owner(acme).user)


def finished(line: Line, **fields: object) -> Generation:
    generation = line.running(**fields)
    line.upstream.finish(line.upstream.jobs[generation.attempts.get().job_id])
    line.reconcile()
    run_all()
    return line.now(generation)


def test_what_waits_is_canceled_and_what_runs_is_charged(
    acme: Organization, line: Line, api: Api
) -> None:
    running, queued = line.running(), line.create()
    said = closing.preview(acme)
    assert (said.waiting_count, said.running_count, said.kept_count) == (1, 1, 2)
    lose_tasks()

    close(acme)
    run_all()
    line.upstream.finish(line.upstream.jobs[running.attempts.get().job_id])
    line.reconcile()
    run_all()
    tasks.erase_closed()

    assert line.now(queued).state == "canceled"
    assert (line.now(running).state, line.now(running).charged_microusd) == ("succeeded", 451_600)
    assert line.now(running).input["prompt"] == PROMPT
    assert money(acme) == (0, 0)
    assert api.post("/generations", BODY).status_code == 401


def test_what_went_back_to_the_queue_is_canceled_by_the_clock(
    acme: Organization, line: Line
) -> None:
    submitting = line.submitting()
    close(acme)
    lose_tasks()
    lifecycle.not_started(submitting.attempts.get(), "the provider is busy")
    assert line.now(submitting).state == "queued"

    tasks.cancel_closed()
    tasks.cancel_closed()

    assert line.now(submitting).state == "canceled"
    closing_money.settle_due()
    assert money(acme) == (0, 0)


def test_one_that_was_reopened_cancels_nothing(acme: Organization, line: Line) -> None:
    queued = line.create()
    close(acme)
    closing_money.reopen(acme, by=owner(acme).user)
    tasks.cancel_closed()
    assert line.now(queued).state == "queued"


def test_on_its_day_names_prompts_and_media_are_gone_and_the_books_stay(
    acme: Organization, line: Line, storage: Kept, tmp_path: Path
) -> None:
    generation = finished(line, end_user_id=NAME)
    file = tmp_path / "kite.jpg"
    file.write_bytes(picture())
    uploads.receive(acme, file)
    budgets.set_limit(acme, "end_user", NAME, limit_microusd=9_000_000, period="month")
    invitations.invite(acme, [Wanted("bo@example.com", "viewer")], by=owner(acme))
    transfers = Transfer.objects.count()
    organizations.rename(acme, "Kites of Jane", by=owner(acme).user)
    key, _ = api_keys.issue(acme, "Server of Jane")
    key_changes.change(key, name="Laptop of Jane", terms={})
    names = (NAME, PROMPT, "bo@example.com", "Kites of Jane", "Laptop of Jane")
    assert all(name in everything() for name in names)
    assert storage.names()
    close(acme)
    run_all()

    line.clock.shift(timedelta(days=30))
    tasks.erase_closed()
    tasks.erase_closed()

    acme.refresh_from_db()
    assert (acme.name, bool(acme.erased_at)) == ("A closed organization", True)
    assert [name for name in (*names, "Server of Jane") if name in everything()] == []
    assert not Upload.objects.exists()
    assert not StoredFile.objects.exists()
    assert storage.names() == []
    assert not acme.memberships.exists()
    assert Membership.with_former.filter(organization=acme).exists()
    assert UsageRecord.objects.get().amount_microusd == 451_600
    assert line.now(generation).charged_microusd == 451_600
    assert Transfer.objects.count() > transfers


def test_it_is_not_erased_a_second_too_early_or_when_reopened(
    acme: Organization, line: Line
) -> None:
    finished(line)
    close(acme)
    line.clock.shift(timedelta(days=29, hours=23))
    tasks.erase_closed()
    assert line.now(Generation.objects.get()).input["prompt"] == PROMPT
    closing_money.reopen(acme, by=owner(acme).user)
    line.clock.shift(timedelta(days=30))
    tasks.erase_closed()
    assert line.now(Generation.objects.get()).input["prompt"] == PROMPT
    acme.refresh_from_db()
    assert acme.erased_at is None


def test_a_run_that_ends_early_is_taken_up_by_the_next_one(acme: Organization, line: Line) -> None:
    finished(line)
    close(acme)
    Organization.objects.update(erase_at=timezone.now() - timedelta(seconds=1))
    acme.refresh_from_db()

    assert not closing.erase(acme, ends=time.monotonic())
    acme.refresh_from_db()
    assert acme.erased_at is None
    assert closing.erase(acme, ends=time.monotonic() + 60)
    acme.refresh_from_db()
    assert acme.erased_at
