-- The requests that wrk sends, and a line of JSON with the result. Arguments after the URL and `--`:
--   fixed                     the URL as it is
--   records <count>           the URL with `record_id=` of a random record appended
--   events <database name>    new events, in the same shape as benches/baselines/event.rs

local random = io.open("/dev/urandom", "rb")
local a, b, c = string.byte(random:read(3), 1, 3)
random:close()
math.randomseed(a * 65536 + b * 256 + c)

local kind, argument, number, path
local second, time = 0, ""

function init(arguments)
  kind, argument, number, path = arguments[1], arguments[2], 0, wrk.path
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
  local id, now = uuid(), event_time()
  return '{"version":"0","id":"' .. id .. '","detail-type":"history","source":"' .. argument
    .. '","account":"123456789012","time":"' .. time .. 'Z","region":"eu-west-2","resources":[],'
    .. '"detail":{"event_id":"' .. id .. '","event_time":"' .. now .. '","event_type_id":7,"record_id":'
    .. (sent % 1000) .. ',"source_id":7,"source_type_id":0,'
    .. '"event_data":[{"field":"status","old":"draft","new":"approved"}]}}'
end

function request()
  if kind == "events" then
    return wrk.format("POST", path, nil, envelope())
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
