// Package archive moves sessions that are over from the session store to a bucket that
// gocloud.dev/blob supports, and encrypts each with a key of its own. It imports session,
// dialog and internal/fault. An Archiver finds finished sessions and archives them; an
// Archive reads, lists and erases them.
//
// A session is a folder of objects. All but the tombstone and the empty ones are age files
// (age-encryption.org/v1):
//
//	ID/key.age      the session's X25519 identity, encrypted for the operator's recipients
//	ID/record.age   Record as JSON, encrypted for the session's identity
//	ID/NAME.age     a recording, encrypted for the session's identity
//	ID/caller.KEY   empty; KEY is one of session.State.Callers, by which the session is found
//	ID/erased.json  Tombstone, which replaces all of these
//
// age authenticates every byte, so a changed object cannot be decrypted. Without key.age
// nobody can decrypt the session, so to delete it is to erase the session, also from
// backups of the other objects.
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
	_ "gocloud.dev/blob/s3blob"   // s3://, also for compatible servers
	"gocloud.dev/gcerrors"

	"frontdesk/dialog"
	"frontdesk/internal/fault"
	"frontdesk/session"
)

const (
	keyObject       = "key.age"
	recordObject    = "record.age"
	tombstoneObject = "erased.json"
	callerPrefix    = "caller."
	recordFormat    = 1
	maxRecord       = 64 << 20 // bytes of a record, which is read into memory
	maxKey          = 4 << 10
)

// Record is an archived session.
type Record struct {
	Format     int             `json:"format"`
	Session    string          `json:"session"`
	Agent      string          `json:"agent"`
	Created    time.Time       `json:"created"`
	Archived   time.Time       `json:"archived"`
	Summary    string          `json:"summary"`
	Entries    []session.Entry `json:"entries"` // in order
	Recordings []Recording     `json:"recordings,omitempty"`

	Overview *dialog.Overview `json:"overview,omitempty"` // what the session was about

	callers []string // of session.State
}

