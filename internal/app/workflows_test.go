package app

import (
	"bytes"
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"frontdesk/internal/fault"
	"frontdesk/internal/require"
	"frontdesk/tools/workflow"
)

func TestWorkflowsCommand(t *testing.T) {
	data := t.TempDir()
	flows, err := workflow.Open(t.Context(), workflow.Options{Node: "a node", Path: filepath.Join(data, "workflows.db"), Log: zap.NewNop()})
	require.NoError(t, err)
	defer flows.Close()
	isRefused := true
	workflow.Register(flows, "refund", func(r *workflow.Run, _ string) error {
		_, err := workflow.Do(r, workflow.Step[bool]{Name: "pay", Do: func(context.Context, string) (bool, error) {
			if isRefused {
				return false, fault.New(fault.Forbidden, "the bank refused")
			}
			return true, nil
		}})
		return err
	})
	require.NoError(t, flows.Launch(t.Context()))
	wait := func(want workflow.State) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		if w, err := flows.Wait(ctx, "refund-1"); err != nil || w.State != want {
			t.Fatalf("got %+v, %v; want %s", w, err, want)
		}
	}
	require.NoError(t, flows.Start("refund", "refund-1", ""))
	wait(workflow.Failed)
	isRefused = false
	for _, c := range []struct {
		args string
		want []string
		exit int
	}{
		{"ls", []string{"WORKFLOW", "refund-1", "failed", "pay"}, 0},
		{"ls --state failed --json", []string{`"id":"refund-1"`, `"code":"forbidden"`}, 0},
		{"ls --state completed", []string{"There are no such workflows."}, 0},
		{"ls --state happy", []string{"unknown state"}, 2},
		{"show refund-1", []string{"refund-1: failed", "the bank refused", "pay"}, 0},
		{"show refund-1 --json", []string{`"steps":[{"name":"pay","state":"failed"`}, 0},
		{"show refund-2", []string{"there is no workflow"}, 1},
		{"cancel refund-1", []string{"the workflow is failed already"}, 1},
		{"wake refund-1", []string{`the workflow "refund-1" does not wait`}, 1},
		{"retry refund-1 --happened", []string{"it is known whether its effects have happened"}, 1},
		{"retry refund-1", []string{"refund-1 will be run again"}, 0},
	} {
		var b bytes.Buffer
		exit := Run(append([]string{"workflows"}, append(strings.Fields(c.args), "--data", data)...), nil, &b, &b)
		out := b.String()
		for _, want := range c.want {
			if exit != c.exit || !strings.Contains(out, want) {
				t.Errorf("workflows %s: got exit %d and %q, want %d and %q", c.args, exit, out, c.exit, want)
			}
		}
	}
	wait(workflow.Completed)
}
