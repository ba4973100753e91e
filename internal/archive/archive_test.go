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
	"frontdesk/session"
)

const secretWords = "the quick marmalade sings"

func identity(t testing.TB) *age.X25519Identity {
	t.Helper()
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func open(t testing.TB, dir string, id *age.X25519Identity) *Archive {
	t.Helper()
	a, err := Open(t.Context(), "file://"+dir+"?metadata=skip&no_tmp_dir=true", []age.Recipient{id.Recipient()}, []age.Identity{id})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	return a
}

// stored archives a session with a recording.
func stored(t testing.TB, a *Archive) (Record, map[string]string) {
	t.Helper()
	wav := filepath.Join(t.TempDir(), "sess_1-rtc_1.wav")
	if err := os.WriteFile(wav, bytes.Repeat([]byte("sound of "+secretWords), 9000), 0o600); err != nil {
		t.Fatal(err)
	}
	r := Record{
		Session: "sess_1", Agent: "demo", Created: time.Date(2031, 1, 2, 3, 4, 5, 0, time.UTC), Summary: "All is well.",
		Entries:    []session.Entry{{ID: "1-1", Kind: "message", Body: json.RawMessage(`{"text":"` + secretWords + `"}`)}},
		Recordings: []Recording{{Name: filepath.Base(wav), file: wav}},
	}
	sums, err := a.put(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	return r, sums
}

func objects(t testing.TB, dir string) (files []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestASessionComesBackAsItWas(t *testing.T) {
	dir, id := t.TempDir(), identity(t)
	a := open(t, dir, id)
	want, sums := stored(t, a)
	if err := a.intact(t.Context(), sums); err != nil {
		t.Error(err)
	}
	got, err := a.Get(t.Context(), "sess_1")
	if err != nil {
		t.Fatal(err)
	}
	if got.Summary != want.Summary || string(got.Entries[0].Body) != string(want.Entries[0].Body) || !got.Created.Equal(want.Created) {
		t.Errorf("%+v", got)
	}
	var sound bytes.Buffer
	if err := a.Copy(t.Context(), &sound, got, got.Recordings[0]); err != nil || !bytes.HasPrefix(sound.Bytes(), []byte("sound of")) || int64(sound.Len()) != got.Recordings[0].Bytes {
		t.Errorf("%d bytes, %v", sound.Len(), err)
	}
	for _, f := range objects(t, dir) {
		if b, err := os.ReadFile(f); err != nil || bytes.Contains(b, []byte("marmalade")) {
			t.Errorf("%s can be read: %v", f, err)
		}
	}
	n := 0
	for k, err := range a.List(t.Context()) {
		if n++; err != nil || k.Session != "sess_1" || k.Erased || k.Bytes < 100000 {
			t.Errorf("%+v, %v", k, err)
		}
	}
	if n != 1 {
		t.Errorf("%d sessions are listed", n)
	}
}

func TestOnlyTheRightIdentityOpensASession(t *testing.T) {
	dir, id := t.TempDir(), identity(t)
	stored(t, open(t, dir, id))
	for name, with := range map[string][]age.Identity{"another": {identity(t)}, "none": nil} {
		a := open(t, dir, id)
		a.identities = with
		if _, err := a.Get(t.Context(), "sess_1"); fault.From(err).Code != fault.Unauthorized {
			t.Errorf("%s: %v", name, err)
		}
	}
	a := open(t, dir, id)
	for _, unknown := range []string{"sess_2", "../x", "", "a/b"} {
		if _, err := a.Get(t.Context(), unknown); fault.From(err).Code != fault.NotFound {
			t.Errorf("%q: %v", unknown, err)
		}
		if _, err := a.Erase(t.Context(), unknown); fault.From(err).Code != fault.NotFound {
			t.Errorf("erase %q: %v", unknown, err)
		}
	}
}

func TestEveryFlippedByteIsRejected(t *testing.T) {
	if testing.Short() {
		t.Skip("takes 6 s")
	}
	dir, id := t.TempDir(), identity(t)
	a := open(t, dir, id)
	_, sums := stored(t, a)
	for _, name := range []string{keyObject, recordObject, "sess_1-rtc_1.wav.age"} {
		path := filepath.Join(dir, "sess_1", name)
		whole, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		step := max(1, len(whole)/500) // all bytes of what is short
		for i := 0; i < len(whole); i += step {
			changed := bytes.Clone(whole)
			changed[i] ^= 1 << (i % 8)
			check(t, a, sums, path, changed)
		}
		check(t, a, sums, path, whole[:len(whole)-1])
		check(t, a, sums, path, append(bytes.Clone(whole), 0))
		if err := os.WriteFile(path, whole, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := a.intact(t.Context(), sums); err != nil {
		t.Error(err)
	}
}

func check(t *testing.T, a *Archive, sums map[string]string, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := a.Get(t.Context(), "sess_1")
	if err == nil {
		err = a.Copy(t.Context(), &bytes.Buffer{}, r, r.Recordings[0])
	}
	if code := codeOf(err); code != fault.Damaged && code != fault.Unauthorized {
		t.Errorf("%s changed: %v", filepath.Base(path), err)
	}
	if err := a.intact(t.Context(), sums); codeOf(err) != fault.Damaged {
		t.Errorf("%s changed, found intact: %v", filepath.Base(path), err)
	}
}

func codeOf(err error) fault.Code {
	if err == nil {
		return ""
	}
	return fault.From(err).Code
}

func TestErasureLeavesATombstone(t *testing.T) {
	dir, id := t.TempDir(), identity(t)
	a := open(t, dir, id)
	_, sums := stored(t, a)
	first, err := a.Erase(t.Context(), "sess_1")
	if err != nil || first.SHA256 != sums["sess_1/"+recordObject] {
		t.Fatalf("%+v, %v", first, err)
	}
	again, err := a.Erase(t.Context(), "sess_1")
	if err != nil || !again.Erased.Equal(first.Erased) {
		t.Errorf("%+v, %v", again, err)
	}
	if left := objects(t, dir); len(left) != 1 || filepath.Base(left[0]) != tombstone {
		t.Errorf("left: %v", left)
	}
	if _, err := a.Get(t.Context(), "sess_1"); codeOf(err) != fault.NotFound {
		t.Error(err)
	}
	for k, err := range a.List(t.Context()) {
		if err != nil || !k.Erased {
			t.Errorf("%+v, %v", k, err)
		}
	}
}

func TestAnErasureThatWasCutShortIsFinished(t *testing.T) {
	dir, id := t.TempDir(), identity(t)
	a := open(t, dir, id)
	stored(t, a)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := a.Erase(ctx, "sess_1"); err == nil {
		t.Error("an erasure that was cancelled is done")
	}
	if err := os.WriteFile(filepath.Join(dir, "sess_1", tombstone), []byte(`{"session":"sess_1"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Get(t.Context(), "sess_1"); codeOf(err) != fault.NotFound {
		t.Errorf("half erased, and opened: %v", err)
	}
	if _, err := a.Erase(t.Context(), "sess_1"); err != nil || len(objects(t, dir)) != 1 {
		t.Errorf("%v, left: %v", err, objects(t, dir))
	}
}

func FuzzRecord(f *testing.F) {
	f.Add([]byte(`{"format":1,"session":"sess_1","recordings":[{"name":"a.wav"}]}`))
	f.Add([]byte(`{"format":1,"session":"sess_1","recordings":[{"name":"../a.wav"}]}`))
	f.Add([]byte(`{"format":2}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		r, err := parse("sess_1", body)
		var known *fault.Error
		if err != nil && !errors.As(err, &known) {
			t.Fatal(err)
		}
		for _, w := range r.Recordings {
			if filepath.Base(w.Name) != w.Name {
				t.Fatalf("a recording is called %q", w.Name)
			}
		}
	})
}

func FuzzRedact(f *testing.F) {
	f.Add("my card is 4111 1111 1111 1111 and double four one")
	f.Fuzz(func(t *testing.T, text string) {
		if got := redact(text, nil); got != text {
			t.Fatalf("%q became %q", text, got)
		}
		redact(text, Kinds)
	})
}
