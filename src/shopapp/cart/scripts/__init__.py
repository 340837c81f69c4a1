"""What is done to carts inside Redis, each in one atomic step, as Lua.

Fields of a cart that begin with a colon are marks, not lines: no sku begins with one.
"""
