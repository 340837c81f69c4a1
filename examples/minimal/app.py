"""A cart, signing in and signing out: the least that an app does with shopapp.sessions. See README.md."""

import logging
import os
from typing import Any

from pyramid.config import Configurator
from pyramid.httpexceptions import HTTPNoContent, HTTPServiceUnavailable, HTTPUnauthorized
from pyramid.request import Request
from waitress import serve

from shopapp.events import UserLoggedIn, UserLoggedOut
from shopapp.redis import StoreUnavailable
from shopapp.sessions import USER_KEY

PEOPLE = {("ann@example.com", "correct horse"): (1, "Ann")}  # yours are in a database, their passwords hashed


class SecurityPolicy:
    """Whoever signed in, as the session has it, may do everything; a visitor may do what needs no permission."""

    def identity(self, request: Request) -> dict[str, Any] | None:
        return request.session.get(USER_KEY)

    def authenticated_userid(self, request: Request) -> int | None:
        return self.identity(request)["id"] if self.identity(request) else None

    def permits(self, request: Request, context: Any, permission: str) -> bool:
        return self.identity(request) is not None


def show(request: Request) -> dict[str, Any]:
    return {"user": request.identity, "cart": request.session.get("cart", {})}


def add(request: Request) -> dict[str, Any]:
    cart, sku = request.session.setdefault("cart", {}), request.matchdict["sku"]
    cart[sku] = cart.get(sku, 0) + 1
    return show(request)


def log_in(request: Request) -> dict[str, Any]:
    email = request.POST.get("email", "")
    if (email, request.POST.get("password")) not in PEOPLE:
        raise HTTPUnauthorized
    user_id, name = PEOPLE[email, request.POST["password"]]
    request.registry.notify(UserLoggedIn(request, user_id, email, name))  # a new id; the cart comes along
    return show(request)


def log_out(request: Request) -> HTTPNoContent:
    request.registry.notify(UserLoggedOut(request, request.authenticated_userid))  # the session ends, cart and all
    return HTTPNoContent()


def redis_is_away(error: StoreUnavailable, request: Request) -> HTTPServiceUnavailable:
    return HTTPServiceUnavailable(headers={"Retry-After": "5"})


def make_app(**settings: Any) -> Any:
    with Configurator(settings=settings, security_policy=SecurityPolicy()) as config:
        config.include("pyramid_retry")  # an add that meets another one runs again, so that both count
        config.include("shopapp.sessions")  # REDIS_URL and SESSION_SECRET are in the environment
        for path, view, options in (
            ("/", show, {"request_method": "GET"}),
            ("/cart/{sku}", add, {"request_method": "POST"}),
            ("/login", log_in, {"request_method": "POST"}),
            ("/logout", log_out, {"request_method": "POST", "permission": "signed in"}),
        ):
            config.add_route(path, path)
            config.add_view(view, route_name=path, renderer="json", **options)
        config.add_exception_view(redis_is_away, context=StoreUnavailable)
    return config.make_wsgi_app()


if __name__ == "__main__":
    logging.basicConfig(level="INFO")  # a line for each event
    attempts = 200  # some browser's requests may lose to its others again and again; docs/sessions.md says how often
    serve(make_app(**{"retry.attempts": attempts}), listen=os.environ.get("LISTEN", "127.0.0.1:8080"), threads=4)
