package valkey

import (
	"context"
	"crypto/sha1"
	"crypto/tls"
	_ "embed"
	"encoding/hex"
	"errors"
	"net"
	"strings"
	"time"

	"github.com/valkey-io/valkey-go"

	"frontdesk/internal/fault"
	"frontdesk/session"
)

// Options say where the store is and how durable its commits are.
type Options struct {
	Addresses []string // host:port of the server, of any nodes of a cluster, or of the Sentinels
	Sentinel  string   // the Sentinels' name for the primary; "" when there are no Sentinels
	Username  string
	Password  string
	DB        int
	TLS       *tls.Config // nil disables TLS

	// Replicas is how many replicas must have a commit before it is acknowledged; the
	// store waits for them for at most ReplicaWait. With RequireReplicas, a commit that too
	// few replicas have fails with Unavailable; the primary may have it all the same, so the
	// caller must repeat it. Without RequireReplicas, fewer replicas are enough.
	Replicas        int
	ReplicaWait     time.Duration
	RequireReplicas bool
}

const (
	dialTimeout   = 2 * time.Second
	answerTimeout = 3 * time.Second  // the longest wait for an answer, whatever the context says
	connLifetime  = 30 * time.Second // after which the host name is resolved again, because it may name another server
	retryAfter    = 5 * time.Second  // when to try a store again that cannot be reached
	maxTries      = 3                // of an operation whose connection breaks
)

//go:embed store.lua
var storeSource string

var storeScript = newScript(storeSource)

// script is a Lua script that the server runs. The client sends its hash, and the source
// only to a server that does not know it. So a restarted, promoted or new server needs no
// loading, and two versions of Frontdesk do not overwrite each other's script, as they
// would with a function library.
type script struct{ source, hash string }

func newScript(source string) script {
	sum := sha1.Sum([]byte(source)) // EVALSHA takes SHA-1
	return script{source, hex.EncodeToString(sum[:])}
}

func (s script) run(ctx context.Context, c valkey.CoreClient, keys, args []string) valkey.ValkeyResult {
	n := int64(len(keys))
	result := c.Do(ctx, c.B().Evalsha().Sha1(s.hash).Numkeys(n).Key(keys...).Arg(args...).Build())
	if err, ok := valkey.IsValkeyErr(result.Error()); ok && err.IsNoScript() {
		result = c.Do(ctx, c.B().Eval().Script(s.source).Numkeys(n).Key(keys...).Arg(args...).Build())
	}
	return result
}

// Open connects to the store before the deadline of ctx. The caller must call Close.
func Open(ctx context.Context, o Options) (*Store, error) {
	type opened struct {
		client valkey.Client
		err    error
	}
	done := make(chan opened, 1)
	go func() { // NewClient takes no context, but its timeouts bound it
		c, err := valkey.NewClient(valkey.ClientOption{
			InitAddress:         o.Addresses,
			Username:            o.Username,
			Password:            o.Password,
			SelectDB:            o.DB,
			TLSConfig:           o.TLS,
			ClientName:          "frontdesk",
			Sentinel:            valkey.SentinelOption{MasterSet: o.Sentinel, TLSConfig: o.TLS, TopologyRefreshInterval: retryAfter},
			Dialer:              net.Dialer{Timeout: dialTimeout},
			ConnWriteTimeout:    answerTimeout,
			ConnLifetime:        connLifetime,
			ReadBufferEachConn:  1 << 16,
			WriteBufferEachConn: 1 << 16,
			DisableCache:        true,
			DisableRetry:        true, // retry does it, on any connection
		})
		done <- opened{c, err}
	}()
	select {
	case c := <-done:
		if c.err == nil {
			if c.err = checkEviction(ctx, c.client); c.err == nil {
				return &Store{client: c.client, o: o}, nil
			}
			c.client.Close()
		}
		return nil, storeFault(ctx, c.err)
	case <-ctx.Done():
		go func() {
			if c := <-done; c.err == nil {
				c.client.Close()
			}
		}()
		return nil, storeFault(ctx, ctx.Err())
	}
}

// checkEviction refuses servers that would evict sessions when their memory is full. It
// skips nodes of a cluster that cannot be reached.
func checkEviction(ctx context.Context, c valkey.Client) error {
	for _, node := range c.Nodes() {
		info, err := node.Do(ctx, node.B().Info().Section("memory").Build()).ToString()
		if _, isAnswer := valkey.IsValkeyErr(err); err != nil && !isAnswer {
			continue
		}
		if err != nil {
			return err
		}
		if !strings.Contains(info, "maxmemory:0\r\n") && !strings.Contains(info, "maxmemory_policy:noeviction\r\n") {
			return fault.New(fault.Storage, "the store would evict sessions when its memory is full: set its maxmemory-policy to noeviction")
		}
	}
	return nil
}

