"""What the templates know: prices as text, addresses of static files, and the frame of every page."""

from decimal import Decimal
from typing import Any

from babel.numbers import format_currency
from django.http import HttpRequest
from django.templatetags.static import static
from jinja2 import Environment

from benchmarks.pages.django_shop import cart
from benchmarks.pages.django_shop.models import Category

VERSION = "1d5c80e2f7a9"


def environment(**options: Any) -> Environment:
    """Return the environment of the templates."""
    made = Environment(**options)
    made.filters["money"] = lambda cents: format_currency(Decimal(cents).scaleb(-2), "EUR", locale="en_IE")
    made.globals["static"] = lambda path: f"{static(path)}?v={VERSION}"
    return made


def frame(request: HttpRequest) -> dict[str, Any]:
    """Return what is around every page."""
    session = request.session
    return {"user": session.get("user"), "cart_count": cart.count(session), "categories": Category.objects.all()}
