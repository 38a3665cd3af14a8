package content_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"pgregory.net/rapid"

	"regulars/features/matrix"
	"regulars/models"
	"regulars/models/content"
)

func ptr(f float64) *float64 { return &f }

// fit makes a model of the items that a describes; user 0 bought item 0.
func fit(t testing.TB, items int, a content.Attributes, o content.Options) *content.Model {
	t.Helper()
	ev, err := matrix.NewEvents(1, items, []matrix.Event{{Weight: 1}})
	if err != nil {
		t.Fatal(err)
	}
	m, err := content.Fit(t.Context(), ev, a, 1, o, nil)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func scores(t testing.TB, m models.Recommender, h matrix.History, now int32) []float32 {
	t.Helper()
	dst := make([]float32, m.Items())
	if err := m.Score(h, now, dst); err != nil {
		t.Fatal(err)
	}
	return dst
}

func requireNear(t testing.TB, what string, got []float32, want []float64) {
	t.Helper()
	for i, x := range got {
		if math.Abs(float64(x)-want[i]) > 1e-6 {
			t.Errorf("%s: item %d is %v, want %v", what, i, x, want[i])
		}
	}
}

// The cosines of scikit-learn 1.9's TfidfVectorizer with its defaults; for the
// Chinese titles with an analyzer that gives the pairs of characters.
func TestAgainstScikitLearn(t *testing.T) {
	english := []string{"WHITE HANGING HEART T-LIGHT HOLDER", "white metal lantern", "CREAM CUPID HEARTS COAT HANGER", "Red Hanging Heart", "red red lantern", "Set of 7 lanterns"}
	chinese := []string{"红色心形灯笼", "红色灯笼", "白色 蜡烛", "Ｌｅｄ灯 红"}
	for _, c := range []struct {
		titles []string
		want   [][]float64
	}{
		{english, [][]float64{
			{1, 0.21908875, 0, 0.47241673, 0, 0},
			{0.21908875, 1, 0, 0, 0.23948548, 0},
			{0, 0, 1, 0, 0, 0},
			{0.47241673, 0, 0, 1, 0.51639778, 0},
			{0, 0.23948548, 0, 0.51639778, 1, 0},
			{0, 0, 0, 0, 0, 1},
		}},
		{chinese, [][]float64{{1, 0.40295570, 0, 0}, {0.40295570, 1, 0, 0}, {0, 0, 1, 0}, {0, 0, 0, 1}}},
	} {
		m := fit(t, len(c.titles), content.Attributes{Title: c.titles}, content.Options{})
		for i, want := range c.want {
			dst := make([]float32, len(c.titles))
			if err := m.Similar(int32(i), dst); err != nil {
				t.Fatal(err)
			}
			requireNear(t, c.titles[i], dst, want)
		}
	}
	// Item 0 bought on the latest day and item 4 a half-life before it.
	m := fit(t, len(english), content.Attributes{Title: english}, content.Options{HalfLifeDays: 10, Recent: ptr(0)})
	h := matrix.History{Item: []int32{0, 4}, Day: []int32{90, 80}, Weight: []float32{1, 1}}
	requireNear(t, "profile", scores(t, m, h, 100), []float64{0.89442719, 0.30306010, 0, 0.65348247, 0.44721360, 0})
}

// Items that share some attributes have a cosine of the weights of those, out of
// all. Prices 1 to 4 make four bands; a band is half like the next one, so that
// two neighbours share some of it.
func TestWeights(t *testing.T) {
	nan := math.NaN()
	a := content.Attributes{
		Category: []string{"Mugs", " mugs ", "Plates", "", "Mugs"},
		Brand:    []string{"A", "b", "A", "", ""},
		Price:    []float64{1, 2, 3, 4, nan},
		Tags:     [][]string{{"x"}, {"X", "y"}, nil, nil, nil},
	}
	o := content.Options{Category: ptr(2), Brand: ptr(3), Price: ptr(1), Tags: ptr(4), PriceBands: 4}
	m := fit(t, 5, a, o)
	dst := make([]float32, 5)
	if err := m.Similar(0, dst); err != nil {
		t.Fatal(err)
	}
	// Band vectors: 1, ½, 0, 0; ½, 1, ½, 0; 0, ½, 1, ½; 0, 0, ½, 1.
	first, inner := math.Sqrt(1.25), math.Sqrt(1.5)
	x := math.Log(6./3) + 1 // idf of tag x, in two of five items
	y := math.Log(6./2) + 1
	tag := x / math.Hypot(x, y)
	want := []float64{
		1,
		(2 + 1/first/inner + 4*tag) / 10,
		(3 + 1*0.25/first/inner) / math.Sqrt(10*6),
		0,
		2 / math.Sqrt(10*2),
	}
	requireNear(t, "similar to item 0", dst, want)
}

// A shop of 40 brands × 5 kinds, a tenth of the items never sold: customers keep
// to one brand and kind. What was never sold and fits is placed above everything
// that shares nothing.
func TestNeverSold(t *testing.T) {
	const brands, kinds, each = 40, 5, 4
	rng := rand.New(rand.NewPCG(1, 2))
	var a content.Attributes
	for i := range brands * kinds * each {
		a.Brand = append(a.Brand, "brand "+strconv.Itoa(i%brands))
		a.Title = append(a.Title, "kind"+strconv.Itoa(i/brands%kinds)+" model"+strconv.Itoa(i))
	}
	items := len(a.Brand)
	never := func(i int32) bool { return i%10 == 3 }
	var list []matrix.Event
	for u := range int32(200) {
		for range 10 {
			if it := rng.Int32N(int32(items)); !never(it) {
				list = append(list, matrix.Event{User: u, Item: it, Day: rng.Int32N(100), Weight: 1})
			}
		}
	}
	ev, err := matrix.NewEvents(200, items, list)
	if err != nil {
		t.Fatal(err)
	}
	m, err := content.Fit(t.Context(), ev, a, 100, content.Options{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for item := range int32(items) {
		if !never(item) {
			continue
		}
		twin := (item + brands*kinds) % int32(items) // the same brand and kind
		s := scores(t, m, matrix.History{Item: []int32{twin}, Day: []int32{90}, Weight: []float32{1}}, 100)
		for i, x := range s {
			if a.Brand[i] != a.Brand[item] && a.Title[i][:5] != a.Title[item][:5] && x >= s[item] {
				t.Fatalf("item %d, which fits item %d and was never sold, scores %v; item %d, which does not, %v", item, twin, s[item], i, x)
			}
		}
		if err := m.Similar(item, s); err != nil || s[twin] < 0.3 {
			t.Fatalf("item %d, which was never sold: %v similar to item %d, %v", item, s[twin], twin, err)
		}
	}
}

func TestExplain(t *testing.T) {
	a := content.Attributes{
		Title:    []string{"red lantern", "red lantern large", "plain cup", "odd thing", "other thing here"},
		Brand:    []string{"Lumen", "", "Lumen", "", ""},
		Category: []string{"Light", "", "", "Light ", ""},
	}
	m := fit(t, 5, a, content.Options{})
	h := matrix.History{Item: []int32{0}, Day: []int32{90}, Weight: []float32{1}}
	for item, want := range map[int32]models.Reason{
		0: {Kind: models.ReasonAgain, Item: -1},
		1: {Kind: models.ReasonBought, Item: 0},
		2: {Kind: models.ReasonBrand, Item: -1, Name: "Lumen"},
		3: {Kind: models.ReasonCategory, Item: -1, Name: "Light"},
	} {
		if r, ok := m.Explain(h, 100, item); !ok || r != want {
			t.Errorf("item %d: %+v, %v; want %+v", item, r, ok, want)
		}
	}
	for _, item := range []int32{4, -1, 5} {
		if r, ok := m.Explain(h, 100, item); ok {
			t.Errorf("item %d has reason %+v", item, r)
		}
	}
	if r, ok := m.Explain(h, 90, 1); ok {
		t.Errorf("before the purchase there is reason %+v", r)
	}
}

// The search through terms must give what all pairs of vectors give, and a
// profile cut to few terms never more than the whole one.
func TestScoreAgainstAllPairs(t *testing.T) {
	word := rapid.SampledFrom([]string{"red", "blue", "mug", "cup", "set", "灯笼", "of", "x", ""})
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 12).Draw(t, "items")
		var a content.Attributes
		for range n {
			title := ""
			for _, w := range rapid.SliceOfN(word, 0, 5).Draw(t, "title") {
				title += w + " "
			}
			a.Title = append(a.Title, title)
			a.Brand = append(a.Brand, word.Draw(t, "brand"))
			a.Price = append(a.Price, rapid.SampledFrom([]float64{0, 1, 2, 5, math.NaN()}).Draw(t, "price"))
		}
		list := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) matrix.Event {
			return matrix.Event{Item: rapid.Int32Range(0, int32(n-1)).Draw(t, "item"), Day: rapid.Int32Range(0, 120).Draw(t, "day"), Weight: rapid.Float32Range(0.5, 9).Draw(t, "weight")}
		}), 1, 6).Draw(t, "purchases")
		list = append(list, matrix.Event{Day: 1, Weight: 1})
		ev, err := matrix.NewEvents(1, n, list)
		if err != nil {
			t.Fatal(err)
		}
		m, err := content.Fit(t.Context(), ev, a, 100, content.Options{HalfLifeDays: 30, Recent: ptr(0)}, nil)
		if errors.Is(err, models.ErrNoData) {
			return // nothing was described
		}
		if err != nil {
			t.Fatal(err)
		}
		whole := make([]float32, n)
		if err := m.Score(ev.History(0), 100, whole); errors.Is(err, models.ErrUnknown) {
			return
		} else if err != nil {
			t.Fatal(err)
		}
		compareAllPairs(t, m, ev.History(0), whole)
		few, err := content.New(content.Options{HalfLifeDays: 30, ProfileTerms: 2, Recent: ptr(0)}, m.Vectors, m.Fields, m.Texts, m.Share)
		if err != nil {
			t.Fatal(err)
		}
		cut := make([]float32, n)
		if err := few.Score(ev.History(0), 100, cut); err != nil {
			t.Fatal(err)
		}
		for i := range cut {
			if cut[i] > whole[i]+1e-5 {
				t.Fatalf("item %d scores %v with two terms, %v with all", i, cut[i], whole[i])
			}
		}
	})
}

