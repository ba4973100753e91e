package retrieval

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"path"
	"slices"
	"strings"
	"time"
)

const (
	depth        = 10   // hits that count for the mean reciprocal rank
	bins         = 10   // of confidence, in a reliability table
	allowedWrong = 0.03 // of the unanswerable questions, for AnsweredAtTarget
)

// Hit is a passage that a search found.
type Hit struct {
	File, Heading string
	Confidence    float64 // 0 to 1: how probable it is that the passage answers the question
	IsAnswer      bool    // the confidence is high enough to answer from the passage
}

// Search returns up to limit passages, the best one first.
type Search func(ctx context.Context, query string, limit int) ([]Hit, error)

// Result is what a search found for a question.
type Result struct {
	Question
	Set        string // of the question
	Hits       []Hit
	Rank       int  // of the first hit that answers a part, from 1; 0 if none does
	InTop3     bool // a hit for each part is among the first three
	Confidence float64
	IsAnswered bool // from the first hit; otherwise the answer is "I don't know"
	Took       time.Duration
}

// IsRight reports whether a caller is served: the first passage answers the question, or
// "I don't know" is the truth.
func (r *Result) IsRight() bool {
	if !r.IsAnswerable() {
		return !r.IsAnswered
	}
	return r.IsAnswered && r.Rank == 1
}

// Run asks all questions.
func Run(ctx context.Context, set string, questions []Question, search Search) ([]Result, error) {
	var all []Result
	for _, q := range questions {
		began := time.Now()
		hits, err := search(ctx, q.Text, depth)
		if err != nil {
			return nil, fmt.Errorf("%q: %w", q.Text, err)
		}
		r := Result{Question: q, Set: set, Hits: hits, Took: time.Since(began)}
		if len(hits) > 0 {
			r.Confidence = hits[0].Confidence
			r.IsAnswered = hits[0].IsAnswer
		}
		found := 0
		for _, answers := range q.Parts {
			rank := 1 + slices.IndexFunc(hits, func(h Hit) bool { return slices.ContainsFunc(answers, h.matches) })
			if rank >= 1 && (r.Rank == 0 || rank < r.Rank) {
				r.Rank = rank
			}
			if rank >= 1 && rank <= 3 {
				found++
			}
		}
		r.InTop3 = q.IsAnswerable() && found == len(q.Parts)
		all = append(all, r)
	}
	return all, nil
}

// matches reports whether the label FILE#HEADING, or FILE, names the hit's section or one
// above it. FILE is a pattern of path.Match.
func (h Hit) matches(label string) bool {
	file, heading, hasHeading := strings.Cut(label, "#")
	if isFile, err := path.Match(file, h.File); err != nil || !isFile {
		return false
	}
	return !hasHeading || heading == h.Heading || strings.HasPrefix(h.Heading, heading+" > ") || strings.HasSuffix(h.Heading, " > "+heading)
}

// Score is what a search is worth on some questions. Shares are from 0 to 1.
type Score struct {
	Set        string  `json:"set"`  // "" for all sets
	Kind       Kind    `json:"kind"` // "" for all kinds
	Questions  int     `json:"questions"`
	Answerable int     `json:"answerable"`
	At1        float64 `json:"recall_at_1"` // of the answerable questions, whatever the confidence
	At3        float64 `json:"recall_at_3"` // all parts are among the first three passages
	MRR        float64 `json:"mrr"`         // mean reciprocal rank of the first right passage, of the answerable questions
	Missed     float64 `json:"missed"`      // "I don't know", of the answerable questions
	Misled     float64 `json:"misled"`      // answered with a wrong passage, of the answerable questions
	Wrong      float64 `json:"wrong"`       // answered, of the unanswerable questions
	// AnsweredAtTarget is the share of the answerable questions that are answered, and
	// rightly, if the threshold is the lowest one at which no more than 3 % of the
	// unanswerable questions are answered. It compares confidences without a threshold.
	AnsweredAtTarget float64 `json:"answered_at_3_pct_wrong"`
	Calibration      float64 `json:"calibration_error"` // expected calibration error of the confidence
	Bins             []Bin   `json:"bins"`
	P50, P95         int     `json:"-"` // microseconds of a search
}