// Close closes the connections.
func (s *Store) Close() { s.client.Close() }

// call runs an operation of store.lua on a session's keys. Every operation is safe to
// repeat, so call repeats it when the connection breaks.
func (s *Store) call(ctx context.Context, id string, args ...string) (r reply, err error) {
	err = retry(ctx, func() (err error) {
		r, err = runOperation(ctx, s.client, id, args)
		return err
	})
	return r, err
}

// write is call for an operation that writes: it returns when the configured number of
// replicas has the write.
func (s *Store) write(ctx context.Context, id string, args ...string) (r reply, err error) {
	if s.o.Replicas == 0 {
		return s.call(ctx, id, args...)
	}
	err = retry(ctx, func() (err error) {
		c, release := s.client.Dedicate() // WAIT covers only the writes of its own connection
		defer release()
		if r, err = runOperation(ctx, c, id, args); err == nil {
			err = s.waitForReplicas(ctx, c, r.replicas)
		}
		var f *fault.Error
		if err != nil && !errors.As(err, &f) {
			c.Close() // the connection may be broken
		}
		return err
	})
	return r, err
}

// waitForReplicas waits until the replicas have what was written on c. connected is how
// many there are.
func (s *Store) waitForReplicas(ctx context.Context, c valkey.CoreClient, connected int) error {
	n := min(s.o.Replicas, connected)
	if n == s.o.Replicas || !s.o.RequireReplicas && n > 0 {
		timeout := session.Milliseconds(s.o.ReplicaWait)
		acknowledged, err := c.Do(ctx, c.B().Wait().Numreplicas(int64(n)).Timeout(timeout).Build()).AsInt64()
		if err != nil {
			return err
		}
		n = int(acknowledged)
	}
	if n < s.o.Replicas && s.o.RequireReplicas {
		return fault.New(fault.Unavailable, "too few replicas of the store have the write").Retryable(retryAfter)
	}
	return nil
}

// retry calls try again when a connection breaks. The error is a fault.Error.
func retry(ctx context.Context, try func() error) error {
	for n := 1; ; n++ {
		err := try()
		if err == nil {
			return nil
		}
		var f *fault.Error
		_, isAnswer := valkey.IsValkeyErr(err)
		if errors.As(err, &f) || isAnswer || n == maxTries || ctx.Err() != nil {
			return storeFault(ctx, err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(time.Duration(n) * 20 * time.Millisecond):
		}
	}
}

func runOperation(ctx context.Context, c valkey.CoreClient, id string, args []string) (reply, error) {
	prefix := "fd:{" + id + "}:"
	return parseReply(storeScript.run(ctx, c, []string{prefix + "lease", prefix + "log", prefix + "state"}, args))
}

// storeFault returns an error of the client or the server as a fault.Error.
func storeFault(ctx context.Context, err error) error {
	if _, ok := errors.AsType[*fault.Error](err); ok {
		return err
	}
	if errors.Is(ctx.Err(), context.Canceled) {
		return fault.From(ctx.Err())
	}
	answer, ok := valkey.IsValkeyErr(err)
	if !ok {
		return fault.Wrap(err, fault.Unavailable, "the store cannot be reached").Retryable(retryAfter)
	}
	switch code, _, _ := strings.Cut(answer.Error(), " "); code {
	case "OOM":
		return fault.Wrap(err, fault.Storage, "the store is full").Retryable(0)
	case "MISCONF":
		return fault.Wrap(err, fault.Storage, "the store cannot write to its disk").Retryable(0)
	case "NOAUTH", "WRONGPASS", "NOPERM":
		return fault.Wrap(err, fault.Storage, "the store refuses our user, password or commands").Retryable(0)
	case "READONLY", "LOADING", "BUSY", "CLUSTERDOWN", "MASTERDOWN", "NOREPLICAS", "TRYAGAIN", "MOVED", "ASK", "UNBLOCKED":
		return fault.Wrap(err, fault.Unavailable, "the store is changing servers").Retryable(retryAfter)
	}
	return fault.Wrap(err, fault.Storage, "the store failed").Retryable(0)
}
