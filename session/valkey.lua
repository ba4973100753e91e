-- The operations of a session.Store on Valkey, one per call: ARGV[1] names it. Each is
-- all or nothing, because a script runs alone and every refusal comes before the first
-- write. Each may be repeated: the second time changes nothing.
--
-- KEYS: lease  a hash: owner, nonce, epoch, version of the state, and leased and lives,
--              when those end (milliseconds since 1970)
--       log    a stream: the entries under their own ids
--       state  a string
-- A session is there while its life or its lease lasts, whichever is longer; then its
-- keys expire together.
--
-- The reply is {status, history of this server, its replicas, ...}. A server has another
-- history after a failover or a restart: what it acknowledged before may be missing.
local lease, log, state = KEYS[1], KEYS[2], KEYS[3]

local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)

local replication = redis.call('INFO', 'replication')
local history = string.match(replication, 'master_replid:(%x+)') or ''
local replicas = tonumber(string.match(replication, 'connected_slaves:(%d+)') or 0)

local function reply(status, ...)
	return { status, history, replicas, ... }
end

-- stored reads the lease.
local function stored()
	local f = redis.call('HMGET', lease, 'owner', 'nonce', 'epoch', 'leased', 'lives', 'version')
	return {
		there = f[1] and true or false,
		owner = f[1], nonce = f[2],
		epoch = tonumber(f[3] or 0), leased = tonumber(f[4] or 0), lives = tonumber(f[5] or 0),
		version = tonumber(f[6] or 0),
	}
end

local function number(n) return string.format('%.0f', n) end

-- keep lets the session expire when its life and its lease are over.
local function keep(l)
	local over = number(math.max(l.leased, l.lives))
	for _, key in ipairs(KEYS) do
		redis.call('PEXPIREAT', key, over)
	end
end

-- refusal says why the holder of nonce may not write at the time at, or nil.
local function refusal(l, nonce, known, at)
	if known ~= '' and known ~= history then
		return reply('elsewhere')
	end
	if not l.there then
		return reply('none')
	end
	if l.nonce ~= nonce or l.leased <= at then
		return reply('lost')
	end
end

local function put(l)
	redis.call('HSET', lease, 'owner', l.owner, 'nonce', l.nonce, 'epoch', number(l.epoch),
		'leased', number(l.leased), 'lives', number(l.lives), 'version', number(l.version))
	keep(l)
end

-- begin clears what may be left of an earlier life.
local function begin(l)
	if math.max(l.leased, l.lives) <= now then
		redis.call('DEL', lease, log, state)
		l.lives, l.version = 0, 0
	end
end

-- acquire wants to know which epoch it ends, so that one of long ago, which nobody
-- waits for any more, ends none.
local function acquire(nonce, owner, ttl, take, ends)
	local l = stored()
	if l.leased > now and l.nonce == nonce then -- the answer to the first try was lost
		return reply('ok', number(l.epoch))
	end
	if l.leased > now and l.owner ~= owner and take ~= '1' then
		return reply('held', number(l.leased - now))
	end
	if number(l.epoch) ~= ends then
		return reply('changed', number(l.epoch))
	end
	if l.leased > now and l.owner ~= owner then -- who stops sooner than its next write would tell
		redis.call('PUBLISH', 'fd:taken', string.match(lease, '{(.*)}'))
	end
	begin(l)
	l.owner, l.nonce, l.epoch, l.leased = owner, nonce, math.max(l.epoch + 1, now), now + tonumber(ttl)
	put(l)
	return reply('ok', number(l.epoch))
end

-- renew, in another history than the lease is of, restores it unless a later one is
-- there. The reply's history then differs, and the holder has to bring what is missing.
local function renew(nonce, known, ttl, owner, epoch)
	local l = stored()
	if known ~= '' and known ~= history then
		epoch = tonumber(epoch)
		if l.nonce ~= nonce and l.epoch >= epoch then
			return reply('lost')
		end
		begin(l)
		l.owner, l.nonce, l.epoch = owner, nonce, epoch
	else
		local refused = refusal(l, nonce, known, now)
		if refused then
			return refused
		end
	end
	l.leased = now + tonumber(ttl)
	put(l)
	return reply('ok')
end

local function release(nonce, known)
	local l = stored()
	local refused = refusal(l, nonce, known, -1)
	if refused then
		return refused
	end
	l.leased = 0
	put(l)
	return reply('ok')
end

-- after tells whether the id a is behind b. Their parts may be too large for Lua's
-- numbers, and have no leading zeros.
local function after(a, b)
	local at, as = string.match(a, '(%d+)-(%d+)')
	local bt, bs = string.match(b, '(%d+)-(%d+)')
	if at == bt then
		at, bt = as, bs
	end
	return #at > #bt or #at == #bt and at > bt
end

-- fresh reads entries from ARGV, from first on: id, kind, time, body. It gives those that
-- are not there yet, or why one cannot be added.
local function fresh(first)
	local last = redis.call('XREVRANGE', log, '+', '-', 'COUNT', 1)[1]
	local top = last and last[1] or '0-0'
	local new, content = {}, {}
	for i = first, #ARGV, 4 do
		local id, kind, at, body = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3]
		if after(id, top) then
			top, content[id] = id, { kind, body }
			new[#new + 1] = { id, 'kind', kind, 'at', at, 'body', body }
		else
			local found = content[id]
			if not found then
				local there = redis.call('XRANGE', log, id, id)[1]
				if not there then
					return nil, reply('late', id)
				end
				found = { there[2][2], there[2][6] }
			end
			if found[1] ~= kind or found[2] ~= body then
				return nil, reply('differs', id)
			end
		end
	end
	return new
end

local function commit(nonce, known, life, version, text)
	local l = stored()
	local refused = refusal(l, nonce, known, now)
	if refused then
		return refused
	end
	local new, why = fresh(7)
	if why then
		return why
	end
	for _, e in ipairs(new) do
		redis.call('XADD', log, unpack(e))
	end
	version = tonumber(version)
	if version >= l.version then -- else it is a try of long ago
		redis.call('SET', state, text)
		l.version, l.lives = version, now + tonumber(life)
		put(l)
	end
	return reply('ok')
end

local function load()
	local l = stored()
	if math.max(l.leased, l.lives) <= now then
		return reply('none')
	end
	return reply('ok', redis.call('GET', state) or '{}', redis.call('XRANGE', log, '-', '+'))
end

local function delete(nonce, known)
	local refused = refusal(stored(), nonce, known, now)
	if refused then
		return refused
	end
	redis.call('DEL', lease, log, state)
	return reply('ok')
end

local operations = { delete = delete, acquire = acquire, renew = renew, release = release, commit = commit, load = load }
return operations[ARGV[1]](unpack(ARGV, 2, math.min(#ARGV, 6)))
