// Package archive keeps sessions that are over: encrypted, one key for each, in any
// bucket gocloud.dev/blob knows. It imports session, dialog and fault; main wires it.
//
// A session is a folder of objects, all of them age files (age-encryption.org/v1):
//
//	ID/key.age      the session's own X25519 identity, to the operator's recipients
//	ID/record.age   Record as JSON, to the session's identity
//	ID/NAME.age     its recordings, likewise
//	ID/erased.json  Tombstone, in place of all these
//
// age authenticates every byte, so what was changed is not opened. Whoever destroys
// key.age has erased the session, whatever copies of the rest there are.
package archive

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"filippo.io/age"
	"gocloud.dev/blob"
	_ "gocloud.dev/blob/fileblob" // file://
	_ "gocloud.dev/blob/s3blob"   // s3://, also of others who speak it
	"gocloud.dev/gcerrors"

	"frontdesk/internal/fault"
	"frontdesk/session"
)

const (
	keyObject    = "key.age"
	recordObject = "record.age"
	tombstone    = "erased.json"
	format       = 1
	maxRecord    = 64 << 20 // bytes of a record, which is read whole
	maxKey       = 4 << 10
)

// Record is a session as it is kept.
type Record struct {
	Format     int             `json:"format"`
	Session    string          `json:"session"`
	Agent      string          `json:"agent"`
	Created    time.Time       `json:"created"`
	Archived   time.Time       `json:"archived"`
	Summary    string          `json:"summary"`
	Entries    []session.Entry `json:"entries"` // messages, turns, endings, in order
	Recordings []Recording     `json:"recordings,omitempty"`
}

