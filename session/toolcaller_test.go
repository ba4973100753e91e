package session_test

import (
	"context"
	"iter"
	"testing"

	"frontdesk/dialog"
	"frontdesk/internal/desktest"
	"frontdesk/internal/require"
	"frontdesk/session"
	"frontdesk/tools"
	"frontdesk/tools/gate"
)

// callingModel calls a tool once in each turn.
type callingModel struct{ tool string }

func (m callingModel) Reply(_ context.Context, p dialog.Prompt) iter.Seq2[dialog.Chunk, error] {
	return func(yield func(dialog.Chunk, error) bool) {
		if p.Messages[len(p.Messages)-1].Result != nil {
			yield(dialog.Chunk{Text: "Done."}, nil)
			return
		}
		yield(dialog.Chunk{Call: &tools.Call{Name: m.tool}}, nil)
	}
}

func TestToolsLearnWhoCalls(t *testing.T) {
	var got tools.Caller
	who := tools.Func("who", "Tells who calls.", gate.Rule{}, func(ctx context.Context, _ string, _ struct{}) (any, []tools.Note, error) {
		got = tools.CallerOf(ctx)
		return nil, nil, nil
	})
	registry, err := tools.NewRegistry(who)
	require.NoError(t, err)
	d := desktest.New(t, &dialog.Agent{Name: "shop", Language: "en-US", Model: callingModel{"who"}, Tools: registry}).Desk
	for _, tt := range []struct {
		caller session.Caller
		want   tools.Caller
	}{
		{session.Caller{Address: "192.0.2.1"}, tools.Caller{Address: "192.0.2.1"}},
		{session.Caller{Address: "192.0.2.1", Number: "+4930123456"}, tools.Caller{Address: "192.0.2.1", Number: "+4930123456"}},
		{session.Caller{Address: "192.0.2.1", Number: "*1"}, tools.Caller{Address: "192.0.2.1"}}, // the code of a telephone system
		{session.Caller{Trusted: true, KnownAs: "customer-42"}, tools.Caller{Known: "known:customer-42"}},
	} {
		l := call(t, t.Context(), d, tt.caller)
		l.say("hello")
		tt.want.Session, tt.want.Agent, tt.want.Language, tt.want.Said = l.call.Session(), "shop", "en-US", "hello"
		if got.CallBack.Soon == "" || got.CallBack.IsClosed {
			t.Errorf("tools learn %+v of call-backs, want that they are made soon", got.CallBack)
		}
		got.CallBack = tools.CallBack{}
		if got != tt.want {
			t.Errorf("%+v: tools learn %+v, want %+v", tt.caller, got, tt.want)
		}
		l.hangUp()
	}
}
