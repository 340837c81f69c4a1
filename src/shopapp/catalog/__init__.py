"""The catalogue: what the shop sells, in SQL, and in memory for as long as it does not change."""

from pyramid.config import Configurator

from shopapp.catalog.memory import Catalogue
from shopapp.db import open_engine
from shopapp.db.engines import Use


def includeme(config: Configurator) -> None:
    """Install the pages of the catalogue."""
    uses: tuple[Use, ...] = ("reads", "looks")
    engines = [open_engine(config, use).execution_options(isolation_level="AUTOCOMMIT") for use in uses]
    config.registry["shopapp.catalogue"] = Catalogue(*engines)
    config.add_route("home", "/")
    config.add_route("product", "/products/{sku:[A-Za-z0-9-]{1,64}}")
    config.scan("shopapp.catalog.views")
