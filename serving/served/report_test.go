package served

import (
	"context"
	"errors"
	"fmt"
	"math"
	"testing"
	"time"

	"regulars/serving/placement"
)

type events []Event

func (e events) OfLists(_ context.Context, _, _ time.Time, visit func(Event) error) error {
	for _, one := range e {
		if err := visit(one); err != nil {
			return err
		}
	}
	return nil
}

func close2(got *Estimate, value, low, high float64) bool {
	return got != nil && math.Abs(got.Value-value) < 5e-5 && math.Abs(got.Low-low) < 5e-5 && math.Abs(got.High-high) < 5e-5
}

// Newcombe, Statistics in Medicine 17 (1998): 81/263 has the score interval .2553
// to .3662 (two-sided methods, page 861, table I, method 3), and 56/70 − 48/80 the
// interval .0524 to .3339 (page 877, table II, method 10, example a).
func TestIntervals(t *testing.T) {
	if got := wilson(81./263, 263); !close2(got, .3080, .2553, .3662) {
		t.Errorf("81/263: %+v", got)
	}
	if got := difference(wilson(.8, 70), wilson(.6, 80)); !close2(got, .2, .0524, .3339) {
		t.Errorf("56/70 − 48/80: %+v", got)
	}
	for _, n := range []float64{1, 3, 1000} {
		for _, p := range []float64{0, 1} {
			if got := wilson(p, n); got.Low > got.Value || got.High < got.Value || got.Low < 0 || got.High > 1 {
				t.Errorf("%v of %v: %+v", p, n, got)
			}
		}
	}
	if share(nil, func(v visitor) int64 { return v.clicked }) != nil || perList(nil) != nil || difference(nil, wilson(.5, 2)) != nil {
		t.Error("a share of nothing")
	}
}

// The figures are counted by hand.
func TestReport(t *testing.T) {
	set, err := placement.NewSet([]placement.Definition{{Name: "home", Arms: []placement.Arm{{Name: "a", Share: .5}, {Name: "b", Share: .5}}}, {Name: "cart"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	home, _ := set.Find("home")
	cart, _ := set.Find("cart")
	a, b, other := home.Plans()[0], home.Plans()[1], cart.Plans()[0]
	dir := t.TempDir()
	l, _ := begin(t, dir, Options{})
	list := func(id string, p placement.Plan, user, session string) string {
		add(l, Record{ID: p.Sign(id), At: noon, Placement: p.Placement, Arm: p.Arm, User: user, Session: session})
		return p.Sign(id)
	}
	a1, a2 := list("1", a, "u", ""), list("2", a, "u", "s")
	list("3", a, "", "t")
	b1 := list("4", b, "", "")
	gone := list("5", placement.Plan{Placement: "home", Arm: "gone", Code: "zzzzzz"}, "v", "")
	cart1 := list("6", other, "u", "")
	add(l, Record{ID: a.Sign("7"), At: noon.Add(time.Hour), Placement: "home", Arm: "a", User: "late"})
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	bought := func(list, order string, revenue float64) Event {
		return Event{RecommendationID: list, Type: "purchase", OrderID: order, Revenue: revenue, Return: revenue < 0}
	}
	did := func(list, what string) Event { return Event{RecommendationID: list, Type: what} }
	now := func() time.Time { return noon.Add(time.Hour) }
	r := &Reporter{Dir: dir, Set: set, Now: now, Events: events{
		did(a1, "impression"), did(a1, "impression"), did(b1, "impression"), did(a1, "click"), did(a1, "click"), did(a1, "view"),
		bought(a1, "o1", 10), bought(a1, "o1", 5), bought(a2, "o1", 2), bought(a2, "o2", 2), bought(a2, "", 1), bought(a2, "", 1),
		bought(b1, "returned", -4), did(gone, "impression"), did(gone, "click"), bought(gone, "o3", 7),
		bought(cart1, "o9", 99), did("unsigned", "click"), did(a.Sign("7"), "click"), did(a.Sign("never shown"), "click")}}
	got, ok, err := r.Report(context.Background(), "home", noon, noon.Add(time.Hour))
	if err != nil || !ok || len(got.Arms) != 3 {
		t.Fatalf("%+v, %v, %v", got, ok, err)
	}
	for i, want := range []string{"a 3 lists 2 visitors 2 impressions 2 clicks 4 orders 21", "b 1 lists 1 visitors 1 impressions 0 clicks 0 orders -4", "gone 1 lists 1 visitors 1 impressions 1 clicks 1 orders 7"} {
		x := got.Arms[i]
		if s := fmt.Sprintf("%s %d lists %d visitors %d impressions %d clicks %d orders %v", x.Name, x.Lists, x.Visitors, x.Impressions, x.Clicks, x.Orders, x.Revenue); s != want {
			t.Errorf("%s, want %s", s, want)
		}
	}
	first, second := got.Arms[0], got.Arms[1]
	if first.ClickThrough.Value != 1./3 || first.Conversion.Value != 2./3 || first.Difference != nil {
		t.Errorf("%+v", first)
	}
	// Visitor u: 2 lists, 21; t: 1 list, 0. Without u a list brings 0, without t 10.5; it is
	// 7 with both. Student's quantile for one degree of freedom is 12.7062.
	if half := 12.7062047 * math.Sqrt((7*7+3.5*3.5)/2); !close2(first.RevenuePerList, 7, 7-half, 7+half) {
		t.Errorf("revenue %+v", first.RevenuePerList)
	}
	if second.RevenuePerList != nil || second.Difference.RevenuePerList != nil || second.Difference.ClickThrough.Value != -1./3 {
		t.Errorf("%+v, %+v", second, second.Difference)
	}
	if _, ok, err := r.Report(context.Background(), "hall", noon, noon); ok || err != nil {
		t.Errorf("a placement that there is none of: %v, %v", ok, err)
	}
	none, _, err := (&Reporter{Dir: dir, Set: set, Now: now}).Report(context.Background(), "home", noon.AddDate(1, 0, 0), noon.AddDate(2, 0, 0))
	if err != nil || len(none.Arms) != 2 || none.Arms[0].ClickThrough != nil || none.Arms[1].Difference != nil {
		t.Errorf("of no time: %+v, %v", none, err)
	}
	// Of lists whose clicks are forgotten nothing is said.
	r.Now, r.Keep = func() time.Time { return noon.Add(25 * time.Hour) }, 24*time.Hour+30*time.Minute
	kept, _, err := r.Report(context.Background(), "home", noon.AddDate(0, 0, -9), noon.AddDate(0, 0, 2))
	if err != nil || !kept.From.Equal(noon.Add(30*time.Minute)) || kept.Arms[0].Lists != 1 {
		t.Errorf("%+v, %v", kept, err)
	}
	var notKept *NotKeptError
	if _, ok, err = r.Report(context.Background(), "home", noon, noon.Add(time.Minute)); !ok || !errors.As(err, &notKept) || !notKept.Since.Equal(kept.From) {
		t.Errorf("%v, %v", ok, err)
	}
	r.Keep = 1000 * time.Hour * 24
	if kept, _, err = r.Report(context.Background(), "home", noon.AddDate(-1, 0, 0), noon.Add(time.Hour)); err != nil || !kept.From.Equal(noon.Add(25*time.Hour).AddDate(0, 0, -90)) {
		t.Errorf("%v, %v", kept.From, err)
	}
}
