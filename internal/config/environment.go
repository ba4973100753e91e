package config

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"frontdesk/internal/suggest"
	"frontdesk/internal/yamlfile"
)

const envPrefix = "FRONTDESK_"

// kubernetesVariable matches what Kubernetes and Docker set for a service called
// frontdesk or frontdesk-…, such as FRONTDESK_PORT=tcp://10.0.0.1:8080.
var kubernetesVariable = regexp.MustCompile(`^FRONTDESK_(\w+_)?(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_(TCP|UDP|SCTP)(_\w+)?)=|^FRONTDESK_(\w+_)?PORT=\w+://`)

// environment is the variables that apply to a Config while they are read.
type environment struct {
	values map[string]string // those not read yet, without the prefix
	known  []string          // every variable that exists, without the prefix
	places *places
}

// readEnvironment sets each field whose variable is in environ. A variable that begins
// with FRONTDESK_ and has no field is an error.
func (c *Config) readEnvironment(environ []string) error {
	e := environment{values: make(map[string]string), places: &c.places}
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		name, ours := strings.CutPrefix(name, envPrefix)
		isForTests := strings.HasPrefix(name, "TEST_") // such as FRONTDESK_TEST_MODELS
		if ours && !isForTests && !kubernetesVariable.MatchString(entry) {
			e.values[name] = value
		}
	}
	if err := e.setFields(reflect.ValueOf(c).Elem(), "", ""); err != nil {
		return err
	}
	delete(e.values, "MODELS") // internal/models reads it
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(e.values)) {
		remedy := suggest.DidYouMean(name, e.known)
		remedy = strings.Replace(remedy, `"`, `"`+envPrefix, 1)
		errs = append(errs, fmt.Errorf("unknown environment variable %s%s%s", envPrefix, name, remedy))
	}
	return errors.Join(errs...)
}

// setFields sets the exported fields of the struct v. key and variable are the names of
// its section with a trailing separator, or "" at the top level.
func (e *environment) setFields(v reflect.Value, key, variable string) error {
	for i := range v.NumField() {
		field := v.Type().Field(i)
		name, _, _ := strings.Cut(field.Tag.Get("yaml"), ",")
		switch {
		case field.Anonymous: // a group of keys of this same section
			if err := e.setFields(v.Field(i), key, variable); err != nil {
				return err
			}
		case field.IsExported():
			if err := e.set(v.Field(i), key+name, variable+strings.ToUpper(name)); err != nil {
				return err
			}
		}
	}
	return nil
}

// set sets a field from its own variable, and then the fields of a section from theirs.
func (e *environment) set(field reflect.Value, key, variable string) error {
	e.known = append(e.known, variable)
	if text, ok := e.values[variable]; ok {
		delete(e.values, variable)
		if err := setField(field, envPrefix+variable, text); err != nil {
			return err
		}
		e.places.set(key, "environment variable "+envPrefix+variable)
	}
	if list, ok := field.Addr().Interface().(*ProviderList); ok {
		return e.setFirst(list, key+"[0].", variable+"_")
	}
	if field.Kind() == reflect.Struct {
		return e.setFields(field, key+".", variable+"_")
	}
	return nil
}

// setFirst sets the fields of the first provider in list. If the list is empty and a
// variable sets one, it adds a provider.
func (e *environment) setFirst(list *ProviderList, key, variable string) error {
	first := Provider{Provider: "openai"}
	if len(*list) > 0 {
		first = (*list)[0]
	}
	before := first
	if err := e.setFields(reflect.ValueOf(&first).Elem(), key, variable); err != nil || first == before {
		return err
	}
	if len(*list) == 0 {
		*list = make(ProviderList, 1)
	}
	(*list)[0] = first
	return nil
}

// setField sets a text as it is, a list of texts from "a, b", and anything else from YAML.
func setField(field reflect.Value, variable, text string) error {
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
	d, err := yamlfile.Parse("environment variable "+variable, []byte(text))
	if err != nil {
		return err
	}
	if err := d.Decode(field.Addr().Interface()); err != nil {
		return errors.New(strings.Replace(err.Error(), ":1:1: ", ": ", 1)) // a variable needs no line
	}
	return nil
}
