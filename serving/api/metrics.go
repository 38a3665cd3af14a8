package api

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"regulars/serving"
)

type metrics struct {
	requests  *prometheus.CounterVec
	latency   *prometheus.HistogramVec
	items     *prometheus.CounterVec
	fallbacks *prometheus.CounterVec
	refused   *prometheus.CounterVec
}

func newMetrics(reg *prometheus.Registry, store *serving.Store) *metrics {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "regulars_http_requests_total",
			Help: "Requests answered, by route, method and status."}, []string{"route", "method", "status"}),
		latency: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "regulars_http_request_seconds",
			Help:    "Time from the request's arrival to its answer, by route and status.",
			Buckets: []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5}}, []string{"route", "status"}),
		items: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "regulars_items_total",
			Help: "Items shown, by list and by the strategy that chose them."}, []string{"list", "strategy"}),
		fallbacks: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "regulars_fallbacks_total",
			Help: "Lists with nothing chosen for what was asked about, by list and by the strategy of their first item."}, []string{"list", "strategy"}),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "regulars_http_refused_total",
			Help: "Requests refused for their key, by reason: it is missing, unknown, revoked or expired, its role may not ask the route, or it asks too often."}, []string{"reason"}),
	}
	for _, reason := range []string{refusedMissing, string(KeyUnknown), string(KeyRevoked), string(KeyExpired), refusedRole, refusedRate} {
		m.refused.WithLabelValues(reason) // shown as 0, so that an alarm sees the first
	}
	reg.MustRegister(m.requests, m.latency, m.items, m.fallbacks, m.refused)
	registerStore(reg, store)
	return m
}

func registerStore(reg *prometheus.Registry, store *serving.Store) {
	gauge := func(name, help string, f func(serving.Status) float64) {
		reg.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help},
			func() float64 { return f(store.Status()) }))
	}
	counter := func(name, help string, f func(serving.Status) float64) {
		reg.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help},
			func() float64 { return f(store.Status()) }))
	}
	gauge("regulars_snapshot_ready", "1 when a snapshot is being served.", func(st serving.Status) float64 {
		if st.Ready {
			return 1
		}
		return 0
	})
	gauge("regulars_snapshot_age_seconds", "Time since the as_of of the snapshot being served; 0 without one.", func(st serving.Status) float64 {
		if !st.Ready {
			return 0
		}
		return time.Since(st.AsOf).Seconds()
	})
	counter("regulars_snapshot_swaps_total", "Snapshots taken into service.", func(st serving.Status) float64 { return float64(st.Swaps) })
	counter("regulars_snapshot_refusals_total", "Attempts to load a snapshot that failed.", func(st serving.Status) float64 { return float64(st.Refusals) })
}

func (m *metrics) observe(route, method string, status int, took time.Duration) {
	code := strconv.Itoa(status)
	m.requests.WithLabelValues(route, knownMethod(method), code).Inc()
	m.latency.WithLabelValues(route, code).Observe(took.Seconds())
}

// count counts what a list shows. Runs of one strategy are counted at once.
func (m *metrics) count(list string, l serving.List) {
	for lo := 0; lo < len(l.Items); {
		hi := lo + 1
		for hi < len(l.Items) && l.Items[hi].Strategy == l.Items[lo].Strategy {
			hi++
		}
		m.items.WithLabelValues(list, l.Items[lo].Strategy).Add(float64(hi - lo))
		lo = hi
	}
	if l.Fallback && len(l.Items) > 0 {
		m.fallbacks.WithLabelValues(list, l.Items[0].Strategy).Inc()
	}
}
