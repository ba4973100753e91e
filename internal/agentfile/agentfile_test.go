package agentfile

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"frontdesk/dialog"
	"frontdesk/internal/fault"
	"frontdesk/internal/hours"
	"frontdesk/internal/require"
	"frontdesk/internal/spoken"
	"frontdesk/tools"
	"frontdesk/tools/gate"
)

// folder creates an agent's folder with an agent.yaml and other files.
func folder(t testing.TB, name, yaml string, files ...string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), name)
	write(t, filepath.Join(dir, fileName), yaml)
	for _, f := range files {
		write(t, filepath.Join(dir, f), "order,status\n1,here\n")
	}
	return dir
}

func write(t testing.TB, path, text string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
}

func TestOnlyTheNameIsRequired(t *testing.T) {
	dir := folder(t, "shop", "name: shop\n")
	f, err := Load(dir)
	require.NoError(t, err)
	f.Tools.source = nil
	if want := (File{Name: "shop", Title: "shop"}); !reflect.DeepEqual(f, want) {
		t.Errorf("got %+v, want %+v", f, want)
	}
}

func TestEveryKeyIsRead(t *testing.T) {
	dir := folder(t, "shop", `
# a comment
name: shop
title: The Shop
greeting: "  Hello. "
instructions: |
  Be short.
  Be kind.
language: en-gb
voice: slt
speed: 1.2
pronunciation: {Frontdesk: front desk}
try: [one, two]
farewell: Bye.
silence: {prompt: Still there?, wait: 8s, prompts: 3}
speculation: {off: true, tokens: 1000}
grounding: {any_numbers: true}
memory: {tokens: 3000, callers: true, days: 30}
filler: {texts: [Let me see.], after: 1s}
handover: {message: Somebody calls back., to: "+4930123", blind: true, ring: 20s, direct: true, failed: Nobody there., later: We call back.,
  callback: {by: person, tries: 4, delay: 10m, within: 2h, message: We tried to reach you.}}
choices: [{key: 1, agent: shop}, {key: "2", agent: laden, text: Deutsch mit der Zwei.}]
hours: {timezone: UTC, open: {mon-fri: 8:00-20:00}, closed: [2026-12-25, 12-24]}
record: true
tools:
  allow: [search_knowledge, order_status]
  timeout: 5s
  timeouts: {order_status: 500ms}
  rules:
    order_status:
      effect: read
      who: pin
      consent: none
      question: " Look at {key}? "
      identify: [key]
      destinations: []
      trusted: false
      arguments: {key: {maxLength: 9}}
      limits: {turn: 1, session: 2, caller: 3, hour: 4}
  lookup:
    - {name: order_status, description: Finds an order., file: data/orders.csv, key: order, fact: status}
  verify: {file: data/orders.csv, account: order, pin: status}
`, "data/orders.csv", "knowledge/page.md")
	got, err := Load(dir)
	require.NoError(t, err)
	lexicon, err := spoken.NewLexicon(map[string]string{"Frontdesk": "front desk"})
	require.NoError(t, err)
	open, err := hours.New(hours.Config{Timezone: "UTC", Open: map[string]string{"mon-fri": "8:00-20:00"}, Closed: []string{"2026-12-25", "12-24"}})
	require.NoError(t, err)
	read, pin, noConsent, untrusted := gate.Read, gate.VerifiedByPIN, gate.NoConsent, false
	rule := tools.RuleChange{
		Effect: &read, Who: &pin, Consent: &noConsent, Question: "Look at {key}?", Identify: []string{"key"}, Destinations: []string{},
		IsTrusted: &untrusted, Arguments: json.RawMessage(`{"properties":{"key":{"maxLength":9}},"type":"object"}`),
		Limits: gate.Limits{Turn: 1, Session: 2, Caller: 3, Hour: 4},
	}
	want := File{
		Speed: 1.2, Lexicon: lexicon,
		Choices:   []Choice{{Key: "1", Agent: "shop"}, {Key: "2", Agent: "laden", Text: "Deutsch mit der Zwei."}},
		Knowledge: filepath.Join(dir, "knowledge"),
		Name:      "shop", Title: "The Shop", Greeting: "Hello.", Instructions: "Be short.\nBe kind.",
		Language: "en-GB", Voice: "slt", Try: []string{"one", "two"}, Farewell: "Bye.",
		Silence: dialog.Silence{Prompt: "Still there?", Wait: 8 * time.Second, MaxPrompts: 3},

		Speculation: dialog.Speculation{Disabled: true, MaxTokens: 1000},
		Grounding:   dialog.Grounding{AnyNumbers: true},
		Memory:      dialog.MemoryPolicy{MaxTokens: 3000, RememberCallers: true, Days: 30},
		Filler:      dialog.Filler{Texts: []string{"Let me see."}, After: time.Second},
		Handover: dialog.Handover{
			Message: "Somebody calls back.", To: "+4930123", Blind: true, RingTimeout: 20 * time.Second, SkipConfirmation: true, FailedMessage: "Nobody there.", CallBackMessage: "We call back.", Hours: open,
			CallBack: dialog.CallBack{By: dialog.CallBackByPerson, Tries: 4, Delay: 10 * time.Minute, Within: 2 * time.Hour, Message: "We tried to reach you."},
		},
		Record: true,
		Tools: Tools{
			Allow:    []string{"search_knowledge", "order_status"},
			Timeout:  5 * time.Second,
			Timeouts: map[string]time.Duration{"order_status": 500 * time.Millisecond},
			Rules:    map[string]tools.RuleChange{"order_status": rule},
			Lookups:  []tools.LookupConfig{{Name: "order_status", Description: "Finds an order.", File: filepath.Join(dir, "data/orders.csv"), Key: "order", Fact: "status"}},
			Verify:   &tools.VerifyConfig{File: filepath.Join(dir, "data/orders.csv"), Account: "order", PIN: "status"},
		},
	}
	got.Tools.source = nil
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestOpeningHoursAreRead(t *testing.T) {
	f, err := Load(folder(t, "shop", `
name: shop
hours:
  timezone: Europe/Berlin
  open:
    mon-fri: 8:00-20:00
    sat: 9:00-13:00, 14:00-18:00
  closed: [2026-12-25, 2026-12-26, 12-24]
  special: {2026-12-24: 9:00-12:00}
`))
	require.NoError(t, err)
	eve := time.Date(2026, 12, 24, 11, 30, 0, 0, time.UTC) // half past twelve in Berlin
	next, _ := f.Handover.Hours.NextOpening(eve)
	if want := time.Date(2026, 12, 28, 7, 0, 0, 0, time.UTC); !next.Equal(want) || !f.Handover.Hours.IsOpen(eve.Add(-time.Hour)) {
		t.Errorf("the next opening is %v, want %v", next, want)
	}
}

func TestCallBackIsChecked(t *testing.T) {
	for yaml, want := range map[string]string{
		"{by: person}":    "shop/agent.yaml:2:23: handover.callback.by: person needs handover.to, the number of the person who calls back",
		"{by: me}":        `shop/agent.yaml:2:23: handover.callback.by: unknown value "me" (want team, person, agent or off)`,
		"{tries: 11}":     "shop/agent.yaml:2:23: handover.callback.tries: 11 is out of range (want 1 to 10)",
		"{delay: 10s}":    "shop/agent.yaml:2:23: handover.callback.delay: ",
		"{within: 3000h}": "shop/agent.yaml:2:23: handover.callback.within: ",
	} {
		if _, err := Load(folder(t, "shop", "name: shop\nhandover: {callback: "+yaml+"}\n")); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: the error is %v, want %s", yaml, err, want)
		}
	}
}

