"""Every setting, from the environment. Without any it serves one machine: embedded database, simulators.

A secret has no default: it is given, or made at random under `.data/` on a machine that runs embedded.
"""

import hmac
import sys
from hashlib import sha256
from pathlib import Path
from urllib.parse import unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured
from django.templatetags.static import static
from django.urls import reverse_lazy

from seedance_saas import database, env, sign_in_with

BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = Path(env.text("DATA_DIR", str(BASE_DIR / ".data"))).resolve()

# -- Where we are ---------------------------------------------------------------------------------
EMBEDDED = not env.text("DATABASE_URL", "")
PORT = env.integer("PORT", 8000, at_least=1, at_most=65_534)
PUBLIC_URL = env.url("SEEDANCE_URL", f"http://127.0.0.1:{PORT}", schemes=("https://", "http://"))
_PUBLIC = urlsplit(PUBLIC_URL)
HTTPS = _PUBLIC.scheme == "https"
SECRET_KEY = env.secret(
    "SECRET_KEY",
    file=DATA_DIR / "secret_key",
    create=EMBEDDED or sys.argv[1:2] == ["run"],  # `manage.py run` serves one machine
)
SECRET_KEY_FALLBACKS = env.text("SECRET_KEY_FALLBACKS", "").split()
DEBUG = False  # a stack trace in a stranger's browser helps nobody: errors go to the log
ALLOWED_HOSTS = [_PUBLIC.hostname or "localhost", *env.text("ALLOWED_HOSTS", "").split()]
if _PUBLIC.hostname in {"127.0.0.1", "localhost"}:
    ALLOWED_HOSTS += ["127.0.0.1", "localhost"]
# How many proxies of ours stand before us: whose word in X-Forwarded-For is believed.
TRUSTED_PROXIES = env.integer("TRUSTED_PROXIES", 0, at_most=10)
CSRF_TRUSTED_ORIGINS = [f"{_PUBLIC.scheme}://{_PUBLIC.netloc}"]
# Where our own staff works. Nobody guesses it, and it stays the same as long as SECRET_KEY does.
OPERATOR_PATH = env.segment(
    "OPERATOR_PATH", f"staff-{hmac.new(SECRET_KEY.encode(), b'operator', sha256).hexdigest()[:24]}"
)

# -- Whose accounts open ours, too -----------------------------------------------------------------
SIGN_IN_WITH = sign_in_with.configured(
    google=(env.text("GOOGLE_CLIENT_ID", ""), env.text("GOOGLE_CLIENT_SECRET", "")),
    github=(env.text("GITHUB_CLIENT_ID", ""), env.text("GITHUB_CLIENT_SECRET", "")),
    oidc=(
        env.text("OIDC_ISSUER", ""),
        env.text("OIDC_CLIENT_ID", ""),
        env.text("OIDC_CLIENT_SECRET", ""),
    ),
    oidc_name=env.text("OIDC_NAME", "Single sign-on"),
)

# -- Rooms ----------------------------------------------------------------------------------------
INSTALLED_APPS = [
    "unfold",  # before the admin whose templates it replaces
    "seedance_saas",
    "accounts",
    "billing",
    "generations",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "accounts.apps.SessionsOfPeopleConfig",
    "allauth.socialaccount",
    *SIGN_IN_WITH.apps,
    "django_q",
    "django_htmx",
    "rest_framework",
]
MIDDLEWARE = [
    "seedance_saas.headers.HeadersMiddleware",
    "csp.middleware.CSPMiddleware",
    "seedance_saas.requests.RequestIdMiddleware",
    "seedance_saas.health.AnyHostMiddleware",  # before anybody looks at the host
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "accounts.middleware.OrganizationMiddleware",
    "accounts.rates.RateLimitMiddleware",
    "accounts.middleware.LookingMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "accounts.middleware.OtherSideMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]
ROOT_URLCONF = "seedance_saas.urls"
WSGI_APPLICATION = "seedance_saas.wsgi.application"
APPEND_SLASH = False  # a redirect would turn an upstream's POST into a GET; paths take both forms
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "accounts.context.frame",
            ],
        },
    }
]

