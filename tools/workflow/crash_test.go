package workflow

import (
	"cmp"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/zap"

	"frontdesk/internal/fault"
	"frontdesk/internal/postgrestest"
	"frontdesk/internal/require"
)

var (
	crashSeeds = flag.Int("crashseeds", 50, "seeds of the simulated crashes")
	killSeeds  = flag.Int("killseeds", 12, "seeds of the killed processes")
)

// trip is the workflow that crashes: every kind of step, with effects of an outside system.
type trip struct {
	Seed   int  `json:"seed"`
	Fails  bool `json:"fails"`  // the last step is refused, so that the others are undone
	Unsure bool `json:"unsure"` // it has a step that the outside system neither repeats safely nor tells of
}

// effects is the outside system as a workflow reaches it.
type effects interface {
	do(ctx context.Context, key string, isKeyed bool) error // counts an effect; if keyed, once for each key
	happened(ctx context.Context, key string) (bool, error)
}

func runTrip(r *Run, in trip, to effects) error {
	retry := Policy{MaxAttempts: 20, Base: time.Millisecond, Max: 20 * time.Millisecond}
	step := func(name string) Step[int] {
		return Step[int]{Name: name, Retry: retry, Do: func(ctx context.Context, key string) (int, error) { return in.Seed, to.do(ctx, key, true) }}
	}
	book := step("book")
	book.Undo = func(ctx context.Context, key string, _ int) error { return to.do(ctx, key, true) }
	pay := step("pay")
	pay.Once = true
	pay.Do = func(ctx context.Context, key string) (int, error) { return 0, to.do(ctx, key, false) }
	pay.Check = func(ctx context.Context, key string) (int, bool, error) {
		isDone, err := to.happened(ctx, key)
		return 0, isDone, err
	}
	if _, err := Each(r, 2, book, step("seat"), step("meal")); err != nil {
		return err
	}
	begin, err := Do(r, Step[time.Time]{Name: "plan", Do: func(context.Context, string) (time.Time, error) { return time.Now().Add(20 * time.Millisecond), nil }})
	if err != nil {
		return err
	}
	if reason, err := WaitUntil(r, "wait", begin); err != nil || reason != Due {
		return cmp.Or(err, fmt.Errorf("the wait ended for %q", reason))
	}
	if _, err := Do(r, pay); err != nil {
		return err
	}
	if in.Unsure {
		call := step("call")
		call.Once = true
		call.Do = pay.Do
		if _, err := Do(r, call); err != nil {
			return err
		}
	}
	last := step("last")
	if in.Fails {
		last.Do = func(context.Context, string) (int, error) { return 0, fault.New(fault.Forbidden, "refused") }
	}
	_, err = Do(r, last)
	return err
}

// counter is the outside system. Safe for concurrent use.
type counter struct {
	mu      sync.Mutex
	effects map[string]int
}

func (c *counter) do(_ context.Context, key string, isKeyed bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.effects[key] == 0 || !isKeyed {
		c.effects[key]++
	}
	return nil
}

func (c *counter) happened(_ context.Context, key string) (bool, error) { return c.count(key) > 0, nil }

func (c *counter) count(key string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.effects[key]
}

// check reconciles a finished trip if it is unknown, and fails the test unless each effect
// happened exactly once.
func (c *counter) check(t *testing.T, e *Engine, in trip) (wasUnknown bool) {
	t.Helper()
	id := tripID(in)
	w := e.mustFinish(t, id)
	if w.State == Unknown {
		wasUnknown = true
		if !in.Unsure || w.Step != "call" {
			t.Errorf("%s is unknown in step %q, which can be checked", id, w.Step)
		}
		require.NoError(t, e.Reconcile(t.Context(), id, c.count(id+"/call") > 0))
		w = e.mustFinish(t, id)
	}
	want := map[string]int{"book": 1, "seat": 1, "meal": 1, "pay": 1, "call": 0, "last": 1, "undo book": 0}
	state := Completed
	if in.Unsure {
		want["call"] = 1
	}
	if in.Fails {
		state, want["last"], want["undo book"] = Compensated, 0, 1
	}
	if w.State != state {
		t.Errorf("%s: got %+v, want %s", id, w, state)
	}
	for step, n := range want {
		if got := c.count(id + "/" + step); got != n {
			t.Errorf("%s: the effect of %s happened %d times, want %d", id, step, got, n)
		}
	}
	return wasUnknown
}

