package valkey_test

import (
	"context"
	"strconv"
	"strings"
	"testing"
	"time"

	"frontdesk/internal/fault"
	"frontdesk/internal/valkeytest"
	"frontdesk/session/storetest"
	"frontdesk/session/valkey"
	"frontdesk/tools/gate"
)

func TestCounterConforms(t *testing.T) {
	storetest.RunCounter(t, func(t *testing.T) (one, two gate.Counter) {
		o := valkey.Options{Addresses: []string{valkeytest.Start(t).Addr}}
		return open(t, o), open(t, o)
	})
}

func TestCountsSurviveARestart(t *testing.T) {
	server := valkeytest.Start(t, "--appendonly", "yes", "--appendfsync", "always")
	o := valkey.Options{Addresses: []string{server.Addr}}
	storetest.WantTaken(t, open(t, o), "a", 2, true)
	server.Kill()
	server.Restart(t)
	store := open(t, o)
	storetest.WantTaken(t, store, "a", 2, true)
	storetest.WantTaken(t, store, "a", 2, false)
	keys := strings.Fields(server.Must(t, "KEYS", "*"))
	if len(keys) != 1 || keys[0] != "fd:effects:a" {
		t.Fatalf("keys %q", keys)
	}
	if ttl, err := strconv.Atoi(server.Must(t, "PTTL", keys[0])); err != nil || ttl < 1 || ttl > 60_000 {
		t.Errorf("the window ends in %d ms, error %v", ttl, err)
	}
}

func TestNothingIsCountedWithoutTheStore(t *testing.T) {
	server := valkeytest.Start(t)
	store := open(t, valkey.Options{Addresses: []string{server.Addr}})
	server.Kill()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	ok, err := store.Take(ctx, "a", 1, time.Minute)
	if e := fault.From(err); ok || e == nil || e.Code != fault.Unavailable {
		t.Errorf("counted %v, error %v; want unavailable", ok, err)
	}
}
