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

// Durability is what a shared store's commit waits for.
type Durability struct {
	Replicas int           `yaml:"replicas"` // how many have a commit before anything is done on its strength
	Wait     time.Duration `yaml:"wait"`     // the longest wait for them
	Require  bool          `yaml:"require"`  // refuse effects while there are too few, instead of going on
}

// Server is where a shared store is.
type Server struct {
	Addresses []string // host:port
	Username  string
	Password  string
	DB        int
	TLS       bool
	Sentinel  string // what the Sentinels at Addresses call the primary; "": there are none
}

// SharedStore reads where the store that nodes share is; ok is false when sessions
// are kept in the data folder.
func (c Config) SharedStore() (s Server, ok bool, err error) {
	if c.Store == "sqlite" {
		return Server{}, false, nil
	}
	s, err = parseServer(c.Store)
	return s, err == nil, err
}

// parseServer reads valkey://[user:password@]host[:port][,host[:port]…][/database][?sentinel=name].
// valkeys is the same over TLS; redis and rediss are the old names of both. The error
// shows nothing of the text, which may hold a password.
func parseServer(text string) (Server, error) {
	scheme, rest, _ := strings.Cut(text, "://")
	var s Server
	switch scheme {
	case "valkey", "redis":
	case "valkeys", "rediss":
		s.TLS = true
	default:
		return Server{}, errors.New("not a store: use sqlite, or valkey://host:port for one that nodes share")
	}
	if at := strings.LastIndex(rest, "@"); at >= 0 {
		user, password, _ := strings.Cut(rest[:at], ":")
		var err1, err2 error
		s.Username, err1 = url.PathUnescape(user)
		s.Password, err2 = url.PathUnescape(password)
		if err1 != nil || err2 != nil {
			return Server{}, errors.New("user or password has a % that is not followed by two digits: write %25")
		}
		rest = rest[at+1:]
	}
	rest, query, asked := strings.Cut(rest, "?")
	if name, found := strings.CutPrefix(query, "sentinel="); found && hostName.MatchString(name) {
		s.Sentinel = name
	} else if asked {
		return Server{}, errors.New("only sentinel=name may follow the ?")
	}
	hosts, db, _ := strings.Cut(rest, "/")
	for host := range strings.SplitSeq(hosts, ",") {
		address, err := hostPort(host)
		if err != nil {
			return Server{}, err
		}
		s.Addresses = append(s.Addresses, address)
	}
	if db != "" {
		n, err := strconv.ParseUint(db, 10, 16)
		if err != nil {
			return Server{}, fmt.Errorf("%q is not the number of a database", db)
		}
		s.DB = int(n)
	}
	if s.DB != 0 && len(s.Addresses) > 1 && s.Sentinel == "" {
		return Server{}, errors.New("a cluster, which is what several addresses without Sentinels stand for, has only database 0")
	}
	return s, nil
}

var hostName = regexp.MustCompile(`^[A-Za-z0-9._-]+$`)

// hostPort completes an address with the usual port.
func hostPort(address string) (string, error) {
	full := address
	if !strings.Contains(full[strings.LastIndexByte(full, ']')+1:], ":") {
		full += ":6379"
	}
	host, port, err := splitAddress(full)
	if _, notIP := netip.ParseAddr(host); err != nil || port == 0 || notIP != nil && !hostName.MatchString(host) {
		return "", fmt.Errorf("%q is not an address such as store.example:6379", address)
	}
	return full, nil
}

// maskStore hides user and password in a store's URL.
func maskStore(text string) string {
	scheme, rest, found := strings.Cut(text, "://")
	at := strings.LastIndex(rest, "@")
	if !found || at < 0 {
		return text
	}
	return scheme + "://********@" + rest[at+1:]
}

func (c *Config) checkStore(wrong func(key, format string, args ...any)) {
	_, shared, err := c.SharedStore()
	if err != nil {
		wrong("store", "%v", err)
	}
	if shared && c.Secret == "" {
		wrong("secret", "missing: nodes that share a store need the same one, or none believes the tokens of another")
	}
	d := c.Durability
	if d.Replicas < 0 {
		wrong("durability.replicas", "%d is below 0", d.Replicas)
	}
	if d.Replicas > 0 && !shared && err == nil {
		wrong("durability.replicas", "only a store that nodes share has replicas")
	}
	if d.Require && d.Replicas == 0 {
		wrong("durability.require", "say how many replicas are required in durability.replicas")
	}
	if d.Replicas > 0 && (d.Wait < time.Millisecond || d.Wait > 2*time.Second) {
		wrong("durability.wait", "%v is not between 1ms and 2s", d.Wait)
	}
}
