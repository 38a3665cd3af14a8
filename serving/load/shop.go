package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"

	"regulars/data/durable"
	"regulars/models"
	"regulars/models/snapshot"
)

// shop is a synthetic shop. Every customer has 100 candidates, two lists of 50,
// a group, scores and a profile; every item what sells beside it and factors.
type shop struct {
	customers, items int
}

const (
	candidates = 100
	behind     = 50 // of each further list
	width      = 64 // of factors
)

var (
	strategies = []string{"blend", "repeat", "ials", "rules", "popular-region"}
	regions    = []string{"north", "east", "south", "west"}
	courseDays = []int{7, 14, 21, 30, 45, 60, 75, 90, 120, 150, 180, 240, 300, 365, 545, 730}
)

// publish makes the snapshots of the shop below root, as of two days, unless
// they are there, and returns their versions.
func (s shop) publish(root string) (versions [2]string, err error) {
	for i := range versions {
		note := filepath.Join(root, fmt.Sprintf("load-%d", i))
		if found, err := os.ReadFile(note); err == nil {
			versions[i] = string(found)
			continue
		}
		if versions[i], err = snapshot.Publish(root, durable.FS{}, s.info(i), s.fill); err != nil {
			return versions, err
		}
		if err := os.WriteFile(note, []byte(versions[i]), 0o644); err != nil {
			return versions, err
		}
	}
	return versions, nil
}

func (s shop) info(day int) snapshot.Info {
	asOf := fmt.Sprintf("2026-01-%02dT00:00:00Z", day+1)
	return snapshot.Info{CreatedAt: asOf, AsOf: asOf, Models: map[string]string{"blend": "v1", "ials": "v2", "churn": "v3"},
		Recommender: "blend", Similar: "ials", Propensity: "churn", Outlook: "churn", HorizonDays: 90, Currency: "GBP",
		Strategies: strategies, Main: "blend",
		Lists:     []snapshot.ListKind{{Strategy: "repeat"}, {Strategy: "ials", Role: "ials"}, {Strategy: "popular-region", Groups: regions}},
		ItemLists: []snapshot.ListKind{{Strategy: "ials", Also: []string{"similar"}, Role: "ials"}, {Strategy: "rules"}},
		Horizons:  []int{30, 90, 180}, CourseDays: courseDays, ValueDays: 365, ValueDiscount: .1,
		Features: []snapshot.Feature{{Name: "recency_days", Unit: "days", With: []string{"next_order_elapsed_ratio"}}, {Name: "orders"}, {Name: "mean_order_value"}},
		Methods:  map[string]string{"gbdt": "it was the best"}, BaseRate: &snapshot.Rate{Rate: .5, Low: .4, High: .6},
		UserFields: []snapshot.Field{{Name: "signed_up_at", Kind: snapshot.Time}, {Name: "region", Kind: snapshot.String}, {Name: "tier", Kind: snapshot.String},
			{Name: "points", Kind: snapshot.Number}, {Name: "opt_out", Kind: snapshot.Bool}, {Name: "orders", Kind: snapshot.Number},
			{Name: "spend", Kind: snapshot.Number}, {Name: "aov", Kind: snapshot.Number}, {Name: "consent_email", Kind: snapshot.Bool}}}
}

func (s shop) fill(w *snapshot.Writer) error {
	random := rand.New(rand.NewPCG(1, 2))
	if err := errors.Join(w.Items(s.catalogue(random)), w.Factors(s.factors(random)), w.Popular(s.list(random, 1000))); err != nil {
		return err
	}
	for i := range s.items {
		if err := w.Similar(int32(i), s.list(random, 50), s.list(random, 20)); err != nil {
			return err
		}
	}
	groups := make([][]snapshot.Candidate, len(regions))
	for i := range groups {
		groups[i] = s.list(random, behind)
	}
	if err := w.Grouped(2, groups); err != nil {
		return err
	}
	for u := range s.customers {
		if err := w.User(string(appendID(nil, 'c', u)), s.customer(random, u)); err != nil {
			return err
		}
	}
	return nil
}

// catalogue has prices from 1 to 200, of which a third is below 50, and one item
// in twenty out of stock.
func (s shop) catalogue(random *rand.Rand) []snapshot.Item {
	list := make([]snapshot.Item, s.items)
	for i := range list {
		list[i] = snapshot.Item{ID: string(appendID(nil, 'i', i)), Title: fmt.Sprintf("A pot of tea of sort %d", i),
			Brand: fmt.Sprintf("brand %d", i%997), Category: fmt.Sprintf("category %d", i%53), InStock: random.IntN(20) > 0,
			Price: math.Round(100*math.Exp(random.Float64()*math.Log(200))) / 100, Tags: []string{"gift", "new"}[:i%3],
			From: snapshot.Undated, AvailableFrom: snapshot.Undated}
	}
	return list
}

