package served

import (
	"math"
	"math/rand/v2"
	"strconv"
	"testing"

	"regulars/serving/placement"
)

// shop draws what visitors do in one arm: how many lists each sees, how many of
// ten they click and which of them end in an order.
type shop struct {
	visitors int
	lists    func(r *rand.Rand) int
	clicks   func(r *rand.Rand) float64 // the click rate of a visitor
}

// TestCoverage shows both arms alike to visitors who each have a click rate of
// their own, most few lists and some very many: in 95% of the trials the difference
// must hold 0, and each interval the rate that the shop has in the long run.
func TestCoverage(t *testing.T) {
	heavy := func(r *rand.Rand) int { return 1 + int(min(math.Pow(1-r.Float64(), -1/1.3)-1, 60)) }
	own := func(r *rand.Rand) float64 { // Beta(1, 4), of mean .2, by order statistics
		x := 1.0
		for range 4 {
			x = min(x, r.Float64())
		}
		return x
	}
	once := func(*rand.Rand) int { return 1 }
	for name, s := range map[string]shop{
		"few visitors of many lists": {25, heavy, own},
		"visitors of many lists":     {120, heavy, own},
		"one list each":              {200, once, own},
		"everybody alike":            {100, heavy, func(*rand.Rand) float64 { return .2 }},
	} {
		t.Run(name, func(t *testing.T) {
			const trials = 300
			random := rand.New(rand.NewPCG(7, 11))
			type count struct{ told, held float64 }
			counts := map[string]count{}
			note := func(what string, e *Estimate, truth float64) {
				if n := counts[what]; e != nil {
					n.told++
					if e.Low <= truth && truth <= e.High {
						n.held++
					}
					counts[what] = n
				}
			}
			for range trials {
				arms := s.trial(t, random)
				note("clicks", arms[0].ClickThrough, .2)
				note("orders", arms[0].Conversion, .05)
				note("revenue", arms[0].RevenuePerList, .05*20)
				note("difference of clicks", arms[1].Difference.ClickThrough, 0)
				note("difference of orders", arms[1].Difference.Conversion, 0)
				note("difference of revenue", arms[1].Difference.RevenuePerList, 0)
			}
			for what, n := range counts {
				least := .91 // three standard errors of the share, .038, below .95
				if what == "revenue" {
					least = .85 // money is skewed, and here some ten orders of an arm are all there is
				}
				if share := n.held / n.told; share < least || n.told < trials/2 {
					t.Errorf("%s: %.3f of %v intervals hold the truth", what, share, n.told)
				}
			}
		})
	}
}

// trial is a report on two arms of which neither is better.
func (s shop) trial(t *testing.T, random *rand.Rand) []Arm {
	t.Helper()
	set, err := placement.NewSet([]placement.Definition{{Name: "home", Arms: []placement.Arm{{Name: "a", Share: .5}, {Name: "b", Share: .5}}}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	home, _ := set.Find("home")
	c := newCounting(set, home)
	for i := range home.Plans() {
		plan := &home.Plans()[i]
		for v := range s.visitors {
			rate, who := s.clicks(random), plan.Arm+strconv.Itoa(v)+"x"
			for n := range s.lists(random) {
				id := plan.Sign(who + strconv.Itoa(n))
				if random.Float64() < rate {
					c.event(Event{RecommendationID: id, Type: typeClick})
					if random.Float64() < .25 {
						c.event(Event{RecommendationID: id, Type: typePurchase, OrderID: id, Revenue: 40 * random.Float64()})
					}
				}
				c.list(&Record{ID: id, Placement: plan.Placement, Arm: plan.Arm, User: who})
			}
		}
	}
	return c.finish()
}
