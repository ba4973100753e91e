package models

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"frontdesk/internal/require"
)

// body is the content of the test's file: large enough to be cut in two.
var body = []byte(strings.Repeat("network", 100_000))

func sum(b []byte) string {
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:])
}

// testTable has one entry with one file, which url has.
func testTable(url string, parts ...Part) []Entry {
	return []Entry{{Name: "ears", Files: []File{plain("a.bin", "a.bin", int64(len(body)), sum(body), url, parts...)}}}
}

// testPull pulls into dir with short waits. It returns what was reported.
func testPull(t *testing.T, dir string, config Config, table []Entry) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	var mu sync.Mutex
	var lines strings.Builder
	config.Report = func(s string) {
		mu.Lock()
		defer mu.Unlock()
		lines.WriteString(s + "\n")
	}
	err := Open(dir).pull(ctx, config, table, time.Millisecond, nil)
	return lines.String(), err
}

// folderWith returns a folder that has content as ears/a.bin.
func folderWith(t *testing.T, content []byte) string {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "ears"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "ears", "a.bin"), content, 0o600))
	return dir
}

func requireInstalled(t *testing.T, dir string) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, "ears", "a.bin"))
	require.NoError(t, err)
	if sum(b) != sum(body) {
		t.Fatal("the installed file has other content")
	}
	if !Open(dir).installed(testTable(""), "ears") {
		t.Error("Installed reports false")
	}
}

func TestSecondPullReadsNothing(t *testing.T) {
	from, dir := folderWith(t, body), t.TempDir()
	_, err := testPull(t, dir, Config{From: []string{from}}, testTable(""))
	require.NoError(t, err)
	requireInstalled(t, dir)
	// Without the source, and with a file that cannot be read, only a stat can succeed.
	require.NoError(t, os.Remove(filepath.Join(from, "ears", "a.bin")))
	require.NoError(t, os.Chmod(filepath.Join(dir, "ears", "a.bin"), 0))
	lines, err := testPull(t, dir, Config{From: []string{from}}, testTable(""))
	require.NoError(t, err)
	if !strings.HasPrefix(lines, "all is installed") {
		t.Errorf("got %q", lines)
	}
}

func TestWrongContentIsNotInstalled(t *testing.T) {
	wrong := []byte(strings.ToUpper(string(body)))
	dir := t.TempDir()
	_, err := testPull(t, dir, Config{From: []string{folderWith(t, wrong), folderWith(t, body[1:])}}, testTable(""))
	if err == nil || !strings.Contains(err.Error(), "SHA-256") || !strings.Contains(err.Error(), "has 699999 bytes, want 700000") ||
		strings.Contains(err.Error(), "\n") {
		t.Errorf("got %v, want one line with both reasons", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "ears", "a.bin")); err == nil {
		t.Error("the file was installed")
	}
}

func TestChangedFileIsReplaced(t *testing.T) {
	from, dir := folderWith(t, body), t.TempDir()
	_, err := testPull(t, dir, Config{From: []string{from}}, testTable(""))
	require.NoError(t, err)
	path := filepath.Join(dir, "ears", "a.bin")
	wrong := []byte(strings.ToUpper(string(body)))
	require.NoError(t, os.WriteFile(path, wrong, 0o600))
	require.NoError(t, os.Chtimes(path, time.Time{}, time.Now().Add(time.Hour)))
	if _, err := Open(dir).verify(context.Background(), testTable(""), nil); err == nil || !strings.Contains(err.Error(), "ears/a.bin has SHA-256") {
		t.Errorf("verify returned %v", err)
	}
	_, err = testPull(t, dir, Config{From: []string{from}}, testTable(""))
	require.NoError(t, err)
	requireInstalled(t, dir)
}

