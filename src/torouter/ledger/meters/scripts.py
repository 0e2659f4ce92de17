"""What Redis does in one step each. Scripts, because only the server can check and take at once for all processes.

    m:<meter>           hash: s spent, as stored; u settled, not stored yet; h held; r an s from before it was loaded
    w:<key>:<window>    hash: n total, o the oldest slot that may be in it, l when it was loaded, and counts by slot
    t:<key>             the same, of tokens
    c:<key>             running calls, if there are any
    p:<process>         it lives (expires): which of its connections counts
    h:<process>         hash: what it holds, by number: a record
    u:<process>         hash: its part of u, by meter
    all                 set: processes that may hold something

All stand behind `KEYS[1]`, which ends in a hash tag, so that a cluster would keep them together. A record is lines:
when it was taken, nano-dollars, tokens (`-`: none are counted), key, `1` if it counts as a running call, meters.

A connection that was given up may have left commands in a buffer, and a server that hung finds them when it goes on.
They come too late: what they would do has been restored over a newer connection, so they do nothing.

Lua's numbers are doubles: sums are made by `HINCRBY`, which is exact, and only comparisons are rounded, from nine
million dollars (2^53 nano-dollars) on, by two nano-dollars. `%.14g`, by which Lua writes numbers into strings, is
enough for slots and milliseconds.
"""

from __future__ import annotations

from hashlib import sha1
from typing import Final

from torouter.ledger.meters.sliding import SPANS

__all__ = ["ALL", "BEAT", "LEAVE", "LOAD", "MERGE", "RAISE", "RESERVE", "RESTORE", "SETTLE", "SWEEP", "Script"]


class Script:
    __slots__ = ("sha", "source")

    def __init__(self, body: str) -> None:
        self.source = _PRELUDE + body
        self.sha = sha1(self.source.encode(), usedforsecurity=False).hexdigest()


_SPANS: Final = ", ".join(f"['{name}'] = {{{span.slot_ms}, {span.slots}}}" for name, span in SPANS.items())

