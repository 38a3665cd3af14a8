package api

import (
	"math"
	"sync"
	"time"
)

// Rate bounds how often each key may ask. Its zero value is no bound.
type Rate struct {
	PerSecond float64 // requests a second in the long run; 0: as many as it likes
	Burst     int     // requests at once after a pause; 0: those of one second
}

// limiter holds a token bucket for each key: a request takes a token, tokens
// come back at an even rate up to the burst, and who finds none is told when
// there will be one.
type limiter struct {
	rate  float64 // tokens a second; 0: no limit
	burst float64
	now   func() time.Time

	mu      sync.Mutex
	buckets map[string]*bucket // only of valid keys, of which there are few
}

type bucket struct {
	tokens float64
	at     time.Time // when there were so many
}

func newLimiter(r Rate, now func() time.Time) *limiter {
	burst := float64(r.Burst)
	if r.Burst <= 0 {
		burst = math.Max(1, math.Ceil(r.PerSecond))
	}
	return &limiter{rate: r.PerSecond, burst: burst, now: now, buckets: map[string]*bucket{}}
}

// take takes a token of the key's bucket and returns 0, or returns how long it
// takes until there is one.
func (l *limiter) take(key string) time.Duration {
	if l.rate <= 0 {
		return 0
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	b, ok := l.buckets[key]
	if !ok {
		b = &bucket{tokens: l.burst, at: now}
		l.buckets[key] = b
	}
	b.fill(now, l.rate, l.burst)
	if b.tokens >= 1 {
		b.tokens--
		return 0
	}
	return time.Duration(math.Ceil((1 - b.tokens) / l.rate * float64(time.Second)))
}

// fill adds what has come back since. A clock that was set back adds nothing.
func (b *bucket) fill(now time.Time, rate, burst float64) {
	if since := now.Sub(b.at).Seconds(); since > 0 {
		b.tokens = math.Min(burst, b.tokens+since*rate)
	}
	b.at = now
}
