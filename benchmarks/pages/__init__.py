"""The part about pages: the shop itself, and a shop that shows the same on Express and on Django.

shop.py         our shop as production.ini has it, and the database that all read
express/        ../express/shop.js
django_shop/    the shop on Django
templates/      the pages of both: nunjucks reads what Jinja2 reads
"""
