"""Orders: the checkout, what was bought, and what becomes of it."""

from pyramid.config import Configurator


def includeme(config: Configurator) -> None:
    """Install the pages of checkout and orders."""
