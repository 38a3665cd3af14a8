package api

import (
	"maps"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"regulars/serving"
)

// buckets of latency, in seconds: half of what is answered from memory takes
// less than the first few, and a page gives up beyond the last.
var buckets = []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5}

// metrics are what Prometheus asks for. Labels are routes, methods, statuses,
// lists and strategies, of which there are few, and never what a request brings.
type metrics struct {
	requests  *prometheus.CounterVec
	latency   *prometheus.HistogramVec
	inFlight  prometheus.Gauge
	items     *prometheus.CounterVec
	fallbacks *prometheus.CounterVec
	refused   *prometheus.CounterVec
	filters   prometheus.Counter // filters that were refused

	mu     sync.Mutex // of writers of series
	series atomic.Pointer[map[outcome]series]
	byList atomic.Pointer[map[chosen]prometheus.Counter] // of items
}

// chosen is what items shown are counted by.
type chosen struct{ list, strategy string }

// outcome is what requests are counted by.
type outcome struct {
	route, method string
	status        int
}

// series are the counters of an outcome: looking them up by labels costs more
// than counting.
type series struct {
	requests prometheus.Counter
	latency  prometheus.Observer
}

func newMetrics(reg *prometheus.Registry, store *serving.Store, now func() time.Time, queued func() float64) *metrics {
	m := &metrics{
		requests: counters("regulars_http_requests_total", "Requests answered, by route, method and status.", "route", "method", "status"),
		latency: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "regulars_http_request_seconds",
			Help: "Time from the request's arrival to its answer, by route and status.", Buckets: buckets}, []string{"route", "status"}),
		inFlight:  prometheus.NewGauge(prometheus.GaugeOpts{Name: "regulars_http_requests_in_flight", Help: "Requests that are being answered now."}),
		items:     counters("regulars_items_total", "Items shown, by list and by the strategy that chose them.", "list", "strategy"),
		fallbacks: counters("regulars_fallbacks_total", "Lists with nothing chosen for what was asked about, by list and by the strategy of their first item.", "list", "strategy"),
		refused: counters("regulars_http_refused_total",
			"Requests refused for their key, by reason: it is missing, unknown, revoked or expired, its role may not ask the route, it asks too often, or there is none and the request is not this machine's own (foreign).", "reason"),
		filters: prometheus.NewCounter(prometheus.CounterOpts{Name: "regulars_filter_rejects_total", Help: "Requests refused because their filter cannot be understood."}),
	}
	m.series.Store(&map[outcome]series{})
	m.byList.Store(&map[chosen]prometheus.Counter{})
	for _, reason := range []string{refusedMissing, string(KeyUnknown), string(KeyRevoked), string(KeyExpired), refusedRole, refusedRate, refusedForeign} {
		m.refused.WithLabelValues(reason) // shown as 0, so that an alarm sees the first
	}
	reg.MustRegister(m.requests, m.latency, m.inFlight, m.items, m.fallbacks, m.refused, m.filters, snapshotMetrics{store, now},
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	if queued != nil {
		reg.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "regulars_events_queued",
			Help: "Events taken that are not in the lake yet."}, queued))
	}
	return m
}

func counters(name, help string, labels ...string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
}

// observe counts an answer. The method must be one of few: see knownMethod.
func (m *metrics) observe(route, method string, status int, took time.Duration) {
	key := outcome{route, method, status}
	s, ok := (*m.series.Load())[key]
	if !ok {
		s = m.add(key)
	}
	s.requests.Inc()
	s.latency.Observe(took.Seconds())
}

// add remembers the counters of an outcome that is seen for the first time.
func (m *metrics) add(key outcome) series {
	m.mu.Lock()
	defer m.mu.Unlock()
	code := strconv.Itoa(key.status)
	s := series{m.requests.WithLabelValues(key.route, key.method, code), m.latency.WithLabelValues(key.route, code)}
	known := maps.Clone(*m.series.Load())
	known[key] = s
	m.series.Store(&known)
	return s
}