_PRELUDE: Final = (
    f"local SPANS = {{{_SPANS}}}\n"
    + """
local P = KEYS[1]
local MONEY_MS, RAISED_MS = 90 * 86400000, 600000
local call = redis.call

local function clock(given)
  if given ~= '' then return tonumber(given) end
  local time = call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

local function greater(a, b)
  if #a ~= #b then return #a > #b and a or b end
  return a > b and a or b
end

local function minus(number)
  if number == '0' then return number end
  return number:sub(1, 1) == '-' and number:sub(2) or '-' .. number
end

-- Total without what has left the window, when it was loaded, and the oldest slot that may be in it.
local function slide(key, span, now)
  local oldest = math.floor(now / span[1]) - span[2]
  local got = call('HMGET', key, 'n', 'o', 'l')
  local total, first = tonumber(got[1] or 0), got[2] and tonumber(got[2])
  if first and first < oldest then
    if total > 0 then
      local slots = {}
      for slot = first, math.min(oldest - 1, first + span[2]) do slots[#slots + 1] = slot end
      for _, count in ipairs(call('HMGET', key, unpack(slots))) do total = total - (count or 0) end
      call('HDEL', key, unpack(slots))
    end
    call('HSET', key, 'n', total, 'o', oldest)
    first = oldest
  end
  return total, got[3], first
end

-- `first` is the oldest slot so far, or nil; the oldest one from now on.
local function add(key, span, slot, count, now, first)
  if slot < math.floor(now / span[1]) - span[2] then return first end
  if call('HINCRBY', key, slot, count) <= tonumber(count) then call('PEXPIRE', key, span[1] * (span[2] + 2)) end
  call('HINCRBY', key, 'n', count)
  if not first or slot < first then
    first = slot
    call('HSET', key, 'o', slot)
  end
  return first
end

-- Milliseconds until the total is `room` or less; -1: never.
local function wait(key, span, total, room, now)
  local newest = math.floor(now / span[1])
  local first = tonumber(call('HGET', key, 'o') or newest)
  local slots = {}
  for slot = first, math.max(newest, first) do slots[#slots + 1] = slot end
  for at, count in ipairs(call('HMGET', key, unpack(slots))) do
    total = total - (count or 0)
    if count and total <= room then return (first + at - 1 + span[2] + 1) * span[1] - now end
  end
  return -1
end

local function parts(record)
  local found = {}
  for each in string.gmatch(record, '[^\\n]+') do found[#found + 1] = each end
  return found
end

local function take(record)
  local part = parts(record)
  for at = 6, #part do
    local held = call('HINCRBY', P .. 'm:' .. part[at], 'h', part[2])
    if held <= tonumber(part[2]) then call('PEXPIRE', P .. 'm:' .. part[at], MONEY_MS) end
  end
  if part[5] == '1' then call('INCR', P .. 'c:' .. part[4]) end
end

local function is_current(process, connection)
  return call('GET', P .. 'p:' .. process) == connection
end

local function let_go(record, tokens)
  local part = parts(record)
  for at = 6, #part do
    call('HINCRBY', P .. 'm:' .. part[at], 'h', minus(part[2]))
  end
  if part[5] == '1' and call('DECR', P .. 'c:' .. part[4]) <= 0 then call('DEL', P .. 'c:' .. part[4]) end
  if tokens and part[3] ~= '-' then
    local key, slot = P .. 't:' .. part[4], math.floor(part[1] / SPANS['1m'][1])
    local change = tokens - part[3]
    if change ~= 0 and call('HEXISTS', key, slot) == 1 then
      call('HINCRBY', key, slot, change)
      call('HINCRBY', key, 'n', change)
    end
  end
  return part
end

-- Nothing of this process's is pending any more: it is stored, or told anew.
local function forget_unstored(process)
  local had = call('HGETALL', P .. 'u:' .. process)
  for at = 1, #had, 2 do
    local meter = P .. 'm:' .. had[at]
    if call('HEXISTS', meter, 'u') == 1 then call('HINCRBY', meter, 'u', minus(had[at + 1])) end
  end
  call('DEL', P .. 'u:' .. process)
end

local function forget_held(process)
  local had = call('HGETALL', P .. 'h:' .. process)
  for at = 2, #had, 2 do let_go(had[at]) end
  call('DEL', P .. 'h:' .. process)
  return #had / 2
end
"""
)

RESERVE: Final = Script("""
-- process, connection, number (empty: money only; ?: all of it; nothing is taken with either), record, time, strict,
-- hold, key, concurrency, tokens a minute, tokens, how many meters, (meter, limit)…, (window, limit)…
-- The time; or what hinders: {0} no such process, {1, meter}, {2, window, wait}, {3, wait}, {4},
-- {5, meter… or window…} these are not loaded.
local process, number = ARGV[1], ARGV[3]
if not is_current(process, ARGV[2]) then return {0} end
local now = clock(ARGV[5])
local is_strict, hold, key = ARGV[6] == '1', tonumber(ARGV[7]), ARGV[8]
local concurrency, per_minute, tokens = tonumber(ARGV[9]), tonumber(ARGV[10]), tonumber(ARGV[11])
local windows = 13 + 2 * ARGV[12]
local unknown, refusal = {5}, nil
for at = 13, windows - 1, 2 do
  local got = call('HMGET', P .. 'm:' .. ARGV[at], 's', 'u', 'h')
  if not got[1] then
    unknown[#unknown + 1] = (at - 13) / 2
  elseif not refusal then
    local level = got[1] + (got[2] or 0) + (got[3] or 0)
    local limit = tonumber(ARGV[at + 1])
    if is_strict and level + hold > limit or not is_strict and level >= limit then refusal = {1, (at - 13) / 2} end
  end
end
if number == '' then return #unknown > 1 and unknown or refusal or now end
local full
local firsts = {}
for at = windows, #ARGV, 2 do
  local name, window = ARGV[at], P .. 'w:' .. key .. ':' .. ARGV[at]
  local total, loaded, first = slide(window, SPANS[name], now)
  firsts[at] = first
  if not loaded and name ~= '1m' then
    unknown[#unknown + 1] = name
  elseif not full and total >= tonumber(ARGV[at + 1]) then
    full = {2, name, wait(window, SPANS[name], total, ARGV[at + 1] - 1, now)}
  end
end
if #unknown > 1 then return unknown end
if refusal or full then return refusal or full end
local first
if per_minute > 0 then
  local used, _, oldest = slide(P .. 't:' .. key, SPANS['1m'], now)
  first = oldest
  if used > 0 and used + tokens > per_minute then
    return {3, wait(P .. 't:' .. key, SPANS['1m'], used, math.max(0, per_minute - tokens), now)}
  end
end
if concurrency > 0 and tonumber(call('GET', P .. 'c:' .. key) or 0) >= concurrency then return {4} end
if number == '?' then return now end

for at = windows, #ARGV, 2 do
  local span = SPANS[ARGV[at]]
  add(P .. 'w:' .. key .. ':' .. ARGV[at], span, math.floor(now / span[1]), 1, now, firsts[at])
end
if per_minute > 0 then add(P .. 't:' .. key, SPANS['1m'], math.floor(now / SPANS['1m'][1]), tokens, now, first) end
local record = now .. '\\n' .. ARGV[4]
take(record)
call('HSET', P .. 'h:' .. process, number, record)
return now
""")

