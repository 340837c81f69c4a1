"""How fast sessions are, next to the plain library and to Express: ``make bench``. See docs/performance.md."""
