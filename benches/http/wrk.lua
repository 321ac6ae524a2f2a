-- The requests that wrk sends, and a line of JSON with the result. Arguments after the URL and `--`:
--   fixed                     the URL as it is
--   records <count>           the URL with `record_id=` of a random record appended
--   words <word> <count>      the URL with the word appended, and the number of a random one of so many, unless that is 0
--   keys <path> <file>        GET requests for the path, in which RECORD is a random record and EVENT the event of a
--                             random line of the file, which has a client id and an event id
--   events <database name> [<tenants>]
--                             new events, in the same shape as benches/baselines/event.rs; spread over so many
--                             tenants, whose names end with `_<number>`, each to a random one

local random = io.open("/dev/urandom", "rb")
local a, b, c = string.byte(random:read(3), 1, 3)
random:close()
math.randomseed(a * 65536 + b * 256 + c)

local kind, argument, spread, number, path
local keys = {}
local second, time = 0, ""

function init(arguments)
  kind, argument, spread, number, path = arguments[1], arguments[2], arguments[3], 0, wrk.path
  if kind == "keys" then
    for line in io.lines(spread) do
      local client, event = string.match(line, "(%S+) (%S+)")
      keys[#keys + 1] = { client = client, event = event }
    end
  end
end

local function uuid()
  local r = math.random
  return string.format("%08x-%04x-4%03x-%04x-%06x%06x", r(0, 0xffffffff), r(0, 0xffff), r(0, 0xfff),
    r(0x8000, 0xbfff), r(0, 0xffffff), r(0, 0xffffff))
end

-- Advances with the clock; within a second events are some microseconds apart.
local function event_time()
  local now = os.time()
  if now ~= second then
    second, time, number = now, os.date("!%Y-%m-%dT%H:%M:%S", now), 0
  end
  number = number + 1
  return string.format("%s.%06dZ", time, math.min(number * 5, 999999))
end

local sent = 0
local function envelope()
  sent = sent + 1
  local source = spread and (argument .. "_" .. math.random(0, spread - 1)) or argument
  local id, now = uuid(), event_time()
  return '{"version":"0","id":"' .. id .. '","detail-type":"history","source":"' .. source
    .. '","account":"123456789012","time":"' .. time .. 'Z","region":"eu-west-2","resources":[],'
    .. '"detail":{"event_id":"' .. id .. '","event_time":"' .. now .. '","event_type_id":7,"record_id":'
    .. (sent % 1000) .. ',"source_id":7,"source_type_id":0,'
    .. '"event_data":[{"field":"status","old":"draft","new":"approved"}]}}'
end

function request()
  if kind == "events" then
    return wrk.format("POST", path, nil, envelope())
  elseif kind == "keys" then
    local key = keys[math.random(#keys)]
    wrk.headers["X-Client-Id"] = key.client
    return wrk.format("GET", (argument:gsub("RECORD", math.random(0, 999)):gsub("EVENT", key.event)))
  elseif kind == "words" then
    local which = spread == "0" and "" or math.random(0, spread - 1)
    return wrk.format("GET", path .. argument .. which)
  elseif kind == "records" then
    return wrk.format("GET", path .. "&record_id=" .. math.random(0, argument - 1))
  end
  return wrk.format("GET", path)
end

function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    '{"requests":%d,"seconds":%f,"p50_ms":%f,"p99_ms":%f,"failed":%d,"refused":%d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    errors.connect + errors.read + errors.write + errors.timeout, errors.status))
end
