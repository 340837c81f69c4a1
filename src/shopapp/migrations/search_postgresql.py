"""The SQL of migration 0005 for PostgreSQL. Like the migration it does not change any more."""

# A dictionary without stop words: "the" may be the beginning of "thermos". The app leaves them out of a search.
TABLES = """
CREATE TEXT SEARCH DICTIONARY shop_stem (TEMPLATE = snowball, Language = english);
CREATE TEXT SEARCH CONFIGURATION shop (COPY = english);
ALTER TEXT SEARCH CONFIGURATION shop
  ALTER MAPPING FOR asciiword, word, numword WITH unaccent, shop_stem;
CREATE FUNCTION shop_words(text) RETURNS text LANGUAGE sql IMMUTABLE AS
  $$SELECT regexp_replace(left($1, 20000), '[!-/:-@[-`{-~]+', ' ', 'g')$$;
CREATE TABLE product_search (product_id integer PRIMARY KEY, name_length integer NOT NULL, name tsvector NOT NULL,
  words tsvector NOT NULL);
CREATE INDEX ix_product_search_name ON product_search USING gin (name) WITH (gin_pending_list_limit = 512);
CREATE INDEX ix_product_search_words ON product_search USING gin (words) WITH (gin_pending_list_limit = 512);
CREATE TABLE product_word (word text NOT NULL);
CREATE INDEX ix_product_word_word ON product_word (word);
CREATE INDEX ix_product_word_near ON product_word USING gist (word gist_trgm_ops (siglen = 64));
"""
VECTORS = """
  length({p}.name) AS name_length,
  to_tsvector('shop', shop_words({p}.name)) || array_to_tsvector(ARRAY['=' || {p}.category_id]) AS name,
  to_tsvector('shop', shop_words({p}.name) || ' ' || shop_words({c}.name) || ' ' || shop_words({p}.description))
  || array_to_tsvector(ARRAY['=' || {p}.category_id]) AS words"""
P_AND_C = VECTORS.format(p="p", c="c")
# Not unique, so that two that note the same word at once do not wait for each other: twice does no harm.
NOTE_WORDS = """
  INSERT INTO product_word (word)
    SELECT DISTINCT w.word FROM {texts}, regexp_split_to_table(lower(shop_words(n.name)), '\\s+') AS w (word)
    WHERE length(w.word) BETWEEN 3 AND 30 AND w.word !~ '[0-9]'
      AND NOT EXISTS (SELECT FROM product_word k WHERE k.word = w.word)"""
# Rows of category are locked against a new name meanwhile, or a product would keep the words of the old one.
FUNCTIONS = f"""
CREATE FUNCTION find_products() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    PERFORM FROM category WHERE id IN (SELECT category_id FROM added) ORDER BY id FOR SHARE;
    INSERT INTO product_search SELECT p.id, {P_AND_C} FROM added p JOIN category c ON c.id = p.category_id;
    {NOTE_WORDS.format(texts="added n")};
  ELSIF TG_OP = 'DELETE' THEN
    DELETE FROM product_search WHERE product_id IN (SELECT id FROM removed);
  ELSIF TG_OP = 'TRUNCATE' THEN
    TRUNCATE product_search;
  ELSE
    PERFORM FROM category WHERE id = NEW.category_id FOR SHARE;
    DELETE FROM product_search WHERE product_id = OLD.id;
    INSERT INTO product_search SELECT NEW.id, {VECTORS.format(p="NEW", c="c")} FROM category c
      WHERE c.id = NEW.category_id;
    {NOTE_WORDS.format(texts="(SELECT NEW.name) n")};
  END IF;
  RETURN NULL;
END $$;
CREATE FUNCTION find_category() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'UPDATE' THEN
    UPDATE product_search s SET words = v.words FROM (
      SELECT p.id, {P_AND_C} FROM product p JOIN category c ON c.id = p.category_id WHERE c.id = NEW.id) v
    WHERE s.product_id = v.id;
  END IF;
  {NOTE_WORDS.format(texts="(SELECT NEW.name) n")};
  RETURN NULL;
END $$;
"""
# Of more than "most" the first that the index has. Each part of the UNION runs only if those before it were too few:
# the beginnings of words come last, for which the index has to be read at many places.
# Always by the index: the planner would read the table for common words, which is wrong for two that never meet.
SEARCH = """
CREATE FUNCTION search_products(every text, beginnings text, either text, shelf integer, most integer)
  RETURNS SETOF integer LANGUAGE plpgsql STABLE SET enable_seqscan = off AS $$
DECLARE
  whole tsquery := to_tsquery('shop', every);
  begun tsquery := to_tsquery('shop', beginnings);
  anyone tsquery := to_tsquery('shop', either);
BEGIN
  IF numnode(begun) = 0 THEN
    RETURN;
  END IF;
  IF shelf IS NOT NULL THEN
    whole := whole && quote_literal('=' || shelf)::tsquery;
    begun := begun && quote_literal('=' || shelf)::tsquery;
  END IF;
  RETURN QUERY SELECT id FROM (
    SELECT product_id AS id, 0 AS rank, name_length FROM product_search WHERE name @@ whole
    UNION ALL
    SELECT product_id, 1, name_length FROM product_search WHERE name @@ begun AND NOT name @@ whole
    UNION ALL
    SELECT product_id, CASE WHEN name @@ anyone THEN 2 ELSE 3 END, name_length FROM product_search
      WHERE words @@ whole AND NOT name @@ begun
    UNION ALL
    SELECT product_id, CASE WHEN name @@ anyone THEN 2 ELSE 3 END, name_length FROM product_search
      WHERE words @@ begun AND NOT name @@ begun AND NOT words @@ whole
    LIMIT most) found ORDER BY rank, name_length, id;
END $$;
"""
TRIGGERS = """
CREATE TRIGGER product_is_found AFTER INSERT ON product
  REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION find_products();
CREATE TRIGGER product_is_found_no_more AFTER DELETE ON product
  REFERENCING OLD TABLE AS removed FOR EACH STATEMENT EXECUTE FUNCTION find_products();
CREATE TRIGGER product_is_found_otherwise AFTER UPDATE OF id, name, description, category_id ON product FOR EACH ROW
  WHEN ((OLD.id, OLD.name, OLD.description, OLD.category_id)
    IS DISTINCT FROM (NEW.id, NEW.name, NEW.description, NEW.category_id)) EXECUTE FUNCTION find_products();
CREATE TRIGGER product_is_found_at_truncate AFTER TRUNCATE ON product
  FOR EACH STATEMENT EXECUTE FUNCTION find_products();
CREATE TRIGGER category_is_found AFTER INSERT ON category FOR EACH ROW EXECUTE FUNCTION find_category();
CREATE TRIGGER category_is_found_otherwise AFTER UPDATE OF name ON category FOR EACH ROW
  WHEN (OLD.name <> NEW.name) EXECUTE FUNCTION find_category();
"""
FILL = f"""
INSERT INTO product_search SELECT p.id, {P_AND_C} FROM product p JOIN category c ON c.id = p.category_id;
{NOTE_WORDS.format(texts="(SELECT name FROM product UNION ALL SELECT name FROM category) n")};
"""
