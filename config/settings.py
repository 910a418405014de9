"""Every setting of the server, read from the environment once and checked here.

The names in capitals beside each ``env`` call are the variables that an operator sets; they are
listed with their meaning in ``docs/settings.md``.
"""

from __future__ import annotations

import base64
import os
from pathlib import Path
from urllib.parse import unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

BASE_DIR = Path(__file__).resolve().parent.parent


def env(name: str, default: str = "") -> str:
    return os.environ.get(name, default).strip()


def env_flag(name: str, default: bool = False) -> bool:
    value = env(name).lower()
    if value in ("", "0", "no", "false", "off"):
        return default if value == "" else False
    if value in ("1", "yes", "true", "on"):
        return True
    raise ImproperlyConfigured(f"{name} must be yes or no, not {value!r}.")


def env_int(name: str, default: int) -> int:
    value = env(name)
    try:
        return int(value) if value else default
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} must be a whole number, not {value!r}.") from error


def env_list(name: str, default: str = "") -> list[str]:
    return [part.strip() for part in env(name, default).split(",") if part.strip()]


DEBUG = False
# The stack and the test run bring their own throw-away keys; a server must be given real ones.
SECRET_KEY = env("SECRET_KEY")
if len(SECRET_KEY) < 32:
    raise ImproperlyConfigured("SECRET_KEY must be set to at least 32 random characters.")

# Newest first: the first key encrypts, every key decrypts (manage.py rotate_keys re-encrypts).
ENCRYPTION_KEYS = env_list("ENCRYPTION_KEYS")
for _key in ENCRYPTION_KEYS:
    if len(base64.urlsafe_b64decode(_key + "=" * (-len(_key) % 4))) != 32:
        raise ImproperlyConfigured("ENCRYPTION_KEYS: each key is 32 bytes in URL-safe base64.")
if not ENCRYPTION_KEYS:
    raise ImproperlyConfigured(
        "ENCRYPTION_KEYS is empty: without it no secret can be stored. Make a key with "
        "`python -c 'import base64, os; print(base64.urlsafe_b64encode(os.urandom(32)).decode())'`."
    )

PUBLIC_HOST = env("PUBLIC_HOST", "localhost")  # operators' admin; tenants live on its subdomains
HTTPS_ONLY = env_flag("HTTPS_ONLY", default=PUBLIC_HOST != "localhost")
# What systems call for webhooks: a public https address on port 443 that ends at this server.
HOOK_BASE_URL = env("HOOK_BASE_URL", f"https://{PUBLIC_HOST}").rstrip("/")
# What relay agents call: where /agent/ leads to config.relay.
RELAY_URL = env("RELAY_URL", f"https://{PUBLIC_HOST}").rstrip("/")
PUBLIC_PORT = env_int("PUBLIC_PORT", 0)
ALLOWED_HOSTS = [
    *env_list("ALLOWED_HOSTS", f"{PUBLIC_HOST},.{PUBLIC_HOST},127.0.0.1"),
    urlsplit(HOOK_BASE_URL).hostname or PUBLIC_HOST,
]

SHARED_APPS = [
    # Before django_tenants, which brings an admin front page of its own.
    "unfold",
    "unfold.contrib.filters",
    "django_tenants",
    "tenants",
    "config.apps.OperatorAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_celery_beat",
    "django_htmx",
    "axes",
    "csp",
    "rest_framework",
    "drf_spectacular",
    "config.apps.ProjectConfig",
    "console",
]
TENANT_APPS = ["audit", "connectors", "sync", "api"]
INSTALLED_APPS = SHARED_APPS + TENANT_APPS
TENANT_MODEL = "tenants.Tenant"
TENANT_DOMAIN_MODEL = "tenants.Domain"
PUBLIC_SCHEMA_NAME = "public"
SHOW_PUBLIC_IF_NO_TENANT_FOUND = True
ROOT_URLCONF = "config.urls_tenant"
PUBLIC_SCHEMA_URLCONF = "config.urls_public"
TENANT_LIMIT_SET_CALLS = False

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "tenants.middleware.TenantMiddleware",
    "api.problems.ProblemMiddleware",
    "tenants.middleware.ReadableMiddleware",
    "tenants.middleware.AdminContentPolicy",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "tenants.middleware.MembershipMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "axes.middleware.AxesMiddleware",
]

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
                "console.context.console",
            ],
        },
    }
]


