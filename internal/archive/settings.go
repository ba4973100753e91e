package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"

	"filippo.io/age"

	"frontdesk/internal/fault"
)

const (
	bucketFolder   = "archive"     // the default bucket, in the data folder
	identityFile   = "archive.key" // the default identity, in the data folder
	maxIdentity    = 1 << 16       // bytes of an identity file
	identityHeader = "# This key decrypts the archive of calls. Without it, nothing in the archive can be read.\n"
)

// Settings say where an archive is and which keys it uses.
type Settings struct {
	// URL is the bucket, such as s3://name?region=…; "" is a folder in Data.
	URL string
	// Data is the data folder.
	Data string
	// Recipients are age public keys, for which sessions are encrypted. When there are
	// none, the archive uses a key pair that it generates and stores in Data.
	Recipients []string
	// Identity is a file of age identities, which decrypt sessions. When it is "" and
	// there are recipients, the archive can be written but not read.
	Identity string
}

// Open opens the archive, and creates the folder and the key pair that it needs. The
// error has the code Invalid when a recipient is not an age public key. The caller must
// call Close.
func (s Settings) Open(ctx context.Context) (*Archive, error) {
	bucket, err := s.bucket()
	if err != nil {
		return nil, err
	}
	recipients, identities, err := s.keys()
	if err != nil {
		return nil, err
	}
	return Open(ctx, bucket, recipients, identities)
}

// bucket returns the URL of the bucket and creates the default one's folder.
func (s Settings) bucket() (string, error) {
	if s.URL != "" {
		return s.URL, nil
	}
	folder, err := filepath.Abs(filepath.Join(s.Data, bucketFolder))
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return "", fmt.Errorf("create the archive's folder: %w", err)
	}
	u := url.URL{Scheme: "file", Path: folder, RawQuery: "metadata=skip&no_tmp_dir=true&dir_file_mode=448"} // mode 0700
	return u.String(), nil
}

// keys returns the keys that encrypt and decrypt sessions.
func (s Settings) keys() (recipients []age.Recipient, identities []age.Identity, err error) {
	for _, text := range s.Recipients {
		r, err := age.ParseX25519Recipient(text)
		if err != nil {
			return nil, nil, fault.Wrap(err, fault.Invalid, "archive.recipients")
		}
		recipients = append(recipients, r)
	}
	file := s.Identity
	if file == "" {
		if len(recipients) > 0 {
			return recipients, nil, nil
		}
		file = filepath.Join(s.Data, identityFile)
		if err := createIdentity(file); err != nil {
			return nil, nil, err
		}
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, nil, fmt.Errorf("open the identity file: %w", err)
	}
	defer f.Close()
	identities, err = age.ParseIdentities(io.LimitReader(f, maxIdentity))
	if err != nil {
		return nil, nil, fmt.Errorf("read age identities from %s: %w", file, err)
	}
	if own, ok := identities[0].(*age.X25519Identity); ok && len(recipients) == 0 {
		recipients = []age.Recipient{own.Recipient()}
	}
	return recipients, identities, nil
}

// createIdentity generates the data folder's own identity unless the file exists.
func createIdentity(file string) error {
	if _, err := os.Stat(file); err == nil {
		return nil
	}
	id, err := age.GenerateX25519Identity()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, os.ErrExist) {
		return nil // another process created it first
	}
	if err != nil {
		return fmt.Errorf("write the archive's key: %w", err)
	}
	_, err = fmt.Fprintf(f, "%s# public key: %s\n%s\n", identityHeader, id.Recipient(), id)
	return errors.Join(err, f.Sync(), f.Close())
}
