package tools

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"frontdesk/internal/fault"
	"frontdesk/internal/require"
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
