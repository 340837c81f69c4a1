"""The catalogue: what the shop sells, in SQL, and in memory for as long as it does not change."""

from pyramid.config import Configurator

from shopapp.catalog.memory import Catalogue
from shopapp.db import open_engine


def includeme(config: Configurator) -> None:
    """Install the pages of the catalogue."""
    engines = [open_engine(config).execution_options(isolation_level="AUTOCOMMIT") for _ in range(2)]
    config.registry["shopapp.catalogue"] = Catalogue(*engines)
    config.add_route("home", "/")
    config.add_route("product", "/products/{sku:[A-Za-z0-9-]{1,64}}")
    config.scan("shopapp.catalog.views")
