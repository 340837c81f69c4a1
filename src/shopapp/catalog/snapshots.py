"""What pages show of the catalogue, as it was at one version. Unlike a model it never changes and asks no database."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CategorySnapshot:
    """A category and how many products it holds."""

    id: int
    slug: str
    name: str
    products: int


@dataclass(frozen=True, slots=True)
class ProductSnapshot:
    """A product. ``price`` is in minor units, ``image`` the name of a file in the static folder ``products/``."""

    id: int
    sku: str
    name: str
    description: str
    price: int
    stock: int
    image: str
    category_slug: str
    category_name: str

    @property
    def picture(self) -> str:
        """Its picture, named as ``request.static_path`` takes it."""
        return f"shopapp:web/static/products/{self.image}"


@dataclass(frozen=True, slots=True)
class Page:
    """One page of products: ``number`` of ``pages``, counted from 1, and the ``total`` over all pages.

    ``searched`` is what a search looked for: other than what was typed if nothing was found for that. ``more`` tells
    that a search found more than it lists.
    """

    products: tuple[ProductSnapshot, ...]
    number: int
    pages: int
    total: int
    searched: str = ""
    more: bool = False
