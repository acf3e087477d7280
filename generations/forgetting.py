"""How a name is forgotten: every room changes its own rows, in one transaction."""

from django.db import transaction

from accounts import pseudonyms
from accounts.models import ApiKey, Organization, User
from billing import end_users
from generations.models import Generation


@transaction.atomic
def forget_end_user(
    organization: Organization,
    end_user_id: str,
    *,
    actor: User | None = None,
    api_key: ApiKey | None = None,
    address: str | None = None,
) -> str | None:
    """The end user's money and generations are under a pseudonym from now on; that pseudonym.

    None if nobody of this name was ever seen. A repeat changes nothing. What a prompt or metadata says
    is not looked into. Locks the wallet first, as all that moves money does.
    """
    pseudonym = pseudonyms.of(organization, end_user_id)
    if not any(end_users.exists(organization, id) for id in (end_user_id, pseudonym)):
        return None
    end_users.forget(organization, end_user_id, actor=actor, api_key=api_key, address=address)
    Generation.objects.filter(organization=organization, end_user_id=end_user_id).update(
        end_user_id=pseudonym
    )
    return pseudonym
