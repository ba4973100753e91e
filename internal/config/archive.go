package config

import (
	"net/url"
	"slices"
	"strings"
	"time"
)

// Archive is what becomes of sessions that cannot be resumed any more.
type Archive struct {
	URL        string        `yaml:"url"`        // bucket: file:///folder, s3://bucket?region=…; "": the data folder; none: they are deleted
	Recipients []string      `yaml:"recipients"` // age public keys (age1…) that can read it; none: the data folder's own
	Redact     []string      `yaml:"redact"`     // what is taken out: cards, ibans, phones, emails
	Retention  time.Duration `yaml:"retention"`  // then they are erased; 0 is never
	Database   string        `yaml:"database"`   // Postgres URL that nodes share for the work; "": the data folder
}

// On reports whether sessions are archived.
func (a Archive) On() bool { return a.URL != "none" }

var redactable = []string{"cards", "ibans", "phones", "emails"}

func (c *Config) checkArchive(wrong func(key, format string, args ...any)) {
	a := c.Archive
	if u, err := url.Parse(a.URL); a.On() && a.URL != "" && (err != nil || u.Scheme != "file" && u.Scheme != "s3") {
		wrong("archive.url", "%q is not a bucket such as file:///var/lib/frontdesk or s3://bucket?region=eu-central-1", a.URL)
	}
	for _, r := range a.Recipients {
		if !strings.HasPrefix(r, "age1") {
			wrong("archive.recipients", "%q is not a public key of age, which begin with age1", r)
		}
	}
	for _, r := range a.Redact {
		if !slices.Contains(redactable, r) {
			wrong("archive.redact", "%q is not one of %v", r, redactable)
		}
	}
	if a.Retention < 0 {
		wrong("archive.retention", "cannot be below 0")
	}
	if a.Database != "" && !strings.HasPrefix(a.Database, "postgres://") && !strings.HasPrefix(a.Database, "postgresql://") {
		wrong("archive.database", "is not a URL such as postgres://user:password@host/frontdesk")
	}
}
