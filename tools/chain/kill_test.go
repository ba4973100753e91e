package chain

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap"

	"frontdesk/internal/require"
	"frontdesk/tools"
	"frontdesk/tools/workflow"
)

var killSeeds = flag.Int("killseeds", 50, "chains that run while their process is killed again and again")

// Environment variables that make the test program a node which runs a batch of chains.
const (
	nodePathVariable  = "CHAIN_NODE_PATH"
	nodeURLVariable   = "CHAIN_NODE_SHOP"
	nodeFirstVariable = "CHAIN_NODE_FIRST"
	nodeCountVariable = "CHAIN_NODE_COUNT"
)

// TestMain runs a node if the environment says so, else the tests.
func TestMain(m *testing.M) {
	if os.Getenv(nodePathVariable) == "" {
		os.Exit(m.Run())
	}
	if err := runNode(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// openNode opens an engine that runs the chains of a shop.
func openNode(ctx context.Context, path, url string) (*workflow.Engine, map[bool]*Tool, error) {
	registry, err := shopTools(url)
	if err != nil {
		return nil, nil, err
	}
	runner, chains := NewRunner(), make(map[bool]*Tool)
	for _, informs := range []bool{false, true} {
		if chains[informs], err = New("shop", returning(informs), Tools{Registry: registry}, runner); err != nil {
			return nil, nil, err
		}
	}
	engine, err := workflow.Open(ctx, workflow.Options{Node: fmt.Sprint("node ", os.Getpid()), Path: path, Lease: 600 * time.Millisecond, Log: zap.NewNop()})
	if err != nil {
		return nil, nil, err
	}
	runner.Open(engine)
	return engine, chains, engine.Launch(ctx)
}

// runNode makes the calls of a batch and runs their chains, unless it is killed.
func runNode() error {
	first, _ := strconv.Atoi(os.Getenv(nodeFirstVariable))
	count, _ := strconv.Atoi(os.Getenv(nodeCountVariable))
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	engine, chains, err := openNode(ctx, os.Getenv(nodePathVariable), os.Getenv(nodeURLVariable))
	if err != nil {
		return err
	}
	hungUp, hangUp := context.WithCancel(ctx)
	hangUp() // nobody waits for the chains
	for seed := first; seed < first+count; seed++ {
		call, informs := callOfSeed(seed)
		_, err := chains[informs].Call(tools.WithCaller(hungUp, tools.Caller{Session: "s", Agent: "shop"}), call)
		if err != nil && hungUp.Err() == nil {
			return err
		}
	}
	for seed := first; seed < first+count; seed++ {
		if w, err := engine.Wait(ctx, idOfSeed(seed)); err != nil {
			return fmt.Errorf("%w: %+v", err, w)
		}
	}
	return engine.Close()
}

func callOfSeed(seed int) (call tools.Call, informs bool) {
	arguments, _ := json.Marshal(map[string]any{"order": strconv.Itoa(seed), "amount": 5})
	return tools.Call{ID: fmt.Sprint("call_", seed), Name: "return_order", Arguments: arguments}, seed%2 == 0
}

func idOfSeed(seed int) string {
	call, _ := callOfSeed(seed)
	return idOf("s", call)
}

// isRefused reports whether the shop refuses the refund of a seed, so that its chain is undone.
func isRefused(order string) bool {
	seed, _ := strconv.Atoi(order)
	return seed%3 == 0
}

// killer kills a process at a request to the shop: before its effect, after its effect but
// before its answer, or a little later, between two steps. Safe for concurrent use.
type killer struct {
	mu   sync.Mutex
	kill func()
	left int // requests until then
	how  int
	wait time.Duration
}

func (k *killer) arm(kill func(), seeds *rand.Rand, most int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.kill, k.left, k.how, k.wait = kill, 1+seeds.IntN(most), seeds.IntN(3), time.Duration(seeds.IntN(6000))*time.Microsecond
}

func (k *killer) at(how int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.kill == nil || how != min(k.how, 1) {
		return
	}
	if k.left--; k.left > 0 {
		return
	}
	kill := k.kill
	k.kill = nil
	if k.how == 2 {
		time.AfterFunc(k.wait, kill)
		return
	}
	kill()
	time.Sleep(20 * time.Millisecond) // the answer is not read any more
}

// check reconciles the chain of a seed if it is unknown, and fails the test unless each effect
// happened exactly once.
func (s *shop) check(t *testing.T, e *workflow.Engine, seed int) (wasUnknown bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	id, order := idOfSeed(seed), strconv.Itoa(seed)
	w, err := e.Wait(ctx, id)
	require.NoError(t, err)
	if w.State == workflow.Unknown {
		wasUnknown = true
		if w.Step != "inform" {
			t.Errorf("%s is unknown in step %q, which can be checked", id, w.Step)
		}
		require.NoError(t, e.Reconcile(ctx, id, s.count("message "+order) > 0))
		w, err = e.Wait(ctx, id)
		require.NoError(t, err)
	}
	state, want := workflow.Completed, map[string]int{"label ": 1, "refund ": 1, "message ": 0, "cancel L-": 0}
	if seed%2 == 0 {
		want["message "] = 1
	}
	if isRefused(order) {
		state, want = workflow.Compensated, map[string]int{"label ": 1, "refund ": 0, "message ": 0, "cancel L-": 1}
	}
	if w.State != state {
		t.Errorf("%s: got %+v, want %s", id, w, state)
	}
	for effect, n := range want {
		if got := s.count(effect + order); got != n {
			t.Errorf("%s: %s%s happened %d times, want %d", id, effect, order, got, n)
		}
	}
	return wasUnknown
}

func TestEveryEffectOfAChainHappensOnceWhereverItsProcessIsKilled(t *testing.T) {
	const batch, lives = 50, 6 // chains in one database; processes that are killed
	s, url := serveShop(t)
	s.refused = isRefused
	var k killer
	s.watch(func(*http.Request) { k.at(0) }, func(*http.Request) { k.at(1) })
	unknown, killed := 0, 0
	for first := 1; first <= *killSeeds; first += batch {
		count := min(batch, *killSeeds-first+1)
		seeds := rand.New(rand.NewPCG(uint64(first), 7))
		path := filepath.Join(t.TempDir(), "workflows.db")
		for range lives {
			c := exec.CommandContext(t.Context(), os.Args[0])
			c.Env = append(os.Environ(), nodePathVariable+"="+path, nodeURLVariable+"="+url,
				nodeFirstVariable+"="+strconv.Itoa(first), nodeCountVariable+"="+strconv.Itoa(count))
			var out strings.Builder
			c.Stdout, c.Stderr = &out, &out
			require.NoError(t, c.Start())
			k.arm(func() { _ = c.Process.Kill() }, seeds, count*4/2)
			if c.Wait() != nil {
				killed++
			}
			if out.Len() > 0 {
				t.Fatalf("node: %s", out.String())
			}
			k.arm(nil, seeds, 1)
		}
		engine, _, err := openNode(t.Context(), path, url)
		require.NoError(t, err)
		for seed := first; seed < first+count; seed++ {
			if s.check(t, engine, seed) {
				unknown++
			}
		}
		require.NoError(t, engine.Close())
	}
	t.Logf("%d processes killed; %d of %d chains were unknown and reconciled", killed, unknown, *killSeeds)
	if killed == 0 {
		t.Error("no process was killed")
	}
}
