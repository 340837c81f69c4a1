// The five routes of ../sessions/apps.py, on Express with express-session and connect-redis as their documents show them.
import { RedisStore } from "connect-redis";
import express from "express";
import session from "express-session";
import { createClient } from "redis";

const { BENCH_PORT, BENCH_REDIS_SOCKET, BENCH_SECRET } = process.env;

const client = createClient({ socket: { path: BENCH_REDIS_SOCKET } });
client.on("error", (error) => console.error(error));
await client.connect();

const app = express();
app.use(
  session({
    store: new RedisStore({ client }),
    secret: BENCH_SECRET,
    resave: false,
    saveUninitialized: false,
  }),
);

app.get("/ping", (request, response) => response.json({ ok: true }));

app.get("/cart", (request, response) => response.json(request.session.cart ?? {}));

app.post("/cart/:sku", (request, response) => {
  const cart = (request.session.cart ??= {});
  cart[request.params.sku] = (cart[request.params.sku] ?? 0) + 1;
  response.json(cart);
});

app.post("/login/:user", (request, response, next) => {
  const id = Number(request.params.user);
  const user = { id, email: `${id}@example.com`, name: `Person ${id}` };
  const { cart } = request.session;
  request.session.regenerate((error) => {
    if (error) return next(error);
    Object.assign(request.session, { user }, cart && { cart });
    response.json({ ok: true });
  });
});

app.post("/logout", (request, response, next) => {
  request.session.destroy((error) => (error ? next(error) : response.json({ ok: true })));
});

app.listen(Number(BENCH_PORT), "127.0.0.1");
