"""The catalogue: what the shop sells, in SQL."""

from pyramid.config import Configurator


def includeme(config: Configurator) -> None:
    """Install the pages of the catalogue."""
    config.add_route("home", "/")
    config.add_route("product", "/products/{sku:[A-Za-z0-9-]{1,64}}")
    config.scan("shopapp.catalog.views")