// TestFilesFromBeforeTheManifestAreAdopted: their sums are computed instead of a download.
func TestFilesFromBeforeTheManifestAreAdopted(t *testing.T) {
	dir := folderWith(t, body)
	require.NoError(t, os.WriteFile(filepath.Join(dir, manifestName), []byte(`{"files": 3`), 0o600))
	_, err := testPull(t, dir, Config{From: []string{t.TempDir()}}, testTable(""))
	require.NoError(t, err)
	if n, err := Open(dir).verify(context.Background(), testTable(""), []string{"ears"}); n != 1 || err != nil {
		t.Errorf("verify returned %d, %v", n, err)
	}
}

// cutter is a server that ends each connection after some bytes.
type cutter struct {
	mu      sync.Mutex
	ranges  []string // of the requests
	content []byte
}

func (c *cutter) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	c.ranges = append(c.ranges, r.Header.Get("Range"))
	c.mu.Unlock()
	start := 0
	if _, err := fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &start); err == nil {
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", start, len(c.content)-1, len(c.content)))
		w.Header().Set("Content-Length", fmt.Sprint(len(c.content)-start))
		w.WriteHeader(http.StatusPartialContent)
	} else {
		w.Header().Set("Content-Length", fmt.Sprint(len(c.content)))
	}
	_, _ = w.Write(c.content[start:min(len(c.content), start+300_000)])
	if start+300_000 < len(c.content) {
		panic(http.ErrAbortHandler)
	}
}

func TestCutDownloadIsResumed(t *testing.T) {
	c := &cutter{content: body}
	server := httptest.NewServer(c)
	defer server.Close()
	dir := t.TempDir()
	var last, total int64
	config := Config{From: []string{Publishers}, Progress: func(_ string, done, size int64) { last, total = done, size }}
	_, err := testPull(t, dir, config, testTable(server.URL+"/file"))
	require.NoError(t, err)
	requireInstalled(t, dir)
	if len(c.ranges) < 3 || c.ranges[0] != "" || !strings.HasPrefix(c.ranges[1], "bytes=") {
		t.Errorf("the requests had ranges %q", c.ranges)
	}
	if last != int64(len(body)) || total != last {
		t.Errorf("the progress ends at %d of %d", last, total)
	}
}

func TestInterruptedPullGoesOn(t *testing.T) {
	c := &cutter{content: body}
	server := httptest.NewServer(c)
	defer server.Close()
	dir := t.TempDir()
	work := filepath.Join(dir, ".work")
	require.NoError(t, os.MkdirAll(work, 0o755))
	part := filepath.Join(work, sum(body)+".part")
	// The first bytes are those of another file, so the sum is wrong at first.
	require.NoError(t, os.WriteFile(part, []byte(strings.Repeat("x", 600_000)), 0o600))
	_, err := testPull(t, dir, Config{From: []string{server.URL}}, testTable(""))
	require.NoError(t, err)
	requireInstalled(t, dir)
	if c.ranges[0] != "bytes=600000-" || c.ranges[1] != "" {
		t.Errorf("the requests had ranges %q", c.ranges)
	}
	if _, err := os.Stat(work); err == nil {
		t.Error("temporary files are left")
	}
}

