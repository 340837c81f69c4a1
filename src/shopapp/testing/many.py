"""Fill a catalogue with any number of products that look real: always the same ones. For tests and benchmarks.

A few words are common to many products ("steel" to a fifth of the names, "handle" to a quarter of the descriptions),
most to some thousands of 100,000, and every thousandth product has a name with a word of its own. Prices have ties, and
every 13th product is sold out.
"""

from collections.abc import Iterator
from itertools import islice
from random import Random
from typing import Any

from sqlalchemy import Connection, insert, select

from shopapp.catalog.models import Category, Product

CATEGORIES = {
    "kitchen": "Kitchen & Table",
    "home": "Home & Light",
    "stationery": "Paper & Desk",
    "outdoors": "Outdoors",
    "garden": "Garden",
    "workshop": "Workshop",
}

_QUALITIES = """
    Small Large Tall Slim Heavy Light Round Square Folding Stacking Everyday Sunday Harbour Meadow Forest Winter Summer
    Northern Coastal Mountain Village Classic Modern Plain Double Travelling Grandmother's Captain's Painter's Baker's
"""
_MATERIALS = """
    Steel Steel Steel Steel Steel Oak Oak Brass Copper Linen Wool Cork Clay Stoneware Glass Bamboo Leather Canvas Iron
    Olive Beech Walnut Marble Enamel Cotton
"""
_THINGS = {
    "kitchen": "Kettle Mug Skillet Board Jar Teapot Ladle Bowl Plate Colander Grater Corkscrew",
    "home": "Lamp Lantern Throw Basket Candle Clock Mirror Cushion Vase Curtain Shelf Rug",
    "stationery": "Notebook Pencil Pen Envelope Stapler Ruler Étui Blotter Inkwell Calendar Folder Bookmark",
    "outdoors": "Rucksack Compass Flask Tent Hammock Blanket Whistle Torch Canteen Poncho Saddlebag Binoculars",
    "garden": "Trowel Spade Rake Pot Watering-Can Nest-Box Planter Secateurs Dibber Sieve Trellis Wheelbarrow",
    "workshop": "Hammer Chisel Plane Mallet Saw Vice Spokeshave Gauge Square Clamp Apron Toolbox",
}
_COLOURS = "Moss Sand Ink Chalk Rust Slate Honey Plum Fog Clover Amber Indigo"
_SENTENCES = """
    Made by hand in a small workshop by the sea.
    Wipe it with a damp cloth and it will outlive you.
    Every piece is a little different from the last.
    At home on gas, induction and over an open fire.
    The handle stays cool, the edge stays sharp.
    Packed in recycled paper without any plastic.
    Holds a generous litre and pours without a drip.
    Woven slowly, washed twice and dried in the wind.
    Light enough to carry and sturdy enough to sit on.
    It fits a drawer, a pocket or the palm of a child.
    Repaired free of charge for as long as we are here.
    Our customers give it away at weddings and want it back.
"""
_SYLLABLES = "ba ke li mo nu ra se ti vo wa xi zu dra fle gro ply"


def products(number: int, category_ids: dict[str, int]) -> Iterator[dict[str, Any]]:
    """Return the columns of so many products."""
    random = Random(20240229)  # noqa: S311 - always the same is what is wanted
    qualities, materials, colours, syllables = (
        words.split() for words in (_QUALITIES, _MATERIALS, _COLOURS, _SYLLABLES)
    )
    things = {slug: words.split() for slug, words in _THINGS.items()}
    sentences = [line.strip() for line in _SENTENCES.strip().splitlines()]
    slugs = list(things)
    for index in range(number):
        slug = slugs[index % len(slugs)] if index % 5 else "kitchen"  # which is the largest
        quality = "".join(random.choices(syllables, k=4)).title() if index % 1000 == 7 else random.choice(qualities)
        name = f"{quality} {random.choice(materials)} {random.choice(things[slug])}"
        yield {
            "sku": f"many-{index}",
            "name": f"{name}, {random.choice(colours)}" if random.random() < 0.7 else name,
            "description": " ".join(random.sample(sentences, 3)),
            "category_id": category_ids[slug],
            "price": 50 * random.randint(10, 400),
            "stock": 0 if index % 13 == 5 else random.randint(1, 200),
            "image": "stoneware-mug.svg",
        }


def fill(connection: Connection, number: int, batch: int = 1000) -> None:
    """Add six categories and so many products. The caller commits."""
    rows = [{"slug": slug, "name": name} for slug, name in CATEGORIES.items()]
    connection.execute(insert(Category).values(rows))
    ids = {row.slug: row.id for row in connection.execute(select(Category.slug, Category.id))}
    wanted = products(number, ids)
    # With RETURNING, SQLAlchemy sends many rows in one statement, on both databases.
    statement = insert(Product.__table__).returning(Product.id)
    while some := list(islice(wanted, batch)):
        connection.execute(statement, some)
