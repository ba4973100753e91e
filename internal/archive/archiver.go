package archive

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"

	"frontdesk/dialog"
	"frontdesk/dialog/understanding"
	"frontdesk/internal/fault"
	"frontdesk/internal/redact"
	"frontdesk/session"
	"frontdesk/tools/workflow"
)

const (
	runInterval      = time.Minute      // average time between two runs
	stepTimeout      = 2 * time.Minute  // of a workflow's step
	workflowTimeout  = 10 * time.Minute // for which one workflow holds up the others
	finishedRetained = 24 * time.Hour   // how long a session's state is kept while it is archived
	workflowName     = "archive"
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
	Workflows     *workflow.Engine

	Summarizer dialog.Model // writes summaries; nil uses outlines
	// Report tells that a session was summarized. It may be called again for the same session.
	// It may be nil.
	Report    func(context.Context, Summary) error
	Retention time.Duration // after which archived sessions are erased; 0 keeps them
	Log       *zap.Logger
}

// Summary is what a session was about, redacted.
type Summary struct {
	Session, Agent, Text string
	Overview             *dialog.Overview // nil if it was about nothing
}

// Archiver archives sessions that are over, and erases archived sessions after their
// retention. It runs a durable workflow for each session: whatever crashes meanwhile, the
// session is archived once and removed from the store. The workflow's own data has the
// IDs and digests of sessions but nothing that was said.
type Archiver struct{ o Options }

// New returns an archiver and registers its workflow, which may run from the launch of the
// workflows on.
func New(o Options) *Archiver {
	a := &Archiver{o: o}
	workflow.Register(o.Workflows, workflowName, a.workflow)
	return a
}

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
	return errors.Join(err, a.eraseExpired(ctx))
}

// archive runs the workflow of a session to its end. It starts a failed workflow again.
func (a *Archiver) archive(ctx context.Context, id string, seq int) error {
	workflowID := fmt.Sprintf("%s.%s.%d", workflowName, id, seq)
	found, err := a.o.Workflows.Get(workflowID)
	switch {
	case err == nil && (found.State == workflow.Running || found.State == workflow.Pending):
		return nil // a node runs it
	case err == nil:
		err = a.o.Workflows.Restart(workflowID)
	case fault.From(err).Code == fault.NotFound:
		err = a.o.Workflows.Start(workflowName, workflowID, id)
	}
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, workflowTimeout)
	defer cancel()
	if found, err = a.o.Workflows.Wait(ctx, workflowID); err != nil || found.State == workflow.Completed {
		return err
	}
	return fault.New(found.Code, "step %s: %s", found.Step, found.Message)
}

// written is what the workflow's step "write" returns.
type written struct {
	Seq  int               // of the session's last entry
	Sums map[string]string // SHA-256 by object name
}

// workflow archives one session. Each step may run twice, and runs only after the step
// before it has succeeded.
func (a *Archiver) workflow(r *workflow.Run, id string) error {
	if _, err := step(r, "summarise", func(ctx context.Context) (bool, error) { return true, a.addSummary(ctx, id) }); err != nil {
		return err
	}
	w, err := step(r, "write", func(ctx context.Context) (written, error) { return a.write(ctx, id) })
	if err != nil {
		return err
	}
	if _, err := step(r, "verify", func(ctx context.Context) (bool, error) { return true, a.o.Archive.verify(ctx, w.Sums) }); err != nil {
		return err
	}
	if _, err := step(r, "remove", func(ctx context.Context) (bool, error) { return true, a.remove(ctx, id, w.Seq) }); err != nil {
		return err
	}
	a.o.Log.Info("session archived", zap.String("session", id))
	return nil
}

// onStep is called with the name of each step before it, with "NAME, done" after it, and within
// steps with "leased", "delete" and "deleted". Tests replace it to crash there.
var onStep = func(string) {}

func step[R any](r *workflow.Run, name string, do func(context.Context) (R, error)) (R, error) {
	onStep(name)
	result, err := workflow.Do(r, workflow.Step[R]{
		Name: name, Timeout: stepTimeout,
		Do: func(ctx context.Context, _ string) (R, error) { return do(ctx) }, // running twice does no harm
	})
	onStep(name + ", done")
	return result, err
}

// leaseTTL is how long the lease of a session lasts while it is archived, without renewal. It
// is shorter than a node's lease of its workflows, so that it does not hold up the node that
// takes over from a dead one. Tests shorten it.
var leaseTTL = 10 * time.Second