func TestEscalationIsRead(t *testing.T) {
	f, err := Load(folder(t, "shop", "name: shop\nescalate: {sentiment_below: -0.6, misses: 2, words: [lawyer, ' complaint ']}\n"))
	require.NoError(t, err)
	if want := (dialog.Escalation{SentimentBelow: -0.6, Misses: 2, Words: []string{"lawyer", "complaint"}}); !reflect.DeepEqual(f.Handover.Escalation, want) {
		t.Errorf("got %+v, want %+v", f.Handover.Escalation, want)
	}
	f, err = Load(folder(t, "shop", "name: shop\nunderstanding: {by: model, tokens: 5000, timeout: 4s}\n"))
	require.NoError(t, err)
	if want := (dialog.ReadingPolicy{ByModel: true, MaxTokens: 5000, Timeout: 4 * time.Second}); f.Memory.Reading != want {
		t.Errorf("got %+v, want %+v", f.Memory.Reading, want)
	}
	for yaml, want := range map[string]string{
		"escalate: {sentiment_below: 0.5}": "shop/agent.yaml:2:12: escalate.sentiment_below: 0.5 is out of range (want between -1 and 0, such as -0.6)",
		"understanding: {by: magic}":       "shop/agent.yaml:2:17: understanding.by: unknown value \"magic\" (want rules or model)",
		"understanding: {timeout: 1h}":     "shop/agent.yaml:2:17: understanding.timeout: 1h is out of range (want 1s to 1m0s)",
		"escalate: {misses: 0}":            "shop/agent.yaml:2:12: escalate.misses: 0 is out of range (want 1 to 10)",
		"escalate: {words: [a, '']}":       "shop/agent.yaml:2:23: escalate.words[1]: is empty",
	} {
		if _, err := Load(folder(t, "shop", "name: shop\n"+yaml+"\n")); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: the error is %v, want %s", yaml, err, want)
		}
	}
}

