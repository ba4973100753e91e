package config

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Durability says what a commit to a shared store waits for.
type Durability struct {
	Replicas int           `yaml:"replicas"` // replicas that must acknowledge a commit before it counts
	Wait     time.Duration `yaml:"wait"`     // how long to wait for them
	Require  bool          `yaml:"require"`  // refuse tools with effects while too few replicas acknowledge
}

// StoreServer is the address of a shared store, and how to log in to it.
type StoreServer struct {
	Addresses []string // host:port
	Username  string
	Password  string
	DB        int
	TLS       bool
	Sentinel  string // the primary's name among the Sentinels at Addresses; "": Addresses are servers
}

// SharedStore parses Store. ok is false if sessions are kept in the data folder.
func (c Config) SharedStore() (s StoreServer, ok bool, err error) {
	if c.Store == "sqlite" {
		return StoreServer{}, false, nil
	}
	s, err = parseStore(c.Store)
	return s, err == nil, err
}

// parseStore reads valkey://[user:password@]host[:port][,host[:port]…][/database][?sentinel=name].
// valkeys is the same over TLS; redis and rediss are older names for both. The error
// quotes only host names and numbers, because the text may hold a password.
func parseStore(text string) (StoreServer, error) {
	scheme, rest, _ := strings.Cut(text, "://")
	var s StoreServer
	switch scheme {
	case "valkey", "redis":
	case "valkeys", "rediss":
		s.TLS = true
	default:
		return StoreServer{}, errors.New("unknown store (want sqlite, or valkey://host:port to share it between nodes)")
	}
	if at := strings.LastIndex(rest, "@"); at >= 0 {
		user, password, _ := strings.Cut(rest[:at], ":")
		var err1, err2 error
		s.Username, err1 = url.PathUnescape(user)
		s.Password, err2 = url.PathUnescape(password)
		if err1 != nil || err2 != nil {
			return StoreServer{}, errors.New("user or password contains % without two hexadecimal digits after it: write %25 for %")
		}
		rest = rest[at+1:]
	}
	rest, query, hasQuery := strings.Cut(rest, "?")
	if name, found := strings.CutPrefix(query, "sentinel="); found && hostName.MatchString(name) {
		s.Sentinel = name
	} else if hasQuery {
		return StoreServer{}, errors.New("invalid query: only sentinel=name may follow the ?")
	}
	hosts, db, _ := strings.Cut(rest, "/")
	for host := range strings.SplitSeq(hosts, ",") {
		address, err := hostPort(host)
		if err != nil {
			return StoreServer{}, err
		}
		s.Addresses = append(s.Addresses, address)
	}
	if db != "" {
		n, err := strconv.ParseUint(db, 10, 16)
		if err != nil {
			return StoreServer{}, fmt.Errorf("invalid database number %q", db)
		}
		s.DB = int(n)
	}
	if s.DB != 0 && len(s.Addresses) > 1 && s.Sentinel == "" {
		return StoreServer{}, errors.New("several addresses without sentinel=name mean a cluster, which has only database 0")
	}
	return s, nil
}

var hostName = regexp.MustCompile(`^[A-Za-z0-9._-]+$`)

// hostPort adds the default port to an address without one.
func hostPort(address string) (string, error) {
	full := address
	if !strings.Contains(full[strings.LastIndexByte(full, ']')+1:], ":") {
		full += ":6379"
	}
	host, port, err := splitAddress(full)
	if _, notIP := netip.ParseAddr(host); err != nil || port == 0 || notIP != nil && !hostName.MatchString(host) {
		return "", fmt.Errorf("invalid address %q (want one such as store.example:6379)", address)
	}
	return full, nil
}

// maskStore hides user and password in the URL of a store.
func maskStore(text string) string {
	scheme, rest, found := strings.Cut(text, "://")
	at := strings.LastIndex(rest, "@")
	if !found || at < 0 {
		return text
	}
	return scheme + "://********@" + rest[at+1:]
}

func (c *Config) checkDatabase(wrong report) {
	if c.Archive.Database != "" {
		wrong("archive.database", "database has another value: remove archive.database, which is its former name")
	}
	if c.Database != "" && !strings.HasPrefix(c.Database, "postgres://") && !strings.HasPrefix(c.Database, "postgresql://") {
		wrong("database", "invalid URL (want one such as postgres://user:password@host/frontdesk)")
	}
}

func (c *Config) checkStore(wrong report) {
	_, shared, err := c.SharedStore()
	if err != nil {
		wrong("store", "%v", err)
	}
	if shared && c.Secret == "" {
		wrong("secret", "missing: nodes that share a store need the same secret to accept each other's tokens")
	}
	d := c.Durability
	if d.Replicas < 0 {
		wrong("durability.replicas", "%d is negative", d.Replicas)
	}
	if d.Replicas > 0 && !shared && err == nil {
		wrong("durability.replicas", "needs a shared store: sqlite has no replicas")
	}
	if d.Require && d.Replicas == 0 {
		wrong("durability.require", "needs durability.replicas: the number of replicas to require")
	}
	if d.Replicas > 0 && (d.Wait < time.Millisecond || d.Wait > 2*time.Second) {
		wrong("durability.wait", "%v is out of range (want 1ms to 2s)", d.Wait)
	}
}
