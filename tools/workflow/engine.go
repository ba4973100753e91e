package workflow

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/dbos-inc/dbos-transact-golang/dbos"
	_ "github.com/dbos-inc/dbos-transact-golang/dbos/driver/sqlite"
	"go.uber.org/zap"

	"frontdesk/internal/db"
	"frontdesk/internal/fault"
)

const (
	defaultLease      = 15 * time.Second       // for which a node may execute workflows without renewing it
	closeTimeout      = 4 * time.Second        // for what is deleted at the end
	claimInterval     = 500 * time.Millisecond // between two attempts to claim a workflow
	waitInterval      = 50 * time.Millisecond  // between the first two looks at a workflow that somebody waits for
	maxWaitInterval   = time.Second            // between two later ones
	cancelInterval    = 2 * time.Second        // between two looks for an operator's request
	shutdownTimeout   = 10 * time.Second
	pingTimeout       = 2 * time.Second // for the database to answer before a workflow is started
	startTimeout      = 5 * time.Second // for the database to store a workflow
	cleanInterval     = 10 * time.Minute
	retained          = 7 * 24 * time.Hour // how long finished workflows are kept, except failed and unknown ones
	maxListed         = 1000
	sqliteConnections = 4
	maxAttemptsAtOnce = 32 // attempts of steps that run at once on a node

	applicationName = "frontdesk"
	// applicationVersion is that of the workflows' code: nodes of another version leave them alone.
	applicationVersion = "1"
)

// Options are what an Engine needs.
type Options struct {
	Node string // a name that no other process has, not even an earlier one
	URL  string // of a Postgres database that nodes share, or "" for SQLite
	Path string // of the SQLite database
	// Lease is for how long a node may execute workflows without renewing it; 0 means 15 s.
	// Then the other nodes take its workflows over. They check all leases four times in a Lease.
	Lease time.Duration
	Log   *zap.Logger
}

// Engine runs workflows. There is one for each process. Safe for concurrent use.
type Engine struct {
	o    Options
	db   *sql.DB
	dbos dbos.Context
	now  string // the database's time in milliseconds, as SQL

	definitions map[string]*definition
	// onAttempt is called with the name of each step before an attempt, and with "NAME, done"
	// after it. Tests crash there.
	onAttempt func(context.Context, string)

	slots chan struct{}
	stop  context.CancelFunc
	work  sync.WaitGroup

	mu       sync.Mutex
	until    time.Time                // to which this node's lease lasts, by this node's clock
	expiry   *time.Timer              // stops the attempts then
	attempts map[int]func()           // stop the attempts that run, by a number
	last     int                      // the number of the last attempt
	waiters  map[string]chan struct{} // get a value when a wait on this node may have ended, by workflow
	counts   map[Finished]uint64      // since this process started
}

// Finished is a kind of finished workflows: their name and state.
type Finished struct {
	Name  string
	State State
}

// workflow_executors has the leases of nodes, workflow_claims which execution of a workflow
// may run, workflow_cancels which operators want to cancel, and workflow_decisions what they know of
// unknown steps.
const schema = `
CREATE TABLE workflow_executors (name TEXT PRIMARY KEY, until BIGINT NOT NULL);
CREATE TABLE workflow_claims (workflow TEXT PRIMARY KEY, executor TEXT NOT NULL, token TEXT NOT NULL);
CREATE TABLE workflow_cancels (workflow TEXT PRIMARY KEY);
CREATE TABLE workflow_decisions (workflow TEXT NOT NULL, step TEXT NOT NULL, happened INTEGER NOT NULL, PRIMARY KEY (workflow, step));`

// Open opens the database of the workflows. Nothing runs until Launch. The caller must call
// Close.
func Open(ctx context.Context, o Options) (*Engine, error) {
	e := &Engine{
		o: o, stop: func() {}, onAttempt: func(context.Context, string) {}, definitions: make(map[string]*definition),
		slots: make(chan struct{}, maxAttemptsAtOnce), attempts: make(map[int]func()), counts: make(map[Finished]uint64),
		waiters: make(map[string]chan struct{}),
	}
	c := dbos.Config{
		AppName: applicationName, ApplicationVersion: applicationVersion, ExecutorID: o.Node, DatabaseURL: o.URL,
		Logger: slog.New(slog.DiscardHandler), // its errors are returned as the workflow's
	}
	if o.Lease <= 0 {
		e.o.Lease = defaultLease
	}
	e.expiry = time.AfterFunc(e.o.Lease, e.stopAttempts)
	var err error
	if o.URL != "" {
		e.now = `(extract(epoch from clock_timestamp()) * 1000)::bigint`
		e.db, err = db.OpenPostgres(ctx, o.URL)
	} else {
		e.now = `CAST(unixepoch('subsec') * 1000 AS INTEGER)`
		e.db, err = db.Open(o.Path)
	}
	if err != nil {
		return nil, err
	}
	if err = db.Migrate(ctx, e.db, "workflows", schema, waitSchema); err == nil && o.URL == "" {
		// The library closes its own connections.
		if c.SQLiteSystemDB, err = db.Open(o.Path); err == nil {
			c.SQLiteSystemDB.SetMaxOpenConns(sqliteConnections)
		}
	}
	if err == nil {
		// The library's changes of the schema do not bear it that two nodes begin them at once.
		err = db.Alone(ctx, e.db, "workflow schema", func() (err error) {
			e.dbos, err = dbos.NewContext(context.WithoutCancel(ctx), c)
			return err
		})
	}
	if err != nil {
		_ = e.db.Close()
		return nil, fault.Wrap(err, fault.Storage, "the workflows' database cannot be opened")
	}
	return e, nil
}