func TestEmptyAllowListDiffersFromMissingOne(t *testing.T) {
	f, err := Load(folder(t, "shop", "name: shop\ntools: {allow: []}\n"))
	require.NoError(t, err)
	if f.Tools.Allow == nil || len(f.Tools.Allow) != 0 {
		t.Errorf("allow is %#v, want empty and not nil", f.Tools.Allow)
	}
}

func TestErrorsNameFileLineAndColumn(t *testing.T) {
	long := strings.Repeat("x", 1001)
	for _, c := range []struct{ name, yaml, want string }{
		{"empty file", "", "shop/agent.yaml: the file is empty"},
		{"only a comment", "# soon\n", "shop/agent.yaml: the file is empty"},
		{"no name", "title: x\n", "name: missing"},
		{"name is not the folder's", "title: x\nname: other\n", `shop/agent.yaml:2:1: name: is "other" but the folder is called "shop"`},
		{"invalid name", "name: My Shop\n", `shop/agent.yaml:1:1: name: invalid name "My Shop"`},
		{"unknown key", "name: shop\ngreting: hi\n", `shop/agent.yaml:2:1: unknown key "greting", did you mean "greeting"?`},
		{"unknown key inside", "name: shop\nsilence:\n  wait: 3s\n  speed: 4\n", `shop/agent.yaml:4:3: unknown key "speed"`},
		{"key twice", "name: shop\nname: shop\n", "shop/agent.yaml:2:1: "},
		{"wrong type", "name: shop\nrecord: often\n", "shop/agent.yaml:2:9: expected true or false, got text"},
		{"list for text", "name: shop\ngreeting: [a]\n", "shop/agent.yaml:2:11: expected text, got a list"},
		{"text for section", "name: shop\nsilence: none\n", "shop/agent.yaml:2:10: "},
		{"no section", "hello", "shop/agent.yaml:1:1: "},
		{"broken YAML", "name: shop\n  bad: [\n", "shop/agent.yaml:"},
		{"second document", "name: shop\n---\nname: shop\n", "shop/agent.yaml:3:"},
		{"alias", "name: &n shop\ntitle: *n\n", "shop/agent.yaml:1:7: anchors and aliases are not supported"},
		{"deep", "name: shop\ntry: " + strings.Repeat("[", 100) + strings.Repeat("]", 100) + "\n", "nested too deeply"},
		{"long greeting", "name: shop\ngreeting: " + long + "\n", "shop/agent.yaml:2:1: greeting: too long: 1001 characters (limit 1000)"},
		{"language", "name: shop\nlanguage: klingonish!\n", `shop/agent.yaml:2:1: language: unknown language tag "klingonish!"`},
		{"pronunciation", "name: shop\npronunciation: {Shop: ''}\n", `shop/agent.yaml:2:1: pronunciation: "Shop": say it in 1 to 100 characters`},
		{"speed", "name: shop\nspeed: 3\n", "shop/agent.yaml:2:1: speed: 3 is out of range (want 0.5 to 2)"},
		{"speed is no number", "name: shop\nspeed: .nan\n", "speed: NaN is out of range"},
		{"too many examples", "name: shop\ntry: [a, b, c, d, e, f, g]\n", "try: too many entries: 7 (limit 6)"},
		{"empty example", "name: shop\ntry: [a, '']\n", "shop/agent.yaml:2:10: try[1]: is empty"},
		{"wait without unit", "name: shop\nsilence: {wait: 10}\n", `shop/agent.yaml:2:11: silence.wait: invalid duration "10" (want a number with a unit, such as 10s)`},
		{"wait too short", "name: shop\nsilence: {wait: 1ms}\n", "silence.wait: 1ms is out of range (want 1s to 10m0s)"},
		{"empty filler", "name: shop\nfiller: {texts: [\"\"]}\n", "filler.texts[0]: is empty"},
		{"filler too soon", "name: shop\nfiller: {after: 1ms}\n", "filler.after: 1ms is out of range (want 200ms to 10s)"},
		{"time zone", "name: shop\nhours: {timezone: Berlin}\n", `shop/agent.yaml:2:9: hours.timezone: unknown time zone "Berlin" (want a name of the IANA database, such as Europe/Berlin)`},
		{"opening hours", "name: shop\nhours:\n  timezone: UTC\n  open:\n    mon-fri: 8-20\n", `shop/agent.yaml:5:5: hours.open.mon-fri: invalid hours "8-20" (want such as 8:00-20:00`},
		{"closed day", "name: shop\nhours:\n  timezone: UTC\n  open: {mon: 8:00-20:00}\n  closed: [12-24, 24.12.]\n", `shop/agent.yaml:5:19: hours.closed[1]: invalid day "24.12." (want a date such as 2026-12-24`},
		{"special day", "name: shop\nhours:\n  timezone: UTC\n  special: {2026-13-24: 8:00-20:00}\n", `shop/agent.yaml:4:13: hours.special.2026-13-24: invalid day`},
		{"call back without hours", "name: shop\nhandover: {message: 'We call {next_opening}.'}\n", "shop/agent.yaml:2:12: handover.message: {next_opening} needs opening hours: add hours.open"},
		{"memory", "name: shop\nmemory: {tokens: 100}\n", "shop/agent.yaml:2:10: memory.tokens: 100 is out of range (want 2000 to 10000000)"},
		{"days", "name: shop\nmemory: {days: 0}\n", "shop/agent.yaml:2:10: memory.days: 0 is out of range (want 1 to 3650)"},
		{"tokens", "name: shop\nspeculation: {tokens: 0}\n", "shop/agent.yaml:2:15: speculation.tokens: 0 is out of range (want 1 to 10000000)"},
		{"prompts", "name: shop\nsilence: {prompts: 99}\n", "shop/agent.yaml:2:11: silence.prompts: 99 is out of range (want 1 to 10)"},
		{"allow", "name: shop\ntools:\n  allow:\n    - good\n    - Not good\n", `shop/agent.yaml:5:7: tools.allow[1]: invalid tool name "Not good"`},
		{"timeout", "name: shop\ntools: {timeouts: {a: fast}}\n", `tools.timeouts.a: invalid duration "fast"`},
		{"rule's effect", "name: shop\ntools: {rules: {a: {effect: delete}}}\n", `shop/agent.yaml:2:21: tools.rules.a.effect: unknown value "delete" (want one of: communication, money, read, write)`},
		{"rule's limit", "name: shop\ntools: {rules: {a: {limits: {turn: 0}}}}\n", "tools.rules.a.limits.turn: 0 is out of range (want 1 to 1000000)"},
		{"rule's arguments", "name: shop\ntools: {rules: {a: {arguments: {x: {pattern: '('}}}}}\n", "shop/agent.yaml:2:21: tools.rules.a.arguments: is not a usable JSON Schema"},
		{"rule of no tool", "name: shop\ntools: {rules: {A b: {effect: read}}}\n", `tools.rules: invalid tool name "A b"`},
		{"verify without column", "name: shop\ntools: {verify: {file: t.csv, account: a}}\n", "shop/agent.yaml:2:9: tools.verify.pin: missing or too long"},
		{"verify without file", "name: shop\ntools: {verify: {file: no.csv, account: a, pin: b}}\n", `shop/agent.yaml:2:18: tools.verify.file: no file "no.csv"`},
		{"look-up without file", "name: shop\ntools: {lookup: [{name: a, description: b, key: c}]}\n", `tools.lookup[0].file: no file "" inside`},
		{"look-up's file missing", "name: shop\ntools: {lookup: [{name: a, description: b, key: c, file: no.csv}]}\n", `shop/agent.yaml:2:52: tools.lookup[0].file: no file "no.csv" inside`},
		{"look-up's file is a folder", "name: shop\ntools: {lookup: [{name: a, description: b, key: c, file: .}]}\n", `no file "." inside`},
		{"look-up twice", "name: shop\ntools: {lookup: [{name: a, description: b, key: c, file: t.csv}, {name: a, description: b, key: c, file: t.csv}]}\n", `another look-up is already called "a"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Load(folder(t, "shop", c.yaml, "t.csv"))
			var e *fault.Error
			if !errors.As(err, &e) || e.Code != fault.Invalid {
				t.Fatalf("error %v is not fault.Invalid", err)
			}
			if !strings.Contains(e.Message, c.want) {
				t.Errorf("message %q, want %q in it", e.Message, c.want)
			}
		})
	}
}

func TestLookupFilesStayInsideTheFolder(t *testing.T) {
	outside := filepath.Join(t.TempDir(), "secret.csv")
	write(t, outside, "key\n")
	dir := folder(t, "shop", "", "real.csv")
	require.NoError(t, os.Symlink(outside, filepath.Join(dir, "link.csv")))
	require.NoError(t, os.Symlink("real.csv", filepath.Join(dir, "inner.csv")))
	load := func(file string) error {
		write(t, filepath.Join(dir, fileName), "name: shop\ntools: {lookup: [{name: a, description: b, key: c, file: '"+file+"'}]}\n")
		_, err := Load(dir)
		return err
	}
	for _, file := range []string{outside, "../shop/real.csv/../../x.csv", "..", "link.csv", "/etc/passwd"} {
		if err := load(file); err == nil || !strings.Contains(err.Error(), "inside the agent's folder") {
			t.Errorf("file %s: error %v, want a refusal", file, err)
		}
	}
	for _, file := range []string{"real.csv", "./real.csv", "inner.csv"} {
		if err := load(file); err != nil {
			t.Errorf("file %s: %v", file, err)
		}
	}
}

func TestMissingOrHugeFileIsRefused(t *testing.T) {
	for _, c := range []struct {
		name string
		dir  func() string
		code fault.Code
	}{
		{"no folder", func() string { return filepath.Join(t.TempDir(), "none") }, fault.NotFound},
		{"no agent.yaml", func() string { return t.TempDir() }, fault.NotFound},
		{"too large", func() string { return folder(t, "shop", "name: shop\n#"+strings.Repeat("x", maxFile)) }, fault.TooLarge},
		{"a folder", func() string { return filepath.Dir(folder(t, "agent.yaml", "name: x\n")) }, fault.Invalid},
	} {
		if _, err := Load(c.dir()); fault.From(err).Code != c.code {
			t.Errorf("%s: %v, want %s", c.name, err, c.code)
		}
	}
}

func TestBrokenAgentDoesNotAffectOthers(t *testing.T) {
	root := t.TempDir()
	write(t, filepath.Join(root, "good/agent.yaml"), "name: good\n")
	write(t, filepath.Join(root, "bad/agent.yaml"), "name: bad\ngreeting: [\n")
	write(t, filepath.Join(root, "empty/readme.txt"), "not an agent")
	write(t, filepath.Join(root, ".git/agent.yaml"), "name: hidden\n")
	write(t, filepath.Join(root, "notes.txt"), "a file among the folders")
	agents, problems := LoadAll(root)
	if _, ok := agents["good"]; !ok || len(agents) != 1 {
		t.Errorf("agents %v, want only good", agents)
	}
	if len(problems) != 2 || !strings.Contains(problems[0].Error(), "bad/agent.yaml:") || !strings.Contains(problems[1].Error(), "empty/agent.yaml") {
		t.Errorf("problems %v, want one for bad and one for empty", problems)
	}
	if _, problems := LoadAll(filepath.Join(root, "nowhere")); len(problems) != 1 {
		t.Errorf("a missing root gives problems %v, want one", problems)
	}
}

func TestShippedAgentsLoad(t *testing.T) {
	agents, problems := LoadAll("../../agents")
	for _, p := range problems {
		t.Error(p)
	}
	demo, ok := agents["demo"]
	if !ok {
		t.Fatal("no agent called demo")
	}
	if demo.Greeting == "" || len(demo.Try) != 3 || demo.Knowledge == "" || len(demo.Tools.Lookups) == 0 {
		t.Errorf("the demo agent lacks a greeting, examples, knowledge or a look-up: %+v", demo)
	}
}

func FuzzAgentFile(f *testing.F) {
	demo, err := os.ReadFile("../../agents/demo/agent.yaml")
	require.NoError(f, err)
	for _, seed := range []string{string(demo), "", "name: a\n---\n", "a: &x [*x]", "{", "name: shop\ntools: {lookup: [{}]}",
		"name: shop\ntools: {mcp: [{name: a, command: [go], env: {B: '${HOME}'}}]}", "? [a]\n: b", "name: !!binary x", "<<: {name: shop}", "name: |\n", "\t", "name: 'a", "%TAG"} {
		f.Add(seed)
	}
	dir := folder(f, "shop", "", "orders.csv")
	root, err := os.OpenRoot(dir)
	require.NoError(f, err)
	f.Cleanup(func() { root.Close() })
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > maxFile {
			return
		}
		s, err := parse("shop/agent.yaml", []byte(text))
		if err == nil {
			_, err = s.file("shop", root)
		}
		if err == nil {
			return
		}
		if e, ok := errors.AsType[*fault.Error](err); !ok || !strings.HasPrefix(e.Message, "shop/agent.yaml:") {
			t.Fatalf("error %#v does not name the file", err)
		}
	})
}