func TestSourcesAreTriedInOrder(t *testing.T) {
	requests := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests++
		switch r.URL.Path {
		case "/busy/ears/a.bin":
			w.WriteHeader(http.StatusServiceUnavailable)
		case "/long/ears/a.bin":
			_, _ = w.Write(append([]byte("x"), body...))
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	defer server.Close()
	sources := []string{server.URL, server.URL + "/busy", server.URL + "/long"}
	_, err := testPull(t, t.TempDir(), Config{From: sources}, testTable(""))
	if err == nil || !strings.Contains(err.Error(), "404") || !strings.Contains(err.Error(), "503") || !strings.Contains(err.Error(), "more than 700000 bytes") {
		t.Errorf("got %v, want the reasons of all sources", err)
	}
	if want := 1 + maxAttempts + 1; requests != want {
		t.Errorf("%d requests, want %d: only a busy server is asked again", requests, want)
	}
	dir := t.TempDir()
	_, err = testPull(t, dir, Config{From: append(sources, folderWith(t, body))}, testTable(""))
	require.NoError(t, err)
	requireInstalled(t, dir)
}

func TestTwoPullsDownloadOnce(t *testing.T) {
	requests, started := 0, make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		requests++
		close(started)
		time.Sleep(100 * time.Millisecond) // so that the second pull finds the lock held
		_, _ = w.Write(body)
	}))
	defer server.Close()
	dir := t.TempDir()
	second := make(chan error, 1)
	go func() {
		<-started
		_, err := testPull(t, dir, Config{From: []string{server.URL}}, testTable(""))
		second <- err
	}()
	_, err := testPull(t, dir, Config{From: []string{server.URL}}, testTable(""))
	require.NoError(t, err)
	require.NoError(t, <-second)
	if requests != 1 {
		t.Errorf("%d requests, want 1", requests)
	}
}

// TestPullsOfDifferentEntriesWaitForEachOther: the first removes its temporary files when
// the second already waits.
func TestPullsOfDifferentEntriesWaitForEachOther(t *testing.T) {
	firstBegan, secondWaits := make(chan struct{}), make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/ears/a.bin" {
			close(firstBegan)
			<-secondWaits
		}
		_, _ = w.Write(body)
	}))
	defer server.Close()
	dir, table := t.TempDir(), testTable("")
	table = append(table, Entry{Name: "voice", Files: table[0].Files})
	pull := func(entry string, report func(string)) error {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		return Open(dir).pull(ctx, Config{From: []string{server.URL}, Report: report}, table, time.Millisecond, []string{entry})
	}
	first := make(chan error, 1)
	go func() { first <- pull("ears", nil) }()
	<-firstBegan
	waits := sync.OnceFunc(func() { close(secondWaits) })
	err := pull("voice", func(line string) {
		if strings.HasPrefix(line, "waiting") {
			waits()
		}
	})
	waits() // if the second pull has failed
	require.NoError(t, err)
	require.NoError(t, <-first)
	if c := Open(dir); !c.installed(table, "ears") || !c.installed(table, "voice") {
		t.Error("not both are installed")
	}
}

func TestFullDiskIsNotTriedAgain(t *testing.T) {
	full := &counted{Writer: failingWriter{}, progress: func(int64) {}}
	_, err := copyAll(t.Context(), full, strings.NewReader("network"), 7)
	if _, ok := errors.AsType[permanent](err); !ok || !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("got %v, want a permanent error", err)
	}
}

// failingWriter is a file on a full disk.
type failingWriter struct{}

func (failingWriter) Write([]byte) (int, error) { return 0, syscall.ENOSPC }

func TestUnknownNamesAndSourcesAreInvalid(t *testing.T) {
	c := Open(t.TempDir())
	if err := c.Pull(context.Background(), Config{}, "nose"); err == nil || !strings.Contains(err.Error(), "moonshine-base-en") {
		t.Errorf("got %v", err)
	}
	if err := c.Pull(context.Background(), Config{From: []string{"elsewhere"}}); err == nil || !strings.Contains(err.Error(), "a folder or a URL") {
		t.Errorf("got %v", err)
	}
}

func TestRemoveDeletesWhatWasInstalled(t *testing.T) {
	dir := t.TempDir()
	_, err := testPull(t, dir, Config{From: []string{folderWith(t, body)}}, testTable(""))
	require.NoError(t, err)
	removed, err := Open(dir).remove(context.Background(), testTable(""), []string{"ears"})
	require.NoError(t, err)
	if len(removed) != 1 || Open(dir).installed(testTable(""), "ears") || len(Open(dir).readManifest().Files) != 0 {
		t.Errorf("removed %v", removed)
	}
	_, err = Open(filepath.Join(dir, "none")).remove(context.Background(), testTable(""), nil)
	require.NoError(t, err)
}
