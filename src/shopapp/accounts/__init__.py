"""People: who they are, their passwords, signing in and out, the devices they are signed in on."""

from pyramid.config import Configurator

from shopapp.accounts.security import SessionSecurityPolicy


def includeme(config: Configurator) -> None:
    """Install the security policy and the pages of accounts."""
    config.set_security_policy(SessionSecurityPolicy())
    config.add_route("login", "/login")
    config.add_route("logout", "/logout")
    config.add_route("account", "/account")
    config.add_route("password", "/account/password")
    config.add_route("sessions", "/account/sessions")
    config.add_route("end_other_sessions", "/account/sessions/end-others")
    config.add_route("end_session", "/account/sessions/{handle}/end")
    config.scan("shopapp.accounts.views")
    config.scan("shopapp.accounts.password_views")
    config.scan("shopapp.accounts.session_views")
