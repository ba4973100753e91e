package documents

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/klippa-app/go-pdfium"
	pdferrors "github.com/klippa-app/go-pdfium/errors"
	"github.com/klippa-app/go-pdfium/requests"
	"github.com/klippa-app/go-pdfium/responses"
	"github.com/klippa-app/go-pdfium/webassembly"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	"frontdesk/internal/fault"
	"frontdesk/tools/knowledge"
)

const (
	maxPDFPages    = 2000
	maxPDFPieces   = 2_000_000 // of text with a position, in one document
	pdfTime        = time.Minute
	pdfMemory      = 4096 // WebAssembly pages of 64 kB that one document may take
	pdfInstances   = 2    // documents that are read at a time
	maxBookmarks   = 10_000
	minReadable    = 0.7 // of a document's characters are letters, digits, marks or spaces, at least
	charactersPage = 8   // that a page has at least, on average; otherwise the pages are pictures
)

// pdfPool compiles PDFium when the first PDF is read, which takes some seconds, unless the
// user's cache folder has the result from before. Every document gets an instance of its own,
// with a memory of its own, which is thrown away afterwards.
var pdfPool = sync.OnceValues(func() (pdfium.Pool, error) {
	config := wazero.NewRuntimeConfig().WithCloseOnContextDone(true).WithMemoryLimitPages(pdfMemory).
		WithCoreFeatures(api.CoreFeaturesV2 | experimental.CoreFeaturesExceptionHandling)
	if cache := compilationCache(); cache != nil {
		config = config.WithCompilationCache(cache)
	}
	return webassembly.Init(webassembly.Config{
		Context:  experimental.WithCompilationWorkers(context.Background(), pdfInstances),
		MaxTotal: pdfInstances, Stdout: io.Discard, Stderr: io.Discard, RuntimeConfig: config,
		FSConfig: wazero.NewFSConfig(), // no files
	})
})

// compilationCache returns the cache in the user's cache folder, or nil if there is no such
// folder that only this user can write to.
func compilationCache() wazero.CompilationCache {
	dir, err := os.UserCacheDir()
	if err != nil {
		return nil
	}
	dir = filepath.Join(dir, "frontdesk", "pdfium")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm()&0o022 != 0 {
		return nil // it will hold machine code
	}
	cache, err := wazero.NewCompilationCacheWithDir(dir)
	if err != nil {
		return nil
	}
	return cache
}

// readPDF reads the text of a PDF with its headings, which are found by bookmarks, font size
// and weight. It drops what is repeated at the top and bottom of pages.
func readPDF(ctx context.Context, o *knowledge.Outline, source []byte) error {
	if !bytes.Contains(source[:min(len(source), 1024)], []byte("%PDF-")) {
		return fault.New(fault.Invalid, "the file is not a PDF; export it again")
	}
	pool, err := pdfPool()
	if err != nil {
		return fault.Wrap(err, fault.Unavailable, "the PDF reader does not start")
	}
	ctx, cancel := context.WithTimeout(ctx, pdfTime)
	defer cancel()
	instance, err := pool.GetInstanceWithContext(ctx)
	if err != nil {
		return pdfError(ctx, err)
	}
	stop := context.AfterFunc(ctx, func() { _ = instance.Kill() })
	r := pdfReader{ctx: ctx, instance: instance}
	document, err := r.read(source)
	if stop() {
		_ = instance.Close()
	}
	if err != nil {
		return pdfError(ctx, err)
	}
	if err := document.check(); err != nil {
		return err
	}
	document.write(o)
	return nil
}

func pdfError(ctx context.Context, err error) error {
	var f *fault.Error
	switch {
	case ctx.Err() != nil && errors.Is(context.Cause(ctx), context.DeadlineExceeded):
		return fault.Wrap(err, fault.Timeout, "reading the PDF took longer than %v; split it, or export it again", pdfTime)
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.As(err, &f):
		return err
	case errors.Is(err, pdferrors.ErrPassword), errors.Is(err, pdferrors.ErrSecurity):
		return fault.New(fault.Invalid, "the PDF needs a password; save it without one")
	}
	return fault.Wrap(err, fault.Damaged, "the PDF is damaged; export it again")
}

// pdfDocument is the text of a PDF with its positions.
type pdfDocument struct {
	title     string
	pages     []pdfPage
	bookmarks map[string]int // level by folded title
	roots     int            // bookmarks of the first level
}

// pdfPage has its pieces in the order of the file, which is the order of reading with the usual
// programs.
type pdfPage struct {
	number        int
	width, height float64
	pieces        []piece
}

// piece is text in one font on one line. The origin is the lower left corner of the page.
type piece struct {
	text                     string
	left, right, top, bottom float64
	size                     float64 // of the font, in points
	isBold                   bool
}

type pdfReader struct {
	ctx      context.Context
	instance pdfium.Pdfium
}

