package web

import (
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"frontdesk/internal/require"
)

func getPage(t *testing.T, method, path string, header http.Header) *http.Response {
	t.Helper()
	r := httptest.NewRequest(method, path, nil)
	for k, v := range header {
		r.Header[k] = v
	}
	w := httptest.NewRecorder()
	Page().ServeHTTP(w, r)
	return w.Result()
}

func TestPageServesFilesWithTypeETagAndPolicy(t *testing.T) {
	for path, contentType := range map[string]string{
		"/":              "text/html; charset=utf-8",
		"/page/page.css": "text/css; charset=utf-8",
		"/page/main.js":  "text/javascript; charset=utf-8",
		"/page/icon.svg": "image/svg+xml",
	} {
		res := getPage(t, http.MethodGet, path, nil)
		if res.StatusCode != http.StatusOK || res.Header.Get("Content-Type") != contentType {
			t.Errorf("%s: %d %s, want 200 %s", path, res.StatusCode, res.Header.Get("Content-Type"), contentType)
		}
		if csp := res.Header.Get("Content-Security-Policy"); !strings.HasPrefix(csp, "default-src 'none'") || strings.Contains(csp, "unsafe") {
			t.Errorf("%s: unsafe policy %q", path, csp)
		}
		tag := res.Header.Get("ETag")
		again := getPage(t, http.MethodGet, path, http.Header{"If-None-Match": {tag}})
		if tag == "" || again.StatusCode != http.StatusNotModified {
			t.Errorf("%s: revalidation of ETag %q: %d, want 304", path, tag, again.StatusCode)
		}
	}
}

func TestPageRefusesOtherPathsAndMethods(t *testing.T) {
	for _, c := range []struct {
		method, path string
		want         int
	}{
		{http.MethodGet, "/nothing", http.StatusNotFound},
		{http.MethodGet, "/page/", http.StatusNotFound},
		{http.MethodGet, "/page/../page.go", http.StatusNotFound},
		{http.MethodGet, "/page/test/state.test.mjs", http.StatusNotFound},
		{http.MethodPost, "/", http.StatusMethodNotAllowed},
		{http.MethodHead, "/", http.StatusOK},
	} {
		if res := getPage(t, c.method, c.path, nil); res.StatusCode != c.want {
			t.Errorf("%s %s: %d, want %d", c.method, c.path, res.StatusCode, c.want)
		}
	}
}

// TestPageLoadsOnlyItsOwnSmallFiles checks that every file the page refers to is served, that
// none is loaded from another site, and that all of them together stay small.
func TestPageLoadsOnlyItsOwnSmallFiles(t *testing.T) {
	const limit = 120 << 10 // of which the texts in four languages take 20 kB
	reference := regexp.MustCompile(`(?:href|src)="(page/[^"]+)"|from "\./([^"]+)"|\.addModule\("([^"]+)"`)
	external := regexp.MustCompile(`(?:href|src)="(?:https?:)?//|@import|url\(|from "http`)
	total := 0
	files, err := assets.ReadDir("page")
	require.NoError(t, err)
	for _, file := range files {
		name := file.Name()
		body, err := assets.ReadFile("page/" + name)
		require.NoError(t, err)
		total += len(body)
		if found := external.Find(body); found != nil {
			t.Errorf("%s loads from another site: %s", name, found)
		}
		for _, m := range reference.FindAllStringSubmatch(string(body), -1) {
			path := "/page/" + strings.TrimPrefix(m[1]+m[2]+m[3], "page/")
			if res := getPage(t, http.MethodGet, path, nil); res.StatusCode != http.StatusOK {
				t.Errorf("%s refers to %s: %d", name, path, res.StatusCode)
			}
		}
	}
	if total > limit {
		t.Errorf("the page has %d bytes, want at most %d", total, limit)
	}
}

func TestPageModules(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("node is not installed")
	}
	files, err := filepath.Glob("page/test/*.mjs")
	if err != nil || len(files) == 0 {
		t.Fatalf("no tests found in page/test: %v", err)
	}
	out, err := exec.CommandContext(t.Context(), node, append([]string{"--test", "--no-warnings"}, files...)...).CombinedOutput()
	if err != nil {
		t.Errorf("node --test: %v\n%s", err, out)
	}
}
