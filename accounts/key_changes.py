"""What is changed of a key that exists: its name, its terms, for whom it acts. Each counts from its next request on."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from django.db import transaction

from accounts import api_keys, audit, key_terms
from accounts.models import ApiKey, User


@transaction.atomic
def change(
    key: ApiKey,
    *,
    name: str | None = None,
    terms: Mapping[str, Any],
    by: User | None = None,
    by_key: ApiKey | None = None,
    address: str | None = None,
) -> ApiKey:
    """Another name and other `terms`, by the names of their fields, from the next request on. The rest stays.

    Raises KeyIsOver; WiderThanOwn if `by_key` would change a key that is not its like, or make one wider
    than itself. A repeat changes nothing. Locks the key's row.
    """
    key = ApiKey.objects.select_for_update(no_key=True).get(pk=key.pk)
    api_keys.require_living(key)
    was = key_terms.of(key)
    wanted = replace(was, **terms)
    if by_key:
        key_terms.require_same_account(key.member_id, by_key)
        # Itself as it is now: an admin may have narrowed it since it was let in.
        own = was if by_key.pk == key.pk else key_terms.of(by_key)
        key_terms.require_no_wider(wanted, own)
    is_renamed = name is not None and name != key.name
    if wanted == was and not is_renamed:
        return key
    key.name = key.name if name is None else name
    for field, value in wanted.as_fields().items():
        setattr(key, field, value)
    key.save(update_fields=["name", *wanted.as_fields()])
    before, after = was.as_json(), wanted.as_json()
    changed = [field for field in {**before, **after} if before.get(field) != after.get(field)]
    audit.note(
        key.organization,
        "api_key.changed",
        key.id,
        actor=by,
        api_key=by_key,
        address=address,
        before={field: before.get(field) for field in changed},
        after={field: after.get(field) for field in changed}
        | ({"is_renamed": True} if is_renamed else {}),
    )
    return key


@transaction.atomic
def give_to_organization(key: ApiKey, *, by: User, address: str | None = None) -> bool:
    """A personal key is one of the organization from its next request on, and outlives its member.

    What it runs stays on the member's budget. There is no way back: a key of the organization may have been
    handed on. A repeat changes nothing and is False. Raises KeyIsOver. Locks the key's row.
    """
    key = ApiKey.objects.select_for_update(no_key=True).get(pk=key.pk)
    if not key.is_personal:
        return False
    api_keys.require_living(key)
    before, key.member = key.member_id, None
    key.save(update_fields=["member"])
    audit.note(
        key.organization, "api_key.given_to_organization", key.id,
        actor=by, address=address, before={"member": before}, after={"member": None},
    )  # fmt: skip
    return True
