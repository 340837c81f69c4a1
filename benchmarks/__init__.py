"""How fast sessions and pages are, next to the plain library, Express and Django: ``make bench``.

docs/performance.md tells how to read what it finds.

__main__.py     options, and the parts one after the other
sessions/       the part about sessions: five small routes
pages/          the part about the shop's pages, with the shop as Django makes it
express/        what runs on node, for both parts

cores.py contenders.py node.py postgresql.py            what is started, and where
load.py traffic.py client.py wrk.lua direct.py          what is sent
plan.py turns.py results.py                             who is next, and what came of it
machine.py tables.py report.py                          how it is shown
"""
