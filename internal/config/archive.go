package config

import (
	"net/url"
	"slices"
	"strings"
	"time"
)

// Archive says what happens to sessions that cannot be resumed any more.
type Archive struct {
	URL        string        `yaml:"url"`                // bucket: file:///folder, s3://bucket?region=…; "": the data folder; none: sessions are deleted
	Recipients []string      `yaml:"recipients"`         // age public keys (age1…) that can read it; empty: the data folder's own key
	Redact     []string      `yaml:"redact"`             // what is removed from the text: cards, ibans, phones, emails
	Retention  time.Duration `yaml:"retention"`          // archived sessions are erased after this time; 0 means never
	Database   string        `yaml:"database,omitempty"` // former name of Config.Database
}

// IsEnabled reports whether sessions are archived.
func (a Archive) IsEnabled() bool { return a.URL != "none" }

var redactable = []string{"cards", "ibans", "phones", "emails"}

func (c *Config) checkArchive(wrong report) {
	a := c.Archive
	if u, err := url.Parse(a.URL); a.IsEnabled() && a.URL != "" && (err != nil || u.Scheme != "file" && u.Scheme != "s3") {
		wrong("archive.url", "invalid bucket %q (want one such as file:///var/lib/frontdesk or s3://bucket?region=eu-central-1)", a.URL)
	}
	for _, r := range a.Recipients {
		if !strings.HasPrefix(r, "age1") {
			wrong("archive.recipients", "invalid public key %q (want an age recipient, which begins with age1)", r)
		}
	}
	for _, r := range a.Redact {
		if !slices.Contains(redactable, r) {
			wrong("archive.redact", "unknown kind %q (want %s)", r, anyOf(redactable))
		}
	}
	if a.Retention < 0 {
		wrong("archive.retention", "cannot be negative (0 means never)")
	}
}
