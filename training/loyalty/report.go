package loyalty

import "math"

// Report holds every figure. A section that could not be computed is nil (or
// empty), and Absent says why.
type Report struct {
	AsOf        string            `json:"as_of"`
	Currency    string            `json:"currency,omitempty"`
	HistoryDays int               `json:"history_days"` // from the first order to as_of
	Windows     []Window          `json:"windows,omitempty"`
	Value       *Value            `json:"lifetime_value,omitempty"`
	NPS         *NPS              `json:"nps,omitempty"`
	Cohorts     []Cohort          `json:"cohorts,omitempty"`
	Stages      *Stages           `json:"stages,omitempty"`
	Funnel      []Step            `json:"funnel,omitempty"`
	Onboarding  []Step            `json:"onboarding,omitempty"`
	SecondOrder []SecondOrder     `json:"second_order,omitempty"`
	Leavers     []Leavers         `json:"leavers,omitempty"`
	Referrals   []Referral        `json:"referrals,omitempty"`
	Complaints  []Theme           `json:"complaints,omitempty"`
	Promotions  []Promotion       `json:"promotions,omitempty"`
	Loyal       *Loyal            `json:"loyal,omitempty"`
	Absent      map[string]string `json:"absent,omitempty"` // section → why it is not there
}

// Share is a part of a whole; Rate is absent when the whole is 0.
type Share struct {
	Part  int64    `json:"part"`
	Whole int64    `json:"whole"`
	Rate  *float64 `json:"rate,omitempty"`
}

func share(part, whole int64) Share {
	return Share{Part: part, Whole: whole, Rate: ratio(float64(part), float64(whole))}
}

// ratio returns nothing for what is no number.
func ratio(a, b float64) *float64 {
	if v := a / b; b != 0 && !math.IsNaN(v) && !math.IsInf(v, 0) {
		return &v
	}
	return nil
}

// Window is the shop in the days before as_of. Repurchase is absent when the
// history is shorter than the window, Retention and Churn when it is shorter
// than two.
type Window struct {
	Days             int      `json:"days"`
	Customers        int64    `json:"customers"`
	Orders           int64    `json:"orders"`
	Spend            float64  `json:"spend"`
	Repurchase       *Share   `json:"repurchase,omitempty"` // customers with two orders and more / with one
	Retention        *Share   `json:"retention,omitempty"`  // customers of the window before who ordered again
	Churn            *Share   `json:"churn,omitempty"`      // those who did not
	Frequency        *float64 `json:"frequency,omitempty"`  // orders / customers
	SpendPerCustomer *float64 `json:"spend_per_customer,omitempty"`
	SpendPerOrder    *float64 `json:"spend_per_order,omitempty"`
}

// Value is what customers have spent since their first order.
type Value struct {
	Customers int64    `json:"customers"`
	Mean      *float64 `json:"mean,omitempty"`        // returns not deducted
	Net       *float64 `json:"mean_net,omitempty"`    // returns deducted
	Tenure    *float64 `json:"mean_tenure,omitempty"` // days since the first order
	TopTenth  *float64 `json:"top_tenth,omitempty"`   // share of all spend by the tenth who spent most
}

// NPS counts the last answer of each customer in the 365 days before as_of.
type NPS struct {
	Answers    int64    `json:"answers"`
	Promoters  int64    `json:"promoters"`       // 9 and 10
	Detractors int64    `json:"detractors"`      // 0 to 6
	Score      *float64 `json:"score,omitempty"` // from −100 to 100
}

// Cohort is the customers whose first order was in a month.
type Cohort struct {
	Month     string  `json:"month"` // such as 2011-03
	Customers int64   `json:"customers"`
	Active    []int64 `json:"active"`   // with an order so many months later; [0] is the month itself
	Complete  int     `json:"complete"` // how many of Active are of months that ended by as_of
}

// Stages is the life cycle: how many are in each stage, and what matters there.
type Stages struct {
	SpanDays int     `json:"span_days"` // between the two looks
	Stages   []Stage `json:"stages"`
}