def _database() -> dict[str, object]:
    url = env("DATABASE_URL")
    if not url:
        raise ImproperlyConfigured(
            "DATABASE_URL is not set. `manage.py stack` starts an embedded PostgreSQL and sets it."
        )
    parts = urlsplit(url)
    if parts.scheme not in ("postgres", "postgresql"):
        raise ImproperlyConfigured("DATABASE_URL must begin with postgresql://")
    options: dict[str, object] = {}
    host = parts.hostname or ""
    for pair in parts.query.split("&"):
        name, _, value = pair.partition("=")
        if name == "host":
            host = unquote(value)
        elif name:
            options[name] = unquote(value)
    return {
        "ENGINE": "django_tenants.postgresql_backend",
        "NAME": unquote(parts.path.lstrip("/")) or "ml_connector",
        "USER": unquote(parts.username or "postgres"),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": host,
        "PORT": str(parts.port or ""),
        "CONN_MAX_AGE": None,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {"connect_timeout": 5, **options},
        # A test database beside the real one, so that a test run cannot touch a ledger's trail.
        "TEST": {"NAME": env("TEST_DATABASE_NAME") or None},
    }


DATABASES = {"default": _database()}
DATABASE_ROUTERS = ["django_tenants.routers.TenantSyncRouter"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = env("REDIS_URL")
if not REDIS_URL:
    raise ImproperlyConfigured("REDIS_URL is not set. `manage.py stack` starts an embedded Redis.")
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_FUNCTION": "django_tenants.cache.make_key",
        "REVERSE_KEY_FUNCTION": "django_tenants.cache.reverse_key",
    }
}

CELERY_BROKER_URL = REDIS_URL
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = False
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 120, "socket_keepalive": True}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TIMEZONE = "UTC"
CELERY_TASK_DEFAULT_QUEUE = "work"
CELERY_TASK_CREATE_MISSING_QUEUES = True
CELERY_BEAT_SCHEDULER = "config.celery.SingleBeatScheduler"
CELERY_BEAT_MAX_LOOP_INTERVAL = 1
DJANGO_CELERY_BEAT_TZ_AWARE = True
WORKER_THREADS = env_int("WORKER_THREADS", 16)
# How long a worker may go without a sign of life before another takes its transfer over.
TRANSFER_LEASE_SECONDS = env_int("TRANSFER_LEASE_SECONDS", 60)

AUTH_USER_MODEL = "tenants.User"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 10},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
]
LOGIN_URL = "console:sign_in"
LOGIN_REDIRECT_URL = "console:overview"
SESSION_COOKIE_NAME = "ml_session"
SESSION_COOKIE_AGE = 12 * 60 * 60
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS_ONLY
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_HTTPONLY = True
CSRF_FAILURE_VIEW = "console.errors.stale_form"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_SSL_REDIRECT = False  # the proxy in front of us redirects; health checks stay plain
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS_ONLY else 0
X_FRAME_OPTIONS = "DENY"
BEHIND_PROXY = env_flag("BEHIND_PROXY")
if BEHIND_PROXY:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "font-src": ["'self'"],
        "connect-src": ["'self'"],
        "form-action": ["'self'"],
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
        "manifest-src": ["'self'"],
    }
}

# axes names the field after our user model otherwise, while Django's sign-in says "username": the
# tries of every person would be counted together and the right password never be refused.
AXES_USERNAME_FORM_FIELD = "username"
AXES_FAILURE_LIMIT = 8
AXES_COOLOFF_TIME = 0.25  # hours
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = (
    False  # or knocking would lock a person out for ever
)
AXES_LOCKOUT_CALLABLE = "console.errors.locked_out"
AXES_CLIENT_IP_CALLABLE = "tenants.client_address.client_address"
AXES_VERBOSE = False

