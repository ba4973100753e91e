package e2e

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"frontdesk/internal/require"
)

// archive runs "frontdesk archive" on the server's data folder.
func (s *server) archive(t *testing.T, args ...string) (string, error) {
	t.Helper()
	return s.operate(t, append([]string{"archive"}, args...)...)
}

func TestEndedSessionIsArchivedAndCanBeErased(t *testing.T) {
	t.Parallel()
	const words = "my marmalade spoon"
	s := start(t, noVoice)
	c := s.openText(t, s.token(t))
	c.begin(t, true)
	c.answers(t, "I cannot find "+words+", my card is 4111 1111 1111 1111.")
	c.answers(t, "That is all, goodbye.")
	c.expect(t, "frontdesk.ended")
	require.NoError(t, s.cmd.Process.Signal(syscall.SIGTERM))
	s.awaitExit(t)
	if out, err := s.archive(t, "ls"); err != nil || !strings.Contains(out, "No session") {
		t.Errorf("archive ls before the archive exists: %q, %v", out, err)
	}
	s.run(t, "127.0.0.1:0", noVoice) // a starting server archives ended sessions

	eventually(t, "the session is archived", func() bool {
		listed, _ := s.archive(t, "ls", "--json")
		return strings.Contains(listed, c.session)
	})
	shown, err := s.archive(t, "show", c.session)
	if err != nil || !strings.Contains(shown, words) || !strings.Contains(shown, "[card number]") || strings.Contains(shown, "4111") {
		t.Errorf("archive show: %v:\n%s", err, shown)
	}
	folder := filepath.Join(t.TempDir(), "out")
	if out, err := s.archive(t, "export", c.session, "--to", folder); err != nil {
		t.Errorf("%q, %v", out, err)
	}
	if b, err := os.ReadFile(filepath.Join(folder, "session.json")); err != nil || !strings.Contains(string(b), words) {
		t.Errorf("exported %s, %v", b, err)
	}
	if out, err := s.archive(t, "erase", c.session); err != nil || !strings.Contains(out, "is erased") {
		t.Errorf("%q, %v", out, err)
	}
	if out, err := s.archive(t, "show", c.session); err == nil || !strings.Contains(out, "was erased") {
		t.Errorf("%q, %v", out, err)
	}
	if out, err := s.archive(t, "erase", "sess_unknown"); err == nil || !strings.Contains(out, "not in the archive") {
		t.Errorf("%q, %v", out, err)
	}
	s.checkUnreadable(t, "marmalade")
	s.openText(t, s.token(t)).begin(t, true) // the server still takes calls
}

// checkUnreadable fails for each file of the data folder that contains words.
func (s *server) checkUnreadable(t *testing.T, words string) {
	t.Helper()
	err := filepath.WalkDir(s.data, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if bytes.Contains(b, []byte(words)) {
			t.Errorf("%s contains %q after the erasure", path, words)
		}
		return err
	})
	require.NoError(t, err)
}

func TestUnarchivedSessionCanBeErasedOnceItsCallEnded(t *testing.T) {
	t.Parallel()
	s := start(t, noVoice)
	c := s.openText(t, s.token(t))
	c.begin(t, true)
	c.answers(t, "I cannot find my marmalade spoon.")
	if out, err := s.archive(t, "erase", c.session); err == nil || !strings.Contains(out, "is in a call") {
		t.Errorf("erasing a session while its call lasts: %q, %v", out, err)
	}
	c.hangUp()
	eventually(t, "the session can be erased", func() bool {
		out, err := s.archive(t, "erase", c.session)
		return err == nil && strings.Contains(out, "not archived yet")
	})
	s.checkUnreadable(t, "marmalade")
}