# -- Database -------------------------------------------------------------------------------------
DATABASES = {
    "default": {
        **database.from_url(env.text("DATABASE_URL", "") or database.embedded_url(DATA_DIR)),
        # Connecting costs more than a whole create. No health check: it would be a round trip more
        # in every request, and a broken connection is closed after the one request that meets it.
        "CONN_MAX_AGE": 60,
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# -- Queue ----------------------------------------------------------------------------------------
TASK_TIMEOUT_SECONDS = 60
WORKERS = env.integer("WORKERS", 4, at_least=1, at_most=64)
Q_CLUSTER = {
    "name": "seedance",
    "broker_class": "seedance_saas.queue.Broker",
    "orm": "default",  # an enqueue is an INSERT on our own connection: it commits with the work
    "workers": WORKERS,
    "queue_limit": WORKERS,  # a task's retry clock starts when it is prefetched: keep that short
    "bulk": 1,
    "poll": 0.05,
    "timeout": TASK_TIMEOUT_SECONDS,
    "retry": TASK_TIMEOUT_SECONDS * 4,  # more than (prefetch rounds + 1) x timeout
    "max_attempts": 3,  # then the state's owner in sweeps.py takes over
    "catch_up": False,
    "scheduler": False,  # its half-minute tick is too coarse: see `manage.py clock`
    "save_limit": -1,  # success is recorded in our own tables
    "log_level": "WARNING",
}
# Commands that each worker process keeps running beside its tasks: what waits for strangers takes no task's place.
BESIDE_TASKS = ("courier", "fetcher")
# What time does: a task and how many seconds may pass between two runs of it.
CLOCK = {
    "generations.tasks.dispatch_queued": 1,
    "generations.tasks.poll_running": 2,
    "generations.tasks.unstick": 5,
    "accounts.tasks.forget_idempotency_keys": 3600,
    "generations.tasks.forget_quotes": 600,
    "generations.tasks.forget_files": 300,
    "generations.tasks.sync_catalog": 86_400,
    "generations.tasks.cancel_closed": 30,
    "generations.tasks.erase_closed": 600,
    "accounts.tasks.forget_events": 3600,
    "accounts.tasks.end_looks": 60,
    "accounts.tasks.forget_sessions": 3600,
    "accounts.tasks.forget_key_sightings": 3600,
    "billing.tasks.watch_money": 5,
    "billing.tasks.unstick_money": 5,
    "billing.tasks.send_meter_events": 15,
    "billing.tasks.compare_with_stripe": 86_400,
    "billing.tasks.expire_grants": 30,
    "billing.tasks.settle_closed": 60,
    "billing.tasks.close_statements": 3600,
    "billing.tasks.check_ledger": 86_400,
}

# Who looks for trouble, and who remembers what is found and tells our staff: the clock's own process
# calls it, so that a worker that is dead is told, too.
TROUBLES = (
    "seedance_saas.troubles.found",
    "accounts.troubles.found",
    "billing.troubles.found",
    "generations.troubles.found",
)
WATCH = "accounts.alarms.watch"
ALARM_EMAILS = env.text("ALARM_EMAILS", "").split()  # none: every one of our staff

# -- Upstreams ------------------------------------------------------------------------------------
# It makes the videos of sandboxes in any case, and plays whatever no key is given for.
SIMULATOR_URL = env.url("SIMULATOR_URL", f"http://127.0.0.1:{PORT + 1}", schemes=("http://",))
EACHLABS_API_KEY = env.text("EACHLABS_API_KEY", "")
EACHLABS_URL = env.url(
    "EACHLABS_URL",
    "https://api.eachlabs.ai" if EACHLABS_API_KEY else f"{SIMULATOR_URL}/eachlabs",
    schemes=("https://", "http://"),
)
# With their keys it is read what they offer; nothing is bought from them yet.
FAL_KEY, OXEN_API_KEY = env.text("FAL_KEY", ""), env.text("OXEN_API_KEY", "")
FAL_SCHEMAS_URL = env.url("FAL_SCHEMAS_URL", "https://fal.ai", schemes=("https://", "http://"))
OXEN_URL = env.url("OXEN_URL", "https://hub.oxen.ai/api", schemes=("https://", "http://"))
# The simulator plays the internet for a machine that has none. Never beside a real key.
SIMULATED_INTERNET_URL = "" if EACHLABS_API_KEY else f"{SIMULATOR_URL}/internet"
EACHLABS_CONCURRENCY = env.integer("EACHLABS_CONCURRENCY", 10, at_least=1)
# Files of customers are fetched over https; a closed network may have nothing but http.
FETCH_HTTP = env.boolean("FETCH_HTTP", default=False)
# What waits or runs longer than this ends, free of charge.
GENERATION_SECONDS_MAX = env.integer("GENERATION_SECONDS_MAX", 3600, at_least=60)
# The address under which upstreams fetch the inputs that we serve. They refuse loopback addresses,
# so the simulator knows a public name for us.
MEDIA_URL_FOR_PROVIDERS = env.url(
    "MEDIA_URL_FOR_PROVIDERS",
    "https://media.example.com" if SIMULATED_INTERNET_URL else PUBLIC_URL,
    schemes=("https://", "http://"),
)
# The address under which upstreams reach our webhook receiver.
WEBHOOK_URL = env.url("WEBHOOK_URL", PUBLIC_URL, schemes=("https://", "http://"))
# Upstreams call us by these names, which may be others than our customers know.
ALLOWED_HOSTS += [urlsplit(url).hostname or "" for url in (MEDIA_URL_FOR_PROVIDERS, WEBHOOK_URL)]

# -- Stripe ---------------------------------------------------------------------------------------
STRIPE_SIMULATED = not env.text("STRIPE_SECRET_KEY", "")
STRIPE_SECRET_KEY = env.text("STRIPE_SECRET_KEY", "sk_test_simulator")
STRIPE_URL = env.url(
    "STRIPE_URL",
    f"{SIMULATOR_URL}/stripe" if STRIPE_SIMULATED else "https://api.stripe.com",
    schemes=("https://", "http://"),
)
# Two while one is being replaced: the webhooks of both are believed. None: there is no receiver.
STRIPE_WEBHOOK_SECRETS = env.text("STRIPE_WEBHOOK_SECRETS", "").split()
if STRIPE_SIMULATED and not STRIPE_WEBHOOK_SECRETS:
    # `manage.py run` tells the simulator the same.
    STRIPE_WEBHOOK_SECRETS = [
        f"whsec_{sha256(f'simulator {SECRET_KEY}'.encode()).hexdigest()[:32]}"
    ]
STRIPE_TAX = env.boolean("STRIPE_TAX", default=False)
STRIPE_INVOICES = env.boolean("STRIPE_INVOICES", default=True)
# Where a person goes to pay: a form of ours may lead there.
STRIPE_PAGES = [STRIPE_URL] if STRIPE_SIMULATED else ["https://*.stripe.com"]

# -- People ---------------------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 10},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
# By a code and not by a link: it is typed where the person is, while a phone opens a link elsewhere.
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_EMAIL_VERIFICATION_BY_CODE_ENABLED = True
ACCOUNT_EMAIL_VERIFICATION_SUPPORTS_RESEND = True
ALLAUTH_USER_CODE_FORMAT = {"numeric": True, "dashed": False, "length": 6}
PASSWORD_RESET_TIMEOUT = 3600
ACCOUNT_CHANGE_EMAIL = True  # a person has one address, and it is the name they sign in with
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_DEFAULT_HTTP_PROTOCOL = _PUBLIC.scheme
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = False  # it ends all sessions but the one in which it was done
ACCOUNT_ADAPTER = "accounts.adapter.AccountAdapter"
ACCOUNT_FORMS = {
    "signup": "accounts.forms.SignupForm",
    "reset_password": "accounts.forms.ResetPasswordForm",
}
ACCOUNT_RATE_LIMITS = {
    "login": "30/m/ip",
    "login_failed": "5/5m/key",  # of second factors; of passwords: accounts/guessing.py
    "signup": "20/10m/ip",
    "reset_password": "20/10m/ip,3/10m/key",
    "reset_password_from_key": "20/10m/ip",
    "confirm_email": "1/10s/key,5/10m/key",
    "manage_email": "10/10m/user",
    "change_password": "5/m/user",
    "reauthenticate": "10/m/user",
}
SOCIALACCOUNT_ADAPTER = "accounts.adapter.SocialAdapter"
SOCIALACCOUNT_PROVIDERS = SIGN_IN_WITH.providers
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes", "webauthn"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_ADAPTER = "accounts.adapter.SecondFactorAdapter"
MFA_RECOVERY_CODES_SHOW_ONCE = True
MFA_TOTP_ISSUER = "Seedance SaaS"
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = _PUBLIC.hostname in {"127.0.0.1", "localhost"}
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "account_login"
_MAIL = urlsplit(env.text("EMAIL_URL", ""))
if _MAIL.scheme not in {"", "smtp", "smtps"} or bool(_MAIL.scheme) != bool(_MAIL.hostname):
    raise ImproperlyConfigured("EMAIL_URL must be a URL that begins with smtp:// or smtps://.")
EMAIL_BACKEND = f"django.core.mail.backends.{'smtp' if _MAIL.scheme else 'console'}.EmailBackend"
EMAIL_HOST, EMAIL_PORT = _MAIL.hostname or "", _MAIL.port or 587
EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = unquote(_MAIL.username or ""), unquote(_MAIL.password or "")
EMAIL_USE_SSL, EMAIL_USE_TLS = _MAIL.scheme == "smtps", _MAIL.scheme == "smtp"
EMAIL_TIMEOUT = 20
DEFAULT_FROM_EMAIL = env.text("DEFAULT_FROM_EMAIL", f"Seedance <no-reply@{_PUBLIC.hostname}>")

# -- API ------------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["accounts.key_access.ApiKeyAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["accounts.key_access.HasScope"],
    "DEFAULT_PARSER_CLASSES": ["seedance_saas.api.JSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "seedance_saas.api.AlwaysJSON",
    "EXCEPTION_HANDLER": "seedance_saas.errors.answer",
    "UNAUTHENTICATED_USER": None,
}
API_REQUESTS_PER_MINUTE = env.integer("API_REQUESTS_PER_MINUTE", 3000, at_least=1)  # of one key
REQUEST_BODY_BYTES_MAX = 1_000_000
DATA_UPLOAD_MAX_MEMORY_SIZE = REQUEST_BODY_BYTES_MAX

# -- Files ----------------------------------------------------------------------------------------
STATIC_URL = "/static/"
STATIC_ROOT = DATA_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
MEDIA_ROOT = DATA_DIR / "media"
S3_BUCKET = env.text("S3_BUCKET", "")
S3_ENDPOINT_URL = env.text("S3_ENDPOINT_URL", "")  # of a service other than Amazon's
S3_REGION = env.text("S3_REGION", "us-east-1")
# Without a key of ours the machine's own role is used.
S3_ACCESS_KEY_ID, S3_SECRET_ACCESS_KEY = (
    env.text("S3_ACCESS_KEY_ID", ""),
    env.text("S3_SECRET_ACCESS_KEY", ""),
)
STORAGES = {
    "default": {
        "BACKEND": "seedance_saas.storage.s3.BucketStorage",
        "OPTIONS": {
            "bucket_name": S3_BUCKET,
            "endpoint_url": S3_ENDPOINT_URL or None,
            "region_name": S3_REGION,
            "access_key": S3_ACCESS_KEY_ID or None,
            "secret_key": S3_SECRET_ACCESS_KEY or None,
            "signature_version": "s3v4",
            "file_overwrite": True,  # no name is used twice, so none need be looked up first
            "default_acl": None,  # private, as the bucket is
        },
    }
    if S3_BUCKET
    else {
        "BACKEND": "seedance_saas.storage.local.LocalStorage",
        "OPTIONS": {"location": str(MEDIA_ROOT)},
    },
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
# Every file that comes in goes to a temporary file as it arrives: none is held in memory.
FILE_UPLOAD_HANDLERS = ["seedance_saas.uploading.ToTemporaryFile"]
SCRATCH_DIR = Path(env.text("SCRATCH_DIR", str(DATA_DIR / "scratch")))  # while work is done on them
FILE_UPLOAD_TEMP_DIR = str(SCRATCH_DIR)
SCRATCH_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)
FORM_BYTES_MAX = 200_000_000
UPLOAD_BYTES_MAX = env.integer("UPLOAD_BYTES_MAX", 5_000_000_000)  # of an organization, together
RETENTION_DAYS = env.integer("RETENTION_DAYS", 30, at_least=1, at_most=3650)
MEDIA_URL_SECONDS = env.integer("MEDIA_URL_SECONDS", 3600, at_least=60)  # a signed URL's life

# -- Browser --------------------------------------------------------------------------------------
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "media-src": ["'self'"],
        "font-src": ["'self'"],
        "connect-src": ["'self'"],
        "form-action": ["'self'", *STRIPE_PAGES, *SIGN_IN_WITH.pages],
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
    }
}
CSRF_FAILURE_VIEW = "seedance_saas.errors.csrf_failure"
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_SSL_REDIRECT = HTTPS
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]  # asked by a load balancer from within
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS
SECURE_HSTS_PRELOAD = HTTPS
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
# A name that a browser takes from this very host alone, over https alone: no neighbour can plant one.
COOKIE_PREFIX = "__Host-" if HTTPS else ""
SESSION_COOKIE_NAME = f"{COOKIE_PREFIX}sessionid"
CSRF_COOKIE_NAME = f"{COOKIE_PREFIX}csrftoken"
KNOWN_BROWSER_COOKIE_NAME = f"{COOKIE_PREFIX}browser"
SESSION_ENGINE = "accounts.sessions"
SESSION_COOKIE_AGE = 14 * 86_400  # without being used; and however much it is used:
SESSION_SECONDS_MAX = 30 * 86_400
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"

