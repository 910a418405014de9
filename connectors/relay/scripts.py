"""What happens to a job, each step one Lua script, so that no two of them ever overlap.

A job is a hash: ``state`` (queued, leased, sending, answering; ended by answered, troubled,
cancelled, lost or closed), ``first`` (1: ``begin`` is asked before it is sent), the agent and boot that
hold it, ``tried`` (who held it before and may not have it again), and times in ms by Redis' clock:
``lease_until``, ``begin_until``, ``take_until``. A boot is part of who holds a job: an agent that
was started again is another one. Every script may be repeated with the same arguments, because a
client repeats it when the answer was lost, and the first try may arrive after the last one.

A job belongs to one run of Redis. One that was started again from what it had kept, or a replica
that took over, may know an older state, in which what has begun has not: there the job begins no
more, and nobody says that nothing was sent.
"""

from __future__ import annotations

NOW = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
"""

_RUN = """
local run = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)') or ''
"""

# Whoever was revoked between the check of its signature and this step goes no further.
_REVOKED = """
local function revoked(agent)
  local copy = redis.call('GET', 'relay:identity:' .. agent)
  return copy and string.find(copy, '"is_revoked":true', 1, true)
end
"""

# The agent that holds a job: 'there', 'gone', or 'left' when it said that it takes no more. Of one
# that left, what it had begun is waited for while it still says something.
_HOLDER = """
local function holder(present, agent, boot, seen_ms)
  local l = redis.call('HMGET', 'relay:live:' .. agent, 'boot', 'left', 'at')
  if l[1] ~= boot then return 'gone' end
  local till = tonumber(redis.call('ZSCORE', present, agent) or '0')
  if till > now then return 'there' end
  if l[2] and tonumber(l[3]) + seen_ms > now then return 'left' end
  return 'gone'
end
"""

# Back to the queue if somebody is there who has not had it; false if not.
_REQUEUE = """
local function requeue(job, queue, present, id, site, take_ms)
  local tried = redis.call('HGET', job, 'tried') or ''
  local h = redis.call('HMGET', job, 'agent', 'boot')
  if h[1] then tried = tried .. '|' .. h[1] .. ':' .. h[2] .. '|' end
  for _, agent in ipairs(redis.call('ZRANGEBYSCORE', present, '(' .. now, '+inf')) do
    local boot = redis.call('HGET', 'relay:live:' .. agent, 'boot') or ''
    if not string.find(tried, '|' .. agent .. ':' .. boot .. '|', 1, true) then
      redis.call('HSET', job, 'state', 'queued', 'tried', tried, 'take_until', now + take_ms)
      redis.call('HDEL', job, 'agent', 'boot', 'lease_until')
      redis.call('LREM', queue, 0, id)
      redis.call('RPUSH', queue, id)
      redis.call('PEXPIRE', queue, 600000)
      redis.call('PUBLISH', 'relay:wake', site)
      return true
    end
  end
  return false
end
"""

# KEYS: job, queue, present. ARGV: id, site, payload, first, when (ms) it may begin at the latest, ms
# to be taken in, ms that it is kept. Answers 1, or 0 if nobody is there.
SUBMIT = (
    NOW
    + _RUN
    + """
if redis.call('EXISTS', KEYS[1]) == 1 then return 1 end
if redis.call('ZCOUNT', KEYS[3], '(' .. now, '+inf') == 0 then return 0 end
redis.call('HSET', KEYS[1], 'state', 'queued', 'site', ARGV[2], 'run', run, 'payload', ARGV[3],
  'first', ARGV[4], 'begin_until', ARGV[5], 'take_until', now + ARGV[6], 'next', 0, 'size', 0)
