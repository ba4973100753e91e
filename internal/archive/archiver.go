package archive

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/dbos-inc/dbos-transact-golang/dbos"
	_ "github.com/dbos-inc/dbos-transact-golang/dbos/driver/sqlite"
	"go.uber.org/zap"

	"frontdesk/dialog"
	"frontdesk/internal/fault"
	"frontdesk/session"
)

const (
	runInterval      = time.Minute      // average time between two runs
	stepTimeout      = 2 * time.Minute  // of a workflow's step
	takeoverAge      = 15 * time.Minute // after which another node's unfinished workflow is resumed here
	finishedRetained = 24 * time.Hour   // how long finished workflows are kept
	maxAttempts      = 5                // of a step, over half a minute
	workflowVersion  = "archive-1"      // a node does not run workflows of another version
)

// Store is a session store whose sessions can be listed and deleted.
type Store interface {
	session.Store
	// List calls each with every stored session, with some of them maybe twice, until each
	// returns an error, and returns that error.
	List(ctx context.Context, each func(id string, s session.State) error) error
	// Delete removes a session and all of its entries.
	Delete(ctx context.Context, l session.Lease) error
}

// Options are what an Archiver needs.
type Options struct {
	Store         Store
	Archive       *Archive
	Node          string
	RecordingsDir string   // holds the recordings SESSION-CALL.wav
	Redact        []string // kinds of data that are redacted
	// Database stores the progress of the workflows: the URL of a Postgres database that
	// nodes share, or "" for SQLite.
	Database string
	SQLite   *sql.DB

	Summarizer dialog.Model // writes summaries; nil uses outlines
	// Report tells that a session was summarized, with the redacted summary. It may be called
	// again for the same session. It may be nil.
	Report    func(ctx context.Context, session, agent, summary string) error
	Retention time.Duration // after which archived sessions are erased; 0 keeps them
	Log       *zap.Logger
}

// Archiver archives sessions that are over, and erases archived sessions after their
// retention. It runs a durable workflow for each session: whatever crashes meanwhile, the
// session is archived once and removed from the store. The workflow's own data has the
// IDs and digests of sessions but nothing that was said.
type Archiver struct {
	o    Options
	dbos dbos.Context
}

// Start resumes unfinished workflows and returns the archiver. The caller must call Close.
func Start(ctx context.Context, o Options) (*Archiver, error) {
	c, err := dbos.NewContext(ctx, dbos.Config{
		AppName: "frontdesk", ApplicationVersion: workflowVersion,
		DatabaseURL: o.Database, SQLiteSystemDB: o.SQLite,
		Logger: slog.New(slog.DiscardHandler), // its errors are returned as the workflow's
	})
	if err != nil {
		return nil, fault.Wrap(err, fault.Storage, "the workflows' database cannot be opened")
	}
	a := &Archiver{o: o, dbos: c}
	dbos.RegisterWorkflow(c, a.workflow, dbos.WithWorkflowName("archive"))
	if err := dbos.Launch(c); err != nil {
		return nil, fault.Wrap(err, fault.Storage, "the workflows cannot be started")
	}
	return a, nil
}

// Close stops the workflows. The next Start resumes unfinished ones.
func (a *Archiver) Close() error { return dbos.Shutdown(a.dbos, 10*time.Second) }

// Run archives and erases sessions until ctx ends.
func (a *Archiver) Run(ctx context.Context) {
	for {
		if err := a.RunOnce(ctx); err != nil && ctx.Err() == nil {
			a.o.Log.Warn("sessions not archived; retrying", zap.Error(err))
		}
		select {
		case <-time.After(runInterval/2 + rand.N(runInterval)): // random, so that nodes do not run at the same time
		case <-ctx.Done():
			return
		}
	}
}

