"""The SQL of migration 0005 for SQLite. Like the migration it does not change any more."""

PUNCTUATION = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"
QUOTED_PUNCTUATION = PUNCTUATION.replace("'", "''")
ACCENTED, PLAIN = "àáâãäåçèéêëìíîïñòóôõöøùúûüýÿ", "aaaaaaceeeeiiiinoooooouuuuyy"
ACCENTED, PLAIN = ACCENTED + ACCENTED.upper(), PLAIN * 2
LONGEST_WORD = 30

# named: the words of the name once more, each behind a letter that nobody types, as words of their own: so "the" in a
# name is found without a look at all descriptions that have it. shelf: the category's id behind two of them.
MARK = "\ua66e"
SEARCH = """
CREATE VIRTUAL TABLE product_search USING fts5(
  name, description, category, named, shelf, tokenize = 'porter unicode61 remove_diacritics 2', prefix = '3 4')
"""


def parted(column: str) -> str:
    """Return the SQL of a text with spaces for what joins words."""
    for each in "-/,;.:()'\"&":
        column = f"replace({column}, char({ord(each)}), ' ')"
    return column


def marked(column: str) -> str:
    """Return the SQL of a text with the mark before each word, and not where two spaces follow each other."""
    words = f"replace(' ' || {parted(column)} || ' ', ' ', ' {MARK}')"
    for _ in range(3):
        words = f"replace({words}, ' {MARK} ', ' ')"
    return f"rtrim({words}, ' {MARK}')"


FILL = f"""
INSERT INTO product_search (rowid, name, description, category, named, shelf)
SELECT p.id, p.name, p.description, c.name, {marked("p.name")}, '{MARK}{MARK}' || c.id
FROM product p JOIN category c ON c.id = p.category_id
"""
# near: the word without accents, and the same without one of its letters. Two words of which one is typed for the other
# have one of these in common.
WORDS = "CREATE TABLE product_word (near TEXT, word TEXT, PRIMARY KEY (near, word)) WITHOUT ROWID"
DROP = "DELETE FROM product_search WHERE rowid = OLD.id"


PLACES = "[" + ",".join(str(number) for number in range(1, LONGEST_WORD + 2)) + "]"
FOLDED = f"""
  CASE WHEN w.value GLOB '*[^ -~]*' THEN (
    SELECT group_concat(
      CASE instr('{ACCENTED}', c) WHEN 0 THEN c ELSE substr('{PLAIN}', instr('{ACCENTED}', c), 1) END, '')
    FROM (SELECT substr(lower(w.value), i.value, 1) AS c FROM json_each('{PLACES}') i WHERE i.value <= length(w.value))
  ) ELSE lower(w.value) END"""


def note_words(texts: str) -> str:
    """Return the SQL that notes the words of ``texts``, a query with the column ``name``.

    JSON is how SQLite splits a text: of what json_quote() makes each space is the end of one string and the beginning
    of another.
    """
    word = f"trim(value, '{QUOTED_PUNCTUATION}')"
    return f"""
INSERT INTO product_word (near, word)
SELECT DISTINCT substr(k.plain, 1, i.value - 1) || substr(k.plain, i.value + 1) AS near, k.word FROM (
  SELECT DISTINCT lower(w.value) AS word, {FOLDED} AS plain FROM (
    SELECT {word} AS value
    FROM ({texts}) n, json_each('[' || replace(json_quote({parted("n.name")}), ' ', '","') || ']')
  ) w WHERE length(w.value) BETWEEN 3 AND {LONGEST_WORD} AND w.value NOT GLOB '*[0-9]*'
) k, json_each('{PLACES}') i
WHERE i.value <= length(k.plain) + 1
  AND NOT EXISTS (SELECT 1 FROM product_word o WHERE o.near = k.plain AND o.word = k.word)
"""


FILL_ONE = f"{FILL} WHERE p.id = NEW.id"
WORDS_OF_NEW = note_words("SELECT NEW.name AS name")
TRIGGERS = {
    "product_is_found": f"AFTER INSERT ON product BEGIN {FILL_ONE}; {WORDS_OF_NEW}",
    "product_is_found_no_more": f"AFTER DELETE ON product BEGIN {DROP}",
    "product_is_found_otherwise": "AFTER UPDATE OF id, name, description, category_id ON product BEGIN"
    f" {DROP}; {FILL_ONE}; {WORDS_OF_NEW}",
    "category_is_found": f"AFTER INSERT ON category BEGIN {WORDS_OF_NEW}",
    "category_is_found_otherwise": "AFTER UPDATE OF name ON category BEGIN"
    " UPDATE product_search SET category = NEW.name"
    f" WHERE rowid IN (SELECT id FROM product WHERE category_id = NEW.id); {WORDS_OF_NEW}",
}
