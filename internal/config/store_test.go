package config

import (
	"reflect"
	"strings"
	"testing"

	"frontdesk/internal/require"
)

func TestSharedStoreURLsAreParsed(t *testing.T) {
	for text, want := range map[string]StoreServer{
		"valkey://store":                                {Addresses: []string{"store:6379"}},
		"redis://127.0.0.1:7000/3":                      {Addresses: []string{"127.0.0.1:7000"}, DB: 3},
		"valkeys://frontdesk:p%40ss%3A@a.b,c:1":         {Addresses: []string{"a.b:6379", "c:1"}, Username: "frontdesk", Password: "p@ss:", TLS: true},
		"valkey://:p%40?#@a:1,b:2/5?sentinel=my.desk-1": {Addresses: []string{"a:1", "b:2"}, Password: "p@?#", DB: 5, Sentinel: "my.desk-1"},
		"rediss://:p@[::1]:7000,[::2]/":                 {Addresses: []string{"[::1]:7000", "[::2]:6379"}, Password: "p", TLS: true},
	} {
		c, err := load(t, "store: '"+text+"'\nsecret: hush-hush-hush-hush-hush-hush-hush\n")
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if s, shared, err := c.SharedStore(); !shared || err != nil || !reflect.DeepEqual(s, want) {
			t.Errorf("%s: got %+v, %v, want %+v", text, s, err, want)
		}
	}
	if _, shared, err := Default().SharedStore(); shared || err != nil {
		t.Errorf("the default store is shared or invalid: %v", err)
	}
}

func TestInvalidStoreIsReportedWithoutItsPassword(t *testing.T) {
	const secret = "\nsecret: hush-hush-hush-hush-hush-hush-hush\n"
	for text, want := range map[string]string{
		"store: 'postgres://u:hush-1@h'" + secret:                            "1:1: store: unknown store",
		"store: 'valkey://u:hush-1@h'":                                       "secret: missing",
		"store: 'valkey://u:hush%zz@h'" + secret:                             "store: user or password",
		"store: 'valkey://u:hush@h?master=x'" + secret:                       "only sentinel",
		"store: 'valkey://u:hush@h?sentinel='" + secret:                      "only sentinel",
		"store: 'valkey://u:hush@h/1#x'" + secret:                            "database",
		"store: 'valkey://u:hush-1@'" + secret:                               "invalid address",
		"store: 'valkey://u:hush-1@h,'" + secret:                             "invalid address",
		"store: 'valkey://u:hush-1@h:0'" + secret:                            "invalid address",
		"store: 'valkey://u:hush-1@h:70000'" + secret:                        "invalid address",
		"store: 'valkey://u:hush-1@a:b:c'" + secret:                          "invalid address",
		"store: 'valkey://u:hush-1@h/first'" + secret:                        "database",
		"store: 'valkey://u:hush-1@a,b/1'" + secret:                          "only database 0",
		"durability: {replicas: 1}":                                          "durability.replicas",
		"store: 'valkey://h'\ndurability: {require: true}" + secret:          "durability.require",
		"store: 'valkey://h'\ndurability: {replicas: -1}" + secret:           "durability.replicas",
		"store: 'valkey://h'\ndurability: {replicas: 1, wait: 10s}" + secret: "durability.wait",
	} {
		_, err := load(t, text)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hush") {
			t.Errorf("%s: got %v, want something with %q", text, err, want)
		}
	}
}

func TestMaskedHidesThePasswordOfTheStore(t *testing.T) {
	for text, want := range map[string]string{
		"sqlite":                 "sqlite",
		"valkey://h:1,i/2":       "valkey://h:1,i/2",
		"valkey://desk:hush-1@h": "valkey://********@h",
		"valkeys://:hush@1@h":    "valkeys://********@h",
		"valkey://hush-2@h:1":    "valkey://********@h:1",
	} {
		if got := (Config{Store: text}).Masked().Store; got != want {
			t.Errorf("%s is shown as %s", text, got)
		}
	}
}

func FuzzParseStore(f *testing.F) {
	f.Add("valkey://u:p@h:1,[::1]/2")
	f.Add("rediss://%41@h")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := parseStore(text)
		if err != nil {
			return
		}
		for _, a := range s.Addresses {
			if _, port, err := splitAddress(a); err != nil || port == 0 {
				t.Errorf("%q: address %q", text, a)
			}
		}
		if shown := maskStore(text); len(s.Password) > 8 && strings.Contains(shown, s.Password) && !strings.Contains(shown, "********") {
			t.Errorf("%q is shown as %q", text, shown)
		}
	})
}

func TestFormerNameOfTheDatabaseWorks(t *testing.T) {
	const url = "postgres://frontdesk:pw@db.example/frontdesk"
	for name, test := range map[string]struct {
		text, env, place string
	}{
		"file":        {"archive: {database: '" + url + "'}\n", "", "frontdesk.yaml:1:11: "},
		"environment": {"", "FRONTDESK_ARCHIVE_DATABASE=" + url, "environment variable FRONTDESK_ARCHIVE_DATABASE: "},
		"both":        {"database: " + url + "\narchive: {database: '" + url + "'}\n", "", "frontdesk.yaml:2:11: "},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := load(t, test.text, test.env)
			require.NoError(t, err)
			if c.Database != url || c.Archive.Database != "" {
				t.Errorf("got %q and %q", c.Database, c.Archive.Database)
			}
			if want := test.place + "archive.database is now called database"; !strings.Contains(c.Renamed(), want) {
				t.Errorf("got the note %q, want %q", c.Renamed(), want)
			}
		})
	}
	c, err := load(t, "database: "+url+"\n")
	if err != nil || c.Database != url || c.Renamed() != "" {
		t.Errorf("the new name: got %q, note %q, error %v", c.Database, c.Renamed(), err)
	}
	if c, _ = load(t, "", "FRONTDESK_DATABASE="+url); c.Database != url {
		t.Errorf("the variable: got %q", c.Database)
	}
}

func TestDatabaseIsSetOnce(t *testing.T) {
	_, err := load(t, "database: postgres://a/b\narchive: {database: 'postgres://a/c'}\n")
	if err == nil || !strings.Contains(err.Error(), "frontdesk.yaml:2:11: archive.database: database has another value") {
		t.Errorf("two databases: got %v", err)
	}
	for _, text := range []string{"database: mysql://a/b\n", "archive: {database: 'mysql://a/b'}\n"} {
		if _, err := load(t, text); err == nil || !strings.Contains(err.Error(), "frontdesk.yaml:1:") || !strings.Contains(err.Error(), "invalid URL") {
			t.Errorf("%s got %v", text, err)
		}
	}
	c, err := load(t, "database: 'postgres://frontdesk:geheim@db/b'\n")
	require.NoError(t, err)
	if b, err := c.Masked().YAML(); err != nil || strings.Contains(string(b), "geheim") || strings.Contains(string(b), "archive.database") {
		t.Errorf("printed %s, %v", b, err)
	}
}
