package retrieval

import (
	"fmt"
	"strings"
)

const (
	plotSide   = 320 // pixels of the square that shows shares from 0 to 1
	plotMargin = 56
)

// Plot returns a calibration plot as SVG: for each tenth of confidence a point that shows how
// often the first passage was right, and a bar that shows how many questions there were. With
// perfect confidence the points are on the diagonal.
func Plot(title string, s Score) string {
	var b strings.Builder
	width, height := plotSide+2*plotMargin, plotSide+2*plotMargin
	x := func(v float64) float64 { return plotMargin + v*plotSide }
	y := func(v float64) float64 { return plotMargin + (1-v)*plotSide }
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12">`+"\n", width, height)
	fmt.Fprintf(&b, `<rect width="%d" height="%d" fill="white"/>`+"\n", width, height)
	fmt.Fprintf(&b, `<text x="%d" y="24" font-size="14">%s</text>`+"\n", plotMargin, escape(title))
	fmt.Fprintf(&b, `<text x="%d" y="42" fill="#555">%d questions, expected calibration error %.3f</text>`+"\n", plotMargin, s.Questions, s.Calibration)
	most := 1
	for _, bin := range s.Bins {
		most = max(most, bin.Count)
	}
	for i, bin := range s.Bins {
		share := float64(bin.Count) / float64(most)
		fmt.Fprintf(&b, `<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" fill="#dfe7ee"/>`+"\n",
			x(float64(i)/bins)+2, y(share), float64(plotSide)/bins-4, share*plotSide)
	}
	fmt.Fprintf(&b, `<rect x="%d" y="%d" width="%d" height="%d" fill="none" stroke="#555"/>`+"\n", plotMargin, plotMargin, plotSide, plotSide)
	fmt.Fprintf(&b, `<path d="M%.1f %.1fL%.1f %.1f" stroke="#999" stroke-dasharray="4 4"/>`+"\n", x(0), y(0), x(1), y(1))
	for _, v := range []float64{0, 0.5, 1} {
		fmt.Fprintf(&b, `<text x="%.1f" y="%.1f" text-anchor="middle">%.1f</text>`+"\n", x(v), y(0)+18, v)
		fmt.Fprintf(&b, `<text x="%.1f" y="%.1f" text-anchor="end">%.1f</text>`+"\n", x(0)-6, y(v)+4, v)
	}
	fmt.Fprintf(&b, `<text x="%.1f" y="%.1f" text-anchor="middle">confidence</text>`+"\n", x(0.5), y(0)+36)
	fmt.Fprintf(&b, `<text transform="translate(%.1f %.1f) rotate(-90)" text-anchor="middle">right</text>`+"\n", x(0)-34, y(0.5))
	for _, bin := range s.Bins {
		if bin.Count > 0 {
			fmt.Fprintf(&b, `<circle cx="%.1f" cy="%.1f" r="4" fill="#1b6e53"><title>%d questions, confidence %.2f, right %.2f</title></circle>`+"\n",
				x(bin.Confidence), y(bin.Right), bin.Count, bin.Confidence, bin.Right)
		}
	}
	b.WriteString("</svg>\n")
	return b.String()
}

func escape(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(s)
}
