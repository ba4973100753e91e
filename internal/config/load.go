package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"reflect"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
)

const (
	envPrefix = "FRONTDESK_"
	maxFile   = 1 << 20
)

// Providers is a list of providers that may be written as a single one.
type Providers []Provider

// UnmarshalYAML takes one provider or a list of them.
func (p *Providers) UnmarshalYAML(unmarshal func(any) error) error {
	var shape any
	if err := unmarshal(&shape); err != nil {
		return err
	}
	if _, ok := shape.([]any); ok {
		return unmarshal((*[]Provider)(p))
	}
	var one Provider
	if err := unmarshal(&one); err != nil {
		return err
	}
	*p = Providers{one}
	return nil
}

// Load reads the file at path, if path is not "", and then environ ("KEY=value"
// each, as os.Environ gives them) over the defaults. A missing file is an error. An
// error names the file and line, or the variable, of what is wrong. Call Check once
// flags are applied.
func Load(path string, environ []string) (Config, error) {
	c := Default()
	if path != "" {
		if err := c.readFile(path); err != nil {
			return c, err
		}
	}
	env := make(map[string]string)
	for _, kv := range environ {
		if k, v, ok := strings.Cut(kv, "="); ok && strings.HasPrefix(k, envPrefix) {
			env[k] = v
		}
	}
	return c, c.readEnv(env)
}

// Flag sets a key of the top level from the flag of the same name.
func (c *Config) Flag(name, value string) error {
	variable := envPrefix + strings.ToUpper(name)
	if err := c.readEnv(map[string]string{variable: value}); err != nil {
		return err
	}
	c.places.set(name, "flag --"+name)
	return nil
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
		return fmt.Errorf("%s: larger than 1 MB: this is not a configuration file", path)
	}
	return c.decode(path, b)
}

func (c *Config) decode(path string, b []byte) error {
	before := *c
	err := yaml.NewDecoder(bytes.NewReader(b), yaml.Strict()).Decode(c)
	if errors.Is(err, io.EOF) { // nothing but comments: all defaults
		*c, err = before, nil
	}
	if err == nil {
		c.places = placesIn(path, b)
		return nil
	}
	var at yaml.Error
	if errors.As(err, &at) && at.GetToken() != nil {
		p := at.GetToken().Position
		return fmt.Errorf("%s:%d:%d: %s", path, p.Line, p.Column, at.GetMessage())
	}
	return fmt.Errorf("%s: %w", path, err)
}

// readEnv sets every field whose variable is in env.
func (c *Config) readEnv(env map[string]string) error {
	for variable := range env {
		c.places.set(strings.TrimPrefix(variable, envPrefix), "environment variable "+variable)
	}
	return setFields(reflect.ValueOf(c).Elem(), envPrefix, env)
}

func setFields(v reflect.Value, prefix string, env map[string]string) error {
	for i := range v.NumField() {
		if !v.Type().Field(i).IsExported() {
			continue
		}
		field := v.Field(i)
		name := prefix + strings.ToUpper(v.Type().Field(i).Tag.Get("yaml"))
		if text, ok := env[name]; ok {
			if err := setField(field, text); err != nil {
				return fmt.Errorf("environment variable %s: %w", name, err)
			}
		}
		if err := setNested(field, name+"_", env); err != nil {
			return err
		}
	}
	return nil
}

// setNested descends into sections. A list of providers is reached as its first
// one, which is made when the list is empty and a variable asks for it.
func setNested(field reflect.Value, prefix string, env map[string]string) error {
	if field.Kind() == reflect.Struct {
		return setFields(field, prefix, env)
	}
	if list, ok := field.Addr().Interface().(*Providers); ok {
		first := Provider{Provider: "openai"}
		if len(*list) > 0 {
			first = (*list)[0]
		}
		before := first
		if err := setFields(reflect.ValueOf(&first).Elem(), prefix, env); err != nil {
			return err
		}
		if first == before {
			return nil
		}
		if len(*list) == 0 {
			*list = make(Providers, 1)
		}
		(*list)[0] = first
	}
	return nil
}

// setField gives a scalar its text, and anything else its text read as YAML, so
// that lists can be written as [a, b].
func setField(field reflect.Value, text string) error {
	if field.Kind() == reflect.String {
		field.SetString(text)
		return nil
	}
	if field.Kind() == reflect.Slice && field.Type().Elem().Kind() == reflect.String && !strings.HasPrefix(strings.TrimSpace(text), "[") {
		var list []string
		for s := range strings.SplitSeq(text, ",") {
			if s = strings.TrimSpace(s); s != "" {
				list = append(list, s)
			}
		}
		field.Set(reflect.ValueOf(list))
		return nil
	}
	dec := yaml.NewDecoder(strings.NewReader(text), yaml.Strict())
	if err := dec.Decode(field.Addr().Interface()); err != nil {
		var at yaml.Error
		if errors.As(err, &at) {
			return errors.New(at.GetMessage())
		}
		return err
	}
	return nil
}

// Masked is c with its secrets replaced, for showing.
func (c Config) Masked() Config {
	mask := func(s string) string {
		if s == "" {
			return ""
		}
		return "********"
	}
	c.Secret, c.Store, c.Archive.Database = mask(c.Secret), maskStore(c.Store), mask(c.Archive.Database)
	c.Keys = append([]string(nil), c.Keys...)
	for i := range c.Keys {
		c.Keys[i] = mask(c.Keys[i])
	}
	c.LLM = append(Providers(nil), c.LLM...)
	for i := range c.LLM {
		c.LLM[i].Key = mask(c.LLM[i].Key)
	}
	c.STT.Key, c.TTS.Key = mask(c.STT.Key), mask(c.TTS.Key)
	c.WebRTC.ICEServers = append([]ICEServer(nil), c.WebRTC.ICEServers...)
	for i := range c.WebRTC.ICEServers {
		c.WebRTC.ICEServers[i].Credential = mask(c.WebRTC.ICEServers[i].Credential)
	}
	c.Twilio.AuthToken = mask(c.Twilio.AuthToken)
	c.SIP.Trunks = append([]Trunk(nil), c.SIP.Trunks...)
	for i := range c.SIP.Trunks {
		c.SIP.Trunks[i].Password = mask(c.SIP.Trunks[i].Password)
	}
	return c
}

// YAML is c as a configuration file.
func (c Config) YAML() ([]byte, error) { return yaml.Marshal(c) }

func splitAddress(addr string) (host string, port int, err error) {
	host, p, err := net.SplitHostPort(addr)
	if err != nil {
		return "", 0, fmt.Errorf("%q is not an address such as :8080 or 127.0.0.1:8080", addr)
	}
	port, err = strconv.Atoi(p)
	if err != nil || port < 0 || port > 65535 {
		return "", 0, fmt.Errorf("%q is not a port", p)
	}
	return host, port, nil
}
