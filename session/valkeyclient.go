package session

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
)

// ValkeyOptions is where a Valkey is and how durable its commits are.
type ValkeyOptions struct {
	Addresses []string // host:port; of a cluster, any of its nodes; with Sentinel, theirs
	Sentinel  string   // what Sentinels call the primary; "": there are none
	Username  string
	Password  string
	DB        int
	TLS       *tls.Config // nil: none

	// Replicas is how many replicas have a commit before it is acknowledged, waiting at
	// most ReplicaWait for them. With RequireReplicas a commit that too few have is
	// Unavailable; it may be there all the same, and is to be repeated. Without, fewer
	// replicas will do.
	Replicas        int
	ReplicaWait     time.Duration
	RequireReplicas bool
}

const (
	valkeyDial     = 2 * time.Second
	valkeyAnswer   = storeTimeout     // the longest wait for an answer, whatever the context says
	valkeyConnLife = 30 * time.Second // then its name is looked up again: it may be another server's by now
	valkeyAway     = 5 * time.Second  // when to ask again
	maxTries       = 3                // of an operation whose connection broke
	maxContenders  = 10               // that may get a lease before one who wants it
)

//go:embed valkey.lua
var storeSource string

var storeScript = newScript(storeSource)

// script is one that the server runs. It is sent by its hash, and whole to a server that
// does not know it: a restarted, promoted or new node of a cluster needs no loading, and
// nodes of two versions of Frontdesk do not overwrite each other's, as they would with a
// function library.
type script struct{ source, hash string }

func newScript(source string) script {
	sum := sha1.Sum([]byte(source)) // what EVALSHA goes by
	return script{source, hex.EncodeToString(sum[:])}
}

func (s script) run(ctx context.Context, c valkey.CoreClient, keys, args []string) valkey.ValkeyResult {
	n := int64(len(keys))
	answer := c.Do(ctx, c.B().Evalsha().Sha1(s.hash).Numkeys(n).Key(keys...).Arg(args...).Build())
	if err, ok := valkey.IsValkeyErr(answer.Error()); ok && err.IsNoScript() {
		answer = c.Do(ctx, c.B().Eval().Script(s.source).Numkeys(n).Key(keys...).Arg(args...).Build())
	}
	return answer
}

// OpenValkey connects to the store, by the deadline of ctx. Close must be called.
func OpenValkey(ctx context.Context, o ValkeyOptions) (*Valkey, error) {
	type opened struct {
		client valkey.Client
		err    error
	}
	done := make(chan opened, 1)
	go func() { // NewClient knows no context; its dialing and handshake are bounded
		c, err := valkey.NewClient(valkey.ClientOption{
			InitAddress:         o.Addresses,
			Username:            o.Username,
			Password:            o.Password,
			SelectDB:            o.DB,
			TLSConfig:           o.TLS,
			ClientName:          "frontdesk",
			Sentinel:            valkey.SentinelOption{MasterSet: o.Sentinel, TLSConfig: o.TLS, TopologyRefreshInterval: valkeyAway},
			Dialer:              net.Dialer{Timeout: valkeyDial},
			ConnWriteTimeout:    valkeyAnswer,
			ConnLifetime:        valkeyConnLife,
			ReadBufferEachConn:  1 << 16,
			WriteBufferEachConn: 1 << 16,
			DisableCache:        true,
			DisableRetry:        true, // call does it, on any connection
		})
		done <- opened{c, err}
	}()
	select {
	case c := <-done:
		if c.err == nil {
			if c.err = keepsEverything(ctx, c.client); c.err == nil {
				return &Valkey{client: c.client, o: o}, nil
			}
			c.client.Close()
		}
		return nil, valkeyFault(ctx, c.err)
	case <-ctx.Done():
		go func() {
			if c := <-done; c.err == nil {
				c.client.Close()
			}
		}()
		return nil, valkeyFault(ctx, ctx.Err())
	}
}

// keepsEverything refuses servers that would throw sessions away when they are full. A
// node of a cluster that is away is not asked.
func keepsEverything(ctx context.Context, c valkey.Client) error {
	for _, node := range c.Nodes() {
		info, err := node.Do(ctx, node.B().Info().Section("memory").Build()).ToString()
		if _, answered := valkey.IsValkeyErr(err); err != nil && !answered {
			continue
		}
		if err != nil {
			return err
		}
		if !strings.Contains(info, "maxmemory:0\r\n") && !strings.Contains(info, "maxmemory_policy:noeviction\r\n") {
			return fault.New(fault.Storage, "the store would throw sessions away when it is full: set its maxmemory-policy to noeviction")
		}
	}
	return nil
}