func tripID(in trip) string { return fmt.Sprint("trip-", in.Seed) }

func tripOf(seed int) trip { return trip{Seed: seed, Fails: seed%3 == 0, Unsure: seed%2 == 0} }

// openTrips opens an engine that runs trips. crash is called before and after each attempt.
func openTrips(o Options, to effects, crash func(ctx context.Context, e *Engine)) (*Engine, error) {
	e, err := Open(context.Background(), o)
	if err != nil {
		return nil, err
	}
	e.onAttempt = func(ctx context.Context, _ string) { crash(ctx, e) }
	Register(e, "trip", func(r *Run, in trip) error { return runTrip(r, in, to) })
	for range 10 { // a busy machine may take longer than a short lease allows
		if err = e.Launch(context.Background()); err == nil {
			break
		}
	}
	return e, err
}

func TestEveryEffectHappensOnceWhereverTheEngineStops(t *testing.T) {
	const batch = 50 // workflows in one database
	unknown := 0
	for first := 0; first < *crashSeeds; first += batch {
		outside := &counter{effects: make(map[string]int)}
		o := Options{Path: filepath.Join(t.TempDir(), "workflows.db"), Log: zap.NewNop()}
		seeds := rand.New(rand.NewPCG(uint64(first), 1))
		for life := 0; ; life++ {
			o.Node = fmt.Sprint("node ", life)
			left := int64(-1) // attempts until the engine stops in the middle; the last one lives
			if life < 6 {
				left = 1 + seeds.Int64N(batch*4)
			}
			var points atomic.Int64
			stopped := make(chan struct{})
			var stopOnce sync.Once
			e, err := openTrips(o, outside, func(ctx context.Context, e *Engine) {
				if n := points.Add(1); left > 0 && n >= left { // everything that runs stops where it is
					stopOnce.Do(func() { close(stopped) })
					<-ctx.Done()
				}
			})
			require.NoError(t, err)
			for seed := first; seed < first+batch; seed++ {
				require.NoError(t, e.Start("trip", tripID(tripOf(seed)), tripOf(seed)))
			}
			if left > 0 {
				select {
				case <-stopped:
				case <-time.After(3 * time.Second): // fewer attempts were left
				}
				require.NoError(t, e.Close())
				continue
			}
			for seed := first; seed < first+batch; seed++ {
				if outside.check(t, e, tripOf(seed)) {
					unknown++
				}
			}
			require.NoError(t, e.Close())
			break
		}
	}
	t.Logf("%d of %d workflows were unknown and reconciled", unknown, *crashSeeds)
}

// Environment variables that make the test program a node which runs one trip.
const (
	nodePathVariable  = "WORKFLOW_NODE_PATH"
	nodePGVariable    = "WORKFLOW_NODE_POSTGRES" // instead of the path, if not ""
	nodeURLVariable   = "WORKFLOW_NODE_OUTSIDE"
	nodeSeedVariable  = "WORKFLOW_NODE_SEED"
	nodeCrashVariable = "WORKFLOW_NODE_CRASH" // the point at which it kills itself; 0 for none
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

// remote is the outside system over HTTP.
type remote string

func (r remote) post(ctx context.Context, path, key string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, string(r)+path, strings.NewReader(key))
	if err != nil {
		return "", err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return string(b), err
}

func (r remote) do(ctx context.Context, key string, isKeyed bool) error {
	_, err := r.post(ctx, "/do?keyed="+strconv.FormatBool(isKeyed), key)
	return err
}

func (r remote) happened(ctx context.Context, key string) (bool, error) {
	answer, err := r.post(ctx, "/happened", key)
	return strings.TrimSpace(answer) == "true", err
}

// runNode runs one trip to its end, or kills its process.
func runNode() error {
	seed, _ := strconv.Atoi(os.Getenv(nodeSeedVariable))
	crash, _ := strconv.ParseInt(os.Getenv(nodeCrashVariable), 10, 64)
	var points atomic.Int64
	e, err := openTrips(Options{
		Node: fmt.Sprint("node ", os.Getpid()), URL: os.Getenv(nodePGVariable), Path: os.Getenv(nodePathVariable), Lease: time.Second, Log: zap.NewNop(),
	}, remote(os.Getenv(nodeURLVariable)), func(context.Context, *Engine) {
		if points.Add(1) == crash {
			self, _ := os.FindProcess(os.Getpid())
			_ = self.Kill()
			select {}
		}
	})
	if err != nil {
		return err
	}
	if err := e.Start("trip", tripID(tripOf(seed)), tripOf(seed)); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	w, err := e.Wait(ctx, tripID(tripOf(seed)))
	if err != nil {
		return fmt.Errorf("%w: %+v", err, w)
	}
	return e.Close()
}

// serveCounter serves an outside system for other processes until the test ends.
func serveCounter(t *testing.T) (*counter, *httptest.Server) {
	t.Helper()
	outside := &counter{effects: make(map[string]int)}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		key, _ := io.ReadAll(r.Body)
		if r.URL.Path == "/happened" {
			_ = json.NewEncoder(w).Encode(outside.count(string(key)) > 0)
			return
		}
		_ = outside.do(r.Context(), string(key), r.URL.Query().Get("keyed") == "true")
	}))
	t.Cleanup(server.Close)
	return outside, server
}

