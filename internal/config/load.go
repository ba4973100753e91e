package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"

	"frontdesk/internal/yamlfile"
)

const maxFile = 1 << 20 // bytes

// ProviderList is a list of providers. In YAML, a single provider may stand for the list.
type ProviderList []Provider

// UnmarshalYAML decodes one provider or a list of them.
func (p *ProviderList) UnmarshalYAML(unmarshal func(any) error) error {
	var shape any
	if err := unmarshal(&shape); err != nil {
		return err
	}
	if _, isList := shape.([]any); isList {
		return unmarshal((*[]Provider)(p))
	}
	var one Provider
	if err := unmarshal(&one); err != nil {
		return err
	}
	*p = ProviderList{one}
	return nil
}

// Load applies the file at path, if path is not "", and then environ (entries "KEY=value",
// as from os.Environ) to the defaults. An error names the file and line, or the variable.
// Call Check after flags are applied.
func Load(path string, environ []string) (Config, error) {
	c := Default()
	if path != "" {
		if err := c.readFile(path); err != nil {
			return c, err
		}
	}
	if err := c.readEnvironment(environ); err != nil {
		return c, err
	}
	c.rename()
	return c, nil
}

// rename moves a value that was set by its key's former name. If the new key has another
// value, both stay, and Check says so.
func (c *Config) rename() {
	if c.Archive.Database == "" || c.Database != "" && c.Database != c.Archive.Database {
		return
	}
	c.renamed = c.places.prefix("archive.database") + "archive.database is now called database; please rename it"
	if c.Database == "" {
		c.places.set("database", c.places.Nearest("archive.database"))
	}
	c.Database, c.Archive.Database = c.Archive.Database, ""
}

// Renamed says which key was set by its former name, and where; "" if none was.
func (c Config) Renamed() string { return c.renamed }

// SetFlag applies the flag --listen, --agents or --data.
func (c *Config) SetFlag(name, value string) {
	switch name {
	case "listen":
		c.Listen = value
	case "agents":
		c.Agents = value
	case "data":
		c.Data = value
	}
	c.places.set(name, "flag --"+name)
}

func (c *Config) readFile(path string) error {
	f, err := os.Open(path)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("configuration file %s does not exist", path)
		}
		return fmt.Errorf("read configuration: %w", err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return fmt.Errorf("read configuration: %w", err)
	}
	if len(b) > maxFile {
		return fmt.Errorf("%s: larger than 1 MB: is this the configuration file?", path)
	}
	return c.decode(path, b)
}

func (c *Config) decode(path string, b []byte) error {
	d, err := yamlfile.Parse(path, b)
	if err != nil {
		return err
	}
	c.places.setFile(d.Places)
	return d.Decode(c)
}

// Masked returns a copy of c with its secrets replaced by asterisks.
func (c Config) Masked() Config {
	mask := func(s string) string {
		if s == "" {
			return ""
		}
		return "********"
	}
	c.Secret, c.Store, c.Database, c.Archive.Database = mask(c.Secret), maskStore(c.Store), mask(c.Database), mask(c.Archive.Database)
	c.Keys = append([]string(nil), c.Keys...)
	for i := range c.Keys {
		c.Keys[i] = mask(c.Keys[i])
	}
	c.LLM = append(ProviderList(nil), c.LLM...)
	for i := range c.LLM {
		c.LLM[i].Key = mask(c.LLM[i].Key)
	}
	c.STT.Key, c.TTS.Key, c.Understanding.Key = mask(c.STT.Key), mask(c.TTS.Key), mask(c.Understanding.Key)
	c.WebRTC.ICEServers = append([]ICEServer(nil), c.WebRTC.ICEServers...)
	for i := range c.WebRTC.ICEServers {
		c.WebRTC.ICEServers[i].Credential = mask(c.WebRTC.ICEServers[i].Credential)
	}
	c.Twilio.AuthToken = mask(c.Twilio.AuthToken)
	c.SIP.Trunks = append([]Trunk(nil), c.SIP.Trunks...)
	for i := range c.SIP.Trunks {
		c.SIP.Trunks[i].Password = mask(c.SIP.Trunks[i].Password)
	}
	c.Notify = append([]Notify(nil), c.Notify...)
	for i := range c.Notify {
		if !secretRef.MatchString(c.Notify[i].Secret) { // a reference is not a secret
			c.Notify[i].Secret = mask(c.Notify[i].Secret)
		}
	}
	return c
}

// YAML returns c as a configuration file.
func (c Config) YAML() ([]byte, error) { return yaml.Marshal(c) }

func splitAddress(addr string) (host string, port int, err error) {
	host, p, err := net.SplitHostPort(addr)
	if err != nil {
		return "", 0, fmt.Errorf("invalid address %q (want one such as :8080 or 127.0.0.1:8080)", addr)
	}
	port, err = strconv.Atoi(p)
	if err != nil || port < 0 || port > 65535 {
		return "", 0, fmt.Errorf("invalid port %q (want 0 to 65535)", p)
	}
	return host, port, nil
}

// anyOf lists names as "a, b or c".
func anyOf(names []string) string {
	last := len(names) - 1
	if last == 0 {
		return names[0]
	}
	return strings.Join(names[:last], ", ") + " or " + names[last]
}
