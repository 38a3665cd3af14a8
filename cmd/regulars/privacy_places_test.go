package main

import (
	"encoding/json"
	"math"
	"testing"

	"regulars/models/snapshot"
)

// What is not known of a customer is told as such: a value that JSON has no word for
// would keep them from being told what is held, and from being erased.
func TestScoresHeldHaveUnknownValues(t *testing.T) {
	atRisk := 12.5
	s := &snapshot.Scores{
		Churn: &snapshot.Churn{Probability: 0.25, Percentile: math.NaN(), Band: "low"}, RFM: &snapshot.RFM{RecencyDays: 3, Orders: 6, Spend: 0.1},
		Course: []float32{0.9, 0.7}, ValueAtRisk: &atRisk, Next: []snapshot.NextKind{{Kind: "brand", Likely: []snapshot.Likely{{Name: "绿茶", Probability: 0.3}}}},
		Reasons: []snapshot.FeatureReason{{Feature: 1, Contribution: -0.5, Values: []float64{4, math.NaN()}}},
	}
	text, err := json.Marshal(scoresOf(s, []snapshot.Feature{{Name: "orders"}, {Name: "gap_mean_days"}}))
	want := `{"churn":{"band":"low","percentile":null,"probability":0.25},"course":[0.9,0.7],"hour":null,"lapsed":false,"method":"",` +
		`"next":[{"kind":"brand","likely":[{"name":"绿茶","probability":0.3}]}],"note":"",` +
		`"reasons":[{"contribution":-0.5,"feature":"gap_mean_days","values":[4,null]}],"response":null,"return_probability":0,"returns":null,` +
		`"rfm":{"orders":6,"recency_days":3,"spend":0.1},"spend":null,"spend_if_order":null,"stage":"","value":null,"value_at_risk":12.5}`
	if err != nil || string(text) != want {
		t.Errorf("%v, told\n%s, want\n%s", err, text, want)
	}
	if none := scoresOf(nil, nil); none != nil {
		t.Errorf("of no scores %v is told", none)
	}
}
