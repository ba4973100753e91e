// Package documents has formats of documents for a knowledge base: HTML, CSV tables, Word
// (.docx) and PDF.
//
// Formats returns them for knowledge.Options. The bytes of a file and its name go into a
// format's Read, a page with headings, paragraphs, list items and table rows comes out. Every
// format has limits, so that a file costs a bounded amount of time and memory whatever it
// contains. PDF files are parsed by PDFium, which runs as WebAssembly: it can reach neither files
// nor the network nor the memory of this program.
//
// Of Frontdesk the package imports only tools/knowledge, internal/fault and internal/words.
package documents

import (
	"context"

	"frontdesk/internal/fault"
	"frontdesk/tools/knowledge"
)

const (
	maxNesting = 100     // levels of elements or blocks; deeper text is ignored
	maxText    = 4 << 20 // bytes of text that one document may have
	mebibyte   = 1 << 20
)

// Formats returns the formats by extension. Some have only a remedy: they are common for
// documents, but cannot be read.
func Formats() map[string]knowledge.Format {
	html := format(4*mebibyte, readHTML)
	formats := map[string]knowledge.Format{
		".html": html, ".htm": html, ".csv": format(4*mebibyte, readCSV), ".docx": format(32*mebibyte, readWord), ".pdf": format(32*mebibyte, readPDF),
	}
	for extension, remedy := range remedies {
		formats[extension] = knowledge.Format{Remedy: remedy}
	}
	return formats
}

// format returns a format whose pages have at most maxText bytes of text.
func format(maxSize int64, read func(ctx context.Context, o *knowledge.Outline, source []byte) error) knowledge.Format {
	return knowledge.Format{MaxSize: maxSize, Read: func(ctx context.Context, _ string, source []byte) (*knowledge.Page, error) {
		o := &knowledge.Outline{}
		if err := read(ctx, o, source); err != nil {
			return nil, err
		}
		size := 0
		for _, s := range o.Page().Sections {
			for _, block := range s.Blocks {
				size += len(block)
			}
		}
		if size > maxText {
			return nil, fault.New(fault.TooLarge, "the document has more than %d MB of text; split it", maxText/mebibyte)
		}
		return o.Page(), nil
	}}
}

// remedies tells what to do with common formats of documents that cannot be read.
var remedies = map[string]string{
	".doc":   "save it as Word document (.docx)",
	".odt":   "save it as Word document (.docx)",
	".rtf":   "save it as Word document (.docx)",
	".pages": "export it as Word document (.docx) or PDF",
	".xls":   "save each sheet as CSV UTF-8 (.csv)",
	".xlsx":  "save each sheet as CSV UTF-8 (.csv)",
	".ods":   "save each sheet as CSV (.csv)",
	".tsv":   "rename it to .csv",
	".ppt":   "export it as PDF",
	".pptx":  "export it as PDF",
	".odp":   "export it as PDF",
	".xps":   "export it as PDF",
	".epub":  "export it as HTML or PDF",
	".rst":   "convert it to Markdown (.md)",
	".adoc":  "convert it to Markdown (.md)",
	".org":   "convert it to Markdown (.md)",
	".mdx":   "rename it to .md, and remove its program code",
	".xhtml": "rename it to .html",
	".text":  "rename it to .txt",
}