// RunOnce archives the sessions that are over now, and erases those whose retention has
// ended.
func (a *Archiver) RunOnce(ctx context.Context) error {
	err := a.o.Store.List(ctx, func(id string, s session.State) error {
		if !s.IsOver() {
			return ctx.Err()
		}
		if err := a.archive(ctx, id, s.Seq); err != nil {
			a.o.Log.Warn("session not archived; retrying", zap.String("session", id), zap.Error(err))
		}
		return ctx.Err()
	})
	return errors.Join(err, a.eraseExpired(ctx), a.deleteOldWorkflows())
}

// archive runs the workflow of a session to its end. It starts a failed workflow again.
func (a *Archiver) archive(ctx context.Context, id string, seq int) error {
	workflowID := fmt.Sprintf("archive-%s-%d", id, seq)
	found, err := dbos.ListWorkflows(a.dbos, dbos.WithFilterWorkflowIDs(workflowID), dbos.WithFilterLoadInput(false))
	if err != nil {
		return err
	}
	var run dbos.WorkflowHandle[string]
	switch {
	case len(found) == 1 && found[0].Status == dbos.WorkflowStatusPending && time.Since(found[0].UpdatedAt) < takeoverAge:
		return nil // it is running
	case len(found) == 1 && found[0].Status == dbos.WorkflowStatusPending:
		run, err = dbos.ResumeWorkflow[string](a.dbos, workflowID)
	case len(found) == 1:
		if err := dbos.DeleteWorkflows(a.dbos, []string{workflowID}); err != nil {
			return err
		}
		fallthrough
	default:
		run, err = dbos.RunWorkflow(a.dbos, a.workflow, id, dbos.WithWorkflowID(workflowID))
	}
	if err != nil {
		return err
	}
	_, err = run.GetResult(dbos.WithHandleTimeout(maxAttempts * stepTimeout))
	return err
}

// written is what the workflow's step "write" returns.
type written struct {
	Seq  int               // of the session's last entry
	Sums map[string]string // SHA-256 by object name
}

// workflow archives one session. Each step may run twice, and runs only after the step
// before it has succeeded.
func (a *Archiver) workflow(ctx dbos.Context, id string) (string, error) {
	if _, err := step(ctx, "summarise", func(ctx context.Context) (bool, error) { return true, a.addSummary(ctx, id) }); err != nil {
		return "", err
	}
	w, err := step(ctx, "write", func(ctx context.Context) (written, error) { return a.write(ctx, id) })
	if err != nil {
		return "", err
	}
	if _, err := step(ctx, "verify", func(ctx context.Context) (bool, error) { return true, a.o.Archive.verify(ctx, w.Sums) }); err != nil {
		return "", err
	}
	if _, err := step(ctx, "remove", func(ctx context.Context) (bool, error) { return true, a.remove(ctx, id, w.Seq) }); err != nil {
		return "", err
	}
	a.o.Log.Info("session archived", zap.String("session", id))
	return id, nil
}

// onStep is called with the name of each step before it, and with "NAME, done" after it.
// Tests replace it to crash there.
var onStep = func(string) {}

func step[R any](ctx dbos.Context, name string, do dbos.Step[R]) (R, error) {
	onStep(name)
	r, err := dbos.RunAsStep(ctx, do, dbos.WithStepName(name), dbos.WithStepMaxRetries(maxAttempts-1), dbos.WithStepBaseInterval(time.Second),
		dbos.WithStepRetryPredicate(fault.IsRetryable))
	onStep(name + ", done")
	return r, err
}

// withLease calls do with a session while it holds the session's lease.
func (a *Archiver) withLease(ctx context.Context, id string, do func(session.Lease, session.State, []session.Entry) error) error {
	ctx, cancel := context.WithTimeout(ctx, stepTimeout)
	defer cancel()
	if _, _, err := a.o.Store.Load(ctx, id); err != nil {
		return err // Acquire would create a session that does not exist
	}
	lease, err := a.o.Store.Acquire(ctx, id, a.o.Node+"-archive", stepTimeout, false)
	if err != nil {
		return err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		_ = a.o.Store.Release(ctx, lease) // if this fails, the lease expires
	}()
	state, entries, err := a.o.Store.Load(ctx, id)
	if err != nil {
		return err
	}
	return do(lease, state, entries)
}

