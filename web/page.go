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

// assets is the call page. It is served as it is, without a build step.
//
//go:embed page/*.html page/*.css page/*.js page/*.svg
var assets embed.FS

// pagePolicy allows the page only its own files and requests to its own server.
const pagePolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"media-src 'self' blob: mediastream:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; " +
	"require-trusted-types-for 'script'; trusted-types 'none'"

// contentTypes are set here because the operating system's tables may lack or change them.
var contentTypes = map[string]string{
	".html": "text/html; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".svg":  "image/svg+xml",
}

// asset is one file of the page.
type asset struct {
	name string
	body []byte
	etag string // digest of the body
}

// Page serves the call page at "/" and its files under "/page/". Browsers revalidate each
// file by its ETag, so that a page never mixes files of an old and a new server.
func Page() http.Handler {
	files := make(map[string]asset)
	names, err := fs.Glob(assets, "page/*")
	if err != nil {
		panic(err) // impossible: the pattern is valid
	}
	for _, name := range names {
		body, err := assets.ReadFile(name)
		if err != nil {
			panic(err) // impossible: Glob listed the file
		}
		sum := sha256.Sum256(body)
		files["/"+name] = asset{name: name, body: body, etag: `"` + hex.EncodeToString(sum[:12]) + `"`}
	}
	files["/"] = files["/page/index.html"]
	delete(files, "/page/index.html")

	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		file, ok := files[r.URL.Path]
		switch {
		case !ok:
			fault.Write(w, r, fault.New(fault.NotFound, "unknown page %s", r.URL.Path))
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			w.Header().Set("Allow", "GET, HEAD")
			fault.Write(w, r, fault.New(fault.Method, "%s accepts only GET and HEAD", r.URL.Path))
		default:
			file.serve(w, r)
		}
	})
}

func (a asset) serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", contentTypes[path.Ext(a.name)])
	h.Set("Cache-Control", "no-cache")
	h.Set("ETag", a.etag)
	h.Set("Content-Security-Policy", pagePolicy)
	h.Set("Permissions-Policy", "microphone=(self), camera=(), geolocation=()")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	http.ServeContent(w, r, a.name, time.Time{}, bytes.NewReader(a.body))
}