SETTLE: Final = Script("""
-- process, connection, number, cost, tokens
local process, cost = ARGV[1], ARGV[4]
if not is_current(process, ARGV[2]) then return 0 end
local record = call('HGET', P .. 'h:' .. process, ARGV[3])
if not record then return 0 end
call('HDEL', P .. 'h:' .. process, ARGV[3])
local part = let_go(record, ARGV[5])
for at = 6, cost ~= '0' and #part or 0 do
  call('HINCRBY', P .. 'm:' .. part[at], 'u', cost)
  call('HINCRBY', P .. 'u:' .. process, part[at], cost)
end
return 1
""")

LOAD: Final = Script("""
-- time, key, how many meters, (meter, spent)…, (window, how many slots, (slot, count)…)…
local now = clock(ARGV[1])
local at = 4
for _ = 1, ARGV[3] do
  local meter = P .. 'm:' .. ARGV[at]
  if call('HEXISTS', meter, 's') == 0 then
    call('HSET', meter, 's', greater(ARGV[at + 1], call('HGET', meter, 'r') or '0'))
    call('HDEL', meter, 'r')
    call('PEXPIRE', meter, MONEY_MS)
  end
  at = at + 2
end
while at < #ARGV do
  local key, span, slots = P .. 'w:' .. ARGV[2] .. ':' .. ARGV[at], SPANS[ARGV[at]], tonumber(ARGV[at + 1])
  if call('HSETNX', key, 'l', now) == 1 then
    local first
    for each = at + 2, at + 2 * slots, 2 do
      first = add(key, span, tonumber(ARGV[each]), ARGV[each + 1], now, first)
    end
    call('PEXPIRE', key, span[1] * (span[2] + 2))
  end
  at = at + 2 + 2 * slots
end
return 1
""")

RAISE: Final = Script("""
-- process, connection, (meter, total, how much of that was this process's)…
local is_ours = is_current(ARGV[1], ARGV[2])
for at = 3, #ARGV, 3 do
  local meter, written = P .. 'm:' .. ARGV[at], ARGV[at + 2]
  local got = call('HMGET', meter, 's', 'r', 'h', 'u')
  local spent = got[1] or got[2] or '0'
  if greater(ARGV[at + 1], spent) ~= spent then call('HSET', meter, got[1] and 's' or 'r', ARGV[at + 1]) end
  if is_ours and written ~= '0' then
    local ours = P .. 'u:' .. ARGV[1]
    call('HINCRBY', meter, 'u', minus(written))
    if call('HINCRBY', ours, ARGV[at], minus(written)) == 0 then call('HDEL', ours, ARGV[at]) end
  end
  call('PEXPIRE', meter, (got[1] or got[3] or got[4]) and MONEY_MS or RAISED_MS)
end
return 1
""")

