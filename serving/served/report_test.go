package served

import (
	"context"
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
	if got := wilson(81, 263); !close2(got, .3080, .2553, .3662) {
		t.Errorf("81/263: %+v", got)
	}
	if got := difference(wilson(56, 70), wilson(48, 80)); !close2(got, .2, .0524, .3339) {
		t.Errorf("56/70 − 48/80: %+v", got)
	}
	for _, n := range []int64{1, 3, 1000} {
		for _, hits := range []int64{0, n} {
			if got := wilson(hits, n); got.Low > got.Value || got.High < got.Value || got.Low < 0 || got.High > 1 {
				t.Errorf("%d/%d: %+v", hits, n, got)
			}
		}
	}
	if wilson(0, 0) != nil || difference(nil, wilson(1, 2)) != nil {
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
	list("5", placement.Plan{Placement: "home", Arm: "gone", Code: "zzzzzz"}, "v", "")
	cart1 := list("6", other, "u", "")
	add(l, Record{ID: a.Sign("7"), At: noon.Add(time.Hour), Placement: "home", Arm: "a", User: "late"})
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	r := &Reporter{Dir: dir, Set: set, Events: events{
		{a1, "impression", "", 0, false}, {a1, "impression", "", 0, false}, {b1, "impression", "", 0, false}, {a1, "click", "", 0, false}, {a1, "click", "", 0, false}, {a1, "view", "", 0, false},
		{a1, "purchase", "o1", 10, false}, {a1, "purchase", "o1", 5, false}, {a2, "purchase", "o2", 3, false}, {a2, "purchase", "", 1, false}, {a2, "purchase", "", 1, false}, {a2, "purchase", "r2", -2, true}, {b1, "purchase", "", -1, true},
		{cart1, "purchase", "o9", 99, false}, {"unsigned", "click", "", 0, false}, {a.Sign("7"), "click", "", 0, false}, {a.Sign("never shown"), "click", "", 0, false}}}
	got, ok, err := r.Report(context.Background(), "home", noon, noon.Add(time.Hour))
	if err != nil || !ok || len(got.Arms) != 3 {
		t.Fatalf("%+v, %v, %v", got, ok, err)
	}
	for i, want := range []string{"a 3 lists 2 visitors 2 impressions 2 clicks 4 orders 18", "b 1 lists 1 visitors 1 impressions 0 clicks 0 orders -1", "gone 1 lists 1 visitors 0 impressions 0 clicks 0 orders 0"} {
		x := got.Arms[i]
		if s := fmt.Sprintf("%s %d lists %d visitors %d impressions %d clicks %d orders %v", x.Name, x.Lists, x.Visitors, x.Impressions, x.Clicks, x.Orders, x.Revenue); s != want {
			t.Errorf("%s, want %s", s, want)
		}
	}
	first, second := got.Arms[0], got.Arms[1]
	if first.ClickThrough.Value != 1./3 || first.Conversion.Value != 2./3 || first.Difference != nil {
		t.Errorf("%+v", first)
	}
	// Visitor u: 2 lists, 18; t: 1 list, 0. The residuals of 6 a list are 6 and −6.
	if half := z * math.Sqrt(2*6*6*2) / 3; !close2(first.RevenuePerList, 6, 6-half, 6+half) {
		t.Errorf("revenue %+v", first.RevenuePerList)
	}
	if second.RevenuePerList != nil || second.Difference.RevenuePerList != nil || second.Difference.ClickThrough.Value != -1./3 {
		t.Errorf("%+v, %+v", second, second.Difference)
	}
	if _, ok, err := r.Report(context.Background(), "hall", noon, noon); ok || err != nil {
		t.Errorf("a placement that there is none of: %v, %v", ok, err)
	}
	r.Held = func() time.Time { return noon.Add(30 * time.Minute) }
	rest, _, err := r.Report(context.Background(), "home", noon, noon.Add(2*time.Hour))
	if err != nil || !rest.From.Equal(noon.Add(30*time.Minute)) || rest.Arms[0].Lists != 1 || rest.Arms[0].Clicks != 1 {
		t.Errorf("of what is held: %+v, %v", rest, err)
	}
	gone, _, err := r.Report(context.Background(), "home", noon, noon.Add(time.Minute))
	if err != nil || !gone.To.Equal(gone.From) || gone.Arms[0].Lists != 0 {
		t.Errorf("of what is not held any more: %+v, %v", gone, err)
	}
	none, _, err := (&Reporter{Dir: dir, Set: set}).Report(context.Background(), "home", noon.AddDate(1, 0, 0), noon.AddDate(2, 0, 0))
	if err != nil || len(none.Arms) != 2 || none.Arms[0].ClickThrough != nil || none.Arms[1].Difference != nil {
		t.Errorf("of no time: %+v, %v", none, err)
	}
}
