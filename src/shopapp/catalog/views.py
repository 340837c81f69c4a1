"""The pages of the catalogue. For a visitor without a session they cost no Redis command."""

from typing import Any

from pyramid.httpexceptions import HTTPBadRequest
from pyramid.request import Request
from pyramid.view import view_config

from shopapp.catalog.forms import AddForm
from shopapp.catalog.memory import catalogue_of
from shopapp.catalog.search import MAX_SEARCH_LENGTH, search_products
from shopapp.catalog.snapshots import CategorySnapshot, Page, ProductSnapshot
from shopapp.catalog.store import SORTS, Sort, list_products, related_products
from shopapp.http import NoSuchThingError, asked_page, query

SORT_NAMES: dict[Sort, str] = {
    "name": "Name",
    "price": "Price, lowest first",
    "-price": "Price, highest first",
    "newest": "Newest",
}

PRODUCT_PAGE = "shopapp:catalog/templates/product.jinja2"
ASKED = ("q", "category", "sort", "page")
"""What the list reads from the query string."""
NO_SUCH_PRODUCT = "There is no such product in this shop."


@view_config(
    route_name="home",
    request_method="GET",
    accept="text/html",
    renderer="shopapp:catalog/templates/home.jinja2",
    shared=ASKED,
)
def show_home(request: Request) -> dict[str, Any]:
    """The catalogue: everything, a category, or what a search found."""
    q, category, sort, page = _listing(request)

    def page_url(number: int) -> str:
        slug = category.slug if category else ""
        asked = {"q": q, "category": slug, "sort": sort or "", "page": number if number > 1 else ""}
        return request.route_path("home", _query={name: value for name, value in asked.items() if value})

    return {"page": page, "q": q, "category": category, "sort": sort, "sorts": SORT_NAMES, "page_url": page_url}


@view_config(route_name="home", request_method="GET", accept="application/json", renderer="json", shared=ASKED)
def show_home_json(request: Request) -> dict[str, Any]:
    """The catalogue as JSON."""
    q, _category, _sort, page = _listing(request)
    products = [_summary(request, product) for product in page.products]
    listing = {"products": products, "page": page.number, "pages": page.pages, "total": page.total}
    return listing | {"searched": page.searched, "more": page.more} if q else listing


@view_config(route_name="product", request_method="GET", accept="text/html", renderer=PRODUCT_PAGE, shared=())
def show_product(request: Request) -> dict[str, Any]:
    """One product's page."""
    product = product_or_404(request, request.matchdict["sku"])
    return product_page(request, product, AddForm(data={"sku": product.sku}))


@view_config(route_name="product", request_method="GET", accept="application/json", renderer="json", shared=())
def show_product_json(request: Request) -> dict[str, Any]:
    """One product as JSON."""
    product = product_or_404(request, request.matchdict["sku"])
    return {
        **_summary(request, product),
        "description": product.description,
        "category": product.category_name,
    }


def product_page(request: Request, product: ProductSnapshot, form: AddForm) -> dict[str, Any]:
    """Return what the product's page shows, with ``form`` and its errors."""
    with catalogue_of(request).connect() as connection:
        related = related_products(connection, product)
    return {"product": product, "form": form, "related": related}


def _listing(request: Request) -> tuple[str, CategorySnapshot | None, Sort | None, Page]:
    """Return the search, category, order and page that were asked for. Raises HTTPBadRequest and NoSuchThingError."""
    asked = query(request)
    q, slug, number = asked.get("q", "").strip(), asked.get("category", ""), asked_page(request)
    if len(q) > MAX_SEARCH_LENGTH:
        raise HTTPBadRequest(f"Please search for less: at most {MAX_SEARCH_LENGTH} characters.")
    sort = asked.get("sort") or None
    if sort not in (None, *SORTS):
        raise HTTPBadRequest(f"The list can be sorted by {', '.join(SORTS[:-1])} or {SORTS[-1]}.")
    catalogue = catalogue_of(request)
    category = next((each for each in catalogue.categories() if each.slug == slug), None)
    if slug and category is None:
        raise NoSuchThingError("There is no such category in this shop.")
    size = request.registry["shopapp.settings"].shop.page_size
    with catalogue.connect() as connection:
        if q:
            page = search_products(connection, q, slug, sort, number, size)
        else:
            page = list_products(connection, slug, sort or "name", number, size)
    if page.number != number:
        raise NoSuchThingError(f"There is no page {number}: this list has {page.pages}.")
    return q, category, sort, page


def product_or_404(request: Request, sku: str) -> ProductSnapshot:
    """Return the product with this SKU. Raises NoSuchThingError."""
    product = catalogue_of(request).product(sku)
    if product is None:
        raise NoSuchThingError(NO_SUCH_PRODUCT)
    return product


def _summary(request: Request, product: ProductSnapshot) -> dict[str, Any]:
    return {
        "sku": product.sku,
        "name": product.name,
        "price": product.price,
        "currency": request.registry["shopapp.settings"].shop.currency,
        "available": product.stock,
        "url": request.route_path("product", sku=product.sku),
        "image": request.static_path(product.picture),
    }
