"""What happens to a person, whoever asks for it."""

from allauth.account.forms import default_token_generator
from allauth.account.models import EmailAddress
from allauth.account.utils import user_pk_to_url_str
from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.urls import reverse

from accounts import account_mails
from accounts.models import User


def confirm_address(user: User) -> None:
    """We know that the address is theirs: they sign in without a code from the mail. A repeat changes nothing."""
    EmailAddress.objects.update_or_create(
        user=user, email=user.email, defaults={"verified": True, "primary": True}
    )


def rename(user: User, name: str) -> None:
    """What others see of them. A repeat changes nothing."""
    user.name = name.strip()
    user.save(update_fields=["name"])


def reset_mail(email: str) -> list[EmailMultiAlternatives]:
    """A link to choose a new password, to the person of this address; to a stranger, that there is none.

    The link is made here, so that it lies in no table. Each link works once.
    """
    user = User.objects.filter(email=email, is_active=True).first()
    if user is None:
        return account_mails.of("unknown_account", email, {})
    key = f"{user_pk_to_url_str(user)}-{default_token_generator.make_token(user)}"
    path = reverse("account_reset_password_from_key", kwargs={"uidb36": "UID", "key": "KEY"})
    url = f"{settings.PUBLIC_URL}{path.replace('UID-KEY', key)}"
    return account_mails.of("password_reset_key", email, {"url": url})