// Bin is a row of a reliability table: the results whose confidence is between two tenths.
type Bin struct {
	Count      int     `json:"count"`
	Confidence float64 `json:"confidence"` // mean
	Right      float64 `json:"right"`      // share whose first passage answers the question
}

// Scores returns the score of all results, then by set, and then by set and kind.
func Scores(all []Result) []Score {
	var sets []string
	for _, r := range all {
		if !slices.Contains(sets, r.Set) {
			sets = append(sets, r.Set)
		}
	}
	scores := []Score{score("", "", all)}
	for _, k := range Kinds {
		scores = append(scores, score("", k, all))
	}
	for _, set := range sets {
		scores = append(scores, score(set, "", all))
		for _, k := range Kinds {
			scores = append(scores, score(set, k, all))
		}
	}
	return slices.DeleteFunc(scores, func(s Score) bool { return s.Questions == 0 })
}

func score(set string, kind Kind, all []Result) Score {
	s := Score{Set: set, Kind: kind}
	var chosen []Result
	for _, r := range all {
		if (set == "" || r.Set == set) && (kind == "" || r.Kind == kind) {
			chosen = append(chosen, r)
		}
	}
	s.Questions = len(chosen)
	if len(chosen) == 0 {
		return s
	}
	var took []time.Duration
	for _, r := range chosen {
		took = append(took, r.Took)
		if !r.IsAnswerable() {
			s.Wrong += count(r.IsAnswered)
			continue
		}
		s.Answerable++
		s.At1 += count(r.Rank == 1)
		s.At3 += count(r.InTop3)
		if r.Rank > 0 {
			s.MRR += 1 / float64(r.Rank)
		}
		s.Missed += count(!r.IsAnswered)
		s.Misled += count(r.IsAnswered && r.Rank != 1)
	}
	for _, sum := range []*float64{&s.At1, &s.At3, &s.MRR, &s.Missed, &s.Misled} {
		*sum /= float64(max(1, s.Answerable))
	}
	s.Wrong /= float64(max(1, s.Questions-s.Answerable))
	s.AnsweredAtTarget = answeredAtTarget(chosen)
	s.Bins = reliability(chosen)
	for _, b := range s.Bins {
		s.Calibration += float64(b.Count) / float64(len(chosen)) * math.Abs(b.Confidence-b.Right)
	}
	slices.Sort(took)
	s.P50, s.P95 = int(took[len(took)/2].Microseconds()), int(took[len(took)*95/100].Microseconds())
	return s
}

func count(is bool) float64 {
	if is {
		return 1
	}
	return 0
}

// answeredAtTarget returns Score.AnsweredAtTarget; 0 without unanswerable questions.
func answeredAtTarget(all []Result) float64 {
	sorted := slices.Clone(all)
	slices.SortStableFunc(sorted, func(a, b Result) int { return cmp.Compare(b.Confidence, a.Confidence) })
	unanswerable := 0
	for _, r := range all {
		if !r.IsAnswerable() {
			unanswerable++
		}
	}
	if unanswerable == 0 || unanswerable == len(all) {
		return 0
	}
	wrong, right, best := 0, 0, 0
	for i, r := range sorted {
		if !r.IsAnswerable() {
			wrong++
		} else if r.Rank == 1 {
			right++
		}
		if float64(wrong) > allowedWrong*float64(unanswerable) {
			break
		}
		if i+1 == len(sorted) || sorted[i+1].Confidence < r.Confidence {
			best = right
		}
	}
	return float64(best) / float64(len(all)-unanswerable)
}

// reliability returns the results by tenths of their confidence.
func reliability(all []Result) []Bin {
	table := make([]Bin, bins)
	for _, r := range all {
		if len(r.Hits) == 0 {
			continue // nothing is claimed
		}
		b := &table[min(bins-1, max(0, int(r.Confidence*bins)))]
		b.Count++
		b.Confidence += r.Confidence
		b.Right += count(r.Rank == 1)
	}
	for i := range table {
		if n := float64(table[i].Count); n > 0 {
			table[i].Confidence /= n
			table[i].Right /= n
		}
	}
	return table
}
