//go:build cgo && measure

package moonshine

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"frontdesk/dialog"
	"frontdesk/internal/eval"
	"frontdesk/internal/phrasebook"
	"frontdesk/internal/require"
	"frontdesk/tools"
	"frontdesk/tools/knowledge"
)

// TestMeasureVocabulary is a measurement, not a test. It logs how well speech is recognized
// with and without the vocabulary of the demo agent, as recorded and by telephone:
//
//	FRONTDESK_SPEECH=manifest.json,human/manifest.json go test -tags measure -timeout 2h -v -run MeasureVocabulary ./dialog/provider/moonshine
//
// internal/eval/asterisk makes a manifest of human speech, of which the vocabulary knows
// nothing. FRONTDESK_VERBOSE=1 also logs the wrong transcripts.
func TestMeasureVocabulary(t *testing.T) {
	manifests := os.Getenv("FRONTDESK_SPEECH")
	if manifests == "" {
		t.Fatal("set FRONTDESK_SPEECH to manifests of speech corpora")
	}
	const demo = "../../../agents/demo"
	k, err := knowledge.Open(t.Context(), filepath.Join(demo, "knowledge"), knowledge.Options{Language: "en"})
	require.NoError(t, err)
	defer k.Close()
	orders, err := tools.OpenLookup(tools.LookupConfig{Name: "order_status", Description: "Finds an order.", File: filepath.Join(demo, "orders.csv"), Key: "order"})
	require.NoError(t, err)
	c := config(t)
	c.Beam = vocabularyBeam
	r, err := Open(c)
	require.NoError(t, err)
	defer r.Close()
	isTicket := func(digits string) bool {
		_, ok := tools.ParseTicketID("T-" + digits)
		return ok
	}
	v, err := r.NewVocabulary(phrasebook.Knowledge{Texts: k.Texts(), Keys: orders.Keys(), IsTicket: isTicket})
	require.NoError(t, err)
	recognizers := []struct {
		name string
		dialog.Recognizer
	}{{"without a vocabulary", r}, {"with it", r.For(v)}}
	for manifest := range strings.SplitSeq(manifests, ",") {
		corpus, err := eval.Load(manifest)
		require.NoError(t, err)
		for _, condition := range []string{"clean", "telephone"} {
			line, err := eval.FindCondition(condition)
			require.NoError(t, err)
			for _, one := range recognizers {
				scores, heard, err := eval.RunSpeech(t.Context(), &dialog.Agent{Recognizer: one}, corpus, line, eval.SpeechOptions{})
				require.NoError(t, err)
				for _, s := range scores {
					t.Logf("%s, %s, %s, voice %q: %.2f %% of %d words wrong; in short utterances %.1f %% of %d; numbers %d of %d; CPU %.3f",
						manifest, condition, one.name, s.Voice, s.Wrong, s.Words, s.ShortWrong, s.ShortWords, s.NumbersExact, s.Numbers, s.CPU)
				}
				for _, h := range heard {
					if h.Errors.Total() > 0 && os.Getenv("FRONTDESK_VERBOSE") != "" {
						t.Logf("%s\n    %s\n    %s", h.File, h.Words, h.Transcript)
					}
				}
			}
		}
	}
}
