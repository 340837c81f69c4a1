"""The part about pages: the shop itself, and a shop that shows the same on Express and on Django.

shop.py         our shop as production.ini has it, and the database that all read
django_shop/    the shop on Django; that on Express is ../express/shop.js
templates/      the pages of both: nunjucks reads what Jinja2 reads
figures.py      what is asked for;  browser.py, check.py: signing in, and looking whether all show the same
"""