// Stage is one stage. Metrics that do not belong to it are absent.
type Stage struct {
	State     string `json:"state"`
	Customers int64  `json:"customers"` // at as_of
	Before    int64  `json:"before"`    // a span earlier

	Activity    *Share        `json:"activity,omitempty"`     // of those now in it, with an order in 30 days
	Retention   *Share        `json:"retention,omitempty"`    // of those in it a span earlier, with an order since
	Conversion  *Share        `json:"conversion,omitempty"`   // of those in it a span earlier, now a stage further
	Churn       *Share        `json:"churn,omitempty"`        // of those in it a span earlier, without an order since
	Repurchase  *Share        `json:"repurchase,omitempty"`   // of those now in it, with two orders in 90 days
	WinBack     *Share        `json:"win_back,omitempty"`     // of those lost a span earlier, with an order since
	Value       *float64      `json:"value,omitempty"`        // mean spend so far of those now in it
	NPS         *NPS          `json:"nps,omitempty"`          // of those now in it
	RepeatChurn []RepeatChurn `json:"repeat_churn,omitempty"` // of those who came back
}

// RepeatChurn is who, having come back after being lost, did not order again
// within so many days.
type RepeatChurn struct {
	Days  int   `json:"days"`
	Churn Share `json:"churn"`
}

// Step is one step of the new-customer funnel.
type Step struct {
	Step      string `json:"step"`
	Customers int64  `json:"customers"`
	OfFirst   Share  `json:"of_first"` // of those who signed up
}

// SecondOrder is how many new customers order again, and how soon.
type SecondOrder struct {
	Days       int      `json:"days"`
	Rate       Share    `json:"rate"`
	MedianDays *float64 `json:"median_days,omitempty"`
}

// Leavers are customers of a segment who left, by the last signal before.
type Leavers struct {
	Segment string   `json:"segment"` // new, light, heavy
	Reasons []Reason `json:"reasons"` // always in the same order
}

// Reason is one last signal.
type Reason struct {
	Reason    string  `json:"reason"`
	Customers Share   `json:"customers"` // of the segment's leavers
	Spend     float64 `json:"spend"`
}

// Referral is who signed up on recommendation in the days before as_of.
type Referral struct {
	Days      int      `json:"days"`
	Rate      Share    `json:"rate"`      // referred / signed up
	Bought    Share    `json:"bought"`    // of the referred, those who ordered
	Referrers Share    `json:"referrers"` // distinct referrers / all customers
	Spend     *float64 `json:"spend,omitempty"`
}

// Theme is what complaints are about.
type Theme struct {
	Theme     string `json:"theme"`
	Last30    int64  `json:"complaints_30d"`
	Last90    int64  `json:"complaints_90d"`
	Last365   int64  `json:"complaints_365d"`
	Customers int64  `json:"customers_365d"`
}

// Promotion is sales before, during and after; what is not known yet, or lies
// before the history, is absent.
type Promotion struct {
	ID      string  `json:"promotion_id"`
	Kind    string  `json:"kind"`
	Scope   string  `json:"scope"`
	Start   string  `json:"start"`
	Days    int     `json:"days"`
	Running bool    `json:"running,omitempty"`
	Orders  Phases  `json:"orders"`
	Spend   PhasesF `json:"spend"`
}

// Phases are counts of equally long spans.
type Phases struct {
	Before *int64 `json:"before,omitempty"`
	During int64  `json:"during"`
	After  *int64 `json:"after,omitempty"`
}

// PhasesF are sums of equally long spans.
type PhasesF struct {
	Before *float64 `json:"before,omitempty"`
	During float64  `json:"during"`
	After  *float64 `json:"after,omitempty"`
}

// Loyal is how many customers repurchase as a rule.
type Loyal struct {
	Threshold float64        `json:"threshold"`
	All       Share          `json:"all"`
	Spend     *float64       `json:"share_of_spend,omitempty"` // of the spend of 365 days
	Segments  []LoyalSegment `json:"segments"`
}

// LoyalSegment is the same of one segment.
type LoyalSegment struct {
	Segment string `json:"segment"`
	Loyal   Share  `json:"loyal"`
}