// definition is a registered workflow.
type definition struct {
	name   string
	engine *Engine
	run    func(r *Run, input string) error
}

// ConfigName implements dbos.ConfiguredInstance.
func (d *definition) ConfigName() string { return d.name }

// execute runs the workflow from its input in JSON.
func (d *definition) execute(ctx dbos.Context, input string) (Result, error) {
	return d.engine.execute(ctx, d.name, func(r *Run) error { return d.run(r, input) })
}

// Register adds a workflow before Launch. run returns nil or the error of a step; whatever it
// does besides steps it does again after a crash.
func Register[I any](e *Engine, name string, run func(r *Run, input I) error) {
	d := &definition{name: name, engine: e, run: func(r *Run, text string) error {
		var input I
		if err := json.Unmarshal([]byte(text), &input); err != nil {
			return fault.Wrap(err, fault.Damaged, "the workflow's input cannot be read")
		}
		return run(r, input)
	}}
	e.definitions[name] = d
	dbos.RegisterWorkflow(e.dbos, d.execute, dbos.WithWorkflowName(name), dbos.WithInstance(d))
}

// Result is what became of a finished workflow.
type Result struct {
	State   State      `json:"state"`
	Step    string     `json:"step,omitempty"` // that failed
	Code    fault.Code `json:"code,omitempty"`
	Message string     `json:"message,omitempty"` // safe to show
}

// Launch begins to run workflows, also those of nodes that have died.
func (e *Engine) Launch(ctx context.Context) error {
	if err := e.renew(ctx); err != nil {
		return fault.Wrap(err, fault.Storage, "the workflows cannot be started")
	}
	if err := dbos.Launch(e.dbos); err != nil {
		return fault.Wrap(err, fault.Storage, "the workflows cannot be started")
	}
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	e.stop = stop
	e.work.Go(func() { every(running, e.o.Lease/4, e.keepLease) })
	e.work.Go(func() { every(running, e.o.Lease/4, e.takeOver) })
	e.work.Go(func() { every(running, cleanInterval, e.clean) })
	e.work.Go(func() { every(running, waitsInterval, e.signalEnded) })
	return nil
}

// every calls do at once and then in an interval until ctx ends.
func every(ctx context.Context, interval time.Duration, do func(context.Context)) {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		do(ctx)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// Close stops the workflows on this node and gives its lease up, so that other nodes
// continue them at once.
func (e *Engine) Close() error {
	err := dbos.Shutdown(e.dbos, shutdownTimeout)
	e.stop()
	e.work.Wait()
	e.expiry.Stop()
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	_, deleteErr := e.db.ExecContext(ctx, `DELETE FROM workflow_executors WHERE name = $1`, e.o.Node)
	return errors.Join(err, deleteErr, e.db.Close())
}

// Start starts a registered workflow on this node, unless it was started before: id is the
// idempotency key. It returns when the database has the workflow, which then runs whatever
// crashes. After an error with the code Timeout it may be started later all the same.
func (e *Engine) Start(name, id string, input any) error {
	d := e.definitions[name]
	if d == nil {
		return fault.New(fault.Internal, "no workflow is named %q", name)
	}
	text, err := json.Marshal(input)
	if err != nil {
		return fault.Wrap(err, fault.Internal, "the input of the workflow %q cannot be stored", name)
	}
	// The library waits for a database that is away, however long.
	ping, cancel := context.WithTimeout(context.Background(), pingTimeout)
	defer cancel()
	if err := e.db.PingContext(ping); err != nil {
		return fault.Wrap(err, fault.Storage, "the workflow is not started, because its database does not answer").Retryable(0)
	}
	started := make(chan error, 1)
	e.work.Go(func() {
		_, err := dbos.RunWorkflow(e.dbos, d.execute, string(text), dbos.WithWorkflowID(id), dbos.WithRunInstance(d))
		started <- err
	})
	select {
	case err := <-started:
		if err != nil {
			return fault.Wrap(err, fault.Storage, "the workflow cannot be started").Retryable(0)
		}
		return nil
	case <-time.After(startTimeout):
		return fault.New(fault.Timeout, "the workflow may be started later, when its database answers").Retryable(0)
	}
}
