-- The operations of a session.Limiter that count simultaneous calls of all processes.
-- ARGV[1] is the operation.
--
-- KEYS: all      a sorted set of session IDs, scored by when their count expires
--                (milliseconds since 1970)
--       address  the same for the sessions of one address
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)

local function number(n) return string.format('%.0f', n) end

-- count counts a session until ttl from now.
local function count(session, ttl)
	for _, key in ipairs(KEYS) do
		redis.call('ZADD', key, number(now + tonumber(ttl)), session)
		redis.call('PEXPIRE', key, ttl)
	end
	return { 'ok', 0 }
end

-- refusal returns which limit is reached, or nil. A limit of 0 is no limit.
local function refusal(calls, per_address)
	for _, key in ipairs(KEYS) do
		redis.call('ZREMRANGEBYSCORE', key, '-inf', number(now))
	end
	local total, from_address = redis.call('ZCARD', KEYS[1]), redis.call('ZCARD', KEYS[2])
	if calls ~= '0' and total >= tonumber(calls) then
		return { 'busy', total }
	end
	if per_address ~= '0' and from_address >= tonumber(per_address) then
		return { 'address', from_address }
	end
end

local operations = {
	check = function(calls, per_address)
		return refusal(calls, per_address) or { 'ok', 0 }
	end,
	start = function(calls, per_address, session, ttl)
		if redis.call('ZSCORE', KEYS[1], session) then -- the caller moves to another line
			return count(session, ttl)
		end
		return refusal(calls, per_address) or count(session, ttl)
	end,
	refresh = count,
	['end'] = function(session)
		for _, key in ipairs(KEYS) do
			redis.call('ZREM', key, session)
		end
		return { 'ok', 0 }
	end,
}
return operations[ARGV[1]](unpack(ARGV, 2))
