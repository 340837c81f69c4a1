"""An app with a session factory of its own besides ours is refused, whichever comes first."""

import pytest
from pyramid import testing
from pyramid.config import Configurator
from pyramid.exceptions import ConfigurationConflictError
from pyramid.interfaces import ISessionFactory
from pyramid.session import SignedCookieSessionFactory

SETTINGS = {"redis.sessions.secret": "s", "redis.sessions.redis_url": "redis://127.0.0.1:1/0"}
REMEDY = r"shopapp\.sessions sets its own: remove the app's, or do not include shopapp\.sessions"

theirs = SignedCookieSessionFactory("s")


def refused() -> "pytest.RaisesExc[ConfigurationConflictError]":
    return pytest.raises(ConfigurationConflictError, match=REMEDY)


def is_ours(config: Configurator) -> bool:
    return config.registry.getUtility(ISessionFactory).__module__ == "shopapp.sessions.factory"


def test_sessions_alone_are_taken() -> None:
    config = Configurator(settings=SETTINGS)
    config.include("shopapp.sessions")
    config.make_wsgi_app()

    assert is_ours(config)


@pytest.mark.parametrize("committed", [False, True])
def test_a_factory_given_to_the_configurator_is_refused(committed: bool) -> None:
    config = Configurator(settings=SETTINGS, session_factory=theirs)
    if committed:
        config.commit()

    with refused():
        config.include("shopapp.sessions")
        config.commit()


@pytest.mark.parametrize("committed", [False, True])
def test_a_factory_set_before_the_include_is_refused(committed: bool) -> None:
    config = Configurator(settings=SETTINGS)
    config.set_session_factory(theirs)
    if committed:
        config.commit()

    with refused():
        config.include("shopapp.sessions")
        config.commit()


@pytest.mark.parametrize("committed", [False, True])
def test_a_factory_set_after_the_include_is_refused(committed: bool) -> None:
    config = Configurator(settings=SETTINGS)
    config.include("shopapp.sessions")
    if committed:
        config.commit()
    config.set_session_factory(theirs)

    with refused():
        config.make_wsgi_app()


def test_a_factory_of_the_include_around_is_refused() -> None:
    def includeme(config: Configurator) -> None:
        config.include("shopapp.sessions")
        config.set_session_factory(theirs)

    config = Configurator(settings=SETTINGS)
    config.include(includeme)

    with refused():
        config.commit()


def test_a_factory_of_another_include_is_refused_by_pyramid_itself() -> None:
    config = Configurator(settings=SETTINGS)
    config.include("shopapp.sessions")
    config.include(lambda config: config.set_session_factory(theirs), route_prefix="/other")

    with pytest.raises(ConfigurationConflictError):
        config.commit()


@pytest.mark.parametrize("committed", [False, True])
def test_including_it_twice_is_no_conflict(committed: bool) -> None:
    config = Configurator(settings=SETTINGS)
    config.include("shopapp.sessions")
    if committed:
        config.commit()
    config.include("shopapp.sessions")
    config.make_wsgi_app()

    assert is_ours(config)


def test_it_can_be_included_where_each_action_is_done_at_once() -> None:
    with testing.testConfig(settings=SETTINGS, autocommit=True) as config:
        config.include("shopapp.sessions")

        assert is_ours(config)
