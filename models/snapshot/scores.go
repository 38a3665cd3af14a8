package snapshot

// Scores is what the models say of one customer. What was not computed is nil or
// empty. Amounts are in units of Info.Currency.
type Scores struct {
	Churn             *Churn  // nil for a customer without orders; Note says why
	ReturnProbability float64 // 1 − churn probability; counts only where Churn is set
	Lapsed            bool    // gone already: the return probability is the recall score
	RFM               *RFM    // nil for a customer without orders
	Note              string

	Stage  string // life-cycle state, such as "growth"
	Method string // which rung of the ladder gave the churn probability, such as "gbdt": a key of Info.Methods

	Returns []float64 // probability of an order within Info.Horizons[i] days; none or one a horizon, never decreasing
	// Course is the probability of no order yet at the end of Info.CourseDays[i]
	// days after as_of; none or one a day of the grid, never rising.
	Course []float32

	SpendIfOrder *float64 // expected spend in the horizon if they order
	Spend        *float64 // expected spend in the horizon
	ValueAtRisk  *float64 // churn probability × SpendIfOrder
	Value        *Range   // lifetime value over Info.ValueDays

	Next     []NextKind      // what the next order is likely of: up to three kinds
	Response []Response      // by channel
	Hour     *Hour           // best local hour to write
	Reasons  []FeatureReason // of the churn probability: up to three, the strongest first
}

// Churn is the calibrated probability of no order within the horizon.
type Churn struct {
	Probability float64 // in [0, 1]
	Percentile  float64 // share of customers with a lower probability, in [0, 1]
	Band        string  // such as "low"
}

// RFM is recency, frequency and monetary value at as_of.
type RFM struct {
	RecencyDays float64 // since the last order
	Orders      int64
	Spend       float64 // in units of Info.Currency
}

// Range is an expected amount and the interval that it is given with. The
// expectation of a skewed amount may lie outside.
type Range struct{ Amount, Low, High float64 }

// Kinds of what the next order is of.
const (
	NextCategory  = "category"
	NextBrand     = "brand"
	NextPriceBand = "price_band"
)

// NextKind is what of one kind the next order is likely of: up to three, the
// likeliest first.
type NextKind struct {
	Kind   string // NextCategory, NextBrand or NextPriceBand
	Likely []Likely
}

// Likely is one of several possibilities.
type Likely struct {
	Name        string
	Probability float32
}

// Response is how likely a message by a channel is to be answered.
type Response struct {
	Channel     string
	Probability float32
	Sent        int64 // messages to this customer that it rests on
}

// Hour is an hour of the day in the customer's time.
type Hour struct {
	Hour  int     // 0 to 23
	Share float32 // of the customer's activity that is expected in it
}

// FeatureReason says what one feature adds to the churn probability.
type FeatureReason struct {
	Feature      int       // index into Info.Features
	Contribution float32   // to the log-odds of churn
	Values       []float64 // the feature's own, then those of its With; NaN = not known
}

// Feature documents a feature that reasons are about.
type Feature struct {
	Name string   `json:"name"`
	Unit string   `json:"unit,omitempty"`
	Doc  string   `json:"doc,omitempty"`
	With []string `json:"with,omitempty"` // other features whose values stand beside its own
}

// Rate is the share of customers that is expected to churn in the horizon.
type Rate struct {
	AsOf string  `json:"as_of,omitempty"` // the day that it was expected for
	Rate float64 `json:"rate"`
	Low  float64 `json:"low"`
	High float64 `json:"high"`
	Rule string  `json:"rule,omitempty"` // that it was forecast by
}

// Limits of scores.
const (
	maxNext      = 3 // kinds, and names of a kind
	maxReasons   = 3
	maxChannels  = 64
	maxGrid      = 64    // horizons, or days of the course
	maxDays      = 36500 // that anything looks ahead
	maxFeatures  = 1 << 16
	maxWith      = 16
	maxWordBytes = 512
)
