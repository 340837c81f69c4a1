"""What the store of carts refuses, and in which words for the person. Knows no store."""


class CartLimitError(Exception):
    """The change would go over a limit, so nothing was changed. The message is for the person."""


class CartBusyError(Exception):
    """Another checkout form is ordering the same cart at this moment, or has just done so."""


class ShortError(Exception):
    """There are only ``available`` units, so nothing was changed. The message is for the person."""

    def __init__(self, available: int, held: int) -> None:
        self.available = available
        super().__init__(_how_many(available, held))


def _how_many(available: int, held: int) -> str:
    if not available:
        return "This is sold out at the moment."
    there_are = f"We have only {available} of this"
    if not held:
        return f"{there_are}."
    if held >= available:
        return f"{there_are}, and {'it is' if available == 1 else 'they are'} in your cart already."
    return f"{there_are}, and {held} {'is' if held == 1 else 'are'} in your cart already."


class PressUsedError(Exception):
    """A press of this name was for something else, so nothing was changed."""