func compareAllPairs(t *rapid.T, m *content.Model, h matrix.History, got []float32) {
	profile := make([]float64, m.Vectors.Cols)
	for i, it := range h.Item {
		if h.Day[i] >= 100 {
			continue
		}
		terms, values := m.Vectors.Row(int(it))
		for j, term := range terms {
			profile[term] += float64(h.Weight[i]) * math.Exp2(float64(h.Day[i]-100)/30) * float64(values[j])
		}
	}
	norm := 0.0
	for _, w := range profile {
		norm += w * w
	}
	for i := range got {
		want := 0.0
		terms, values := m.Vectors.Row(i)
		for j, term := range terms {
			want += profile[term] * float64(values[j]) / math.Sqrt(norm)
		}
		if math.Abs(float64(got[i])-want) > 1e-5 {
			t.Fatalf("item %d scores %v, all pairs give %v", i, got[i], want)
		}
	}
}

// Words that most items have, and rare ones where asked, are not searched for.
func TestCommonAndRareWords(t *testing.T) {
	a := content.Attributes{Title: make([]string, 400)}
	for i := range a.Title {
		a.Title[i] = "set word" + strconv.Itoa(i/4) + " only" + strconv.Itoa(i)
	}
	m := fit(t, 400, a, content.Options{MinItems: 2})
	if slices.Contains(m.Texts, "set") || slices.Contains(m.Texts, "only7") || !slices.Contains(m.Texts, "word7") || len(m.Texts) != 100 {
		t.Errorf("%d words, %q", len(m.Texts), m.Texts[:5])
	}
}

