package outlook_test

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"regulars/features/matrix"
	"regulars/models"
	"regulars/models/btyd"
	"regulars/models/hours"
	"regulars/models/response"
	"regulars/training/outlook"
)

// The shop that most tests look at, made once: 1,500 customers over two years.
var (
	years = []int{250, 340, 430, 520, 610, 700}
	made  = sync.OnceValues(func() (*history, []customer) { return simulated(1500, 800, 1) })
)

// shopOf is that shop; later is what came after the last date.
func shopOf(t testing.TB) (*outlook.Input, []customer) {
	t.Helper()
	h, truth := made()
	return h.input(t, years...), truth
}

var options = outlook.Options{Samples: 50, Draws: 150}

var (
	once, onceMore sync.Once
	evaluated      *outlook.Report
	chosen         *outlook.Model
)

// report is that of the shop, made once.
func report(t testing.TB) *outlook.Report {
	t.Helper()
	once.Do(func() {
		in, _ := shopOf(t)
		var err error
		if evaluated, err = outlook.Evaluate(t.Context(), in, options); err != nil {
			t.Fatal(err)
		}
	})
	return evaluated
}

// value is a metric of the model of a target, and of its best baseline.
func value(t testing.TB, r *outlook.Report, target, key string) (model float64, baselines []float64) {
	t.Helper()
	for _, g := range r.Targets {
		if g.Name != target {
			continue
		}
		for _, res := range g.Results {
			m, ok := res.Metrics[key]
			if !ok {
				continue
			}
			// chance adds to a calibration error, the more so in samples of samples
			if m.Low == nil || !(*m.Low <= *m.High) || key != "ece" && !(*m.Low <= m.Value && m.Value <= *m.High) {
				t.Errorf("%s, %s of %s is %+v", target, key, res.Model, m)
			}
			if res.Baseline {
				baselines = append(baselines, m.Value)
			} else {
				model = m.Value
			}
		}
		return model, baselines
	}
	t.Fatalf("the report does not tell of %s: notes %q", target, r.Notes)
	return 0, nil
}

// In a shop in which customers have rates, tastes, hours and channels of their own,
// every part beats its baselines, and what is said comes true as often as said.
func TestReport(t *testing.T) {
	r := report(t)
	for _, c := range []struct {
		target, key string
		higher      bool
	}{
		{"return within 30 days", "log_loss", false}, {"return within 90 days", "log_loss", false}, {"return within 180 days", "log_loss", false},
		{"day of the next order", "median_absolute_error", false}, {"spend if ordering", "deviance", false},
		{"value within the horizon", "mae", false}, {"next category", "log_loss", false}, {"next category", "hit@3", true},
		{"response by email", "log_loss", false}, {"hour", "share", true},
	} {
		got, baselines := value(t, r, c.target, c.key)
		for _, b := range baselines {
			if c.higher && got <= b || !c.higher && got > b {
				t.Errorf("%s: %s is %.4f, of a baseline %.4f", c.target, c.key, got, b)
			}
		}
		if len(baselines) == 0 {
			t.Errorf("%s has no baseline", c.target)
		}
	}
	for target, most := range map[string]float64{"return within 30 days": 0.05, "return within 90 days": 0.05} {
		if ece, _ := value(t, r, target, "ece"); ece > most {
			t.Errorf("%s: calibration error %.3f", target, ece)
		}
	}
	if inside, _ := value(t, r, "day of the next order", "coverage@80%"); math.Abs(inside-0.8) > 0.07 {
		t.Errorf("%.3f of the next orders lie in the 80%% interval", inside)
	}
	if bias, _ := value(t, r, "value within the horizon", "bias"); math.Abs(bias) > 0.2 {
		t.Errorf("values are %.3f too high in all", bias)
	}
}

// fitted is the model of the shop, made once.
func fitted(t testing.TB, in *outlook.Input) *outlook.Model {
	t.Helper()
	onceMore.Do(func() {
		var err error
		if chosen, err = outlook.Fit(t.Context(), in, report(t).Choices, options); err != nil {
			t.Fatal(err)
		}
	})
	return chosen
}

