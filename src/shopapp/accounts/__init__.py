"""People: who they are, their passwords, signing in and out."""

from pyramid.config import Configurator

from shopapp.accounts.security import SessionSecurityPolicy


def includeme(config: Configurator) -> None:
    """Install the security policy and the pages of accounts."""
    config.set_security_policy(SessionSecurityPolicy())
    config.add_route("login", "/login")
    config.add_route("logout", "/logout")
    config.add_route("account", "/account")
    config.scan("shopapp.accounts.views")
