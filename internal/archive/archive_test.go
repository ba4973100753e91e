package archive

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"filippo.io/age"

	"frontdesk/internal/fault"
	"frontdesk/internal/redact"
	"frontdesk/internal/require"
	"frontdesk/session"
)

const secretText = "the quick marmalade sings"

func newIdentity(t testing.TB) *age.X25519Identity {
	t.Helper()
	id, err := age.GenerateX25519Identity()
	require.NoError(t, err)
	return id
}

func open(t testing.TB, dir string, id *age.X25519Identity) *Archive {
	t.Helper()
	a, err := Open(t.Context(), "file://"+dir+"?metadata=skip&no_tmp_dir=true", []age.Recipient{id.Recipient()}, []age.Identity{id})
	require.NoError(t, err)
	t.Cleanup(func() { a.Close() })
	return a
}

// putSession archives a session with a recording.
func putSession(t testing.TB, a *Archive) (Record, map[string]string) {
	t.Helper()
	wav := filepath.Join(t.TempDir(), "sess_1-rtc_1.wav")
	require.NoError(t, os.WriteFile(wav, bytes.Repeat([]byte("audio of "+secretText), 9000), 0o600))
	r := Record{
		Session: "sess_1", Agent: "demo", Created: time.Date(2031, 1, 2, 3, 4, 5, 0, time.UTC), Summary: "All is well.",
		Entries:    []session.Entry{{ID: "1-1", Kind: "message", Body: json.RawMessage(`{"text":"` + secretText + `"}`)}},
		Recordings: []Recording{{Name: filepath.Base(wav), path: wav}},
		callers:    []string{"key-1", "key_2"},
	}
	sums, err := a.put(t.Context(), r)
	require.NoError(t, err)
	return r, sums
}

// listFiles returns all files below dir.
func listFiles(t testing.TB, dir string) (files []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			files = append(files, path)
		}
		return err
	})
	require.NoError(t, err)
	return files
}

func TestArchivedSessionCanBeReadBack(t *testing.T) {
	dir, id := t.TempDir(), newIdentity(t)
	a := open(t, dir, id)
	want, sums := putSession(t, a)
	if err := a.verify(t.Context(), sums); err != nil {
		t.Error(err)
	}
	got, err := a.Get(t.Context(), "sess_1")
	require.NoError(t, err)
	if got.Summary != want.Summary || string(got.Entries[0].Body) != string(want.Entries[0].Body) || !got.Created.Equal(want.Created) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	var audio bytes.Buffer
	err = a.Copy(t.Context(), &audio, got, got.Recordings[0])
	if err != nil || !bytes.HasPrefix(audio.Bytes(), []byte("audio of")) || int64(audio.Len()) != got.Recordings[0].Bytes {
		t.Errorf("the recording has %d bytes, error %v; want %d bytes", audio.Len(), err, got.Recordings[0].Bytes)
	}
	for _, f := range listFiles(t, dir) {
		if b, err := os.ReadFile(f); err != nil || bytes.Contains(b, []byte("marmalade")) {
			t.Errorf("%s contains plain text, error %v", f, err)
		}
	}
	n := 0
	for info, err := range a.List(t.Context()) {
		if n++; err != nil || info.Session != "sess_1" || info.Erased || info.Bytes < 100000 {
			t.Errorf("listed %+v, error %v", info, err)
		}
	}
	if n != 1 {
		t.Errorf("listed %d sessions, want 1", n)
	}
}

func TestOnlyTheRightIdentityDecryptsASession(t *testing.T) {
	dir, id := t.TempDir(), newIdentity(t)
	putSession(t, open(t, dir, id))
	for name, identities := range map[string][]age.Identity{"another": {newIdentity(t)}, "none": nil} {
		a := open(t, dir, id)
		a.identities = identities
		if _, err := a.Get(t.Context(), "sess_1"); fault.From(err).Code != fault.Unauthorized {
			t.Errorf("%s identity: got %v, want unauthorized", name, err)
		}
	}
	a := open(t, dir, id)
	for _, unknown := range []string{"sess_2", "../x", "", "a/b"} {
		if _, err := a.Get(t.Context(), unknown); fault.From(err).Code != fault.NotFound {
			t.Errorf("get %q: got %v, want not_found", unknown, err)
		}
		if _, err := a.Erase(t.Context(), unknown); fault.From(err).Code != fault.NotFound {
			t.Errorf("erase %q: got %v, want not_found", unknown, err)
		}
	}
}

