"""A storefront on Pyramid whose sessions live in Redis."""

from typing import Any

from pyramid.config import Configurator
from pyramid.router import Router


def main(_global_config: dict[str, str] | None, **settings: Any) -> Router:
    """Return the WSGI application. Raises SettingsError with every mistake in the settings."""
    # Here, because another app that takes shopapp.sessions alone imports this package, and may lack what a shop needs.
    from shopapp.events import RAISE_OBSERVER_ERRORS  # noqa: PLC0415
    from shopapp.settings.shop import load_settings  # noqa: PLC0415

    shop_settings = load_settings(settings)
    with Configurator(settings={"retry.activate_hook": "shopapp.http.attempts", **settings}) as config:
        config.registry["shopapp.settings"] = shop_settings
        config.registry[RAISE_OBSERVER_ERRORS] = not shop_settings.shop.production
        config.include("pyramid_retry")
        config.include("shopapp.db")
        config.include("shopapp.sessions")
        config.include("shopapp.throttle")
        config.include("shopapp.mail")
        config.include("shopapp.accounts")
        config.include("shopapp.catalog")
        config.include("shopapp.cart")
        config.include("shopapp.orders")
        config.include("shopapp.texts")
        config.include("shopapp.metrics")
        config.include("shopapp.web")
    return config.make_wsgi_app()