redis.call('PEXPIRE', KEYS[1], ARGV[7])
redis.call('RPUSH', KEYS[2], ARGV[1])
redis.call('PEXPIRE', KEYS[2], 600000)
redis.call('PUBLISH', 'relay:wake', ARGV[2])
return 1
"""
)

# KEYS: job, queue, present. ARGV: id, site, ms to be taken in, ms after which silence is absence.
# The waiting worker's look at its job. Answers queued, leased, sending, ended (its last word is in
# the answer list), cancelled (and nothing was sent), lost, or gone (Redis knows no such job).
SUPERVISE = (
    NOW
    + _RUN
    + _HOLDER
    + _REQUEUE
    + """
local s = redis.call('HMGET', KEYS[1], 'state', 'agent', 'boot', 'lease_until', 'begin_until',
  'take_until', 'first', 'run')
local state = s[1]
if s[8] ~= run then return 'gone' end
local function cancel()
  redis.call('HSET', KEYS[1], 'state', 'cancelled')
  redis.call('LREM', KEYS[2], 0, ARGV[1])
  return 'cancelled'
end
if state == 'queued' then
  if now > tonumber(s[5]) or now > tonumber(s[6]) then return cancel() end
  if redis.call('ZCOUNT', KEYS[3], '(' .. now, '+inf') == 0 then return cancel() end
  return 'queued'
end
if state == 'leased' then
  local held = holder(KEYS[3], s[2], s[3], tonumber(ARGV[4]))
  if s[7] == '1' and now > tonumber(s[5]) then return cancel() end
  local over = now > tonumber(s[4]) or held == 'gone' or (held == 'left' and s[7] == '1')
  if not over then return 'leased' end
  if requeue(KEYS[1], KEYS[2], KEYS[3], ARGV[1], ARGV[2], tonumber(ARGV[3])) then
    return 'queued'
  end
  return cancel()
end
if state == 'sending' or state == 'answering' then
  if holder(KEYS[3], s[2], s[3], tonumber(ARGV[4])) == 'gone' then
    redis.call('HSET', KEYS[1], 'state', 'lost')
    return 'lost'
  end
  return 'sending'
end
if state == 'answered' or state == 'troubled' then return 'ended' end
return state
"""
)

# KEYS: job, queue, present. ARGV: id, site, ms to be taken in. Another agent for a job whose agent
# said that it sent nothing. Answers 1, or 0 if there is none or no time.
GIVE_AGAIN = (
    NOW
    + _RUN
    + _REQUEUE
    + """
local s = redis.call('HMGET', KEYS[1], 'state', 'begin_until', 'run')
if s[3] ~= run then return 0 end
if s[1] == 'queued' then return 1 end
if s[1] ~= 'troubled' or now > tonumber(s[2]) then return 0 end
if requeue(KEYS[1], KEYS[2], KEYS[3], ARGV[1], ARGV[2], tonumber(ARGV[3])) then return 1 end
return 0
"""
)

# KEYS: job, queue, answer. ARGV: id, ms. The worker waits no more. Answers the state that the job was
# in, or gone: a job that was queued or leased can begin no more, and nothing of it was sent unless
# it needed no begin. That it is closed is kept for so long, for a SUBMIT that comes late.
CLOSE = (
    _RUN
    + """
local s = redis.call('HMGET', KEYS[1], 'state', 'run')
redis.call('DEL', KEYS[1], KEYS[3])
redis.call('LREM', KEYS[2], 0, ARGV[1])
redis.call('HSET', KEYS[1], 'state', 'closed')
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return s[2] == run and s[1] or 'gone'
"""
)

# KEYS: present, live. ARGV: agent, poll, boot, state, clock difference in ms, ms for which it then
# counts as there (0: it is too old to be given work), the jobs that it holds. Answers {1 if nobody
# was there before, now + those ms}.
ARRIVE = (
    NOW
    + _REVOKED
    + """
if revoked(ARGV[1]) then return {0, now} end
redis.call('HSET', KEYS[2], 'boot', ARGV[3], 'poll', ARGV[2], 'at', now, 'state', ARGV[4],
  'clock', ARGV[5])