func (s shop) factors(random *rand.Rand) (snapshot.FactorKind, []float32) {
	values := make([]float32, s.items*width)
	for i := range values {
		values[i] = float32(random.NormFloat64() / 8)
	}
	return snapshot.FactorKind{Role: "ials", Width: width, Options: json.RawMessage(`{"Factors":64}`)}, values
}

// list draws n items without repetition, best first.
func (s shop) list(random *rand.Rand, n int) []snapshot.Candidate {
	out := make([]snapshot.Candidate, min(n, s.items))
	at, step := random.IntN(s.items), 1+random.IntN(max(s.items/len(out)-1, 1))
	for i := range out {
		out[i] = snapshot.Candidate{Item: int32((at + i*step) % s.items), Score: 1 - float32(i)/float32(2*n), Strategy: uint8(i % 4), Reason: s.reason(random)}
	}
	return out
}

// reason is one of those that candidates come with in real shops.
func (s shop) reason(random *rand.Rand) snapshot.Reason {
	switch random.IntN(4) {
	case 0:
		return snapshot.Reason{Kind: models.ReasonUsual, Of: int32(7 + random.IntN(80))}
	case 1:
		return snapshot.Reason{Kind: models.ReasonTogether, Of: int32(random.IntN(s.items))}
	case 2:
		return snapshot.Reason{}
	}
	return snapshot.Reason{Kind: models.ReasonBought, Of: int32(random.IntN(s.items))}
}

func (s shop) customer(random *rand.Rand, u int) snapshot.User {
	orders, spend := 1+random.IntN(40), 20+random.Float64()*5000
	return snapshot.User{Candidates: s.list(random, candidates), Lists: [][]snapshot.Candidate{s.list(random, behind), s.list(random, behind)},
		Groups: []int32{0, 0, int32(random.IntN(len(regions) + 1))}, Bought: s.bought(random), Scores: scoresOf(random, orders, spend),
		Profile: []snapshot.Value{snapshot.TimeValue(1.7e15 + float64(u)), snapshot.StringValue(regions[random.IntN(4)]), snapshot.StringValue("gold"),
			snapshot.NumberValue(float64(random.IntN(9000))), snapshot.BoolValue(random.IntN(100) == 0), snapshot.NumberValue(float64(orders)),
			snapshot.NumberValue(spend), snapshot.NumberValue(spend / float64(orders)), snapshot.BoolValue(random.IntN(2) == 0)}}
}

// bought are up to 20 items, ascending.
func (s shop) bought(random *rand.Rand) []int32 {
	out, at := make([]int32, 0, 20), 0
	for range 1 + random.IntN(20) {
		if at += 1 + random.IntN(max(s.items/25, 1)); at >= s.items {
			break
		}
		out = append(out, int32(at))
	}
	return out
}

func scoresOf(random *rand.Rand, orders int, spend float64) *snapshot.Scores {
	churn, next := random.Float64()*.98+.01, spend/float64(orders)
	atRisk, expected := churn*next, (1-churn)*next
	course := make([]float32, len(courseDays))
	for i, d := range courseDays {
		course[i] = float32(math.Exp(-float64(d) / 200))
	}
	likely := func(name string) []snapshot.Likely {
		return []snapshot.Likely{{Name: name + " 1", Probability: .4}, {Name: name + " 2", Probability: .2}, {Name: name + " 3", Probability: .1}}
	}
	return &snapshot.Scores{Churn: &snapshot.Churn{Probability: churn, Percentile: churn, Band: []string{"low", "medium", "high"}[int(churn*3)]},
		ReturnProbability: 1 - churn, RFM: &snapshot.RFM{RecencyDays: float64(random.IntN(300)), Orders: int64(orders), Spend: spend},
		Stage: "growth", Method: "gbdt", Returns: []float64{(1 - churn) / 2, 1 - churn, 1 - churn/2}, Course: course,
		SpendIfOrder: &next, Spend: &expected, ValueAtRisk: &atRisk, Value: &snapshot.Range{Amount: 4 * next, Low: next, High: 9 * next},
		Next:     []snapshot.NextKind{{Kind: snapshot.NextCategory, Likely: likely("category")}, {Kind: snapshot.NextBrand, Likely: likely("brand")}},
		Response: []snapshot.Response{{Channel: "email", Probability: .12, Sent: 40}, {Channel: "sms", Probability: .05}},
		Hour:     &snapshot.Hour{Hour: random.IntN(24), Share: .17},
		Reasons: []snapshot.FeatureReason{{Feature: 0, Contribution: -.75, Values: []float64{82, 2.6}},
			{Feature: 1, Contribution: .4, Values: []float64{float64(orders)}}, {Feature: 2, Contribution: -.1, Values: []float64{next}}}}
}