func (r *pdfReader) read(source []byte) (*pdfDocument, error) {
	opened, err := r.instance.OpenDocument(&requests.OpenDocument{File: &source})
	if err != nil {
		return nil, err
	}
	count, err := r.instance.FPDF_GetPageCount(&requests.FPDF_GetPageCount{Document: opened.Document})
	if err != nil {
		return nil, err
	}
	if count.PageCount > maxPDFPages {
		return nil, fault.New(fault.TooLarge, "the PDF has more than %d pages; split it", maxPDFPages)
	}
	d := &pdfDocument{bookmarks: make(map[string]int)}
	if meta, err := r.instance.FPDF_GetMetaText(&requests.FPDF_GetMetaText{Document: opened.Document, Tag: "Title"}); err == nil {
		d.title = squeeze(meta.Value)
	}
	if marks, err := r.instance.GetBookmarks(&requests.GetBookmarks{Document: opened.Document}); err == nil {
		d.roots = len(marks.Bookmarks)
		d.addBookmarks(marks.Bookmarks, 1)
	}
	pieces := 0
	for i := range count.PageCount {
		if r.ctx.Err() != nil {
			return nil, r.ctx.Err()
		}
		page := requests.Page{ByIndex: &requests.PageByIndex{Document: opened.Document, Index: i}}
		p, err := r.page(page, i+1)
		if err != nil {
			return nil, err
		}
		if pieces += len(p.pieces); pieces > maxPDFPieces {
			return nil, fault.New(fault.TooLarge, "the PDF has too much text; split it")
		}
		d.pages = append(d.pages, p)
	}
	return d, nil
}

func (d *pdfDocument) addBookmarks(marks []responses.GetBookmarksBookmark, level int) {
	for _, m := range marks {
		if len(d.bookmarks) >= maxBookmarks || level > maxNesting {
			return
		}
		if key := headingKey(m.Title); key != "" && d.bookmarks[key] == 0 {
			d.bookmarks[key] = level
		}
		d.addBookmarks(m.Children, level+1)
	}
}

// headingKey returns the letters and digits of a heading without the number of a chapter.
func headingKey(title string) string {
	title = strings.TrimLeft(strings.ToLower(title), "0123456789. \t")
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return r
		}
		return -1
	}, title)
}

func (r *pdfReader) page(page requests.Page, number int) (pdfPage, error) {
	p := pdfPage{number: number}
	size, err := r.instance.FPDF_GetPageSizeByIndex(&requests.FPDF_GetPageSizeByIndex{Document: page.ByIndex.Document, Index: page.ByIndex.Index})
	if err != nil {
		return p, err
	}
	p.width, p.height = size.Width, size.Height
	rotation, err := r.instance.FPDFPage_GetRotation(&requests.FPDFPage_GetRotation{Page: page})
	if err != nil {
		return p, err
	}
	text, err := r.instance.GetPageTextStructured(&requests.GetPageTextStructured{
		Page: page, Mode: requests.GetPageTextStructuredModeRects, CollectFontInformation: true,
	})
	if err != nil {
		return p, err
	}
	for _, rect := range text.Rects {
		at, font := rect.PointPosition, rect.FontInformation
		piece := piece{text: rect.Text, left: at.Left, right: at.Right, top: at.Top, bottom: at.Bottom}
		if font != nil {
			piece.size, piece.isBold = font.RenderedSize, font.Weight >= 600 || isBoldName(font.Name)
		}
		if piece.size <= 0 {
			piece.size = max(1, at.Top-at.Bottom)
		}
		p.pieces = append(p.pieces, piece.rotate(int(rotation.PageRotation), p.width, p.height))
	}
	return p, nil
}

// rotate returns the piece as it is seen on a page that is shown turned clockwise by quarters
// of a circle. Width and height are those of the page as it is seen.
func (p piece) rotate(quarters int, width, height float64) piece {
	left, right, top, bottom := p.left, p.right, p.top, p.bottom
	switch quarters {
	case 1:
		p.left, p.right, p.top, p.bottom = bottom, top, height-left, height-right
	case 2:
		p.left, p.right, p.top, p.bottom = width-right, width-left, height-bottom, height-top
	case 3:
		p.left, p.right, p.top, p.bottom = width-top, width-bottom, right, left
	}
	return p
}

func isBoldName(font string) bool {
	font = strings.ToLower(font)
	for _, mark := range []string{"bold", "black", "heavy", "demi"} {
		if strings.Contains(font, mark) {
			return true
		}
	}
	return false
}

// check returns an error for a document without text, or with text that cannot be decoded.
func (d *pdfDocument) check() error {
	all, readable := 0, 0
	for _, page := range d.pages {
		for _, p := range page.pieces {
			for _, r := range p.text {
				all++
				if unicode.In(r, unicode.L, unicode.N, unicode.M, unicode.P, unicode.Z, unicode.S) && r != unicode.ReplacementChar {
					readable++
				}
			}
		}
	}
	switch {
	case len(d.pages) == 0:
		return fault.New(fault.Invalid, "the PDF has no pages; export it again")
	case all < charactersPage*len(d.pages):
		return fault.New(fault.Invalid, "the PDF has no text, only pictures of it; make the text readable with a program for character recognition (OCR), such as ocrmypdf")
	case float64(readable) < minReadable*float64(all):
		return fault.New(fault.Invalid, "the PDF's fonts do not tell which letters they show; export it again, or use a program for character recognition (OCR), such as ocrmypdf")
	}
	return nil
}
