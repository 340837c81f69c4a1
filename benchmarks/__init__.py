"""How fast sessions and pages are, next to the plain library, Express and Django: ``make bench``.

docs/performance.md tells how to read what it finds.

__main__.py     options, and the parts one after the other
sessions/       the part about sessions: five small routes
pages/          the part about the shop's pages; the shop as Express and Django make it
express/        what runs on node, for both parts

cores.py contenders.py node.py postgresql.py    what is started, and where
load.py client.py wrk.lua                       what is sent
turns.py results.py tables.py machine.py        who is next, what came of it, and how it is shown
"""
