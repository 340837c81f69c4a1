"""The throttle: who tries too often waits, the longer the more they try. Knows no accounts and no carts."""

from pyramid.config import Configurator

from shopapp.audit import on_event
from shopapp.events import Throttled, add_observer
from shopapp.throttle.tries import LIMITS, Limits


def includeme(config: Configurator) -> None:
    """Install the limits of the settings, and who watches."""
    config.registry[LIMITS] = Limits(config.registry["shopapp.settings"])
    add_observer(config, on_event, Throttled)
