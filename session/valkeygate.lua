-- Counts the calls at a time of all processes: ARGV[1] names the operation.
--
-- KEYS: all      a sorted set of sessions by when they are forgotten (milliseconds since 1970)
--       address  the same, of one address
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)

local function number(n) return string.format('%.0f', n) end

local function count(session, ttl)
	for _, key in ipairs(KEYS) do
		redis.call('ZADD', key, number(now + tonumber(ttl)), session)
		redis.call('PEXPIRE', key, ttl)
	end
	return { 'ok', 0 }
end

-- refusal says which limit is reached; 0 is none.
local function refusal(calls, per_address)
	for _, key in ipairs(KEYS) do
		redis.call('ZREMRANGEBYSCORE', key, '-inf', number(now))
	end
	local all, mine = redis.call('ZCARD', KEYS[1]), redis.call('ZCARD', KEYS[2])
	if calls ~= '0' and all >= tonumber(calls) then
		return { 'busy', all }
	end
	if per_address ~= '0' and mine >= tonumber(per_address) then
		return { 'address', mine }
	end
end

local operations = {
	check = function(calls, per_address)
		return refusal(calls, per_address) or { 'ok', 0 }
	end,
	enter = function(calls, per_address, session, ttl)
		if redis.call('ZSCORE', KEYS[1], session) then -- it changes its line
			return count(session, ttl)
		end
		return refusal(calls, per_address) or count(session, ttl)
	end,
	stay = count,
	leave = function(session)
		for _, key in ipairs(KEYS) do
			redis.call('ZREM', key, session)
		end
		return { 'ok', 0 }
	end,
}
return operations[ARGV[1]](unpack(ARGV, 2))