// Recording is a WAV file of one of the session's calls.
type Recording struct {
	Name   string `json:"name"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
	file   string
}

// Kept is what can be told of an archived session without its key.
type Kept struct {
	Session string    `json:"session"`
	At      time.Time `json:"at"` // it was archived, or erased
	Bytes   int64     `json:"bytes"`
	Erased  bool      `json:"erased,omitempty"`
}

// Tombstone is what is left of an erased session.
type Tombstone struct {
	Session string    `json:"session"`
	Erased  time.Time `json:"erased"`
	SHA256  string    `json:"sha256"` // of the record, encrypted as it was
}

// Archive is a bucket and the keys to it. Safe for concurrent use.
type Archive struct {
	bucket     *blob.Bucket
	recipients []age.Recipient
	identities []age.Identity
}

// Open opens the bucket at url, such as file:///var/lib/frontdesk/archive or
// s3://name?region=…. What is written can be read by recipients, and here by identities.
// Close must be called.
func Open(ctx context.Context, url string, recipients []age.Recipient, identities []age.Identity) (*Archive, error) {
	b, err := blob.OpenBucket(ctx, url)
	if err != nil {
		return nil, fault.Wrap(err, fault.Storage, "the archive cannot be opened")
	}
	return &Archive{bucket: b, recipients: recipients, identities: identities}, nil
}

// Close closes the bucket.
func (a *Archive) Close() error { return a.bucket.Close() }

// put writes r and its recordings under a new key, over what may be there, and reads all
// of it back. It returns the SHA-256 of each object as it is stored.
func (a *Archive) put(ctx context.Context, r Record) (map[string]string, error) {
	own, err := age.GenerateX25519Identity()
	if err != nil {
		return nil, err
	}
	sums := make(map[string]string)
	write := func(name string, content io.Reader, to ...age.Recipient) (plain string, n int64, err error) {
		name = path.Join(r.Session, name)
		plain, sums[name], n, err = a.write(ctx, name, content, to)
		return plain, n, err
	}
	if _, _, err := write(keyObject, strings.NewReader(own.String()), a.recipients...); err != nil {
		return nil, err
	}
	for i := range r.Recordings {
		w := &r.Recordings[i]
		f, err := os.Open(w.file)
		if err != nil {
			return nil, fault.Wrap(err, fault.Storage, "a recording cannot be read")
		}
		w.SHA256, w.Bytes, err = write(w.Name+".age", f, own.Recipient())
		f.Close()
		if err != nil {
			return nil, err
		}
	}
	r.Format = format
	body, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("encode record: %w", err)
	}
	if _, _, err := write(recordObject, bytes.NewReader(body), own.Recipient()); err != nil {
		return nil, err
	}
	return sums, a.opens(ctx, r, body, own)
}

// write encrypts content into an object. The sums are of content and of the object.
func (a *Archive) write(ctx context.Context, name string, content io.Reader, to []age.Recipient) (plain, stored string, n int64, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // leaves nothing of an object that was not closed
	w, err := a.bucket.NewWriter(ctx, name, &blob.WriterOptions{ContentType: "application/age"})
	if err != nil {
		return "", "", 0, storage(err)
	}
	in, out := sha256.New(), sha256.New()
	sealed, err := age.Encrypt(io.MultiWriter(w, out), to...)
	if err == nil {
		n, err = io.Copy(io.MultiWriter(sealed, in), content)
	}
	if err == nil {
		err = sealed.Close()
	}
	if err != nil {
		cancel()
		_ = w.Close()
		return "", "", 0, storage(err)
	}
	if err := w.Close(); err != nil {
		return "", "", 0, storage(err)
	}
	return sum(in.Sum(nil)), sum(out.Sum(nil)), n, nil
}

// opens reads back what put wrote, with the session's own key.
func (a *Archive) opens(ctx context.Context, r Record, body []byte, own age.Identity) error {
	stored, err := a.read(ctx, path.Join(r.Session, recordObject), maxRecord, own)
	if err != nil {
		return err
	}
	if !bytes.Equal(stored, body) {
		return damaged(r.Session, errors.New("another record was read back"))
	}
	for _, w := range r.Recordings {
		if err := a.copy(ctx, io.Discard, r.Session, w, own); err != nil {
			return err
		}
	}
	return nil
}

// intact checks that objects are stored as put wrote them.
func (a *Archive) intact(ctx context.Context, sums map[string]string) error {
	for name, want := range sums {
		r, err := a.bucket.NewReader(ctx, name, nil)
		if err != nil {
			return storage(err)
		}
		h := sha256.New()
		_, err = io.Copy(h, r)
		r.Close()
		if err != nil {
			return storage(err)
		}
		if sum(h.Sum(nil)) != want {
			return damaged(path.Dir(name), errors.New(name+" is stored otherwise than it was written"))
		}
	}
	return nil
}

// known refuses what cannot be the id of a session.
func known(id string) error {
	if id == "" || strings.Trim(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-") != "" {
		return fault.New(fault.NotFound, "%q is not the id of a session", id)
	}
	return nil
}

// List yields every session, archived or erased, in the order of their ids.
func (a *Archive) List(ctx context.Context) iter.Seq2[Kept, error] {
	return func(yield func(Kept, error) bool) {
		var now Kept
		objects := a.bucket.List(nil)
		for {
			o, err := objects.Next(ctx)
			if err != nil && err != io.EOF {
				yield(Kept{}, storage(err))
				return
			}
			if err == io.EOF {
				if now.complete() {
					yield(now, nil)
				}
				return
			}
			if id := path.Dir(o.Key); id != now.Session {
				if now.complete() && !yield(now, nil) {
					return
				}
				now = Kept{Session: id}
			}
			now.Bytes += o.Size
			switch path.Base(o.Key) {
			case recordObject:
				now.At = o.ModTime
			case tombstone:
				now.At, now.Erased = o.ModTime, true
			}
		}
	}
}

// complete leaves out what is only being written.
func (k Kept) complete() bool { return k.Session != "" && !k.At.IsZero() }

// Get opens a session's record.
func (a *Archive) Get(ctx context.Context, id string) (Record, error) {
	own, err := a.key(ctx, id)
	if err != nil {
		return Record{}, err
	}
	body, err := a.read(ctx, path.Join(id, recordObject), maxRecord, own)
	if err != nil {
		return Record{}, err
	}
	return parse(id, body)
}

// parse reads a record that should be of the session id.
func parse(id string, body []byte) (Record, error) {
	var r Record
	if err := json.Unmarshal(body, &r); err != nil {
		return Record{}, damaged(id, err)
	}
	if r.Session != id || r.Format != format {
		return Record{}, damaged(id, fmt.Errorf("it is of session %q, in format %d", r.Session, r.Format))
	}
	for _, w := range r.Recordings {
		if w.Name != filepath.Base(w.Name) || w.Name == "." || w.Name == ".." {
			return Record{}, damaged(id, fmt.Errorf("a recording is called %q", w.Name))
		}
	}
	return r, nil
}

// Copy writes a recording of r, decrypted, to w. After an error what was written is not
// to be used.
func (a *Archive) Copy(ctx context.Context, w io.Writer, r Record, recording Recording) error {
	own, err := a.key(ctx, r.Session)
	if err != nil {
		return err
	}
	return a.copy(ctx, w, r.Session, recording, own)
}

func (a *Archive) copy(ctx context.Context, w io.Writer, id string, recording Recording, own age.Identity) error {
	in, err := a.bucket.NewReader(ctx, path.Join(id, recording.Name+".age"), nil)
	if err != nil {
		return storage(err)
	}
	defer in.Close()
	plain, err := age.Decrypt(in, own)
	if err != nil {
		return damaged(id, err)
	}
	h := sha256.New()
	if _, err := io.Copy(io.MultiWriter(w, h), plain); err != nil {
		return damaged(id, err)
	}
	if sum(h.Sum(nil)) != recording.SHA256 {
		return damaged(id, errors.New(recording.Name+" is another recording"))
	}
	return nil
}

// key opens a session's own identity.
func (a *Archive) key(ctx context.Context, id string) (age.Identity, error) {
	if err := known(id); err != nil {
		return nil, err
	}
	if len(a.identities) == 0 {
		return nil, fault.New(fault.Unauthorized, "the archive is locked: an identity that opens it is needed")
	}
	if gone, err := a.bucket.Exists(ctx, path.Join(id, tombstone)); err != nil {
		return nil, storage(err)
	} else if gone {
		return nil, fault.New(fault.NotFound, "session %s was erased", id)
	}
	text, err := a.read(ctx, path.Join(id, keyObject), maxKey, a.identities...)
	if err != nil {
		return nil, err
	}
	own, err := age.ParseX25519Identity(string(text))
	if err != nil {
		return nil, damaged(id, err)
	}
	return own, nil
}

// read decrypts an object of at most limit bytes.
func (a *Archive) read(ctx context.Context, name string, limit int64, with ...age.Identity) ([]byte, error) {
	in, err := a.bucket.NewReader(ctx, name, nil)
	if gcerrors.Code(err) == gcerrors.NotFound {
		return nil, fault.New(fault.NotFound, "there is no archived session %s", path.Dir(name))
	}
	if err != nil {
		return nil, storage(err)
	}
	defer in.Close()
	plain, err := age.Decrypt(in, with...)
	var wrong *age.NoIdentityMatchError
	if errors.As(err, &wrong) {
		return nil, fault.Wrap(err, fault.Unauthorized, "this identity does not open session %s", path.Dir(name))
	}
	if err != nil {
		return nil, damaged(path.Dir(name), err)
	}
	body, err := io.ReadAll(io.LimitReader(plain, limit+1))
	switch {
	case err != nil:
		return nil, damaged(path.Dir(name), err)
	case int64(len(body)) > limit:
		return nil, fault.New(fault.TooLarge, "the archive of session %s is too large", path.Dir(name))
	}
	return body, nil
}

// Erase destroys a session's key and then all else of it, checks that nothing of it can
// be opened or found, and leaves a tombstone. Erasing again is not an error.
func (a *Archive) Erase(ctx context.Context, id string) (Tombstone, error) {
	if err := known(id); err != nil {
		return Tombstone{}, err
	}
	if body, err := a.bucket.ReadAll(ctx, path.Join(id, tombstone)); err == nil {
		var t Tombstone
		if err := json.Unmarshal(body, &t); err != nil {
			return t, damaged(id, err)
		}
		return t, a.destroy(ctx, id)
	}
	t := Tombstone{Session: id, Erased: time.Now().UTC()}
	switch record, err := a.bucket.ReadAll(ctx, path.Join(id, recordObject)); {
	case gcerrors.Code(err) == gcerrors.NotFound:
		return t, fault.New(fault.NotFound, "there is no archived session %s", id)
	case err != nil:
		return t, storage(err)
	default:
		s := sha256.Sum256(record)
		t.SHA256 = sum(s[:])
	}
	body, err := json.Marshal(t)
	if err != nil {
		return t, err
	}
	if err := a.bucket.WriteAll(ctx, path.Join(id, tombstone), body, nil); err != nil {
		return t, storage(err)
	}
	return t, a.destroy(ctx, id)
}

// destroy deletes all of a session but its tombstone, the key first.
func (a *Archive) destroy(ctx context.Context, id string) error {
	if err := a.bucket.Delete(ctx, path.Join(id, keyObject)); err != nil && gcerrors.Code(err) != gcerrors.NotFound {
		return storage(err)
	}
	for _, left := range []bool{true, false} { // delete, and look
		objects := a.bucket.List(&blob.ListOptions{Prefix: id + "/"})
		for {
			o, err := objects.Next(ctx)
			if err == io.EOF {
				break
			}
			if err != nil {
				return storage(err)
			}
			if path.Base(o.Key) == tombstone {
				continue
			}
			if !left {
				return fault.New(fault.Storage, "%s cannot be deleted; without its key it cannot be read", o.Key)
			}
			if err := a.bucket.Delete(ctx, o.Key); err != nil && gcerrors.Code(err) != gcerrors.NotFound {
				return storage(err)
			}
		}
	}
	return nil
}

func sum(b []byte) string { return hex.EncodeToString(b) }

func storage(err error) error {
	if _, known := err.(*fault.Error); known {
		return err
	}
	return fault.Wrap(err, fault.Storage, "the archive failed").Retryable(0)
}

func damaged(id string, err error) error {
	return fault.Wrap(err, fault.Damaged, "the archive of session %s is damaged", id)
}
