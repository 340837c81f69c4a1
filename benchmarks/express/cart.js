// The cart: sku to quantity in the session, and what people see of it.
import { productsBySku } from "./catalog.js";

const MOST_UNITS = 999;

export function count(quantities = {}) {
  return Object.values(quantities).reduce((sum, quantity) => sum + quantity, 0);
}

export function isQuantity(value) {
  return Number.isInteger(value) && value >= 0 && value <= MOST_UNITS;
}

// Zero removes the line.
export function setQuantity(session, sku, quantity) {
  const quantities = (session.cart ??= {});
  if (quantity) quantities[sku] = quantity;
  else delete quantities[sku];
}

export async function contents(quantities = {}) {
  const skus = Object.keys(quantities);
  const products = skus.length ? await productsBySku(skus) : [];
  const lines = products.map((product) => line(product, quantities[product.sku]));
  lines.sort((one, other) => (one.name < other.name ? -1 : 1));
  const total = lines.reduce((sum, each) => sum + each.line_total, 0);
  return { lines, count: count(quantities), total, currency: "EUR" };
}

function line({ sku, name, price, stock, image }, quantity) {
  return {
    sku,
    name,
    quantity,
    unit_price: price,
    line_total: price * quantity,
    available: stock,
    url: `/products/${sku}`,
    problem: quantity <= stock ? "" : stock ? `Only ${stock} left.` : "Sold out at the moment.",
    image,
  };
}
