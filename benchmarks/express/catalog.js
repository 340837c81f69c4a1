// The questions that the shop asks of PostgreSQL, each request anew. They have names, so the server prepares them once.
import pg from "pg";

const pool = new pg.Pool(); // where it is, PGHOST, PGUSER and PGDATABASE say

const PAGE_SIZE = 12;

async function rows(name, text, values = []) {
  return (await pool.query({ name, text, values })).rows;
}

export function categories() {
  return rows("categories", "SELECT slug, name FROM category ORDER BY name, id");
}

// Everything, a category, or what a search found.
export async function listing(q, category, number) {
  const conditions = [];
  const values = [];
  if (category) {
    values.push(category);
    conditions.push(`c.slug = $${values.length}`);
  }
  if (q) {
    values.push(`%${q.replace(/[\\%_]/g, "\\$&")}%`);
    conditions.push(`(p.name ILIKE $${values.length} OR p.description ILIKE $${values.length})`);
  }
  const where = conditions.length ? `WHERE ${conditions.join(" AND ")}` : "";
  const from = `FROM product p ${category ? "JOIN category c ON c.id = p.category_id" : ""} ${where}`;
  const name = `${Boolean(category)} ${Boolean(q)}`;
  const [[{ total }], products] = await Promise.all([
    rows(`count ${name}`, `SELECT count(*)::int AS total ${from}`, values),
    rows(
      `page ${name}`,
      `SELECT p.sku, p.name, p.price, p.stock, p.image ${from} ORDER BY p.name, p.id
       LIMIT ${PAGE_SIZE} OFFSET $${values.length + 1}`,
      [...values, (number - 1) * PAGE_SIZE],
    ),
  ]);
  return { products, total, pages: Math.max(1, Math.ceil(total / PAGE_SIZE)) };
}

export async function findProduct(sku) {
  const [product] = await rows(
    "product",
    `SELECT p.*, c.slug AS category_slug, c.name AS category_name
     FROM product p JOIN category c ON c.id = p.category_id WHERE p.sku = $1`,
    [sku],
  );
  return product;
}

export function relatedProducts(product) {
  return rows(
    "related",
    `SELECT sku, name, price, stock, image FROM product WHERE category_id = $1 AND id <> $2
     ORDER BY stock = 0, name, id LIMIT 4`,
    [product.category_id, product.id],
  );
}

export function productsBySku(skus) {
  return rows("by sku", "SELECT sku, name, price, stock, image FROM product WHERE sku = ANY($1)", [skus]);
}

export async function findUser(email) {
  const [user] = await rows("user", 'SELECT id, email, name FROM "user" WHERE email = $1', [email]);
  return user;
}
