-- What wrk sends: wrk ... -s wrk.lua URL -- FILE
-- The file holds whole requests with a NUL between; they are sent in turn. An empty one stands for logins and logouts.

local function in_turn(requests)
   local sent = 0
   request = function()
      sent = sent + 1
      return requests[(sent - 1) % #requests + 1]
   end
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
   local file = assert(io.open(args[1], "rb"))
   local text, requests = file:read("*a"), {}
   file:close()
   for each in text:gmatch("[^%z]+") do
      table.insert(requests, each)
   end
   if #requests > 0 then
      in_turn(requests)
   else
      log_in_and_out()
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
