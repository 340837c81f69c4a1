"""What is written to people about their orders."""

from typing import Any

from pyramid.config import Configurator
from sqlalchemy.orm import Session

from shopapp.mail import add_letter
from shopapp.mail.models import Letter
from shopapp.orders.forms import country_names
from shopapp.orders.models import Order
from shopapp.orders.pages import order_path
from shopapp.orders.payment import PROVIDER
from shopapp.orders.store import LETTER


def add_letters(config: Configurator) -> None:
    """Register them all."""
    countries = dict(country_names(config.registry["shopapp.settings"].shop))

    def order_placed(dbsession: Session, letter: Letter) -> dict[str, Any] | None:
        """The confirmation of an order."""
        order = dbsession.get(Order, letter.data["order_id"])
        if order is None:
            return None
        country = countries.get(order.country, order.country)
        payment = config.registry[PROVIDER].label
        return {"order": order, "path": order_path(order), "country": country, "payment": payment}

    add_letter(config, LETTER, order_placed)