redis.call('HDEL', KEYS[2], 'left')
redis.call('PEXPIRE', KEYS[2], 86400000)
local stay = tonumber(ARGV[6])
if stay == 0 then
  redis.call('ZREM', KEYS[1], ARGV[1])
  return {0, now}
end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
local was = redis.call('ZCARD', KEYS[1])
redis.call('ZADD', KEYS[1], now + stay, ARGV[1])
redis.call('PEXPIRE', KEYS[1], 600000)
for n = 7, #ARGV do
  local key = 'relay:job:' .. ARGV[n]
  local s = redis.call('HMGET', key, 'state', 'agent', 'boot', 'first')
  if s[1] == 'leased' and s[2] == ARGV[1] and s[3] == ARGV[3] and s[4] == '0' then
    redis.call('HSET', key, 'lease_until', now + stay)
  end
end
if was == 0 then return {1, now + stay} end
return {0, now + stay}
"""
)

# KEYS: present, live, queue. ARGV: agent, poll, boot, state, clock difference, until when it counts
# as there. Of a poll that is held: what a flush took away is put back. Answers -1 if a newer poll of
# this agent is there or it has left, otherwise the length of the queue.
KEEP = (
    NOW
    + """
local l = redis.call('HMGET', KEYS[2], 'poll', 'left')
if l[2] or (l[1] and l[1] ~= ARGV[2]) then return -1 end
if not l[1] then
  redis.call('HSET', KEYS[2], 'boot', ARGV[3], 'poll', ARGV[2], 'at', now, 'state', ARGV[4],
    'clock', ARGV[5])
  redis.call('PEXPIRE', KEYS[2], 86400000)
  redis.call('ZADD', KEYS[1], ARGV[6], ARGV[1])
  redis.call('PEXPIRE', KEYS[1], 600000)
end
return redis.call('LLEN', KEYS[3])
"""
)

# KEYS: present, live. ARGV: agent, poll, ms. The connection of this poll closed, or it was answered:
# if the agent is not back so soon, it is gone. Answers 1 if this poll was its newest.
CLOSED = (
    NOW
    + """
if redis.call('HGET', KEYS[2], 'poll') ~= ARGV[2] then return 0 end
local till = tonumber(redis.call('ZSCORE', KEYS[1], ARGV[1]) or '0')
local soon = now + tonumber(ARGV[3])
if till > soon then redis.call('ZADD', KEYS[1], soon, ARGV[1]) end
return 1
"""
)

# KEYS: present, live. ARGV: agent. It stops: nothing new for it. Answers how many others are there.
LEAVE = (
    NOW
    + """
redis.call('ZREM', KEYS[1], ARGV[1])
if redis.call('EXISTS', KEYS[2]) == 1 then redis.call('HSET', KEYS[2], 'left', 1, 'at', now) end
return redis.call('ZCOUNT', KEYS[1], '(' .. now, '+inf')
"""
)

# KEYS: queue, live. ARGV: agent, boot, poll, how many, ms of the lease, bytes after which it is
# enough. Answers the payloads of jobs that are this agent's now; nothing for a poll that is not its newest, or after it has left.
LEASE = (
    NOW
    + _RUN
    + _REVOKED
    + """
if revoked(ARGV[1]) then return {} end
local l = redis.call('HMGET', KEYS[2], 'boot', 'poll', 'left')
if l[1] ~= ARGV[2] or l[2] ~= ARGV[3] or l[3] then return {} end
local given, bytes = {}, 0
for _, id in ipairs(redis.call('LRANGE', KEYS[1], 0, 99)) do
  if #given >= tonumber(ARGV[4]) or bytes >= tonumber(ARGV[6]) then break end
  local key = 'relay:job:' .. id
  local s = redis.call('HMGET', key, 'state', 'begin_until', 'tried', 'run')
  local had = string.find(s[3] or '', '|' .. ARGV[1] .. ':' .. ARGV[2] .. '|', 1, true)
  if s[1] ~= 'queued' or s[4] ~= run or now > tonumber(s[2]) then
    redis.call('LREM', KEYS[1], 0, id)
  elseif not had then
    redis.call('LREM', KEYS[1], 0, id)
    redis.call('HSET', key, 'state', 'leased', 'agent', ARGV[1], 'boot', ARGV[2],
      'lease_until', now + tonumber(ARGV[5]))
    local payload = redis.call('HGET', key, 'payload')
    bytes = bytes + #payload
    table.insert(given, payload)
  end