func TestChangedObjectsAreDetected(t *testing.T) {
	if testing.Short() {
		t.Skip("takes 6 s")
	}
	dir, id := t.TempDir(), newIdentity(t)
	a := open(t, dir, id)
	_, sums := putSession(t, a)
	for _, name := range []string{keyObject, recordObject, "sess_1-rtc_1.wav.age"} {
		path := filepath.Join(dir, "sess_1", name)
		whole, err := os.ReadFile(path)
		require.NoError(t, err)
		step := max(1, len(whole)/500) // every byte of short objects
		for i := 0; i < len(whole); i += step {
			changed := bytes.Clone(whole)
			changed[i] ^= 1 << (i % 8)
			wantDamaged(t, a, sums, path, changed)
		}
		wantDamaged(t, a, sums, path, whole[:len(whole)-1])
		wantDamaged(t, a, sums, path, append(bytes.Clone(whole), 0))
		require.NoError(t, os.WriteFile(path, whole, 0o600))
	}
	if err := a.verify(t.Context(), sums); err != nil {
		t.Error(err)
	}
}

// wantDamaged fails the test unless the archive detects that the file at path has content.
func wantDamaged(t *testing.T, a *Archive, sums map[string]string, path string, content []byte) {
	t.Helper()
	require.NoError(t, os.WriteFile(path, content, 0o600))
	r, err := a.Get(t.Context(), "sess_1")
	if err == nil {
		err = a.Copy(t.Context(), &bytes.Buffer{}, r, r.Recordings[0])
	}
	if code := codeOf(err); code != fault.Damaged && code != fault.Unauthorized {
		t.Errorf("read with %s changed: got %v, want damaged or unauthorized", filepath.Base(path), err)
	}
	if err := a.verify(t.Context(), sums); codeOf(err) != fault.Damaged {
		t.Errorf("verify with %s changed: got %v, want damaged", filepath.Base(path), err)
	}
}

func codeOf(err error) fault.Code {
	if err == nil {
		return ""
	}
	return fault.From(err).Code
}

func TestEraseLeavesOnlyATombstone(t *testing.T) {
	dir, id := t.TempDir(), newIdentity(t)
	a := open(t, dir, id)
	_, sums := putSession(t, a)
	first, err := a.Erase(t.Context(), "sess_1")
	if err != nil || first.SHA256 != sums["sess_1/"+recordObject] {
		t.Fatalf("got %+v, error %v", first, err)
	}
	second, err := a.Erase(t.Context(), "sess_1")
	if err != nil || !second.Erased.Equal(first.Erased) {
		t.Errorf("the second erasure returned %+v, error %v; want %+v", second, err, first)
	}
	if files := listFiles(t, dir); len(files) != 1 || filepath.Base(files[0]) != tombstoneObject {
		t.Errorf("the files %v remain, want only the tombstone", files)
	}
	if _, err := a.Get(t.Context(), "sess_1"); codeOf(err) != fault.NotFound {
		t.Error(err)
	}
	for info, err := range a.List(t.Context()) {
		if err != nil || !info.Erased {
			t.Errorf("listed %+v, error %v; want erased", info, err)
		}
	}
}

func TestInterruptedErasureIsFinished(t *testing.T) {
	dir, id := t.TempDir(), newIdentity(t)
	a := open(t, dir, id)
	putSession(t, a)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := a.Erase(ctx, "sess_1"); err == nil {
		t.Error("a cancelled erasure returned no error")
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "sess_1", tombstoneObject), []byte(`{"session":"sess_1"}`), 0o600))
	if _, err := a.Get(t.Context(), "sess_1"); codeOf(err) != fault.NotFound {
		t.Errorf("get with a tombstone: got %v, want not_found", err)
	}
	if _, err := a.Erase(t.Context(), "sess_1"); err != nil || len(listFiles(t, dir)) != 1 {
		t.Errorf("erase: error %v, remaining files %v", err, listFiles(t, dir))
	}
}

func FuzzRecord(f *testing.F) {
	f.Add([]byte(`{"format":1,"session":"sess_1","recordings":[{"name":"a.wav"}]}`))
	f.Add([]byte(`{"format":1,"session":"sess_1","recordings":[{"name":"../a.wav"}]}`))
	f.Add([]byte(`{"format":2}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		r, err := parseRecord("sess_1", body)
		var f *fault.Error
		if err != nil && !errors.As(err, &f) {
			t.Fatal(err)
		}
		for _, rec := range r.Recordings {
			if filepath.Base(rec.Name) != rec.Name {
				t.Fatalf("accepted the recording name %q", rec.Name)
			}
		}
	})
}

func FuzzRedact(f *testing.F) {
	f.Add("my card is 4111 1111 1111 1111 and double four one")
	f.Fuzz(func(t *testing.T, text string) {
		if got := redact.Text(text, nil); got != text {
			t.Fatalf("redact(%q) without kinds = %q", text, got)
		}
		redact.Text(text, redact.Kinds)
	})
}
