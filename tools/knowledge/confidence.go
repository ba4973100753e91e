package knowledge

import "math"

// Features are what the confidence in a passage is computed from; see the names.
type Features [8]float64

// FeatureNames say what each feature is. None depends on the number of pages.
var FeatureNames = [len(Features{})]string{
	"share of the question that the passage covers",
	"share of its title and headings that the question covers",
	"similarity of the meanings",
	"lead over the best other passage by meaning",
	"lead over the best other passage by words",
	"is the first by words and by meaning",
	"share of the question that no page has",
	"weight of the greatest gap: the rarest word that the passage lacks",
}

// confidenceModel is a logistic model: the confidence is 1/(1+exp(-Bias-Σ weight·feature)).
type confidenceModel struct {
	bias    float64
	weights Features
	// answerFrom is the lowest confidence that is an answer: with it, at most 3 % of the
	// questions that no page answers were answered.
	answerFrom float64
}

func (m *confidenceModel) confidence(f Features) float64 {
	sum := m.bias
	for i, w := range m.weights {
		sum += w * f[i]
	}
	return 1 / (1 + math.Exp(-sum))
}

// model returns the weights for searches with or without vectors.
func model(hasVector bool) *confidenceModel {
	if hasVector {
		return &hybridModel
	}
	return &lexicalModel
}

// setConfidences computes the features and confidences of candidates in their order.
func setConfidences(q *question, found []candidate, hasVector bool) {
	m := model(hasVector)
	for i := range found {
		c := &found[i]
		c.Features = c.measure(q, found, hasVector)
		c.Confidence = m.confidence(c.Features)
		c.IsAnswer = c.Confidence >= m.answerFrom
	}
}

// measure returns the features of a candidate among all.
func (c *candidate) measure(q *question, found []candidate, hasVector bool) Features {
	bySimilarity, byWords := 0.0, 0.0 // of nothing, if there is no other passage
	for i := range found {
		if found[i].id != c.id {
			bySimilarity = max(bySimilarity, found[i].similarity)
			byWords = max(byWords, found[i].lexical())
		}
	}
	f := Features{0: c.Score, 1: c.focus, 2: c.similarity, 3: c.similarity - bySimilarity, 4: c.lexical() - byWords, 6: q.unknown}
	if c.wordRank == 1 && (c.denseRank == 1 || !hasVector) {
		f[5] = 1
	}
	for _, t := range q.terms {
		f[7] = max(f[7], t.idf*(1-weightIn(c.terms, t.variants))/q.idf)
	}
	return f
}
