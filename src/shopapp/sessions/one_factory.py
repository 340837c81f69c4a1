"""Two session factories in one app are a mistake, which Pyramid would settle without a word: the includer's own wins.

The app would then have sessions that know nothing of logins and logouts, and seem to work.
"""

from typing import Any

from pyramid.config import Configurator
from pyramid.events import ApplicationCreated
from pyramid.exceptions import ConfigurationConflictError
from pyramid.interfaces import PHASE3_CONFIG, ISessionFactory
from pyramid.registry import Deferred

LATE = PHASE3_CONFIG + 1
"""After every ordinary action, those that set a session factory among them."""

CONFLICT = "session factory. shopapp.sessions sets its own: remove the app's, or do not include shopapp.sessions"

OURS = "shopapp.sessions.factory"


def refuse_other_factory(config: Configurator, factory: Any) -> None:
    """Have the app refused if it sets another session factory than ``factory``, in whatever way and order.

    Raises ConfigurationConflictError: now, when the configuration is committed, or when the app is made of it.
    """
    registry = config.registry
    earlier = registry.queryUtility(ISessionFactory)
    if earlier not in (None, registry.get(OURS)):  # ours is there where the include is repeated after a commit
        raise ConfigurationConflictError({CONFLICT: [f"set before the include: {earlier!r}"]})
    registry[OURS] = factory

    def check(_event: ApplicationCreated | None = None) -> None:
        found = registry.queryUtility(ISessionFactory)
        if found not in (None, registry[OURS]):
            raise ConfigurationConflictError({CONFLICT: [f"set by the app: {found!r}"]})

    # Pyramid wraps what an action raises into another error, but not what the name of one does, when it is asked for.
    config.action(Deferred(check), order=LATE)
    config.add_subscriber(check, ApplicationCreated)  # for what is set after a commit