// count counts what a list shows. Runs of one strategy are counted at once.
func (m *metrics) count(list string, l serving.List) {
	for lo := 0; lo < len(l.Items); {
		hi := lo + 1
		for hi < len(l.Items) && l.Items[hi].Strategy == l.Items[lo].Strategy {
			hi++
		}
		m.shown(list, l.Items[lo].Strategy).Add(float64(hi - lo))
		lo = hi
	}
	if l.Fallback && len(l.Items) > 0 {
		m.fallbacks.WithLabelValues(list, l.Items[0].Strategy).Inc()
	}
}

// shown returns the counter of items of a list that a strategy chose.
func (m *metrics) shown(list, strategy string) prometheus.Counter {
	key := chosen{list, strategy}
	if c, ok := (*m.byList.Load())[key]; ok {
		return c
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	known := maps.Clone(*m.byList.Load())
	known[key] = m.items.WithLabelValues(list, strategy)
	m.byList.Store(&known)
	return known[key]
}

// snapshotMetrics tell of the snapshot being served at the moment they are asked.
type snapshotMetrics struct {
	store *serving.Store
	now   func() time.Time
}

var (
	descReady    = prometheus.NewDesc("regulars_snapshot_ready", "1 when a snapshot is being served.", nil, nil)
	descAge      = prometheus.NewDesc("regulars_snapshot_age_seconds", "Time since the as_of of the snapshot being served; 0 without one.", nil, nil)
	descInfo     = prometheus.NewDesc("regulars_snapshot_info", "1, labelled with the version of the snapshot being served.", []string{"version"}, nil)
	descLoaded   = prometheus.NewDesc("regulars_snapshot_loaded_timestamp_seconds", "When the snapshot being served was taken into service.", nil, nil)
	descUsers    = prometheus.NewDesc("regulars_snapshot_users", "Customers of the snapshot being served.", nil, nil)
	descItems    = prometheus.NewDesc("regulars_snapshot_items", "Items of the snapshot being served.", nil, nil)
	descSwaps    = prometheus.NewDesc("regulars_snapshot_swaps_total", "Snapshots taken into service.", nil, nil)
	descScored   = prometheus.NewDesc("regulars_live_scoring_total", "Requests that wanted the whole catalogue scored, by whether it was or, all cores being at it, was not.", []string{"outcome"}, nil)
	descDamaged  = prometheus.NewDesc("regulars_snapshot_damaged_total", "Times that a customer's record proved damaged when it was read.", nil, nil)
	descRefusals = prometheus.NewDesc("regulars_snapshot_refusals_total", "Attempts to load a snapshot that failed.", nil, nil)
)

// Describe is part of prometheus.Collector.
func (s snapshotMetrics) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{descReady, descAge, descInfo, descLoaded, descUsers, descItems, descSwaps, descDamaged, descScored, descRefusals} {
		to <- d
	}
}

// Collect is part of prometheus.Collector: all of one moment.
func (s snapshotMetrics) Collect(to chan<- prometheus.Metric) {
	st := s.store.Status()
	tell := func(d *prometheus.Desc, kind prometheus.ValueType, value float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, kind, value, labels...)
	}
	tell(descSwaps, prometheus.CounterValue, float64(st.Swaps))
	tell(descScored, prometheus.CounterValue, float64(st.Scored), "scored")
	tell(descScored, prometheus.CounterValue, float64(st.Skipped), "skipped")
	tell(descDamaged, prometheus.CounterValue, float64(st.Damaged))
	tell(descRefusals, prometheus.CounterValue, float64(st.Refusals))
	if !st.Ready {
		tell(descReady, prometheus.GaugeValue, 0)
		tell(descAge, prometheus.GaugeValue, 0)
		return
	}
	tell(descReady, prometheus.GaugeValue, 1)
	tell(descAge, prometheus.GaugeValue, s.now().Sub(st.AsOf).Seconds())
	tell(descInfo, prometheus.GaugeValue, 1, st.Version)
	tell(descLoaded, prometheus.GaugeValue, float64(st.LoadedAt.UnixMilli())/1000)
	tell(descUsers, prometheus.GaugeValue, float64(st.Users))
	tell(descItems, prometheus.GaugeValue, float64(st.Items))
}
