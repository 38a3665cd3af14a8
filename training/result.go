package training

import (
	"regulars/training/metrics"
	"regulars/training/outlook"
)

// Result is one line of an evaluation: a model, how it was set, what it reached.
type Result struct {
	Model        string                    `json:"model"`
	Options      any                       `json:"options,omitempty"`
	Metrics      map[string]metrics.Metric `json:"metrics"`
	Users        int                       `json:"users"`
	FitSeconds   float64                   `json:"fit_seconds"`
	ScoreSeconds float64                   `json:"score_seconds"`
	PeakRSSBytes int64                     `json:"peak_rss_bytes,omitempty"` // the most used meanwhile, everything else included; absent: not measured for this model
	Chosen       bool                      `json:"chosen,omitempty"`         // the one that is published
	Baseline     bool                      `json:"baseline,omitempty"`
}

// Slice is the outcome on one untouched slice: every family's chosen recipe,
// reported on rows that no choice has seen.
type Slice struct {
	Task        string                    `json:"task"` // "recommendation" or "churn"
	TestAsOf    string                    `json:"test_as_of"`
	Days        int                       `json:"days"`
	Results     []Result                  `json:"results"`
	Differences map[string]metrics.Metric `json:"differences,omitempty"` // chosen minus baseline, by baseline
	SkippedRows int                       `json:"skipped,omitempty"`     // users without truth known in train
}

// Evaluation holds the slices that the history was long enough for.
type Evaluation struct {
	Recommendation *Slice          `json:"recommendation,omitempty"`
	Churn          *Slice          `json:"churn,omitempty"`
	Outlook        *outlook.Report `json:"outlook,omitempty"`
}
