"""The soak: a crowd of clients on whole journeys while parts of the shop are killed, frozen and restarted.

``world`` starts the parts, ``people`` walk about, ``faults`` are thrown in, a ``ledger`` outside of the shop keeps what
was acknowledged, and the ``reckoning`` compares. ``report`` says it.
"""
