"""Security headers on every response, and no caching of what a session has touched."""

from collections.abc import Callable

from pyramid.registry import Registry
from pyramid.request import Request
from pyramid.response import Response

from shopapp.sessions import session_was_used

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'self'",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)

HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
}
"""What OWASP's secure headers project asks of a site without inline code and without frames."""

VARY = ("Vary", "Accept, Cookie")
"""What every page and its JSON depend on."""

ASK_FIRST = ("Cache-Control", "no-cache")
"""What nobody has said more of may be kept, but not handed out again without asking."""

OWN = frozenset({"Content-Security-Policy", "Referrer-Policy"})

STRICT_TRANSPORT_SECURITY = "max-age=31536000"


def security_headers_factory(handler: Callable[[Request], Response], registry: Registry) -> Callable:
    """The outermost tween: no response leaves without the headers."""
    headers = list(HEADERS.items())
    if registry["shopapp.settings"].shop.production:
        headers.append(("Strict-Transport-Security", STRICT_TRANSPORT_SECURITY))

    def security_headers(request: Request) -> Response:
        try:
            response = handler(request)
        except Exception:
            # What the tween of the error views cannot answer: an error page that failed in its turn.
            response = request.invoke_exception_view(reraise=True)
        # Two of them a view may set for itself: a page with a key in its address, and mail that is shown as it is.
        own = OWN.intersection(name for name, _ in response.headerlist)
        response.headerlist.extend(header for header in headers if header[0] not in own)
        if response.content_type in ("text/html", "application/json"):
            if "Vary" in response.headers:
                response.vary = {*response.vary, "Accept", "Cookie"}
            else:
                response.headerlist.append(VARY)
        if session_was_used(request):
            # Neither a shared cache nor the back button after a logout may show what belongs to a person.
            response.headers["Cache-Control"] = "no-store"
        elif "Cache-Control" not in response.headers:
            # Or whoever keeps it may guess for how long (RFC 9111, 4.2.2): a 404 or a 405 too.
            response.headerlist.append(ASK_FIRST)
        return response

    return security_headers