func TestBadInput(t *testing.T) {
	ev, err := matrix.NewEvents(1, 2, []matrix.Event{{Weight: 1}})
	if err != nil {
		t.Fatal(err)
	}
	nan := math.NaN()
	for name, a := range map[string]content.Attributes{
		"titles":         {Title: []string{"a"}},
		"tags":           {Tags: make([][]string, 3)},
		"negative price": {Price: []float64{1, -1}},
		"infinite price": {Price: []float64{1, math.Inf(1)}},
	} {
		if _, err := content.Fit(t.Context(), ev, a, 1, content.Options{}, nil); err == nil {
			t.Errorf("wrong %s are accepted", name)
		}
	}
	for name, a := range map[string]content.Attributes{"no tables": {}, "empty tables": {Title: []string{"", " - "}, Brand: []string{"", " "}, Price: []float64{nan, nan}, Tags: [][]string{nil, {""}}}} {
		if _, err := content.Fit(t.Context(), ev, a, 1, content.Options{}, nil); !errors.Is(err, models.ErrNoData) {
			t.Errorf("%s give %v, want ErrNoData", name, err)
		}
	}
	m := fit(t, 2, content.Attributes{Title: []string{"lamp", ""}}, content.Options{})
	dst := make([]float32, 2)
	if err := m.Score(matrix.History{Item: []int32{1}, Day: []int32{0}, Weight: []float32{1}}, 1, dst); !errors.Is(err, models.ErrUnknown) {
		t.Errorf("a history without attributes gives %v, want ErrUnknown", err)
	}
	for _, item := range []int32{-1, 1, 2} {
		if err := m.Similar(item, dst); !errors.Is(err, models.ErrUnknown) {
			t.Errorf("item %d gives %v, want ErrUnknown", item, err)
		}
	}
	if err := m.Similar(0, dst[:1]); err == nil {
		t.Error("too little room is accepted")
	}
}

