package app

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"frontdesk/internal/eval"
	"frontdesk/internal/require"
)

// rightReplies is the least share, in percent, of replies of the demo agent that must be right.
const rightReplies = 75

func TestDialogsOfTheDemoAgent(t *testing.T) {
	suite, err := eval.LoadSuite("../../agents/demo/dialogs.yaml")
	require.NoError(t, err)
	p := &program{environ: []string{"FRONTDESK_AGENTS=../../agents"}, stdout: io.Discard, stderr: io.Discard}
	f := addEvalFlags(new(cobra.Command))
	turns, err := p.holdDialogs(t.Context(), f, suite, "")
	require.NoError(t, err)
	scores := eval.ScoreDialogs(turns)
	all := scores[len(scores)-1]
	t.Logf("%d of %d replies are right (%.1f %%)", all.Right, all.Turns, all.Percent)
	if all.Percent < rightReplies {
		var out bytes.Buffer
		f.details = true
		require.NoError(t, printDialogs(f, turns, &out))
		t.Errorf("%.1f %% of the replies are right, want %d %%:\n%s", all.Percent, rightReplies, out.String())
	}
}

func TestEvalDialogPrintsWhatIsWrong(t *testing.T) {
	turns := []eval.DialogTurn{
		{Conversation: "c", Kind: "k", Number: 1, Caller: "hi", IsChecked: true, Happened: eval.Happened{Reply: "Hello."}},
		{Conversation: "c", Kind: "k", Number: 2, Caller: "hours", IsChecked: true, Problems: []string{`lacks "9 am"`}},
	}
	var out bytes.Buffer
	require.NoError(t, printDialogs(&evalFlags{details: true}, turns, &out))
	for _, want := range []string{"c (k)\n  > hi\n  < Hello.\n", `WRONG: lacks "9 am"`, "50.0 %"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the output lacks %q:\n%s", want, out.String())
		}
	}
}
