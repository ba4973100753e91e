package realtime

import (
	"fmt"
	"reflect"
	"strings"
)

// checkFields walks an event that OpenAI's Go client decoded. It returns an error for the
// first required field that is missing, or field of another type than in the schema.
func checkFields(v any) error { return checkFieldsAt(reflect.ValueOf(v), "") }

func checkFieldsAt(v reflect.Value, path string) error {
	if v.Kind() == reflect.Slice {
		for i := range v.Len() {
			if err := checkFieldsAt(v.Index(i), fmt.Sprintf("%s[%d]", path, i)); err != nil {
				return err
			}
		}
		return nil
	}
	if v.Kind() != reflect.Struct {
		return nil
	}
	meta := v.FieldByName("JSON")
	if !meta.IsValid() {
		return nil
	}
	if m := v.MethodByName("AsAny"); m.IsValid() { // a union: check its actual type
		out := m.Call(nil)
		if out[0].IsNil() {
			return nil
		}
		return checkFieldsAt(out[0].Elem(), path)
	}
	t := v.Type()
	for i := range t.NumField() {
		f := t.Field(i)
		at := meta.FieldByName(f.Name)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if !at.IsValid() || name == "" || name == "-" {
			continue
		}
		raw := at.Interface().(interface{ Raw() string }).Raw()
		valid := at.Interface().(interface{ Valid() bool }).Valid()
		switch {
		case raw == "" && strings.Contains(f.Tag.Get("api"), "required"):
			return fmt.Errorf("%s.%s is missing", path, name)
		case raw == "" || raw == "null":
			continue
		case !valid:
			return fmt.Errorf("%s.%s has the wrong type: %s", path, name, raw)
		}
		if err := checkFieldsAt(v.Field(i), path+"."+name); err != nil {
			return err
		}
	}
	return nil
}
