package ngram

import (
	"bufio"
	"fmt"
	"io"
	"math"
)

// WriteARPA writes the model in the ARPA format (see SRILM's man page ngram-format), which
// holds logarithms to base 10.
func (m *Model) WriteARPA(w io.Writer) error {
	b := bufio.NewWriterSize(w, 1<<16)
	fmt.Fprintf(b, "\\data\\\nngram 1=%d\nngram 2=%d\nngram 3=%d\n", len(m.uni.keys), len(m.bi.keys), len(m.tri.keys))
	var line []byte
	for order, l := range []*ngrams{&m.uni, &m.bi, &m.tri} {
		fmt.Fprintf(b, "\n\\%d-grams:\n", order+1)
		for i, key := range l.keys {
			line = appendLog(line[:0], l.prob[i])
			for n := order; n >= 0; n-- {
				line = append(line, "\t "[min(1, order-n)])
				line = append(line, m.Words[key>>(n*wordBits)&wordMask]...)
			}
			if order < 2 {
				line = appendLog(append(line, '\t'), l.backoff[i])
			}
			b.Write(append(line, '\n')) // Flush returns the error
		}
	}
	b.WriteString("\n\\end\\\n")
	return b.Flush()
}

func appendLog(b []byte, p float64) []byte {
	return fmt.Appendf(b, "%.4f", math.Log10(max(p, zeroProb)))
}
