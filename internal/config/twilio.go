package config

import "net/url"

// Twilio configures calls over Twilio Media Streams. Without AuthToken they are off.
type Twilio struct {
	AuthToken string            `yaml:"auth_token"` // of the Twilio account
	URL       string            `yaml:"url"`        // where Twilio reaches this server, https://desk.example; "": taken from its requests
	Agent     string            `yaml:"agent"`      // agent that answers; "": the default agent
	Numbers   map[string]string `yaml:"numbers"`    // agent that answers, by the number called
}

func (c *Config) checkTwilio(wrong report) {
	t := c.Twilio
	if t.AuthToken == "" {
		if t.URL != "" || t.Agent != "" || len(t.Numbers) > 0 {
			wrong("twilio.auth_token", "missing: without it, requests from Twilio cannot be verified")
		}
		return
	}
	if u, err := url.Parse(t.URL); t.URL != "" && (err != nil || u.Scheme != "https" || u.Host == "" || u.RawQuery != "") {
		wrong("twilio.url", "invalid URL %q (want one such as https://desk.example)", t.URL)
	}
}
