package tools

import (
	"context"
	"encoding/json"
	"time"

	"frontdesk/internal/fault"
	"frontdesk/tools/gate"
)

const (
	// VerifyCaller is the name of the tool with which callers prove who they are.
	VerifyCaller = "verify_caller"

	pinAttempts  = 5 // for one account in pinWindow, in all sessions
	pinWindow    = time.Hour
	countTimeout = 2 * time.Second // for the store that counts them
)

// VerifyConfig describes a table of accounts and their PINs.
type VerifyConfig struct {
	File      string       // path of a CSV file with a header
	Account   string       // the column that names the account
	PIN       string       // the column with the PIN
	OnProblem func(error)  // is told once why a changed file is not used
	Attempts  gate.Counter // counts attempts for an account; nil counts them in this process alone
	Scope     string       // tells the accounts from those of other tables that Attempts counts
}

// Verifier is the tool with which callers prove by a PIN who they are. Safe for concurrent
// use.
type Verifier struct {
	accounts *Lookup
	tool     Tool
	attempts gate.Counter
	scope    string
}

// OpenVerifier reads the table. Errors are those of OpenLookup.
func OpenVerifier(c VerifyConfig) (*Verifier, error) {
	accounts, err := OpenLookup(LookupConfig{Name: VerifyCaller, File: c.File, Key: c.Account, Fact: c.PIN, OnProblem: c.OnProblem})
	if err != nil {
		return nil, err
	}
	type arguments struct {
		Account string `json:"account" jsonschema:"the account, as the caller said it"`
		PIN     string `json:"pin" jsonschema:"the PIN, as the caller said or keyed it"`
	}
	v := &Verifier{accounts: accounts, attempts: c.Attempts, scope: c.Scope}
	if v.attempts == nil {
		v.attempts = gate.NewCounter()
	}
	rule := gate.Rule{Identify: []string{"account", "pin"}, IsTrusted: true, Limits: gate.Limits{Turn: 2, Session: 10, Wrong: 3}}
	v.tool = Func(VerifyCaller, "Find out who the caller is by their account ("+c.Account+") and their PIN. Use it when another tool wants it.",
		rule, func(ctx context.Context, _ string, args arguments) (any, []Note, error) {
			out, err := v.verify(ctx, args.Account, args.PIN)
			return out, nil, err
		})
	return v, nil
}

// verifyResult is what the model reads. It does not hold the PIN.
type verifyResult struct {
	Verified bool   `json:"verified"`
	Account  string `json:"account,omitempty"` // only if verified
}

func (v *Verifier) verify(ctx context.Context, account, pin string) (verifyResult, error) {
	found := v.accounts.findProved(account, pin)
	ctx, cancel := context.WithTimeout(ctx, countTimeout)
	defer cancel()
	ok, err := v.attempts.Take(ctx, "pin/"+v.scope+"/"+found.Key, pinAttempts, pinWindow)
	if err != nil {
		return verifyResult{}, fault.Wrap(err, fault.Storage, "this cannot be checked now, because it cannot be counted")
	}
	if !ok {
		return verifyResult{}, fault.New(fault.Limited, "there were too many attempts for this account; offer a person").Retryable(pinWindow)
	}
	if !found.Found {
		return verifyResult{}, nil
	}
	return verifyResult{Verified: true, Account: found.Key}, nil
}

// Spec implements Tool.
func (v *Verifier) Spec() Spec { return v.tool.Spec() }

// Call implements Tool.
func (v *Verifier) Call(ctx context.Context, call Call) (Result, error) {
	result, err := v.tool.Call(ctx, call)
	if err != nil {
		return result, err
	}
	var out verifyResult
	if err := json.Unmarshal(result.Output, &out); err != nil {
		return result, err
	}
	if result.IsWrong = !out.Verified; out.Verified {
		result.Identity = "account:" + out.Account
	}
	return result, nil
}
