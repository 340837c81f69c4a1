"""A cart, signing in and signing out: the least that an app does with shopapp.sessions. See README.md."""

import logging
import os

from pyramid.config import Configurator
from pyramid.httpexceptions import HTTPNoContent, HTTPServiceUnavailable, HTTPUnauthorized
from waitress import serve

from shopapp.events import UserLoggedIn, UserLoggedOut
from shopapp.redis import StoreUnavailable
from shopapp.sessions import USER_KEY

PEOPLE = {("ann@example.com", "correct horse"): (1, "Ann")}  # yours are in a database, their passwords hashed


def show(request):
    return {"user": request.session.get(USER_KEY), "cart": request.session.get("cart", {})}


def add(request):
    cart, sku = request.session.setdefault("cart", {}), request.matchdict["sku"]
    cart[sku] = cart.get(sku, 0) + 1
    return show(request)


def log_in(request):
    email, password = request.POST.get("email", ""), request.POST.get("password", "")
    if (email, password) not in PEOPLE:
        raise HTTPUnauthorized
    user_id, name = PEOPLE[email, password]
    request.registry.notify(UserLoggedIn(request, user_id, email, name))  # a new id; the cart comes along
    return show(request)


def log_out(request):
    if USER_KEY in request.session:
        request.registry.notify(UserLoggedOut(request, request.session[USER_KEY]["id"]))  # it ends, cart and all
    return HTTPNoContent()


def redis_is_away(error, request):
    logging.error("store_unavailable path=%s error=%s", request.path, error)
    return HTTPServiceUnavailable()


def make_app(**settings):
    with Configurator(settings=settings) as config:
        config.include("pyramid_retry")  # an add that meets another one runs again, so that both count
        config.include("shopapp.sessions")  # REDIS_URL and SESSION_SECRET are in the environment
        for path, method, view in (
            ("/", "GET", show), ("/cart/{sku}", "POST", add), ("/login", "POST", log_in), ("/logout", "POST", log_out)
        ):  # fmt: skip
            config.add_route(path, path)
            config.add_view(view, route_name=path, request_method=method, renderer="json")
        config.add_exception_view(redis_is_away, context=StoreUnavailable)
    return config.make_wsgi_app()


if __name__ == "__main__":
    logging.basicConfig(level="INFO")  # a line for each event
    attempts = 100  # some browser's requests may lose to its others again and again; docs/sessions.md says how often
    serve(make_app(**{"retry.attempts": attempts}), listen=os.environ.get("LISTEN", "127.0.0.1:8080"), threads=4)
