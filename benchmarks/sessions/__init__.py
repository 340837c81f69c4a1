"""The part about sessions: a JSON app of five routes with our sessions, with the plain library's, and on Express."""
