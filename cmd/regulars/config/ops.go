package config

import (
	"fmt"
	"net/url"
)

// mostAge bounds the ages of a snapshot that can be asked for.
const mostAge = Duration(10 * 366 * day)

// validateOperations checks how the server is watched.
func (s Serve) validateOperations() error {
	if s.LogFormat != "text" && s.LogFormat != "json" {
		return fmt.Errorf("serve.log_format %q must be text or json", s.LogFormat)
	}
	for _, f := range []struct {
		name string
		age  Duration
	}{{"serve.ready_max_age", s.ReadyMaxAge}, {"serve.stale_after", s.StaleAfter}} {
		if f.age < 0 || f.age > mostAge {
			return fmt.Errorf("%s is %s: it must be from 0, for no bound, to %s", f.name, f.age, mostAge)
		}
	}
	if s.OTLPEndpoint == "" {
		return nil
	}
	u, err := url.Parse(s.OTLPEndpoint)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return fmt.Errorf("serve.otlp_endpoint %q must be the address of a collector such as http://127.0.0.1:4318", s.OTLPEndpoint)
	}
	return nil
}