// withLease calls do with a session while it holds the session's lease. do's context ends
// when the lease is lost.
func (a *Archiver) withLease(ctx context.Context, id string, do func(context.Context, session.Lease, session.State, []session.Entry) error) error {
	ctx, cancel := context.WithTimeout(ctx, stepTimeout)
	defer cancel()
	if _, _, err := a.o.Store.Load(ctx, id); err != nil {
		return err // Acquire would create a session that does not exist
	}
	lease, err := a.o.Store.Acquire(ctx, id, a.o.Node+"-archive", leaseTTL, false)
	if err != nil {
		return err
	}
	held, lose := context.WithCancelCause(ctx)
	var renewing sync.WaitGroup
	renewing.Go(func() { lose(a.keepLease(held, lease)) })
	defer func() {
		lose(nil)
		renewing.Wait()
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		_ = a.o.Store.Release(ctx, lease) // if this fails, the lease expires
	}()
	onStep("leased")
	state, entries, err := a.o.Store.Load(held, id)
	if err == nil {
		err = do(held, lease, state, entries)
	}
	if err != nil && ctx.Err() == nil && held.Err() != nil {
		return fault.Wrap(context.Cause(held), fault.Conflict, "the lease of the session was lost").Retryable(0)
	}
	return err
}

// keepLease renews a session's lease until ctx ends. It returns an error when the lease is
// lost or has ended.
func (a *Archiver) keepLease(ctx context.Context, l session.Lease) error {
	until := session.LeaseExpiry(leaseTTL)
	tick := time.NewTicker(leaseTTL / 4)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
		next := session.LeaseExpiry(leaseTTL)
		once, cancel := context.WithTimeout(ctx, leaseTTL/4)
		_, err := a.o.Store.Renew(once, l, leaseTTL)
		cancel()
		switch {
		case err == nil:
			until = next
		case fault.From(err).Code == fault.Conflict || time.Now().Add(leaseTTL/4).After(until):
			return err
		}
	}
}

// addSummary writes a summary into the state of the session, unless it has one.
func (a *Archiver) addSummary(ctx context.Context, id string) error {
	return a.withLease(ctx, id, func(ctx context.Context, l session.Lease, s session.State, entries []session.Entry) error {
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
		overview, err := a.overview(s)
		if err != nil {
			return damagedFault(id, err)
		}
		return a.o.Report(ctx, Summary{Session: id, Agent: s.Agent, Text: redact.Text(s.Summary, a.o.Redact), Overview: overview})
	})
}

// overview returns what a session was about, redacted.
func (a *Archiver) overview(s session.State) (*dialog.Overview, error) {
	left := understanding.Leave(s.Overview)
	if left == nil {
		return nil, nil
	}
	b, err := json.Marshal(left)
	if err == nil {
		b, err = redact.JSON(b, a.o.Redact)
	}
	if err != nil {
		return nil, err
	}
	redacted := new(dialog.Overview)
	return redacted, json.Unmarshal(b, redacted)
}

// write writes the redacted session and its recordings to the archive.
func (a *Archiver) write(ctx context.Context, id string) (w written, err error) {
	err = a.withLease(ctx, id, func(ctx context.Context, _ session.Lease, s session.State, entries []session.Entry) error {
		r := Record{
			Session: id, Agent: s.Agent, Created: s.Created, Archived: time.Now().UTC(),
			Summary: redact.Text(s.Summary, a.o.Redact), Recordings: recordings(a.o.RecordingsDir, id),
			callers: s.Callers,
		}
		if r.Overview, err = a.overview(s); err != nil {
			return damagedFault(id, err)
		}
		for _, e := range entries {
			if e.Body, err = redact.JSON(e.Body, a.o.Redact); err != nil {
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
	err := a.withLease(ctx, id, func(ctx context.Context, l session.Lease, s session.State, _ []session.Entry) error {
		if s.Seq != seq {
			return fault.New(fault.Conflict, "the session was resumed while it was archived")
		}
		onStep("delete")
		err := a.o.Store.Delete(ctx, l)
		onStep("deleted")
		return err
	})
	if err != nil && fault.From(err).Code != fault.NotFound { // deleted by an earlier attempt
		return err
	}
	return RemoveRecordings(a.o.RecordingsDir, id)
}

// CountRecordings returns how many recordings of a session are in the folder dir.
func CountRecordings(dir, id string) int { return len(recordings(dir, id)) }

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
