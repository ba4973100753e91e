package retrieval

import (
	"context"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"strings"
	"testing"

	"frontdesk/internal/require"
)

// askFake asks questions whose hits are known.
func askFake(t *testing.T, questions []Question, hits map[string][]Hit) []Result {
	t.Helper()
	results, err := Run(t.Context(), "fake", questions, func(_ context.Context, query string, _ int) ([]Hit, error) {
		found := hits[query]
		for i := range found {
			found[i].IsAnswer = found[i].Confidence >= 0.5
		}
		return found, nil
	})
	require.NoError(t, err)
	return results
}

func TestScoresCountWhatWasFoundAndSaid(t *testing.T) {
	one, two := [][]string{{"a.md#One"}}, [][]string{{"a.md#One"}, {"b.md"}}
	results := askFake(t, []Question{
		{Text: "first", Kind: Plain, Parts: one},
		{Text: "second", Kind: Plain, Parts: one},
		{Text: "unsure", Kind: Typed, Parts: one},
		{Text: "nothing", Kind: Typed, Parts: one},
		{Text: "both", Kind: MultiPart, Parts: two},
		{Text: "half", Kind: MultiPart, Parts: two},
		{Text: "quiet", Kind: NearMiss},
		{Text: "loud", Kind: NearMiss},
	}, map[string][]Hit{
		"first":  {{File: "a.md", Heading: "One", Confidence: 0.9}},
		"second": {{File: "a.md", Heading: "Two", Confidence: 0.8}, {File: "a.md", Heading: "One > Deeper", Confidence: 0.7}},
		"unsure": {{File: "a.md", Heading: "Zero > One", Confidence: 0.4}},
		"both":   {{File: "x.md", Confidence: 0.9}, {File: "b.md", Heading: "Any", Confidence: 0.8}, {File: "a.md", Heading: "One", Confidence: 0.7}},
		"half":   {{File: "a.md", Heading: "One", Confidence: 0.6}, {File: "x.md", Confidence: 0.5}, {File: "x.md", Confidence: 0.5}, {File: "b.md", Confidence: 0.4}},
		"quiet":  {{File: "a.md", Heading: "One", Confidence: 0.1}},
		"loud":   {{File: "a.md", Heading: "One", Confidence: 0.85}},
	})
	s := Scores(results)[0]
	for name, v := range map[string][2]float64{
		"R@1":    {s.At1, 3. / 6},
		"R@3":    {s.At3, 4. / 6},
		"MRR":    {s.MRR, (1 + 0.5 + 1 + 0 + 0.5 + 1) / 6},
		"missed": {s.Missed, 2. / 6},
		"misled": {s.Misled, 2. / 6},
		"wrong":  {s.Wrong, 1. / 2},
		"A@3%":   {s.AnsweredAtTarget, 1. / 6}, // only "first" and "both" are above "loud", and "both" is wrong
		"bin 9":  {s.Bins[9].Right, 1. / 2},
	} {
		if math.Abs(v[0]-v[1]) > 1e-9 {
			t.Errorf("%s is %v, want %v", name, v[0], v[1])
		}
	}
	if s.Questions != 8 || s.Answerable != 6 {
		t.Errorf("got %d questions, %d answerable", s.Questions, s.Answerable)
	}
}

func TestCalibrationErrorIsTheDistanceFromTheTruth(t *testing.T) {
	results := askFake(t, []Question{
		{Text: "a", Parts: [][]string{{"a.md"}}}, {Text: "b", Parts: [][]string{{"a.md"}}},
		{Text: "c", Parts: [][]string{{"a.md"}}}, {Text: "d"},
	}, map[string][]Hit{"a": {{File: "a.md", Confidence: 0.75}}, "b": {{File: "a.md", Confidence: 0.75}}, "c": {{File: "a.md", Confidence: 0.75}}, "d": {{File: "a.md", Confidence: 0.75}}})
	if s := Scores(results)[0]; s.Calibration != 0 || s.Bins[7].Count != 4 || s.Bins[7].Right != 0.75 {
		t.Errorf("perfect confidence has the error %v, bin %+v", s.Calibration, s.Bins[7])
	}
	for i := range results {
		results[i].Confidence = 0.25
	}
	if s := Scores(results)[0]; s.Calibration != 0.5 {
		t.Errorf("got the error %v, want 0.5", s.Calibration)
	}
}

func TestSearchThatFailsEndsTheRun(t *testing.T) {
	failure := errors.New("no index")
	_, err := Run(t.Context(), "fake", []Question{{Text: "x"}}, func(context.Context, string, int) ([]Hit, error) { return nil, failure })
	if !errors.Is(err, failure) {
		t.Errorf("got %v, want %v", err, failure)
	}
}

func TestPlotIsValidXML(t *testing.T) {
	results := askFake(t, []Question{{Text: "x", Parts: [][]string{{"a.md"}}}, {Text: "y"}}, map[string][]Hit{"x": {{File: "a.md", Confidence: 1}}, "y": {{File: "a.md", Confidence: 0.02}}})
	svg := Plot("A & B <c>", Scores(results)[0])
	d := xml.NewDecoder(strings.NewReader(svg))
	points := 0
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		if e, ok := token.(xml.StartElement); ok && e.Name.Local == "circle" {
			points++
		}
	}
	if points != 2 {
		t.Errorf("the plot has %d points, want 2", points)
	}
}