// TestAnotherNodeTakesOver kills a node that shares a Postgres database with two others, which
// take its workflow over.
func TestAnotherNodeTakesOver(t *testing.T) {
	url := postgrestest.Start(t, "fsync=off").NewDatabase(t)
	outside, server := serveCounter(t)
	var others []*Engine
	for n := range 2 {
		e, err := openTrips(Options{Node: fmt.Sprint("survivor ", n), URL: url, Lease: time.Second, Log: zap.NewNop()}, outside,
			func(context.Context, *Engine) {})
		require.NoError(t, err)
		defer e.Close()
		others = append(others, e)
	}
	for seed := range 6 {
		c := exec.CommandContext(t.Context(), os.Args[0])
		c.Env = append(os.Environ(), nodePathVariable+"=none", nodePGVariable+"="+url, nodeURLVariable+"="+server.URL,
			nodeSeedVariable+"="+strconv.Itoa(seed), nodeCrashVariable+"="+strconv.Itoa(1+seed*2%10))
		if out, err := c.CombinedOutput(); err == nil || len(out) > 0 {
			t.Fatalf("the node was not killed: %v: %s", err, out)
		}
		killed := time.Now()
		outside.check(t, others[0], tripOf(seed))
		t.Logf("killed at point %d; finished elsewhere after %v", 1+seed*2%10, time.Since(killed).Round(10*time.Millisecond))
		if w, err := others[1].Get(tripID(tripOf(seed))); err != nil || !strings.HasPrefix(w.Node, "survivor") {
			t.Errorf("got %+v, %v; want it run by a survivor", w, err)
		}
	}
}

func TestEveryEffectHappensOnceWhereverAProcessIsKilled(t *testing.T) {
	outside, server := serveCounter(t)
	limit := make(chan struct{}, 2)
	for seed := range *killSeeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			limit <- struct{}{}
			defer func() { <-limit }()
			path := filepath.Join(t.TempDir(), "workflows.db")
			node := func(crash int) error {
				c := exec.CommandContext(t.Context(), os.Args[0])
				c.Env = append(os.Environ(), nodePathVariable+"="+path, nodeURLVariable+"="+server.URL,
					nodeSeedVariable+"="+strconv.Itoa(seed), nodeCrashVariable+"="+strconv.Itoa(crash))
				out, err := c.CombinedOutput()
				if err != nil && len(out) > 0 {
					t.Errorf("node: %s", out)
				}
				return err
			}
			if node(1+seed%10) == nil { // a trip has 10 points or more
				t.Errorf("the node was not killed")
			}
			_ = node(1 + (seed*5)%7) // it may end before this point
			if err := node(0); err != nil {
				t.Fatal(err)
			}
			e, err := openTrips(Options{Node: "last", Path: path, Log: zap.NewNop()}, outside, func(context.Context, *Engine) {})
			require.NoError(t, err)
			defer e.Close()
			outside.check(t, e, tripOf(seed))
		})
	}
}
