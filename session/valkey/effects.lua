-- Counts an event in a window, unless the window has as many events as ARGV[1] already.
-- Returns 1 if the event was counted.
--
-- KEYS: the counter of the window, which expires ARGV[2] milliseconds after its first event
local count = tonumber(redis.call('GET', KEYS[1]) or '0')
if count >= tonumber(ARGV[1]) then
	return 0
end
redis.call('INCR', KEYS[1])
if count == 0 then
	redis.call('PEXPIRE', KEYS[1], ARGV[2])
end
return 1
