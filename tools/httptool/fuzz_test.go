package httptool

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"frontdesk/internal/jsonpointer"
)

// FuzzExpand shows that arguments never change where a request goes.
func FuzzExpand(f *testing.F) {
	for _, s := range []string{"A1", "..", "../admin", "%2e%2e", "a/b", `a\b`, "@evil.example", "x?y#z", "//evil.example", ":80", "\x00", "ü", "a&b=c", "http://evil.example", "\r\nHost: b", ""} {
		f.Add(s, s)
	}
	c := parcels("https://api.example.com:8443")
	c.URL = "https://api.example.com:8443/v1/{tracking}/status{?depot}"
	c.Parameters = map[string]any{"properties": map[string]any{"tracking": map[string]any{"type": "string"}, "depot": map[string]any{"type": "string"}}, "required": []any{"tracking"}}
	tool := open(f, c)
	f.Fuzz(func(t *testing.T, tracking, depot string) {
		if !utf8.ValidString(tracking) || !utf8.ValidString(depot) {
			t.Skip()
		}
		arguments, err := json.Marshal(map[string]string{"tracking": tracking, "depot": depot})
		if err != nil {
			t.Fatal(err)
		}
		target, _, err := tool.build(arguments)
		if err != nil {
			return
		}
		u, err := url.Parse(target)
		if err != nil || u.Scheme != "https" || u.Host != "api.example.com:8443" || u.User != nil || u.Fragment != "" {
			t.Fatalf("%q: %v", target, err)
		}
		parts := strings.Split(u.EscapedPath(), "/")
		if len(parts) != 4 || parts[1] != "v1" || parts[3] != "status" || u.Path != "/v1/"+tracking+"/status" {
			t.Fatalf("%q has another path", target)
		}
		if q := u.Query(); len(q) != 1 || q.Get("depot") != depot {
			t.Fatalf("%q has another query: %v", target, q)
		}
	})
}

// FuzzAnswer shows that no answer and no pointer does harm, and that a result is JSON.
func FuzzAnswer(f *testing.F) {
	for _, s := range []string{`{"a":[1,{"b":"c"}]}`, `{`, `[]`, `null`, "\xff", `{"a":"\u202e"}`, `1e999`, `{"":{"~":1}}`} {
		f.Add([]byte(s), "/a/1/b")
		f.Add([]byte(s), "/~0~1/01")
		f.Add([]byte(s), "")
	}
	tool := open(f, parcels("https://api.example.com"))
	f.Fuzz(func(t *testing.T, body []byte, where string) {
		p, err := jsonpointer.Parse(where)
		if err != nil {
			return
		}
		value, err := decodeJSON(body)
		if err != nil {
			return
		}
		found, ok := p.Find(value)
		if ok {
			if out, err := json.Marshal(found); err != nil || !json.Valid(out) {
				t.Fatalf("%q: %v", out, err)
			}
		}
		if where == "" && !ok {
			t.Fatal("the empty pointer must find the whole answer")
		}
		tool.ownMessage(answer{body: body, header: map[string][]string{"Content-Type": {"application/json"}}})
		if s, err := parseSentence("It is {" + strings.ReplaceAll(where, "}", "") + "}."); err == nil {
			if text, ok := s.fill(value); ok && len(text) > maxSpoken+8 {
				t.Fatalf("%q is too long", text)
			}
		}
	})
}