func scores(t testing.TB, m *outlook.Model, in *outlook.Input, workers int) []outlook.Customer {
	t.Helper()
	var out []outlook.Customer
	if err := m.Score(t.Context(), in, workers, func(row int, c *outlook.Customer) error {
		if row != len(out) {
			t.Fatalf("row %d comes at place %d", row, len(out))
		}
		out = append(out, *c)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return out
}

// What is told at the last date comes true in the days after, which nothing has
// seen: orders and their value, by models of features as by gaps and means.
func TestComesTrue(t *testing.T) {
	in, _ := shopOf(t)
	h, _ := made()
	later := h.rows(years[len(years)-1], 10_000).Labels
	rich, err := outlook.Fit(t.Context(), in, outlook.Choices{Returns: "survival", Spend: "tweedie"}, options)
	if err != nil {
		t.Fatal(err)
	}
	for name, m := range map[string]*outlook.Model{"chosen": fitted(t, in), "of features": rich} {
		var told, came, spent, earned float64
		list := scores(t, m, in, 0)
		for i, c := range list {
			told += c.Returns[1]
			spent += c.Spend.Expected
			earned += later.Spend[i]
			if later.Ordered[i] {
				came++
			}
		}
		if n := float64(len(list)); math.Abs(told-came)/n > 0.04 {
			t.Errorf("%s: %.3f were to return, %.3f did", name, told/n, came/n)
		}
		if math.Abs(spent/earned-1) > 0.25 {
			t.Errorf("%s: %.0f were to be spent, %.0f were", name, spent, earned)
		}
	}
}

// The truth behind categories, hours and answers is found.
func TestFindsTheTruth(t *testing.T) {
	in, truth := shopOf(t)
	list := scores(t, fitted(t, in), in, 0)
	var favourite, hour, answers, keen float64
	for _, c := range list {
		u := truth[mustUser(t, in, c.ID)]
		if c.Next[0].Likely[0].Name == fmt.Sprintf("c%d", u.favours) {
			favourite++
		}
		if c.Hour.Hour == u.hour {
			hour++
		}
		if u.answers > 0.1 && c.Response[0].Sent >= 10 {
			answers += c.Response[0].Rate
			keen++
		}
	}
	if n := float64(len(list)); favourite/n < 0.7 || hour/n < 0.3 {
		t.Errorf("the favourite category of %.2f and the hour of %.2f of the customers is found", favourite/n, hour/n)
	}
	if math.Abs(answers/keen-0.5) > 0.07 {
		t.Errorf("those who answer half of their messages get %.3f", answers/keen)
	}
}

func mustUser(t testing.TB, in *outlook.Input, id string) int {
	t.Helper()
	u, err := in.Purchases.Users.Require(id)
	if err != nil {
		t.Fatal(err)
	}
	return int(u)
}

// Returns never fall with the horizon, the course says the same as they do, what is
// expected is the chance times the amount, probabilities are probabilities.
func TestInKeeping(t *testing.T) {
	in, _ := shopOf(t)
	days := outlook.CourseDays()
	for _, c := range scores(t, fitted(t, in), in, 0) {
		if !slices.IsSorted(c.Returns) || len(c.Returns) != 3 || !(c.Returns[0] > 0 && c.Returns[2] < 1) {
			t.Fatalf("%s returns with %v", c.ID, c.Returns)
		}
		down := slices.Clone(c.Course)
		slices.Reverse(down)
		if len(c.Course) != len(days) || !slices.IsSorted(down) {
			t.Fatalf("%s has the course %v", c.ID, c.Course)
		}
		for k, at := range []int{30, 90, 180} {
			if got := float64(c.Course[slices.Index(days, at)]); math.Abs(1-got-c.Returns[k]) > 1e-6 {
				t.Fatalf("%s: no order in %d days %v, an order %v", c.ID, at, got, c.Returns[k])
			}
		}
		p := float64(1 - c.Course[slices.Index(days, horizon)])
		if math.Abs(c.Spend.Expected-p*c.Spend.IfOrder) > 1e-5*c.Spend.IfOrder {
			t.Fatalf("%s spends %+v with probability %v", c.ID, c.Spend, p)
		}
		if c.Value == nil || !(c.Value.Low <= c.Value.High) || !(c.Value.Amount >= 0) || !(c.Value.Low >= 0) {
			t.Fatalf("%s is worth %+v", c.ID, c.Value)
		}
		if len(c.Next) != 2 || len(c.Next[0].Likely) != 3 || c.Next[1].Kind != "price_band" || c.Hour.Hour < 0 || c.Hour.Hour > 23 {
			t.Fatalf("%s: next %+v, hour %+v", c.ID, c.Next, c.Hour)
		}
	}
}

// Values are those of models/btyd for each customer, though shared: the amount
// exactly, the interval about as many futures of the customer's own would give it.
func TestValues(t *testing.T) {
	h, _ := simulated(400, 800, 3)
	in := h.input(t, years[len(years)-1])
	o := options
	o.Draws = 1200
	m, err := outlook.Fit(t.Context(), in, outlook.Choices{}, o)
	if err != nil {
		t.Fatal(err)
	}
	list := scores(t, m, in, 0)
	model := storedValue(t, m, 365)
	sampled, err := model.Sampled(1200, 9)
	if err != nil {
		t.Fatal(err)
	}
	checked, off, bias := 0.0, 0.0, 0.0
	for i := 0; i < len(list); i += 9 {
		row := in.Dates[len(in.Dates)-1].X.Row(i)
		c := btyd.Customer{X: int(row[2]) - 1, T: row[4] / 7}
		if c.X > 0 {
			c.TX, c.Mean = (row[4]-row[0])/7, (row[3]-row[5])/float64(c.X)
		}
		want, err := model.Of(c)
		if err != nil {
			t.Fatal(err)
		}
		if math.Abs(list[i].Value.Amount-want) > 1e-9*want {
			t.Errorf("%s is worth %v, by itself %v", list[i].ID, list[i].Value.Amount, want)
		}
		alone, err := btyd.Prediction(sampled, c, 3)
		if err != nil {
			t.Fatal(err)
		}
		if want > alone.High/8 && alone.High > 0 { // where the chance of any order is not close to that of the end
			l := math.Log(max(list[i].Value.High, 1) / alone.High)
			checked++
			off += math.Abs(l)
			bias += l
		}
	}
	if checked < 10 || off/checked > 0.15 || math.Abs(bias/checked) > 0.08 {
		t.Errorf("upper ends of %v customers are off by %.3f of their logarithm, %.3f in one direction", checked, off/checked, bias/checked)
	}
}

// storedValue is the model of values as its own file tells it.
func storedValue(t testing.TB, m *outlook.Model, days float64) btyd.Value {
	t.Helper()
	dir := t.TempDir()
	if err := m.Save(dir); err != nil {
		t.Fatal(err)
	}
	var s struct {
		Value struct {
			Orders      string      `json:"orders"`
			Parameters  []float64   `json:"parameters"`
			Fitted      btyd.Fitted `json:"fitted"`
			SpendTheta  []float64   `json:"gammagamma_parameters"`
			SpendFitted btyd.Fitted `json:"gammagamma_fitted"`
		} `json:"value"`
	}
	readJSON(t, filepath.Join(dir, "outlook.json"), &s)
	spend, err := btyd.NewGammaGamma(s.Value.SpendTheta, s.Value.SpendFitted)
	if err != nil {
		t.Fatal(err)
	}
	v := btyd.Value{Spend: spend, Horizon: days / 7, Discount: math.Log(1.1) / 52.18}
	if s.Value.Orders == "bgnbd" {
		v.Orders, err = btyd.NewBGNBD(s.Value.Parameters, s.Value.Fitted)
	} else {
		v.Orders, err = btyd.NewParetoNBD(s.Value.Parameters, s.Value.Fitted)
	}
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// What is stored says the same, in the same bytes, whoever fitted it.
func TestStoredAndTheSame(t *testing.T) {
	h, _ := simulated(600, 800, 2)
	in := h.input(t, years[2:]...)
	for _, choices := range []outlook.Choices{{}, {Returns: "survival", Spend: "log"}, {Returns: "survival and gap", Spend: "tweedie"}} {
		one, two := t.TempDir(), t.TempDir()
		o := options
		o.Workers = 1
		m, err := outlook.Fit(t.Context(), in, choices, o)
		if err != nil {
			t.Fatal(err)
		}
		before := runtime.GOMAXPROCS(3)
		again, err := outlook.Fit(t.Context(), in, choices, options)
		runtime.GOMAXPROCS(before)
		if err = errors.Join(err, m.Save(one), again.Save(two)); err != nil {
			t.Fatal(err)
		}
		sameFiles(t, one, two)
		read, err := outlook.Load(one)
		if err != nil {
			t.Fatal(err)
		}
		if want, got := scores(t, m, in, 1), scores(t, read, in, 3); !reflect.DeepEqual(want, got) {
			t.Errorf("choices %+v: stored and read, scores differ", choices)
		}
		if !slices.Equal(read.Notes, m.Notes) || read.AsOf != m.AsOf {
			t.Errorf("stored and read: %v with %q, was %v with %q", read.AsOf, read.Notes, m.AsOf, m.Notes)
		}
	}
}

func sameFiles(t *testing.T, a, b string) {
	t.Helper()
	entries, err := os.ReadDir(a)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		x, err := os.ReadFile(filepath.Join(a, e.Name()))
		y, err2 := os.ReadFile(filepath.Join(b, e.Name()))
		if err != nil || err2 != nil || !slices.Equal(x, y) {
			t.Errorf("%s differs between one core and more (%v, %v)", e.Name(), err, err2)
		}
	}
}

// A file that is missing, cut or spoiled is an error, never a model.
func TestLoadRefuses(t *testing.T) {
	in, _ := shopOf(t)
	whole := t.TempDir()
	m, err := outlook.Fit(t.Context(), in, outlook.Choices{Returns: "survival", Spend: "tweedie"}, options)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Save(whole); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"outlook.json", "survival.parquet", "spend.txt", "shares.parquet"} {
		for _, spoil := range []func(path string) error{os.Remove, func(path string) error { return os.Truncate(path, 40) }} {
			dir := t.TempDir()
			if err := os.CopyFS(dir, os.DirFS(whole)); err != nil {
				t.Fatal(err)
			}
			if err := spoil(filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
			if _, err := outlook.Load(dir); err == nil {
				t.Errorf("without a whole %s there is a model", name)
			}
		}
	}
	text, err := os.ReadFile(filepath.Join(whole, "outlook.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, change := range [][2]string{{`"days": 90`, `"days": 900`}, {`"kind": "tweedie"`, `"kind": "guess"`}, {`"half_life_days": `, `"half_life_days": -`},
		{`"as_of": "`, `"as_of": "x`}, {`"orders": "`, `"orders": "x`}, {`"scale": `, `"scale": -`}, {`"value_days": `, `"value_days": -`}, {`"Bandwidth": `, `"Bandwidth": 9`}} {
		dir := t.TempDir()
		changed := strings.Replace(string(text), change[0], change[1], 1)
		if changed == string(text) {
			t.Fatalf("there is no %s in %s", change[0], text)
		}
		if err := errors.Join(os.CopyFS(dir, os.DirFS(whole)), os.WriteFile(filepath.Join(dir, "outlook.json"), []byte(changed), 0o644)); err != nil {
			t.Fatal(err)
		}
		if _, err := outlook.Load(dir); err == nil {
			t.Errorf("with %s there is a model", change[1])
		}
	}
}

// Whatever happens after the last date but one is not looked at when choices are
// made: the same choices come out of another future.
func TestChoicesDoNotPeek(t *testing.T) {
	h, _ := made()
	test := years[len(years)-2]
	other := *h
	other.orders = slices.DeleteFunc(slices.Clone(h.orders), func(o order) bool { return o.day >= test && o.user%3 > 0 })
	for i, o := range other.orders {
		if o.day >= test {
			other.orders[i].item, other.orders[i].hour, other.orders[i].spend = (o.item+7)%h.items, 3, o.spend*9
		}
	}
	in := other.input(t, years...)
	got, err := outlook.Evaluate(t.Context(), in, options)
	if err != nil {
		t.Fatal(err)
	}
	want := report(t)
	if !reflect.DeepEqual(got.Choices.Next["category"], want.Choices.Next["category"]) || got.Choices.Returns != want.Choices.Returns ||
		got.Choices.Spend != want.Choices.Spend || !reflect.DeepEqual(got.Choices.Hours, want.Choices.Hours) {
		t.Errorf("choices %+v with another future, %+v with this", got.Choices, want.Choices)
	}
	a, _ := value(t, want, "return within 30 days", "log_loss")
	if b, _ := value(t, got, "return within 30 days", "log_loss"); a == b {
		t.Error("another future gives the same figures: nothing was tested")
	}
}

// A small, young shop is told of by gaps and means, and what is missing is absent
// with a note.
func TestLadder(t *testing.T) {
	h, _ := simulated(60, 260, 4)
	in := h.input(t, 250)
	in.Kinds, in.Prices, in.Dates[0].Hours, in.Dates[0].Channels = nil, nil, nil, nil
	if _, err := outlook.Evaluate(t.Context(), in, options); !errors.Is(err, models.ErrNoData) {
		t.Errorf("one date is evaluated: %v", err)
	}
	m, err := outlook.Fit(t.Context(), in, outlook.Choices{}, options)
	if err != nil {
		t.Fatal(err)
	}
	notes := strings.Join(m.Notes, "\n")
	for _, want := range []string{"next order: told by the gaps", "spend is not told", "next kinds is not told", "response is not told: no messages are known", "hour is not told", "too few customers and dates to calibrate [7 14 30 90 180] days"} {
		if !strings.Contains(notes, want) {
			t.Errorf("no note says %q:\n%s", want, notes)
		}
	}
	for _, c := range scores(t, m, in, 2) {
		if c.Spend != nil || c.Next != nil || c.Response != nil || c.Hour != nil || len(c.Returns) != 3 || c.Value == nil {
			t.Fatalf("scores %+v", c)
		}
	}
	dates := h.input(t, 70, 160, 250)
	r, err := outlook.Evaluate(t.Context(), dates, options)
	if err != nil {
		t.Fatal(err)
	}
	if r.Choices.Returns != "gap" {
		t.Errorf("60 customers are told of by %s", r.Choices.Returns)
	}
	if m, err = outlook.Fit(t.Context(), dates, outlook.Choices{Returns: "survival", Spend: "tweedie"}, options); err != nil {
		t.Fatal(err)
	}
	notes = strings.Join(m.Notes, "\n")
	if !strings.Contains(notes, "next order: told by the gaps") || !strings.Contains(notes, "spend: told by the own-mean") {
		t.Errorf("notes of a shop too small for what was chosen:\n%s", notes)
	}
}

// A channel that the input no longer has is told by its mean, with nothing sent.
func TestNothingSent(t *testing.T) {
	in, _ := shopOf(t)
	m := fitted(t, in)
	in.Dates[len(in.Dates)-1].Channels = nil
	list := scores(t, m, in, 0)
	for _, c := range list {
		if r := c.Response[0]; r.Sent != 0 || r.Rate != list[0].Response[0].Rate {
			t.Fatalf("%s answers with %+v", c.ID, r)
		}
	}
}

func TestChannelsOf(t *testing.T) {
	x := &matrix.Dense{Names: []string{"email_received", "email_clicked", "email_ordered", "sms_received", "sms_clicked", "sms_ordered", "push_received", "push_clicked", "push_ordered"},
		Rows: 2, Data: []float64{4, 1, 3, 2, 0, 1, 0, 0, 0, math.NaN(), math.NaN(), math.NaN(), 1, 0, 0, math.NaN(), math.NaN(), math.NaN()}}
	want := []outlook.Channel{{Name: "email", Tallies: []response.Tally{{Sent: 4, Answered: 1}, {}}}, {Name: "sms", Tallies: []response.Tally{{Sent: 2, Answered: 1}, {Sent: 1}}}}
	if got := outlook.ChannelsOf(x); !reflect.DeepEqual(got, want) {
		t.Errorf("channels %+v, want %+v", got, want)
	}
}

func TestRefuses(t *testing.T) {
	h, _ := simulated(80, 300, 5)
	for _, c := range []struct {
		name  string
		spoil func(in *outlook.Input, o *outlook.Options, c *outlook.Choices)
		want  string
	}{
		{"no dates", func(in *outlook.Input, _ *outlook.Options, _ *outlook.Choices) { in.Dates = nil }, "0 dates"},
		{"no purchases", func(in *outlook.Input, _ *outlook.Options, _ *outlook.Choices) { in.Purchases = nil }, "purchases"},
		{"dates too close", func(in *outlook.Input, _ *outlook.Options, _ *outlook.Choices) { in.Horizon = 91 }, "comes less than 91 days after"},
		{"ids out of order", func(in *outlook.Input, _ *outlook.Options, _ *outlook.Choices) { slices.Reverse(in.Dates[1].IDs) }, "does not come after"},
		{"a stranger", func(in *outlook.Input, _ *outlook.Options, _ *outlook.Choices) {
			in.Dates[1].IDs[len(in.Dates[1].IDs)-1] = "zoe"
		}, `customer "zoe" of the rows`},
		{"an infinity", func(in *outlook.Input, _ *outlook.Options, _ *outlook.Choices) { in.Dates[1].X.Data[3] = math.Inf(1) }, `column "monetary" of customer`},
		{"hours of others", func(in *outlook.Input, _ *outlook.Options, _ *outlook.Choices) {
			in.Dates[1].Hours = make([]hours.Histogram, 1)
		}, "hours of 1 customers"},
		{"messages to others", func(in *outlook.Input, _ *outlook.Options, _ *outlook.Choices) { in.Dates[1].Channels[0].Tallies = nil }, "messages by email to 0"},
		{"labels of others", func(in *outlook.Input, _ *outlook.Options, _ *outlook.Choices) { in.Dates[0].Labels.IDs[0] = "a" }, "labels are of other customers"},
		{"spend that is no number", func(in *outlook.Input, _ *outlook.Options, _ *outlook.Choices) {
			for i := range in.Dates[0].Labels.Spend {
				in.Dates[0].Labels.Spend[i] = math.NaN()
			}
		}, "spent NaN"},
		{"kinds of other items", func(in *outlook.Input, _ *outlook.Options, _ *outlook.Choices) { in.Kinds[0].Of = nil }, "category is given for 0 of 20 items"},
		{"prices of other items", func(in *outlook.Input, _ *outlook.Options, _ *outlook.Choices) { in.Prices = in.Prices[1:] }, "prices are given for 19 of 20"},
		{"a purchase to come", func(in *outlook.Input, _ *outlook.Options, _ *outlook.Choices) { in.Purchases.Events.Day[0] = 5000 }, "which is not before"},
		{"more answers than messages", func(in *outlook.Input, _ *outlook.Options, _ *outlook.Choices) {
			in.Dates[1].Channels[0].Tallies[0].Answered = 1000
		}, "1000 answered"},
		{"horizons", func(_ *outlook.Input, o *outlook.Options, _ *outlook.Choices) { o.Horizons = []int{30, 30} }, "outlook.Horizons"},
		{"rate", func(_ *outlook.Input, o *outlook.Options, _ *outlook.Choices) {
			rate := -0.1
			o.DiscountRate = &rate
		}, "outlook.DiscountRate is -0.1"},
		{"draws", func(_ *outlook.Input, o *outlook.Options, _ *outlook.Choices) { o.Draws = -1 }, "outlook.Draws is -1"},
		{"workers", func(_ *outlook.Input, o *outlook.Options, _ *outlook.Choices) { o.Workers = -1 }, "outlook.Workers is -1"},
		{"a family", func(_ *outlook.Input, _ *outlook.Options, c *outlook.Choices) { c.Returns = "oracle" }, "Choices.Returns is oracle"},
		{"a kind of spend", func(_ *outlook.Input, _ *outlook.Options, c *outlook.Choices) { c.Spend = "oracle" }, "Choices.Spend is oracle"},
	} {
		in, o, choices := h.input(t, 200, 290), options, outlook.Choices{}
		c.spoil(in, &o, &choices)
		if _, err := outlook.Fit(t.Context(), in, choices, o); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q in it", c.name, err, c.want)
		}
	}
}

// Without the columns that a model reads there is an error at scoring that says so.
func TestOtherColumns(t *testing.T) {
	in, _ := shopOf(t)
	m := fitted(t, in)
	last := &in.Dates[len(in.Dates)-1]
	last.X = last.X.Select([]int{0, 1, 2, 3, 4, 5})
	err := m.Score(t.Context(), in, 0, func(int, *outlook.Customer) error { return nil })
	if !errors.Is(err, models.ErrColumns) {
		t.Errorf("other columns give %v", err)
	}
	in, _ = shopOf(t)
	stop := errors.New("enough")
	if err := m.Score(t.Context(), in, 0, func(int, *outlook.Customer) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("an error of emit ends in %v", err)
	}
}
