"""Django's settings: what a shop needs, and no more middleware than that."""

import os
from pathlib import Path

APP = "benchmarks.pages.django_shop"

DEBUG = False
SECRET_KEY = os.environ["SESSION_SECRET"]
ALLOWED_HOSTS = ["127.0.0.1"]
ROOT_URLCONF = f"{APP}.urls"
INSTALLED_APPS = [APP]
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"
APPEND_SLASH = False
USE_I18N = False
STATIC_URL = "/static/"

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": os.environ["PGDATABASE"],
        "USER": os.environ["PGUSER"],
        "HOST": os.environ["PGHOST"],
        "CONN_MAX_AGE": None,  # each thread keeps its connection
    }
}

CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": f"unix://{os.environ['BENCH_REDIS_SOCKET']}",
    }
}
SESSION_ENGINE = "django.contrib.sessions.backends.cache"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.jinja2.Jinja2",
        "DIRS": [Path(__file__).parents[1] / "templates"],
        "OPTIONS": {
            "environment": f"{APP}.templates.environment",
            "context_processors": [f"{APP}.templates.frame"],
        },
    }
]
