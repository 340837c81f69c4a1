// The pages of the shop, on Express with express-session, connect-redis, pg and nunjucks as their documents show them.
import { RedisStore } from "connect-redis";
import express from "express";
import session from "express-session";
import nunjucks from "nunjucks";
import { createClient } from "redis";

import { contents, count, isQuantity, setQuantity } from "./cart.js";
import * as catalog from "./catalog.js";

const { BENCH_PORT, BENCH_REDIS_SOCKET, SESSION_SECRET } = process.env;

const client = createClient({ socket: { path: BENCH_REDIS_SOCKET } });
client.on("error", (error) => console.error(error));
await client.connect();

const app = express();
app.disable("x-powered-by");
app.set("view engine", "html");

const euros = new Intl.NumberFormat("en-IE", { style: "currency", currency: "EUR" });
const templates = nunjucks.configure("../pages/templates", { autoescape: true, express: app });
templates.addFilter("money", (cents) => euros.format(cents / 100));
templates.addGlobal("static", (path) => `/static/${path}?v=1d5c80e2f7a9`);

// The cart's page and its lines answer in JSON too.
const wantsJson = (request) => request.accepts(["html", "json"]) === "json";

async function page(request, response, template, data) {
  const { user, cart } = request.session;
  const categories = await catalog.categories();
  response.render(template, { user, cart_count: count(cart), categories, ...data });
}

app.get("/healthz", (request, response) => response.json({ status: "ok" }));

app.use(
  session({
    store: new RedisStore({ client }),
    secret: SESSION_SECRET,
    resave: false,
    saveUninitialized: false,
  }),
);
app.use(express.json(), express.urlencoded({ extended: false }));

app.get("/", async (request, response, next) => {
  const { q = "", category = "" } = request.query;
  const number = Number(request.query.page ?? 1);
  if (!(Number.isInteger(number) && number >= 1)) return next("route");
  const { products, total, pages } = await catalog.listing(q, category, number);
  if (number > pages) return next("route");
  const asked = new URLSearchParams(Object.entries({ q, category }).filter(([, value]) => value)).toString();
  const everything = !asked;
  await page(request, response, "home", {
    q,
    current_slug: category,
    everything,
    title: everything ? "Everything in the shop" : q || category,
    products,
    page: {
      number,
      pages,
      total,
      numbers: Array.from({ length: pages }, (_, index) => index + 1),
      query: asked && `${asked}&`,
    },
  });
});

app.get("/products/:sku", async (request, response, next) => {
  const product = await catalog.findProduct(request.params.sku);
  if (!product) return next("route");
  const category = { slug: product.category_slug, name: product.category_name };
  const related = await catalog.relatedProducts(product);
  await page(request, response, "product", { product, category, current_slug: category.slug, related });
});

app.get("/cart", async (request, response) => {
  const cart = await contents(request.session.cart);
  if (wantsJson(request)) return response.json(cart);
  await page(request, response, "cart", { cart });
});

app.post("/cart/items", async (request, response, next) => {
  const { sku, quantity = 1 } = request.body;
  const wanted = (request.session.cart?.[sku] ?? 0) + Number(quantity);
  if (!isQuantity(wanted)) return response.sendStatus(422);
  if (!(await catalog.findProduct(sku))) return next("route");
  setQuantity(request.session, sku, wanted);
  response.redirect(303, "/cart");
});

app.post("/cart/items/:sku", async (request, response, next) => {
  const { sku } = request.params;
  const quantity = Number(request.body.quantity);
  if (!isQuantity(quantity)) return response.sendStatus(422);
  if (!(sku in (request.session.cart ?? {})) && !(await catalog.findProduct(sku))) return next("route");
  setQuantity(request.session, sku, quantity);
  if (!wantsJson(request)) return response.redirect(303, "/cart");
  response.json(await contents(request.session.cart));
});

app.get("/login", (request, response) => page(request, response, "login", {}));

// No password is compared: that takes as long as one chooses, and is not what is measured.
app.post("/login", async (request, response, next) => {
  const user = await catalog.findUser(request.body.email);
  if (!user) return response.sendStatus(401);
  const { cart } = request.session;
  request.session.regenerate((error) => {
    if (error) return next(error);
    Object.assign(request.session, { user }, cart && { cart });
    response.json(user);
  });
});

app.post("/logout", (request, response, next) => {
  request.session.destroy((error) => (error ? next(error) : response.redirect(303, "/")));
});

app.listen(Number(BENCH_PORT), "127.0.0.1");
