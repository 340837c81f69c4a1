"""The pages of the shop on Django: its ORM, its Jinja2 templates, its sessions in its Redis cache."""

import os
from typing import Any


def make_app() -> Any:
    """Return the WSGI app. What it needs to know is in the environment."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "benchmarks.pages.django_shop.settings"
    # Here, because Django is there for benchmarks alone, and the tests look at what is beside this.
    from django.core.wsgi import get_wsgi_application  # noqa: PLC0415

    return get_wsgi_application()