// addSummary writes a summary into the state of the session, unless it has one.
func (a *Archiver) addSummary(ctx context.Context, id string) error {
	return a.withLease(ctx, id, func(l session.Lease, s session.State, entries []session.Entry) error {
		if s.Summary == "" {
			s.Summary = summarize(ctx, a.o.Summarizer, entries)
			s.Version++
			if err := a.o.Store.Commit(ctx, l, nil, s, finishedRetained); err != nil {
				return err
			}
		}
		if a.o.Report == nil {
			return nil
		}
		return a.o.Report(ctx, id, s.Agent, redact(s.Summary, a.o.Redact))
	})
}

// write writes the redacted session and its recordings to the archive.
func (a *Archiver) write(ctx context.Context, id string) (w written, err error) {
	err = a.withLease(ctx, id, func(_ session.Lease, s session.State, entries []session.Entry) error {
		r := Record{
			Session: id, Agent: s.Agent, Created: s.Created, Archived: time.Now().UTC(),
			Summary: redact(s.Summary, a.o.Redact), Recordings: recordings(a.o.RecordingsDir, id),
		}
		for _, e := range entries {
			if e.Body, err = redactJSON(e.Body, a.o.Redact); err != nil {
				return damagedFault(id, err)
			}
			r.Entries = append(r.Entries, e)
		}
		w.Seq = s.Seq
		w.Sums, err = a.o.Archive.put(ctx, r)
		return err
	})
	return w, err
}

// recordings returns the recordings of a session in the folder dir.
func recordings(dir, id string) (found []Recording) {
	files, _ := os.ReadDir(dir) // there is no folder before the first recording
	for _, f := range files {
		if name := f.Name(); strings.HasPrefix(name, id+"-") && strings.HasSuffix(name, ".wav") {
			found = append(found, Recording{Name: name, path: filepath.Join(dir, name)})
		}
	}
	return found
}

// remove deletes the archived session from the store, and its recordings. It fails when the
// session was resumed meanwhile.
func (a *Archiver) remove(ctx context.Context, id string, seq int) error {
	err := a.withLease(ctx, id, func(l session.Lease, s session.State, _ []session.Entry) error {
		if s.Seq != seq {
			return fault.New(fault.Conflict, "the session was resumed while it was archived")
		}
		return a.o.Store.Delete(ctx, l)
	})
	if err != nil && fault.From(err).Code != fault.NotFound { // deleted by an earlier attempt
		return err
	}
	return RemoveRecordings(a.o.RecordingsDir, id)
}

// RemoveRecordings deletes the recordings of a session from the folder dir.
func RemoveRecordings(dir, id string) error {
	for _, r := range recordings(dir, id) {
		if err := os.Remove(r.path); err != nil && !os.IsNotExist(err) {
			return fault.Wrap(err, fault.Storage, "a recording cannot be deleted").Retryable(0)
		}
	}
	return nil
}

// eraseExpired erases the archived sessions whose retention has ended.
func (a *Archiver) eraseExpired(ctx context.Context) error {
	if a.o.Retention <= 0 {
		return nil
	}
	for info, err := range a.o.Archive.List(ctx) {
		if err == nil && !info.Erased && time.Since(info.At) > a.o.Retention {
			if _, err = a.o.Archive.Erase(ctx, info.Session); err == nil {
				a.o.Log.Info("archived session erased after its retention", zap.String("session", info.Session))
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// deleteOldWorkflows deletes the data of workflows that finished long ago.
func (a *Archiver) deleteOldWorkflows() error {
	old, err := dbos.ListWorkflows(a.dbos, dbos.WithFilterStatus(dbos.WorkflowStatusSuccess),
		dbos.WithFilterCompletedBefore(time.Now().Add(-finishedRetained)), dbos.WithFilterLimit(1000), dbos.WithFilterLoadInput(false))
	if err != nil || len(old) == 0 {
		return err
	}
	var ids []string
	for _, w := range old {
		ids = append(ids, w.ID)
	}
	return dbos.DeleteWorkflows(a.dbos, ids)
}