// Recording is a WAV file of one call.
type Recording struct {
	Name   string `json:"name"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
	path   string // of the file to archive
}

// Info is what is known of an archived session without its key.
type Info struct {
	Session string    `json:"session"`
	At      time.Time `json:"at"` // when it was archived or erased
	Bytes   int64     `json:"bytes"`
	Erased  bool      `json:"erased,omitempty"`
	Callers []string  `json:"-"` // as session.Tokens.CallerKeys names them
}

// Tombstone is what remains of an erased session.
type Tombstone struct {
	Session string    `json:"session"`
	Erased  time.Time `json:"erased"`
	SHA256  string    `json:"sha256"` // of the encrypted record
}

// Archive is a bucket and its keys. Safe for concurrent use.
type Archive struct {
	bucket     *blob.Bucket
	recipients []age.Recipient
	identities []age.Identity
}

// Open opens the bucket at url, such as file:///var/lib/frontdesk/archive or
// s3://name?region=…. The archive encrypts sessions for recipients, and decrypts them with
// identities. The caller must call Close.
func Open(ctx context.Context, url string, recipients []age.Recipient, identities []age.Identity) (*Archive, error) {
	b, err := blob.OpenBucket(ctx, url)
	if err != nil {
		return nil, fault.Wrap(err, fault.Storage, "the archive cannot be opened")
	}
	return &Archive{bucket: b, recipients: recipients, identities: identities}, nil
}

// Close closes the bucket.
func (a *Archive) Close() error { return a.bucket.Close() }

// put writes r and its recordings with a new key, replaces objects of an earlier attempt,
// and reads all of it back. It returns the SHA-256 of each stored object.
func (a *Archive) put(ctx context.Context, r Record) (map[string]string, error) {
	own, err := age.GenerateX25519Identity()
	if err != nil {
		return nil, err
	}
	sums := make(map[string]string)
	write := func(name string, content io.Reader, to ...age.Recipient) (plain string, n int64, err error) {
		name = path.Join(r.Session, name)
		plain, sums[name], n, err = a.writeObject(ctx, name, content, to)
		return plain, n, err
	}
	for _, key := range r.callers { // before the record, which makes the session complete
		if err := checkID(key); err != nil {
			return nil, err
		}
		if err := a.bucket.WriteAll(ctx, path.Join(r.Session, callerPrefix+key), nil, nil); err != nil {
			return nil, storageFault(err)
		}
	}
	if _, _, err := write(keyObject, strings.NewReader(own.String()), a.recipients...); err != nil {
		return nil, err
	}
	for i := range r.Recordings {
		rec := &r.Recordings[i]
		f, err := os.Open(rec.path)
		if err != nil {
			return nil, fault.Wrap(err, fault.Storage, "a recording cannot be read")
		}
		rec.SHA256, rec.Bytes, err = write(rec.Name+".age", f, own.Recipient())
		f.Close()
		if err != nil {
			return nil, err
		}
	}
	r.Format = recordFormat
	body, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("encode record: %w", err)
	}
	if _, _, err := write(recordObject, bytes.NewReader(body), own.Recipient()); err != nil {
		return nil, err
	}
	return sums, a.readBack(ctx, r, body, own)
}

// writeObject encrypts content into an object. It returns the SHA-256 of the content and
// of the stored object, and the size of the content.
func (a *Archive) writeObject(ctx context.Context, name string, content io.Reader, to []age.Recipient) (plain, stored string, n int64, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // discards an object that was not closed
	w, err := a.bucket.NewWriter(ctx, name, &blob.WriterOptions{ContentType: "application/age"})
	if err != nil {
		return "", "", 0, storageFault(err)
	}
	plainHash, storedHash := sha256.New(), sha256.New()
	encrypted, err := age.Encrypt(io.MultiWriter(w, storedHash), to...)
	if err == nil {
		n, err = io.Copy(io.MultiWriter(encrypted, plainHash), content)
	}
	if err == nil {
		err = encrypted.Close()
	}
	if err != nil {
		cancel()
		_ = w.Close()
		return "", "", 0, storageFault(err)
	}
	if err := w.Close(); err != nil {
		return "", "", 0, storageFault(err)
	}
	return hex.EncodeToString(plainHash.Sum(nil)), hex.EncodeToString(storedHash.Sum(nil)), n, nil
}

// readBack checks that what put wrote can be decrypted with the session's key.
func (a *Archive) readBack(ctx context.Context, r Record, body []byte, own age.Identity) error {
	stored, err := a.read(ctx, path.Join(r.Session, recordObject), maxRecord, own)
	if err != nil {
		return err
	}
	if !bytes.Equal(stored, body) {
		return damagedFault(r.Session, errors.New("the record that was read back differs"))
	}
	for _, rec := range r.Recordings {
		if err := a.copy(ctx, io.Discard, r.Session, rec, own); err != nil {
			return err
		}
	}
	return nil
}

// verify checks that the stored objects have the sums that put returned.
func (a *Archive) verify(ctx context.Context, sums map[string]string) error {
	for name, want := range sums {
		r, err := a.bucket.NewReader(ctx, name, nil)
		if err != nil {
			return storageFault(err)
		}
		h := sha256.New()
		_, err = io.Copy(h, r)
		r.Close()
		if err != nil {
			return storageFault(err)
		}
		if hex.EncodeToString(h.Sum(nil)) != want {
			return damagedFault(path.Dir(name), errors.New(name+" differs from what was written"))
		}
	}
	return nil
}

// checkID returns an error unless id has the form of a session ID.
func checkID(id string) error {
	if id == "" || strings.Trim(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-") != "" {
		return fault.New(fault.NotFound, "malformed session ID %q", id)
	}
	return nil
}

// List yields every archived or erased session in the order of their IDs.
func (a *Archive) List(ctx context.Context) iter.Seq2[Info, error] {
	return func(yield func(Info, error) bool) {
		var current Info
		objects := a.bucket.List(nil)
		for {
			o, err := objects.Next(ctx)
			if err != nil && err != io.EOF {
				yield(Info{}, storageFault(err))
				return
			}
			if err == io.EOF {
				if current.isComplete() {
					yield(current, nil)
				}
				return
			}
			if id := path.Dir(o.Key); id != current.Session {
				if current.isComplete() && !yield(current, nil) {
					return
				}
				current = Info{Session: id}
			}
			current.Bytes += o.Size
			if key, ok := strings.CutPrefix(path.Base(o.Key), callerPrefix); ok {
				current.Callers = append(current.Callers, key)
			}
			switch path.Base(o.Key) {
			case recordObject:
				current.At = o.ModTime
			case tombstoneObject:
				current.At, current.Erased = o.ModTime, true
			}
		}
	}
}

// isComplete reports whether all objects of the session are written.
func (i Info) isComplete() bool { return i.Session != "" && !i.At.IsZero() }

// Get returns the record of a session.
func (a *Archive) Get(ctx context.Context, id string) (Record, error) {
	own, err := a.key(ctx, id)
	if err != nil {
		return Record{}, err
	}
	body, err := a.read(ctx, path.Join(id, recordObject), maxRecord, own)
	if err != nil {
		return Record{}, err
	}
	return parseRecord(id, body)
}

// parseRecord reads the record of the session id.
func parseRecord(id string, body []byte) (Record, error) {
	var r Record
	if err := json.Unmarshal(body, &r); err != nil {
		return Record{}, damagedFault(id, err)
	}
	if r.Session != id || r.Format != recordFormat {
		return Record{}, damagedFault(id, fmt.Errorf("the record is of session %q in format %d (want %d)", r.Session, r.Format, recordFormat))
	}
	for _, rec := range r.Recordings {
		if rec.Name != filepath.Base(rec.Name) || rec.Name == "." || rec.Name == ".." {
			return Record{}, damagedFault(id, fmt.Errorf("invalid name of a recording: %q", rec.Name))
		}
	}
	return r, nil
}

// Copy decrypts a recording of r into w. After an error, the caller must discard what was
// written.
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
		return storageFault(err)
	}
	defer in.Close()
	plain, err := age.Decrypt(in, own)
	if err != nil {
		return damagedFault(id, err)
	}
	h := sha256.New()
	if _, err := io.Copy(io.MultiWriter(w, h), plain); err != nil {
		return damagedFault(id, err)
	}
	if hex.EncodeToString(h.Sum(nil)) != recording.SHA256 {
		return damagedFault(id, errors.New(recording.Name+" is not the recording of the record"))
	}
	return nil
}

// key decrypts the identity of a session.
func (a *Archive) key(ctx context.Context, id string) (age.Identity, error) {
	if err := checkID(id); err != nil {
		return nil, err
	}
	if len(a.identities) == 0 {
		return nil, fault.New(fault.Unauthorized, "the archive cannot be decrypted without an identity: name its file with --identity")
	}
	if isErased, err := a.bucket.Exists(ctx, path.Join(id, tombstoneObject)); err != nil {
		return nil, storageFault(err)
	} else if isErased {
		return nil, fault.New(fault.NotFound, "session %s was erased", id)
	}
	text, err := a.read(ctx, path.Join(id, keyObject), maxKey, a.identities...)
	if err != nil {
		return nil, err
	}
	own, err := age.ParseX25519Identity(string(text))
	if err != nil {
		return nil, damagedFault(id, err)
	}
	return own, nil
}

// read decrypts an object whose content has at most limit bytes.
func (a *Archive) read(ctx context.Context, name string, limit int64, identities ...age.Identity) ([]byte, error) {
	in, err := a.bucket.NewReader(ctx, name, nil)
	if gcerrors.Code(err) == gcerrors.NotFound {
		return nil, fault.New(fault.NotFound, "session %s is not in the archive", path.Dir(name))
	}
	if err != nil {
		return nil, storageFault(err)
	}
	defer in.Close()
	plain, err := age.Decrypt(in, identities...)
	if _, ok := errors.AsType[*age.NoIdentityMatchError](err); ok {
		return nil, fault.Wrap(err, fault.Unauthorized, "this identity cannot decrypt session %s", path.Dir(name))
	}
	if err != nil {
		return nil, damagedFault(path.Dir(name), err)
	}
	body, err := io.ReadAll(io.LimitReader(plain, limit+1))
	switch {
	case err != nil:
		return nil, damagedFault(path.Dir(name), err)
	case int64(len(body)) > limit:
		return nil, fault.New(fault.TooLarge, "the archived record of session %s is too large", path.Dir(name))
	}
	return body, nil
}

// Erase writes a tombstone, deletes the session's key and then its other objects, and
// checks that none of them remains. To erase a session twice is not an error.
func (a *Archive) Erase(ctx context.Context, id string) (Tombstone, error) {
	if err := checkID(id); err != nil {
		return Tombstone{}, err
	}
	if body, err := a.bucket.ReadAll(ctx, path.Join(id, tombstoneObject)); err == nil {
		var t Tombstone
		if err := json.Unmarshal(body, &t); err != nil {
			return t, damagedFault(id, err)
		}
		return t, a.deleteObjects(ctx, id)
	}
	t := Tombstone{Session: id, Erased: time.Now().UTC()}
	switch record, err := a.bucket.ReadAll(ctx, path.Join(id, recordObject)); {
	case gcerrors.Code(err) == gcerrors.NotFound:
		return t, fault.New(fault.NotFound, "session %s is not in the archive", id)
	case err != nil:
		return t, storageFault(err)
	default:
		sum := sha256.Sum256(record)
		t.SHA256 = hex.EncodeToString(sum[:])
	}
	body, err := json.Marshal(t)
	if err != nil {
		return t, err
	}
	if err := a.bucket.WriteAll(ctx, path.Join(id, tombstoneObject), body, nil); err != nil {
		return t, storageFault(err)
	}
	return t, a.deleteObjects(ctx, id)
}

// deleteObjects deletes all objects of a session but its tombstone, the key first.
func (a *Archive) deleteObjects(ctx context.Context, id string) error {
	if err := a.bucket.Delete(ctx, path.Join(id, keyObject)); err != nil && gcerrors.Code(err) != gcerrors.NotFound {
		return storageFault(err)
	}
	for _, isCheck := range []bool{false, true} { // delete, then check that nothing remains
		objects := a.bucket.List(&blob.ListOptions{Prefix: id + "/"})
		for {
			o, err := objects.Next(ctx)
			if err == io.EOF {
				break
			}
			if err != nil {
				return storageFault(err)
			}
			if path.Base(o.Key) == tombstoneObject {
				continue
			}
			if isCheck {
				return fault.New(fault.Storage, "%s could not be deleted; nobody can decrypt it, because its key is deleted", o.Key)
			}
			if err := a.bucket.Delete(ctx, o.Key); err != nil && gcerrors.Code(err) != gcerrors.NotFound {
				return storageFault(err)
			}
		}
	}
	return nil
}

func storageFault(err error) error {
	if _, isFault := err.(*fault.Error); isFault {
		return err
	}
	return fault.Wrap(err, fault.Storage, "the archive failed").Retryable(0)
}

func damagedFault(id string, err error) error {
	return fault.Wrap(err, fault.Damaged, "the archived session %s is damaged", id)
}
