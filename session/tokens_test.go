package session

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"frontdesk/internal/fault"
	"frontdesk/internal/require"
)

var testSecret = []byte("0123456789abcdef0123456789abcdef")

func TestTokensCarryTheirClaims(t *testing.T) {
	tokens := NewTokens(testSecret)
	want := Caller{Agent: "demo", Trusted: true, Instructions: "be brief"}
	token, err := tokens.Mint(Claims{Caller: want, Expires: time.Now().Add(time.Minute)})
	if err != nil || !strings.HasPrefix(token, "ek_") {
		t.Fatal(token, err)
	}
	got, err := tokens.Verify(token)
	if err != nil || got.Caller.Agent != "demo" || !got.Caller.Trusted || got.Caller.Instructions != "be brief" {
		t.Errorf("got %+v, %v", got, err)
	}
	resume, err := tokens.Mint(Claims{Caller: Caller{Resume: "sess_1"}, Expires: time.Now().Add(time.Minute)})
	if err != nil || !strings.HasPrefix(resume, "rt_") {
		t.Fatal(resume, err)
	}
	if got, err := tokens.Verify(resume); err != nil || got.Caller.Resume != "sess_1" {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestInvalidTokensAreRefused(t *testing.T) {
	tokens := NewTokens(testSecret)
	mint := func(by *Tokens, expires time.Time) string {
		token, err := by.Mint(Claims{Caller: Caller{Agent: "demo"}, Expires: expires})
		require.NoError(t, err)
		return token
	}
	good := mint(tokens, time.Now().Add(time.Minute))
	for name, token := range map[string]string{
		"empty":         "",
		"garbage":       "ek_x.y",
		"other secret":  mint(NewTokens([]byte("another secret")), time.Now().Add(time.Minute)),
		"expired":       mint(tokens, time.Now().Add(-time.Second)),
		"other kind":    "rt_" + good[3:],
		"changed":       good[:10] + otherCharacter(good[10]) + good[11:],
		"no signature":  good[:strings.Index(good, ".")],
		"too long":      good + "A",
		"far too large": "ek_" + strings.Repeat("A", 1<<20),
	} {
		if _, err := tokens.Verify(token); fault.From(err) == nil || fault.From(err).Code != fault.Unauthorized {
			t.Errorf("%s: got %v, want unauthorized", name, err)
		}
	}
}

func otherCharacter(b byte) string {
	if b == 'A' {
		return "B"
	}
	return "A"
}

func TestTooLargeTokenIsRefused(t *testing.T) {
	_, err := NewTokens(testSecret).Mint(Claims{Caller: Caller{Instructions: strings.Repeat("x", maxToken)}})
	if fault.From(err).Code != fault.TooLarge {
		t.Errorf("got %v, want too_large", err)
	}
}

func TestSecretIsCreatedOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "secret")
	a, err := LoadSecret(path)
	require.NoError(t, err)
	b, err := LoadSecret(path)
	if err != nil || string(a) != string(b) || len(a) != 32 {
		t.Errorf("got %x and %x, error %v; want the same 32 bytes", a, b, err)
	}
}

func FuzzVerify(f *testing.F) {
	tokens := NewTokens(testSecret)
	good, _ := tokens.Mint(Claims{Caller: Caller{Agent: "a"}, Expires: time.Now().Add(time.Hour)})
	f.Add(good)
	f.Add("ek_.")
	f.Fuzz(func(t *testing.T, token string) {
		if _, err := tokens.Verify(token); err == nil && token != good {
			t.Errorf("accepted %q", token)
		}
	})
}
