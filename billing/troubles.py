"""Of money: a Stripe that does not answer, and what the console's page *Money* says that a person has to do."""

from billing import matters
from billing.matters import Matter
from billing.stripe_gateway.connection import why_unavailable
from seedance_saas.troubles import Trouble


def found() -> list[Trouble]:
    return [*_stripe(), *_matters()]


def _stripe() -> list[Trouble]:
    why = why_unavailable()
    return [Trouble("stripe", f"Stripe cannot be asked: {why}")] if why else []


def _matters() -> list[Trouble]:
    return [
        Trouble(f"money:{one.word}", _words(one), path=one.url, count=max(one.count, 1))
        for one in matters.found()
        if one.needs_person
    ]


def _words(matter: Matter) -> str:
    words = f"{matter.word}: {matter.count:,}"
    if matter.note:
        words += f"; {matter.note}"
    if matter.seconds is not None:
        words += f" {int(matter.seconds // 60):,} minutes"
    if matter.since:
        words += f"; {matter.since_word} {matter.since:%Y-%m-%d %H:%M} UTC"
    return f"{words}."