LANGUAGE_CODE = "en-gb"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = True
STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = False
UNFOLD = {
    "SITE_TITLE": "ml-connector operators",
    "SITE_HEADER": "ml-connector",
    "SITE_SYMBOL": "sync_alt",
    "SIDEBAR": {
        "show_search": False,
        "show_all_applications": False,
        "navigation": [
            {
                "title": "Companies",
                "items": [
                    {"title": "Tenants", "icon": "apartment", "link": "/admin/tenants/tenant/"},
                    {"title": "People", "icon": "group", "link": "/admin/tenants/user/"},
                    {
                        "title": "Hook addresses",
                        "icon": "webhook",
                        "link": "/admin/tenants/hookaddress/",
                    },
                    {
                        "title": "Agent addresses",
                        "icon": "lan",
                        "link": "/admin/tenants/agentaddress/",
                    },
                ],
            },
            {
                "title": "Work",
                "items": [
                    {"title": "Agenda", "icon": "event", "link": "/admin/tenants/agendaitem/"},
                    {
                        "title": "Periodic tasks",
                        "icon": "schedule",
                        "link": "/admin/django_celery_beat/periodictask/",
                    },
                    {
                        "title": "Refused sign-ins",
                        "icon": "lock",
                        "link": "/admin/axes/accessattempt/",
                    },
                ],
            },
        ],
    },
}
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "api.authentication.TokenAuthentication",
        "api.authentication.ConsoleSession",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["api.access.ByRole"],
    "DEFAULT_THROTTLE_CLASSES": ["api.throttles.PerToken"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_METADATA_CLASS": None,
    "EXCEPTION_HANDLER": "api.problems.answer",
    "URL_FORMAT_OVERRIDE": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "ml-connector",
    "VERSION": "1",
    "DESCRIPTION": (
        "What your own programs can ask and do: transfers between your stores and ledgers, their "
        "documents, the audit trail. Amounts are decimal strings with their currency, instants are "
        "UTC. Errors are problem details with words."
    ),
    "SCHEMA_PATH_PREFIX": "/api/v1/",
    "OAS_VERSION": "3.1.0",
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_NAME_OVERRIDES": {
        "TransferState": "sync.models.State",
        "ConnectionState": "connectors.models.Connection.State",
        "DocumentStatus": "sync.models.Document.Status",
    },
    "SERVE_INCLUDE_SCHEMA": False,
    "PREPROCESSING_HOOKS": ["api.openapi.only_ours"],
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "api.openapi.with_problems",
    ],
}
# Calls that one API token may make in a minute; pings reach a connected system, so fewer.
API_CALLS_PER_MINUTE = env_int("API_CALLS_PER_MINUTE", 300)
API_PINGS_PER_MINUTE = env_int("API_PINGS_PER_MINUTE", 6)
# What monitoring sends to read /metrics as a bearer token; empty: there is no such page.
METRICS_TOKEN = env("METRICS_TOKEN")
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024

# Outgoing calls. Private, loopback and link-local addresses are refused unless listed here.
ALLOWED_PRIVATE_NETWORKS = env_list("ALLOWED_PRIVATE_NETWORKS")
# Further certificate authorities (PEM) that an operator trusts for outgoing calls.
OUTBOUND_CA_FILE = env("OUTBOUND_CA_FILE")
EXCHANGE_RETENTION_DAYS = env_int("EXCHANGE_RETENTION_DAYS", 90)

LOG_LEVEL = env("LOG_LEVEL", "INFO")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "%(levelname)-7s %(name)s: %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "root": {"handlers": ["stderr"], "level": LOG_LEVEL},
    "loggers": {
        "django.request": {"level": "ERROR"},
        "axes": {"level": "WARNING"},
        "celery.worker.strategy": {"level": "WARNING"},
        "celery.app.trace": {"level": "WARNING"},
        "celery.beat": {"level": "WARNING"},
        "django_celery_beat": {"level": "WARNING"},
    },
}
