package tools

import (
	"context"
	"encoding/json"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"frontdesk/internal/fault"
	"frontdesk/internal/require"
	"frontdesk/tools/gate"
)

const customers = "customer,pin,name\n7001,0417,Ann Bell\n7002,9924,Kim Berg\n"

func verifierOf(t *testing.T) *Registry {
	file := filepath.Join(writeFiles(t, map[string]string{"customers.csv": customers}), "customers.csv")
	v, err := OpenVerifier(VerifyConfig{File: file, Account: "customer", PIN: "pin"})
	require.NoError(t, err)
	return newRegistry(t, v)
}

func verify(t *testing.T, r *Registry, account, pin string) Result {
	arguments, _ := json.Marshal(map[string]string{"account": account, "pin": pin})
	return r.DoAsOperator(t.Context(), Call{Name: VerifyCaller, Arguments: arguments})
}

func TestPINProvesWhoTheCallerIs(t *testing.T) {
	r := verifierOf(t)
	for _, test := range []struct {
		account, pin string
		identity     string
	}{
		{"seven thousand one", "zero four one seven", "account:7001"},
		{"7001", "0417", "account:7001"},
		{"7001", "417", ""},
		{"7001", "9924", ""},
		{"7999", "0417", ""},
		{"7001", "", ""},
	} {
		got := verify(t, r, test.account, test.pin)
		if got.Identity != test.identity || got.IsWrong != (test.identity == "") || got.Failed {
			t.Errorf("%s with %s: got %+v", test.account, test.pin, got)
		}
		if strings.Contains(string(got.Output), "0417") || strings.Contains(string(got.Output), "Ann") {
			t.Errorf("the result holds the row: %s", got.Output)
		}
	}
}

func TestPINsCannotBeTried(t *testing.T) {
	r := verifierOf(t)
	for range pinAttempts {
		verify(t, r, "7001", "1111")
	}
	if got := verify(t, r, "7001", "0417"); !got.Failed || got.Identity != "" || fault.From(got.Err).Code != fault.Limited {
		t.Errorf("after %d wrong PINs: got %+v", pinAttempts, got)
	}
	if got := verify(t, r, "7002", "9924"); got.Identity != "account:7002" {
		t.Errorf("another account: got %+v", got)
	}
}

func TestAttemptsAtAPINAreCountedOverAllNodes(t *testing.T) {
	file := filepath.Join(writeFiles(t, map[string]string{"customers.csv": customers}), "customers.csv")
	shared := gate.NewCounter()
	node := func(scope string, c gate.Counter) *Registry {
		v, err := OpenVerifier(VerifyConfig{File: file, Account: "customer", PIN: "pin", Attempts: c, Scope: scope})
		require.NoError(t, err)
		return newRegistry(t, v)
	}
	one, two := node("shop", shared), node("shop", shared)
	for i := range pinAttempts {
		verify(t, []*Registry{one, two}[i%2], "7001", "0000")
	}
	for _, r := range []*Registry{one, two} {
		wantFailed(t, verify(t, r, "7001", "0417"), fault.Limited, "too many")
	}
	if got := verify(t, node("bank", shared), "7001", "0417"); got.Identity == "" {
		t.Error("another agent's account with the same number is locked")
	}
	wantFailed(t, verify(t, node("shop", brokenCounter{}), "7001", "0417"), fault.Storage, "cannot be counted")
}

type brokenCounter struct{}

func (brokenCounter) Take(context.Context, string, int, time.Duration) (bool, error) {
	return false, errors.New("the store is away")
}
