-- What wrk sends: wrk ... -s wrk.lua URL -- FIGURE SKU,SKU... COOKIE...

local sent = 0

local function requests_of(figure, skus, cookies)
   if figure == "ping" then
      return { wrk.format("GET", "/ping") }
   end
   local requests = {}
   for sku in skus:gmatch("[^,]+") do
      for _, cookie in ipairs(cookies) do
         local method, path = "GET", "/cart"
         if figure == "add" then
            method, path = "POST", "/cart/" .. sku
         end
         table.insert(requests, wrk.format(method, path, { ["Cookie"] = cookie }))
      end
   end
   return requests
end

-- Each login is another person's, and is followed by the logout that its answer's cookie makes possible.
local function log_in_and_out()
   local user, signed_in = 1000, {}

   request = function()
      local cookie = table.remove(signed_in)
      if cookie then
         return wrk.format("POST", "/logout", { ["Cookie"] = cookie })
      end
      user = user + 1
      return wrk.format("POST", "/login/" .. user)
   end

   response = function(_, headers)
      local set = headers["Set-Cookie"] or headers["set-cookie"]
      -- The answer to a logout takes the cookie away, or sets none.
      if set and not set:lower():find("max-age=0", 1, true) then
         table.insert(signed_in, set:match("^[^;]+"))
      end
   end
end

function init(args)
   local figure, skus, cookies = args[1], args[2], {}
   if figure == "login" then
      return log_in_and_out()
   end
   for number = 3, #args do
      table.insert(cookies, args[number])
   end
   local requests = requests_of(figure, skus, cookies)
   request = function()
      sent = sent + 1
      return requests[(sent - 1) % #requests + 1]
   end
end

function done(summary, latency)
   local e = summary.errors
   print(string.format(
      'RESULT {"requests": %d, "microseconds": %d, "p99_microseconds": %d, "errors": %d}',
      summary.requests, summary.duration, latency:percentile(99),
      e.connect + e.read + e.write + e.status + e.timeout
   ))
end