end
return given
"""
)

# The job's fields if it is this agent's in its present boot; a sign of life too.
_MINE = (
    _REVOKED
    + """
if revoked(ARGV[1]) then return 'gone' end
local mine = redis.call('HMGET', KEYS[1], 'state', 'agent', 'boot')
if not mine[1] or mine[2] ~= ARGV[1] or redis.call('HGET', KEYS[2], 'boot') ~= mine[3] then
  return 'gone'
end
redis.call('HSET', KEYS[2], 'at', now)
local state = mine[1]
"""
)

# KEYS: job, live. ARGV: agent. Answers ok, gone or late. Asked again by who has it: the same answer
# as long as there is time.
BEGIN = (
    NOW
    + _RUN
    + _MINE
    + """
local s = redis.call('HMGET', KEYS[1], 'lease_until', 'begin_until', 'first', 'run')
if s[4] ~= run then return 'gone' end
if now > tonumber(s[2]) then return 'late' end
if state == 'sending' then return 'ok' end
if state ~= 'leased' or now > tonumber(s[1]) then return 'late' end
if s[3] == '1' then redis.call('HSET', KEYS[1], 'state', 'sending') end
return 'ok'
"""
)

# KEYS: job, live, answer. ARGV: agent, number, 1 if it is the last, bytes, digest, the part, most
# bytes, most parts that wait, ms that they are kept, ms after which nobody will take them any more.
# Answers ok, gone, wait (nobody took the earlier ones yet), wrong (not the part that is due) or large.
ANSWER = (
    NOW
    + _MINE
    + """
local s = redis.call('HMGET', KEYS[1], 'next', 'size', 'first', 'digest')
local number, due = tonumber(ARGV[2]), tonumber(s[1])
if due > 0 and number == due - 1 and s[4] == ARGV[5] then return 'ok' end
if state == 'leased' and s[3] == '1' then
  redis.call('HSET', KEYS[1], 'state', 'lost')
  return 'wrong'
end
if state ~= 'leased' and state ~= 'sending' and state ~= 'answering' then return 'gone' end
if number ~= due then return 'wrong' end
local size = tonumber(s[2]) + tonumber(ARGV[4])
if size > tonumber(ARGV[7]) then
  redis.call('HSET', KEYS[1], 'state', 'lost')
  return 'large'
end
if redis.call('LLEN', KEYS[3]) >= tonumber(ARGV[8]) then
  if now - tonumber(redis.call('HGET', KEYS[1], 'heard') or now) < tonumber(ARGV[10]) then
    return 'wait'
  end
  redis.call('HSET', KEYS[1], 'state', 'lost')
  return 'gone'
end
redis.call('RPUSH', KEYS[3], ARGV[6])
redis.call('PEXPIRE', KEYS[3], ARGV[9])
redis.call('HSET', KEYS[1], 'state', ARGV[3] == '1' and 'answered' or 'answering',
  'next', due + 1, 'size', size, 'digest', ARGV[5], 'heard', now)
return 'ok'
"""
)

# KEYS: job, live, answer. ARGV: agent, the trouble, ms that it is kept. Answers ok or gone.
TROUBLE = (
    NOW
    + _MINE
    + """
if state == 'troubled' then return 'ok' end
if state ~= 'leased' and state ~= 'sending' and state ~= 'answering' then return 'gone' end
redis.call('RPUSH', KEYS[3], ARGV[2])
redis.call('PEXPIRE', KEYS[3], ARGV[3])
redis.call('HSET', KEYS[1], 'state', 'troubled')
return 'ok'
"""
)
