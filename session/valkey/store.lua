-- The operations of a session.Store, one per call: ARGV[1] is the operation. A script runs
-- alone and refuses before its first write, so each operation is all or nothing. Each may
-- be repeated: the second time changes nothing.
--
-- KEYS: lease  a hash: owner, nonce, epoch (which also grows with new entries), the state's
--              version, and when the lease and the session expire (leased and lives,
--              milliseconds since 1970)
--       log    a stream: the entries under their own IDs
--       state  a string
-- The keys expire together with the session or its lease, whichever is later.
--
-- The reply is {status, history of this server, number of its replicas, ...}. After a
-- failover or a restart, a server has another history: it may lack writes that were
-- acknowledged before.
local lease, log, state = KEYS[1], KEYS[2], KEYS[3]

local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)

local replication = redis.call('INFO', 'replication')
local history = string.match(replication, 'master_replid:(%x+)') or ''
local replicas = tonumber(string.match(replication, 'connected_slaves:(%d+)') or 0)

local function reply(status, ...)
	return { status, history, replicas, ... }
end

local function read_lease()
	local f = redis.call('HMGET', lease, 'owner', 'nonce', 'epoch', 'leased', 'lives', 'version')
	return {
		exists = f[1] and true or false,
		owner = f[1], nonce = f[2],
		epoch = tonumber(f[3] or 0), leased = tonumber(f[4] or 0), lives = tonumber(f[5] or 0),
		version = tonumber(f[6] or 0),
	}
end

local function number(n) return string.format('%.0f', n) end

-- write_lease stores l and lets the keys expire with the session or its lease.
local function write_lease(l)
	redis.call('HSET', lease, 'owner', l.owner, 'nonce', l.nonce, 'epoch', number(l.epoch),
		'leased', number(l.leased), 'lives', number(l.lives), 'version', number(l.version))
	local expiry = number(math.max(l.leased, l.lives))
	for _, key in ipairs(KEYS) do
		redis.call('PEXPIREAT', key, expiry)
	end
end

-- refusal returns why the holder of nonce may not write, or nil. The lease must expire
-- after the time at.
local function refusal(l, nonce, known_history, at)
	if known_history ~= '' and known_history ~= history then
		return reply('elsewhere')
	end
	if not l.exists then
		return reply('none')
	end
	if l.nonce ~= nonce or l.leased <= at then
		return reply('lost')
	end
end

-- clear_expired removes a session that has expired but whose keys still exist.
local function clear_expired(l)
	if math.max(l.leased, l.lives) <= now then
		redis.call('DEL', lease, log, state)
		l.lives, l.version = 0, 0
	end
end

-- acquire takes the epoch of the lease that it ends, so that a late acquire, for which
-- nobody waits any more, ends no later lease.
local function acquire(nonce, owner, ttl, force, ended_epoch)
	local l = read_lease()
	if l.leased > now and l.nonce == nonce then -- a retry: the first answer was lost
		return reply('ok', number(l.epoch))
	end
	if l.leased > now and l.owner ~= owner and force ~= '1' then
		return reply('held', number(l.leased - now))
	end
	if number(l.epoch) ~= ended_epoch then
		return reply('changed', number(l.epoch))
	end
	if l.leased > now and l.owner ~= owner then -- tell the owner before its next write fails
		redis.call('PUBLISH', 'fd:taken', string.match(lease, '{(.*)}'))
	end
	clear_expired(l)
	l.owner, l.nonce, l.epoch, l.leased = owner, nonce, math.max(l.epoch + 1, now), now + tonumber(ttl)
	write_lease(l)
	return reply('ok', number(l.epoch))
end

-- renew restores a lease of another history unless there is a later one, or later entries
-- of another holder. The reply then has a history that differs from the lease's, and the
-- holder commits what is missing.
local function renew(nonce, known_history, ttl, owner, epoch)
	local l = read_lease()
	if known_history ~= '' and known_history ~= history then
		epoch = tonumber(epoch)
		if l.nonce ~= nonce and l.epoch >= epoch then
			return reply('lost')
		end
		clear_expired(l)
		if l.nonce ~= nonce then
			l.version = 0 -- else the state of the other holder could outlast the next entries
		end
		l.owner, l.nonce, l.epoch = owner, nonce, math.max(l.epoch, epoch)
	else
		local refused = refusal(l, nonce, known_history, now)
		if refused then
			return refused
		end
	end
	l.leased = now + tonumber(ttl)
	write_lease(l)
	return reply('ok')
end

local function release(nonce, known_history)
	local l = read_lease()
	local refused = refusal(l, nonce, known_history, -1)
	if refused then
		return refused
	end
	l.leased = 0
	write_lease(l)
	return reply('ok')
end

-- is_after reports whether the entry ID a is greater than b. It compares digits, because
-- the numbers may be too large for Lua; they have no leading zeros.
local function is_after(a, b)
	local at, as = string.match(a, '(%d+)-(%d+)')
	local bt, bs = string.match(b, '(%d+)-(%d+)')
	if at == bt then
		at, bt = as, bs
	end
	return #at > #bt or #at == #bt and at > bt
end

-- new_entries reads entries (ID, kind, time, body) from ARGV, starting at first. It returns
-- those that are not stored yet, or nil and the reply that refuses an entry.
local function new_entries(first)
	local last = redis.call('XREVRANGE', log, '+', '-', 'COUNT', 1)[1]
	local top = last and last[1] or '0-0'
	local new, content = {}, {}
	for i = first, #ARGV, 4 do
		local id, kind, at, body = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3]
		if is_after(id, top) then
			top, content[id] = id, { kind, body }
			new[#new + 1] = { id, 'kind', kind, 'at', at, 'body', body }
		else
			local found = content[id]
			if not found then
				local stored = redis.call('XRANGE', log, id, id)[1]
				if not stored then
					return nil, reply('late', id)
				end
				found = { stored[2][2], stored[2][6] }
			end
			if found[1] ~= kind or found[2] ~= body then
				return nil, reply('differs', id)
			end
		end
	end
	return new
end

local function commit(nonce, known_history, ttl, version, text)
	local l = read_lease()
	local refused = refusal(l, nonce, known_history, now)
	if refused then
		return refused
	end
	local new, refused_entry = new_entries(7)
	if refused_entry then
		return refused_entry
	end
	for _, e in ipairs(new) do
		redis.call('XADD', log, unpack(e))
	end
	if #new > 0 then -- the holder of a lease of another history may not know these entries
		l.epoch = math.max(l.epoch, now)
	end
	version = tonumber(version)
	if version >= l.version then -- else this is a late retry
		redis.call('SET', state, text)
		l.version, l.lives = version, now + tonumber(ttl)
	end
	write_lease(l)
	return reply('ok')
end

local function load()
	local l = read_lease()
	if math.max(l.leased, l.lives) <= now then
		return reply('none')
	end
	return reply('ok', redis.call('GET', state) or '{}', redis.call('XRANGE', log, '-', '+'))
end

local function delete(nonce, known_history)
	local refused = refusal(read_lease(), nonce, known_history, now)
	if refused then
		return refused
	end
	redis.call('DEL', lease, log, state)
	return reply('ok')
end

local operations = { delete = delete, acquire = acquire, renew = renew, release = release, commit = commit, load = load }
return operations[ARGV[1]](unpack(ARGV, 2, math.min(#ARGV, 6)))
