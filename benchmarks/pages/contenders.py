"""Who is compared: the shop on two servers, and others that show the same."""

from collections.abc import Mapping

from benchmarks.contenders import GRANIAN, WAITRESS, Contender
from benchmarks.node import express

OURS_ON_WAITRESS, OURS_ON_GRANIAN = "ours on waitress", "ours on granian"
DJANGO = "Django on waitress"


def contenders(environment: Mapping[str, str]) -> list[Contender]:
    """Return all of them."""
    shop, django = "benchmarks.pages.shop:app_from_environment", "benchmarks.pages.django_shop:make_app"
    return [
        Contender(OURS_ON_WAITRESS, WAITRESS + shop, environment),
        Contender(OURS_ON_GRANIAN, GRANIAN + shop, environment),
        express("shop.js", **environment),
        Contender(DJANGO, WAITRESS + django, environment),
    ]