// Close ends the connections.
func (v *Valkey) Close() { v.client.Close() }

// call runs an operation of the script on a session's keys. Every one of them may be
// repeated, so one whose connection broke is.
func (v *Valkey) call(ctx context.Context, session string, args ...string) (r reply, err error) {
	err = repeat(ctx, func() (err error) {
		r, err = ask(ctx, v.client, session, args)
		return err
	})
	return r, err
}

// write is call, and returns when the durability asked for is reached.
func (v *Valkey) write(ctx context.Context, session string, args ...string) (r reply, err error) {
	if v.o.Replicas == 0 {
		return v.call(ctx, session, args...)
	}
	err = repeat(ctx, func() (err error) {
		c, release := v.client.Dedicate() // WAIT counts what was written on its own connection
		defer release()
		if r, err = ask(ctx, c, session, args); err == nil {
			err = v.await(ctx, c, r.replicas)
		}
		var known *fault.Error
		if err != nil && !errors.As(err, &known) {
			c.Close() // it may be of no use any more
		}
		return err
	})
	return r, err
}

// await waits until the replicas have what was written on c; there are as many as
// connected.
func (v *Valkey) await(ctx context.Context, c valkey.CoreClient, connected int) error {
	n := min(v.o.Replicas, connected)
	if n == v.o.Replicas || !v.o.RequireReplicas && n > 0 {
		have, err := c.Do(ctx, c.B().Wait().Numreplicas(int64(n)).Timeout(milliseconds(v.o.ReplicaWait)).Build()).AsInt64()
		if err != nil {
			return err
		}
		n = int(have)
	}
	if n < v.o.Replicas && v.o.RequireReplicas {
		return fault.New(fault.Unavailable, "the store has too few replicas to be safe").Retryable(valkeyAway)
	}
	return nil
}

// repeat tries again when a connection broke. The error is a fault.Error.
func repeat(ctx context.Context, try func() error) error {
	for n := 1; ; n++ {
		err := try()
		if err == nil {
			return nil
		}
		var known *fault.Error
		_, answered := valkey.IsValkeyErr(err)
		if errors.As(err, &known) || answered || n == maxTries || ctx.Err() != nil {
			return valkeyFault(ctx, err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(time.Duration(n) * 20 * time.Millisecond):
		}
	}
}

func ask(ctx context.Context, c valkey.CoreClient, session string, args []string) (reply, error) {
	tag := "fd:{" + session + "}:"
	return parseReply(storeScript.run(ctx, c, []string{tag + "lease", tag + "log", tag + "state"}, args))
}

// valkeyFault tells what an error of the client or the server means to a caller.
func valkeyFault(ctx context.Context, err error) error {
	var known *fault.Error
	if errors.As(err, &known) {
		return err
	}
	if errors.Is(ctx.Err(), context.Canceled) {
		return fault.From(ctx.Err())
	}
	answer, ok := valkey.IsValkeyErr(err)
	if !ok {
		return fault.Wrap(err, fault.Unavailable, "the store cannot be reached").Retryable(valkeyAway)
	}
	switch code, _, _ := strings.Cut(answer.Error(), " "); code {
	case "OOM":
		return fault.Wrap(err, fault.Storage, "the store is full").Retryable(0)
	case "MISCONF":
		return fault.Wrap(err, fault.Storage, "the store cannot write to its disk").Retryable(0)
	case "NOAUTH", "WRONGPASS", "NOPERM":
		return fault.Wrap(err, fault.Storage, "the store refuses our user, password or commands").Retryable(0)
	case "READONLY", "LOADING", "BUSY", "CLUSTERDOWN", "MASTERDOWN", "NOREPLICAS", "TRYAGAIN", "MOVED", "ASK", "UNBLOCKED":
		return fault.Wrap(err, fault.Unavailable, "the store is changing servers").Retryable(valkeyAway)
	}
	return fault.Wrap(err, fault.Storage, "the store failed").Retryable(0)
}
