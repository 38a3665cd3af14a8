package ranking

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"regulars/data/interactions"
	"regulars/models"
	"regulars/training/options"
)

// Whatever value a fit on real data refuses, the check must refuse before any
// data is read, by the name that it was set by.
func TestCheckSettingsAgreesWithFit(t *testing.T) {
	s := shop(t, 20, 10, 60)
	s.Items = &interactions.Items{}
	for i := range 10 {
		s.Items.IDs, s.Items.Title = append(s.Items.IDs, fmt.Sprint("i", i)), append(s.Items.Title, fmt.Sprint("thing ", i%2))
	}
	s.Group, s.Groups = make([]int32, s.Events.Users), 1
	refused := 0
	for _, f := range Families() {
		for _, option := range options.Names(f.Options) {
			for _, value := range []string{"-1000000000", "nonsense"} {
				set := options.Setting{Model: f.Name, Option: option, Value: value}
				o, err := f.With(append(cheap(f), set))
				if err != nil {
					continue // not even of the right kind
				}
				_, err = f.Fit(t.Context(), &s.Data, s.Now, o, Run{Seed: 1})
				var wrong *models.OptionError
				late := errors.As(err, &wrong)
				early := CheckSettings([]options.Setting{set})
				if late != (early != nil) {
					t.Errorf("%v: fitting gives %v, checking %v", set, err, early)
				}
				if early != nil && !strings.HasPrefix(early.Error(), f.Name+"."+option+" is ") {
					t.Errorf("%v is refused by %q", set, early)
				}
				if late {
					refused++
				}
			}
		}
		if err := CheckSettings([]options.Setting{{Model: f.Name, Option: "nothing", Value: "1"}}); err == nil {
			t.Errorf("%s takes an option that it does not have", f.Name)
		}
	}
	if refused < 40 {
		t.Errorf("only %d values were refused: the test tests nothing", refused)
	}
	if err := CheckSettings([]options.Setting{{Model: "blend", Option: "sources", Value: "repeat, repeat"}}); err == nil || !strings.Contains(err.Error(), "without naming repeat twice") {
		t.Errorf("a source named twice gives %v", err)
	}
}

func TestCheckUsed(t *testing.T) {
	set := func(text string) []options.Setting {
		out, err := options.Parse(strings.Fields(text))
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	for _, c := range []struct {
		families []string
		settings string
		want     string
	}{
		{[]string{"ials"}, "ials.factors=3 popular.window_days=9", ""},
		{[]string{"all"}, "ease.l2=3 tifuknn.alpha=0.2", ""},
		{[]string{"ials"}, "ease.l2=1", "ease.l2=1: ease is not among the models to measure: popular, popular-recent, personal, ials"},
		{[]string{"blend"}, "ease.l2=1", ""},
		{[]string{"blend"}, "tifuknn.alpha=0.2", "tifuknn is not among"},
		{[]string{"blend"}, "tifuknn.alpha=0.2 blend.sources=repeat,tifuknn", ""},
		{[]string{"blend"}, "ease.l2=1 blend.sources=repeat,tifuknn", "ease is not among"},
	} {
		err := CheckUsed(find(t, c.families...), set(c.settings))
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s of %v: %v, want %q", c.settings, c.families, err, c.want)
		}
	}
}

// What was measured before a family failed is not lost.
func TestEvaluateKeepsWhatIsFinished(t *testing.T) {
	broken := Family{Family: options.NewFamily[struct{}]("broken"), fit: func(context.Context, *Data, int32, any, Run) (models.Recommender, error) {
		return nil, errors.New("it broke")
	}}
	report, err := Evaluate(t.Context(), Request{Split: shop(t, 40, 12, 60), Families: append(find(t, "itemknn"), broken), Ks: []int{3}, Must: true})
	if err == nil || !strings.Contains(err.Error(), "broken: it broke") || report == nil || len(report.Results) != 4 || report.Results[0].Model != "itemknn" {
		t.Errorf("report %+v, %v", report, err)
	}
}
