"""People: who they are, signing up and in and out, their passwords and addresses, the devices they are signed in on."""

from pyramid.config import Configurator

from shopapp.accounts.entry import on_login_repeated
from shopapp.accounts.hashing import PLACES, usual_number
from shopapp.accounts.known_devices import KnownDevices
from shopapp.accounts.letters import add_letters
from shopapp.accounts.security import SessionSecurityPolicy
from shopapp.accounts.validity import current_mark
from shopapp.events import LoginRepeated


def includeme(config: Configurator) -> None:
    """Install the security policy, the letters and the pages of accounts."""
    config.set_security_policy(SessionSecurityPolicy())
    PLACES.at_once = config.registry["shopapp.settings"].shop.password_hashes or usual_number()
    config.registry["shopapp.known_devices"] = KnownDevices(config.registry["shopapp.settings"].sessions)
    config.check_sessions_by(current_mark)
    config.add_subscriber(on_login_repeated, LoginRepeated)
    add_letters(config)
    config.add_route("login", "/login")
    config.add_route("logout", "/logout")
    config.add_route("register", "/register")
    config.add_route("confirm_registration", "/register/confirm")
    config.add_route("forgotten", "/password/forgotten")
    config.add_route("reset", "/password/reset")
    config.add_route("account", "/account")
    config.add_route("password", "/account/password")
    config.add_route("change_email", "/account/email")
    config.add_route("confirm_email", "/account/email/confirm")
    config.add_route("sessions", "/account/sessions")
    config.add_route("end_other_sessions", "/account/sessions/end-others")
    config.add_route("end_session", "/account/sessions/{handle}/end")
    config.scan("shopapp.accounts.views")
    config.scan("shopapp.accounts.register_views")
    config.scan("shopapp.accounts.reset_views")
    config.scan("shopapp.accounts.password_views")
    config.scan("shopapp.accounts.email_views")
    config.scan("shopapp.accounts.session_views")