RESTORE: Final = Script("""
-- process, connection, how long it lives, how many holds, (number, record)…, how many meters, (meter, not stored yet)…,
-- numbers of which nothing is known…
-- Makes what the process holds here, and has spent, be what it says. What it held before: numbers.
local process = ARGV[1]
local holds, latest = P .. 'h:' .. process, call('GET', P .. 'p:' .. process)
if latest and tonumber(latest) > tonumber(ARGV[2]) then return {} end
call('SET', P .. 'p:' .. process, ARGV[2], 'PX', ARGV[3])
call('SADD', P .. 'all', process)
local wanted, before, at = {}, {}, 5
for _ = 1, ARGV[4] do
  wanted[ARGV[at]] = ARGV[at + 1]
  at = at + 2
end
forget_unstored(process)
local count = ARGV[at]
at = at + 1
for _ = 1, count do
  call('HINCRBY', P .. 'm:' .. ARGV[at], 'u', ARGV[at + 1])
  call('PEXPIRE', P .. 'm:' .. ARGV[at], MONEY_MS)
  call('HSET', P .. 'u:' .. process, ARGV[at], ARGV[at + 1])
  at = at + 2
end
for each = at, #ARGV do wanted[ARGV[each]] = '' end
local had = call('HGETALL', holds)
for each = 1, #had, 2 do
  before[#before + 1] = had[each]
  if not wanted[had[each]] then
    call('HDEL', holds, had[each])
    let_go(had[each + 1])
  end
  wanted[had[each]] = nil
end
for number, record in pairs(wanted) do
  if record ~= '' then
    take(record)
    call('HSET', holds, number, record)
  end
end
return before
""")

MERGE: Final = Script("""
-- process, connection, time, since when the process was away, (w or t, key, window, slot, count)…
-- A window that was loaded since then had these counts from the store.
if not is_current(ARGV[1], ARGV[2]) then return redis.error_reply('STALE another connection counts') end
local now, since = clock(ARGV[3]), tonumber(ARGV[4])
for at = 5, #ARGV, 5 do
  local name, span = ARGV[at + 2], SPANS[ARGV[at + 2]]
  local key = P .. ARGV[at] .. ':' .. ARGV[at + 1] .. (ARGV[at] == 'w' and ':' .. name or '')
  local _, loaded, first = slide(key, span, now)
  if name == '1m' or loaded and tonumber(loaded) < since then
    add(key, span, tonumber(ARGV[at + 3]), ARGV[at + 4], now, first)
  end
end
return 1
""")

BEAT: Final = Script("""
-- process, how long it lives. The server's time; 0: it was taken for dead, or everything was lost.
if call('PEXPIRE', P .. 'p:' .. ARGV[1], ARGV[2]) == 0 then return 0 end
return clock('')
""")

SWEEP: Final = Script("""
-- Lets go what dead processes hold. {how many holds, milliseconds until the next process could turn out dead}
local released, next_ms = 0, -1
for _, process in ipairs(call('SMEMBERS', P .. 'all')) do
  local left = call('PTTL', P .. 'p:' .. process)
  if left == -2 then
    released = released + forget_held(process)
    forget_unstored(process)
    call('SREM', P .. 'all', process)
  elseif next_ms < 0 or left < next_ms then
    next_ms = left
  end
end
return {released, next_ms}
""")

LEAVE: Final = Script("""
-- process. It ends, and holds nothing from now on.
forget_held(ARGV[1])
forget_unstored(ARGV[1])
call('DEL', P .. 'p:' .. ARGV[1])
call('SREM', P .. 'all', ARGV[1])
return 1
""")

ALL: Final = (RESERVE, SETTLE, LOAD, RAISE, RESTORE, MERGE, BEAT, SWEEP, LEAVE)