# -- The operator's records -----------------------------------------------------------------------
UNFOLD = {
    "SITE_TITLE": "Seedance SaaS",
    "SITE_HEADER": "Records",
    "SITE_URL": reverse_lazy("operator"),
    "SITE_FAVICONS": [{"rel": "icon", "href": lambda request: static("pictures/mark.svg")}],
    "STYLES": [lambda request: static("css/records.css")],
    "SCRIPTS": [lambda request: static("js/records.js")],
    "SHOW_HISTORY": False,  # who did what stands in the audit trail
    "SHOW_VIEW_ON_SITE": False,
}

# -- The rest -------------------------------------------------------------------------------------
LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = False
DATE_FORMAT, DATETIME_FORMAT = "Y-m-d", "Y-m-d H:i:s"  # UTC, in the operator's records
# What is counted against guessing must be counted once, whichever process answers.
CACHES = {"default": {"BACKEND": "seedance_saas.shared_cache.SharedCache"}}
LOG_LEVEL = env.choice("LOG_LEVEL", "INFO", of=("DEBUG", "INFO", "WARNING", "ERROR"))
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "class": "seedance_saas.logs.Masked",
            "format": "%(asctime)s %(levelname)s %(name)s %(message)s",
        }
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": LOG_LEVEL},
    "loggers": {
        "django-q": {"handlers": ["console"], "level": "WARNING", "propagate": False},
        "httpx": {"level": "WARNING"},  # its INFO lines hold URLs, and ours hold secrets
        "stripe": {
            "level": "WARNING"
        },  # two lines for each call; what matters of it we log ourselves
    },
}
