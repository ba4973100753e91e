package config

import "net/url"

// Twilio is calls by Twilio's Media Streams; without AuthToken there are none.
type Twilio struct {
	AuthToken string            `yaml:"auth_token"` // of the account
	URL       string            `yaml:"url"`        // where Twilio reaches this server, https://desk.example; "": as its requests say
	Agent     string            `yaml:"agent"`      // who answers; "": the default agent
	Numbers   map[string]string `yaml:"numbers"`    // number called: who answers
}

func (c *Config) checkTwilio(wrong func(key, format string, args ...any)) {
	t := c.Twilio
	if t.AuthToken == "" {
		if t.URL != "" || t.Agent != "" || len(t.Numbers) > 0 {
			wrong("twilio.auth_token", "is missing: without it no request of Twilio's can be believed")
		}
		return
	}
	if u, err := url.Parse(t.URL); t.URL != "" && (err != nil || u.Scheme != "https" || u.Host == "" || u.RawQuery != "") {
		wrong("twilio.url", "%q is not an address such as https://desk.example", t.URL)
	}
}
