"""The pages."""

import json
from typing import Any
from urllib.parse import urlencode

from django.core.paginator import Paginator
from django.db.models import F, Q
from django.db.models.lookups import Exact
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_GET, require_POST

from benchmarks.pages.django_shop import cart
from benchmarks.pages.django_shop.models import Product, User

PAGE_SIZE = 12


class SeeOther(HttpResponseRedirect):
    """On to another page, by GET."""

    status_code = 303


@require_GET
def healthz(_request: HttpRequest) -> HttpResponse:
    """The process answers."""
    return JsonResponse({"status": "ok"})


@require_GET
def home(request: HttpRequest) -> HttpResponse:
    """Everything, a category, or what a search found."""
    q, category = request.GET.get("q", ""), request.GET.get("category", "")
    products = Product.objects.all()
    if category:
        products = products.filter(category__slug=category)
    if q:
        products = products.filter(Q(name__icontains=q) | Q(description__icontains=q))
    pages = Paginator(products, PAGE_SIZE)
    number = request.GET.get("page", "1")
    if not (number.isascii() and number.isdigit() and 1 <= int(number) <= pages.num_pages):
        raise Http404
    asked = urlencode({name: value for name, value in (("q", q), ("category", category)) if value})
    page = {
        "number": int(number),
        "pages": pages.num_pages,
        "total": pages.count,
        "numbers": pages.page_range,
        "query": f"{asked}&" if asked else "",
    }
    context = {
        "q": q,
        "current_slug": category,
        "everything": not asked,
        "title": q or category or "Everything in the shop",
        "products": pages.page(int(number)).object_list,
        "page": page,
    }
    return render(request, "home.html", context)


@require_GET
def product(request: HttpRequest, sku: str) -> HttpResponse:
    """One product, and others of its category, those in stock first."""
    found = get_object_or_404(Product.objects.select_related("category"), sku=sku)
    others = Product.objects.filter(category_id=found.category_id).exclude(pk=found.pk)
    related = list(others.order_by(Exact(F("stock"), 0), "name", "id")[:4])
    shelf = found.category
    context = {"product": found, "category": shelf, "current_slug": shelf.slug, "related": related}
    return render(request, "product.html", context)


@require_GET
def show_cart(request: HttpRequest) -> HttpResponse:
    """The cart."""
    contents = cart.contents(request.session)
    return _json(contents) if _wants_json(request) else render(request, "cart.html", {"cart": contents})


@require_POST
def add_item(request: HttpRequest) -> HttpResponse:
    """Add a product to the cart."""
    fields = _submitted(request)
    sku, quantity = fields.get("sku", ""), _quantity(fields.get("quantity", 1))
    if quantity is None:
        return HttpResponse(status=422)
    get_object_or_404(Product, sku=sku)
    cart.set_quantity(request.session, sku, request.session.get("cart", {}).get(sku, 0) + quantity)
    return SeeOther("/cart")


@require_POST
def set_item(request: HttpRequest, sku: str) -> HttpResponse:
    """Set a line's quantity; 0 removes it."""
    quantity = _quantity(_submitted(request).get("quantity"))
    if quantity is None:
        return HttpResponse(status=422)
    if sku not in request.session.get("cart", {}):
        get_object_or_404(Product, sku=sku)
    cart.set_quantity(request.session, sku, quantity)
    return _json(cart.contents(request.session)) if _wants_json(request) else SeeOther("/cart")


def login(request: HttpRequest) -> HttpResponse:
    """Sign in. No password is compared: that takes as long as one chooses, and is not what is measured."""
    if request.method != "POST":
        return render(request, "login.html")
    user = User.objects.filter(email=_submitted(request).get("email", "")).values("id", "email", "name").first()
    if user is None:
        return HttpResponse(status=401)
    request.session.cycle_key()
    request.session["user"] = user
    return JsonResponse(user)


@require_POST
def logout(request: HttpRequest) -> HttpResponse:
    """Sign out."""
    request.session.flush()
    return SeeOther("/")


def _json(contents: dict[str, Any]) -> HttpResponse:
    return JsonResponse(contents, json_dumps_params={"separators": (",", ":")})


def _submitted(request: HttpRequest) -> dict[str, Any]:
    return json.loads(request.body) if request.content_type == "application/json" else request.POST.dict()


def _quantity(value: Any) -> int | None:
    text = str(value)
    quantity = int(text) if text.isascii() and text.isdigit() and len(text) <= 9 else None
    return quantity if quantity is not None and quantity <= cart.MOST_UNITS else None


def _wants_json(request: HttpRequest) -> bool:
    preferred = request.get_preferred_type(["text/html", "application/json"])
    return preferred is not None and str(preferred) == "application/json"
