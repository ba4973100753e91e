package httptool

import "testing"

func TestTemplatesExpandAsRFC6570Says(t *testing.T) {
	values := map[string]string{"var": "value", "hello": "Hello World!", "empty": "", "x": "1024", "y": "768", "half": "50%", "name": "über"}
	for text, want := range map[string]string{
		"{var}": "value", "{hello}": "Hello%20World%21", "{half}": "50%25", "{name}": "%C3%BCber", "O{empty}X": "OX", "O{undef}X": "OX",
		"map?{x,y}": "map?1024,768", "{x,hello,y}": "1024,Hello%20World%21,768", "X{.var}": "X.value", "X{.x,y}": "X.1024.768",
		"{/var}": "/value", "{/var,x}/here": "/value/1024/here", "{;x,y}": ";x=1024;y=768", "{;x,y,empty}": ";x=1024;y=768;empty",
		"{?x,y}": "?x=1024&y=768", "{?x,y,empty}": "?x=1024&y=768&empty=", "{?undef,y}": "?y=768", "?fixed=yes{&x}": "?fixed=yes&x=1024",
	} {
		parsed, err := parseTemplate(text)
		if got := parsed.expand(values); err != nil || got != want {
			t.Errorf("%s: got %q (%v), want %q", text, got, err, want)
		}
	}
	for _, text := range []string{"{", "}", "{}", "{+var}", "{#var}", "{var*}", "{var:3}", "{a b}", "{,}", "{{var}}", "{a,}"} {
		if _, err := parseTemplate(text); err == nil {
			t.Errorf("%s: no error", text)
		}
	}
}
