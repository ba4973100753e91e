package web

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"net/http"
	"path"
	"time"

	"frontdesk/internal/fault"
)

// assets is the call page as it is served: nothing is built or bundled.
//
//go:embed page/*.html page/*.css page/*.js page/*.svg
var assets embed.FS

// pagePolicy lets the page load its own files and talk to its own server, nothing else.
const pagePolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"media-src 'self' blob: mediastream:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; " +
	"require-trusted-types-for 'script'; trusted-types 'none'"

// contentTypes are fixed here: the tables of the machine it runs on may lack or bend them.
var contentTypes = map[string]string{
	".html": "text/html; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".svg":  "image/svg+xml",
}

// asset is one file, ready to be sent.
type asset struct {
	name string
	body []byte
	tag  string // ETag: a digest of the body
}

// Page serves the call page at "/" and its files under "/page/". Every answer is
// checked again by its ETag before a browser reuses it, so a new server is never
// shown with old files.
func Page() http.Handler {
	files := make(map[string]asset)
	names, err := fs.Glob(assets, "page/*")
	if err != nil {
		panic(err) // a wrong pattern, and it is a constant
	}
	for _, name := range names {
		body, err := assets.ReadFile(name)
		if err != nil {
			panic(err) // embedded files are always there
		}
		sum := sha256.Sum256(body)
		files["/"+name] = asset{name: name, body: body, tag: `"` + hex.EncodeToString(sum[:12]) + `"`}
	}
	files["/"] = files["/page/index.html"]
	delete(files, "/page/index.html")

	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		file, ok := files[r.URL.Path]
		switch {
		case !ok:
			fault.Write(w, r, fault.New(fault.NotFound, "there is no page at %s", r.URL.Path))
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			w.Header().Set("Allow", "GET, HEAD")
			fault.Write(w, r, fault.New(fault.Method, "a page can only be read"))
		default:
			file.serve(w, r)
		}
	})
}

func (a asset) serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", contentTypes[path.Ext(a.name)])
	h.Set("Cache-Control", "no-cache")
	h.Set("ETag", a.tag)
	h.Set("Content-Security-Policy", pagePolicy)
	h.Set("Permissions-Policy", "microphone=(self), camera=(), geolocation=()")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	http.ServeContent(w, r, a.name, time.Time{}, bytes.NewReader(a.body))
}
