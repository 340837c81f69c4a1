"""A storefront on Pyramid whose sessions live in Redis."""

from typing import Any

from pyramid.config import Configurator
from pyramid.router import Router

from shopapp.events import RAISE_OBSERVER_ERRORS
from shopapp.settings import load_settings


def main(_global_config: dict[str, str] | None, **settings: Any) -> Router:
    """Return the WSGI application. Raises SettingsError with every mistake in the settings."""
    shop_settings = load_settings(settings)
    with Configurator(settings=settings) as config:
        config.registry["shopapp.settings"] = shop_settings
        config.registry[RAISE_OBSERVER_ERRORS] = not shop_settings.shop.production
        config.include("shopapp.db")
        config.include("shopapp.sessions")
        config.include("shopapp.accounts")
        config.include("shopapp.catalog")
        config.include("shopapp.cart")
        config.include("shopapp.web")
    return config.make_wsgi_app()