func TestRefuses(t *testing.T) {
	good := func() *matrix.CSR {
		return &matrix.CSR{Rows: 1, Cols: 1, Indptr: []int64{0, 1}, Indices: []int32{0}, Values: []float32{1}}
	}
	one := []float32{1}
	for _, o := range []content.Options{{Recent: ptr(-1)}, {Recent: ptr(math.NaN())}, {RecentDays: -1}, {Title: ptr(-1)}, {Brand: ptr(math.NaN())}, {Title: ptr(0), Category: ptr(0), Brand: ptr(0), Price: ptr(0), Tags: ptr(0)},
		{MaxShare: 2}, {MaxShare: -1}, {MinItems: -1}, {PriceBands: -1}, {HalfLifeDays: -1}, {HalfLifeDays: math.Inf(1)}, {ProfileTerms: -1}} {
		var wrong *models.OptionError
		if _, err := content.New(o, good(), []uint8{0}, []string{"a"}, one); !errors.As(err, &wrong) {
			t.Errorf("%+v gives %v, want an option error", o, err)
		}
	}
	if _, err := content.New(content.Options{}, nil, nil, nil, nil); err == nil {
		t.Error("no vectors are accepted")
	}
	for name, change := range map[string]func(*matrix.CSR){
		"item end": func(v *matrix.CSR) { v.Indptr[1] = 2 },
		"term":     func(v *matrix.CSR) { v.Indices[0] = 1 },
		"length":   func(v *matrix.CSR) { v.Values[0] = 0.5 },
		"value":    func(v *matrix.CSR) { v.Values[0] = float32(math.NaN()) },
		"lengths":  func(v *matrix.CSR) { v.Values = nil },
	} {
		v := good()
		change(v)
		if _, err := content.New(content.Options{}, v, []uint8{0}, []string{"a"}, one); err == nil {
			t.Errorf("stored vectors with a wrong %s are accepted", name)
		}
	}
	if _, err := content.New(content.Options{}, good(), []uint8{9}, []string{"a"}, one); err == nil {
		t.Error("a term of no field is accepted")
	}
	if _, err := content.New(content.Options{}, good(), []uint8{0}, nil, one); err == nil {
		t.Error("a term without text is accepted")
	}
}

// Item 0 has two customers, one of them seven days (a half-life) before the
// latest day; item 1 has one, fourteen days before; item 2 was never sold. The
// cosines are 1, so that the scores are the factors: 1.5, 0.25 and the mean.
func TestRecentPopularity(t *testing.T) {
	ev, err := matrix.NewEvents(3, 3, []matrix.Event{{User: 0, Item: 0, Day: 99, Weight: 3}, {User: 1, Item: 0, Day: 50, Weight: 1}, {User: 1, Item: 0, Day: 92, Weight: 1},
		{User: 2, Item: 1, Day: 85, Weight: 1}, {User: 2, Item: 2, Day: 105, Weight: 1}})
	if err != nil {
		t.Fatal(err)
	}
	m, err := content.Fit(t.Context(), ev, content.Attributes{Brand: []string{"a", "a", "a"}}, 105, content.Options{Recent: ptr(0.5), RecentDays: 7}, nil)
	if err != nil {
		t.Fatal(err)
	}
	factor := func(customers float64) float64 { return math.Sqrt((customers/1.5 + 0.001) / 1.001) }
	want := []float64{factor(1.5), factor(0.25), factor(0.875)}
	requireNear(t, "scores", scores(t, m, ev.History(0), 105), want)
}

func TestProgress(t *testing.T) {
	var seen []int
	ev, err := matrix.NewEvents(1, 3, []matrix.Event{{Weight: 1}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := content.Fit(t.Context(), ev, content.Attributes{Brand: []string{"a", "b", "c"}}, 1, content.Options{}, func(done, total int) { seen = append(seen, done, total) }); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(seen, []int{0, 6, 3, 6, 3, 6, 6, 6}) {
		t.Errorf("progress %v", seen)
	}
}

func TestBadHistories(t *testing.T) {
	m := fit(t, 3, content.Attributes{Brand: []string{"a", "a", "b"}}, content.Options{})
	for name, h := range map[string]matrix.History{
		"item below":  {Item: []int32{0, -1, 2}, Day: []int32{1, 1, 1}, Weight: []float32{1, 1, 1}},
		"item beyond": {Item: []int32{0, 1 << 30, 2}, Day: []int32{1, 1, 1}, Weight: []float32{1, 1, 1}},
		"no days":     {Item: []int32{0}, Weight: []float32{1}},
		"no weights":  {Item: []int32{0}, Day: []int32{1}},
		"nan weight":  {Item: []int32{0}, Day: []int32{1}, Weight: []float32{float32(math.NaN())}},
		"inf weight":  {Item: []int32{0}, Day: []int32{1}, Weight: []float32{float32(math.Inf(1))}},
	} {
		if err := m.Score(h, 100, make([]float32, m.Items())); err == nil || errors.Is(err, models.ErrUnknown) {
			t.Errorf("%s gives %v, want an error that names it", name, err)
		}
		if r, ok := m.Explain(h, 100, 0); ok {
			t.Errorf("%s has reason %+v", name, r)
		}
	}
}
