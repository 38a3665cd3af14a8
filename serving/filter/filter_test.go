package filter_test

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/expr-lang/expr"
	"pgregory.net/rapid"

	"regulars/models/snapshot"
	"regulars/serving/filter"
)

// values is a row by hand: float64, string, bool and []string by place.
type values map[int]any

func (v values) Number(i int) float64 {
	if x, ok := v[i].(float64); ok {
		return x
	}
	return math.NaN()
}
func (v values) Text(i int) string { s, _ := v[i].(string); return s }
func (v values) Truth(i int) filter.Truth {
	if b, ok := v[i].(bool); ok {
		return filter.Is(b)
	}
	return filter.Unknown
}
func (v values) Texts(i int) []string { s, _ := v[i].([]string); return s }

// Places of the profile in the schema of the tests.
const (
	userAOV = filter.UserProfile + iota
	userRegion
	userConsent
	userSince
	userTier
)

func schema(t testing.TB) *filter.Schema {
	t.Helper()
	s, err := filter.NewSchema(
		filter.ItemFields(filter.Field{Name: "care label", Kind: filter.String}),
		filter.UserFields(
			filter.Field{Name: "aov", Kind: filter.Number}, filter.Field{Name: "region", Kind: filter.String},
			filter.Field{Name: "consent_email", Kind: filter.Bool}, filter.Field{Name: "signed_up_at", Kind: filter.Date},
			filter.Field{Name: "tier", Kind: filter.String}),
		filter.ScoreFields([]int{30, 90}))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func day(s string) float64 {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		panic(err)
	}
	return filter.DayOf(t)
}

func tea() *filter.Rows {
	return &filter.Rows{
		Item: values{filter.ItemID: "T-1", filter.ItemTitle: "Green Tea 绿茶", filter.ItemCategory: "tea", filter.ItemPrice: 12.5,
			filter.ItemTags: []string{"organic", "loose"}, filter.ItemInStock: true, filter.ItemAvailableFrom: day("2026-03-01"), filter.ItemExtra: "dry"},
		User:  values{filter.UserID: "u", userAOV: 10.0, userRegion: "north", userConsent: true, userSince: day("2024-02-29")},
		Score: values{filter.ScoreChurn: .7, filter.ScoreLapsed: false, filter.ScoreStage: "growth", filter.ScoreReturns + 1: .3},
	}
}

func TestMatch(t *testing.T) {
	for source, want := range map[string]bool{
		`item.category in ["tea", "coffee"] and item.price < user.aov * 1.5`: true,
		`item.category in ["tea","coffee"] && item.price<user.aov`:           false,
		`score.churn > 0.6 and user.consent_email`:                           true,
		`score.churn_probability > .6 and not user.consent_email`:            false,
		`item.category == "tea" or item.price > 100`:                         true,
		`item.category != "tea"`:                                             false,
		`item.category not in ["coffee"]`:                                    true,
		`"organic" in item.tags`:                                             true,
		`"fair" in item.tags`:                                                false,
		`not ("fair" in item.tags)`:                                          true,
		`item.title contains "绿茶"`:                                           true,
		`item.title startsWith "Green" and item.title endsWith "茶"`:          true,
		`item.title matches "(?i)^green\\s"`:                                 true,
		`item.title not matches "Black"`:                                     true,
		`item["care label"] == "dry"`:                                        true,
		`10 < item.price <= 12.5`:                                            true,
		`item.price - 2.5 == user.aov and -item.price < 0`:                   true,
		`item.price / 0 > 1 or item.price / 0 < 1`:                           false,
		`item.price in [12.5, 13]`:                                           true,
		`item.price in [-12.5]`:                                              false,
		`item.available_from <= "2026-03-01"`:                                true,
		`item.available_from in ["2026-03-02"]`:                              false,
		`user.signed_up_at < item.available_from`:                            true,
		`"2024-03-01" > user.signed_up_at`:                                   true,
		`score.return_probability_90d == 0.3`:                                true,
		`score.lapsed == false`:                                              true,
		`true`:                                                               true,
		`false or 1 + 1 == 2`:                                                true,

		// what is not known
		`item.brand == "x" or item.brand != "x"`:               false,
		`not (item.brand == "x")`:                              false,
		`item.brand not in ["x"]`:                              false,
		`unknown(item.brand) and known(item.tags)`:             true,
		`known(item.brand)`:                                    false,
		`user.tier == "gold" or item.category == "tea"`:        true,
		`item.category == "tea" or user.tier == "gold"`:        true,
		`user.tier == "gold" and item.category == "tea"`:       false,
		`not (user.tier == "gold" and item.category == "tee")`: true,
		`score.value_at_risk * 2 > 0`:                          false,
		`unknown(score.value_at_risk)`:                         true,
		`score.return_probability_30d < 2`:                     false,
	} {
		f, err := filter.Compile(source, schema(t))
		if err != nil {
			t.Errorf("%s: %v", source, err)
			continue
		}
		if got := f.Match(tea()); got != want {
			t.Errorf("%s = %v, want %v", source, got, want)
		}
	}
}

func TestNothingIsKnownOfARowThatIsNil(t *testing.T) {
	for source, want := range map[string]bool{
		`item.price > 0 or item.price <= 0`: false, `item.in_stock`: false, `"a" in item.tags`: false,
		`unknown(item.id) and unknown(item.in_stock) and unknown(item.price) and unknown(item.tags)`: true,
	} {
		f, err := filter.Compile(source, schema(t))
		if err != nil {
			t.Fatal(err)
		}
		if got := f.Match(&filter.Rows{}); got != want {
			t.Errorf("%s = %v", source, got)
		}
	}
}

func TestErrorsPointAtTheCharacter(t *testing.T) {
	for _, c := range []struct {
		source       string
		line, column int
		say          string
	}{
		{`item.prise < 3`, 1, 6, "do you mean item.price?"},
		{`item.price < 3 and` + "\n  usr.aov > 1", 2, 3, "do you mean user?"},
		{`item.category == "绿茶" and item.prise < 3`, 1, 32, "item.price"},
		{`price < 3`, 1, 1, "do you mean item.price?"},
		{`item.aov < 3`, 1, 6, "user.aov"},
		{`item.price < "3"`, 1, 12, "a number cannot be compared with a text"},
		{`item.price`, 1, 6, "a filter says yes or no, this is a number"},
		{`not item.price > 3`, 1, 1, "parentheses"},
		{`item.price and true`, 1, 6, "a filter says yes or no"},
		{`item.price or true`, 1, 12, "takes a yes or no"},
		{`item.category in tea`, 1, 18, "quotation marks"},
		{`item.category in []`, 1, 18, "from 1 to"},
		{`item.category in ["a", 3]`, 1, 24, "a text is never a number"},
		{`item.category in [item.brand]`, 1, 24, "not fields"},
		{`item.tags == item.tags`, 1, 11, "lists are not compared"},
		{`item.tags contains "a"`, 1, 11, `in item.tags`},
		{`item.in_stock > true`, 1, 15, "neither less nor more"},
		{`item.brand == ""`, 1, 15, "known("},
		{`item.brand == nil`, 1, 15, "known("},
		{`item.title matches "("`, 1, 20, "pattern"},
		{`item.title matches "((a{30}){30}){30}"`, 1, 20, "pattern"},
		{`item.title matches item.brand`, 1, 12, "written out"},
		{`item.available_from > "soon"`, 1, 23, "not a day"},
		{`item.available_from > 2026-11-23`, 1, 21, `a day is written "2026-11-23"`},
		{`item.brand == null`, 1, 15, "known("},
		{`item.brand == "绿" AND true`, 1, 19, "and is written in small letters"},
		{`item.brand == "绿" and item.brand == “绿”`, 1, 37, `quotation marks are " or '`},
		{`len(item.title) > 3`, 1, 1, "function len"},
		{`all(item.tags, # == "a")`, 1, 1, "function all"},
		{`foo(item.title)`, 1, 1, "function"},
		{`known(3 > 2)`, 1, 9, "takes a field"},
		{`known(item.id, item.id)`, 1, 1, "one field"},
		{`let x = 3; x > 2`, 1, 5, "not part of filters"},
		{`item.price in 1..3`, 1, 16, "not part of filters"},
		{`(item.price ?? 3) > 2`, 1, 13, "not part of filters"},
		{`item.price > 3 ? true : false`, 1, 12, "not part of filters"},
		{`item?.price > 3`, 1, 7, "not part of filters"},
		{`item.price ** 2 > 3`, 1, 12, "not part of filters"},
		{`item.tags[0] == "a"`, 1, 10, "not a field"},
		{`item.price > `, 1, 13, "ends too early"},
		{`item.price > 3)`, 1, 15, `cannot be read: ")" is not expected here`},
		{`item.brand = "a"`, 1, 12, `"=" is not expected here: two values are compared with ==`},
		{`item.price =< 3`, 1, 12, "compared with ==, or with <= and >="},
		{`item.brand <> "a"`, 1, 13, "unequal is !="},
		{`item.price < 3 AND item.in_stock`, 1, 16, `"AND" is not expected here: and is written in small letters`},
		{`item.brand IN ["a"]`, 1, 12, "in is written in small letters"},
		{`item.brand in ("a", "b")`, 1, 19, "a list stands in [ ]"},
		{`item.price < 2,5`, 1, 15, "a fraction behind a point"},
		{`item.price between 1 and 2`, 1, 12, "write x >= 1 and x <= 2"},
		{`item.brand like "a%"`, 1, 12, "contains, startsWith"},
		{`item.brand == NULL`, 1, 15, "NULL is not part of filters: known(…) and unknown(…)"},
		{`item.brand is null`, 1, 12, "known(x) and unknown(x)"},
		{`item.brand == “a”`, 1, 15, `quotation marks are " or '`},
		{`item.title == "a`, 1, 17, "cannot be read"},
		{``, 1, 1, "empty"},
		{"item.id == \"\xff\"", 1, 13, "UTF-8"},
	} {
		_, err := filter.Compile(c.source, schema(t))
		var at *filter.Error
		if !errors.As(err, &at) {
			t.Errorf("%s: %v", c.source, err)
			continue
		}
		if at.Line != c.line || at.Column != c.column || !strings.Contains(at.Message, c.say) {
			t.Errorf("%s: want %q at %d:%d, got\n%v", c.source, c.say, c.line, c.column, err)
		}
	}
}

func TestErrorReadsLikeThis(t *testing.T) {
	_, err := filter.Compile("item.category == \"茶\" and\nitem.title == \"绿茶\" and item.prise < 3", schema(t))
	want := `item has no field "prise": do you mean item.price? (there are available_from, brand, care label, category, id, in_stock, item_id, price, tags, title) (line 2, column 29)
item.title == "绿茶" and item.prise < 3
               　　           ^`
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
}

func TestTooMuchIsRefused(t *testing.T) {
	for name, source := range map[string]string{
		"bytes":             strings.Repeat(" ", filter.MaxSource) + "true",
		"nodes":             "1" + strings.Repeat("+1", 1000) + ">0",
		"list":              "item.price in [" + strings.Repeat("1,", 501) + "1]",
		"steps of patterns": `item.title matches "(.?){80}a"` + strings.Repeat(` or item.title matches "(.?){80}b"`, 2),
		"chains":            strings.Repeat("1 < (", 300) + "1" + strings.Repeat(") < 1", 300),
	} {
		if _, err := filter.Compile(source, schema(t)); err == nil {
			t.Errorf("too many %s pass", name)
		}
	}
	for _, source := range []string{`item.title matches "(?i)^(tea|coffee|mate).*organic$" and item.brand matches "\\p{L}+"`, `item.title matches "[^\\p{Han}]{3,}"`} {
		if _, err := filter.Compile(source, schema(t)); err != nil {
			t.Error("usual patterns:", err)
		}
	}
	if _, err := filter.Compile(strings.Repeat("(", 1500)+"true"+strings.Repeat(")", 1500), schema(t)); err != nil {
		t.Error("parentheses:", err)
	}
}

func TestPartsTogetherAreTheWhole(t *testing.T) {
	f, err := filter.Compile(`item.in_stock and true and (score.churn > .5 and user.aov > 3) and item.price < user.aov and (item.id == "a" or user.id == "a")`, schema(t))
	if err != nil {
		t.Fatal(err)
	}
	item, user, rest := f.ItemOnly(), f.UserOnly(), f.Rest()
	if item.Uses(filter.User) || item.Uses(filter.Score) || !item.Uses(filter.Item) || user.Uses(filter.Item) || !user.Uses(filter.Score) || !user.Uses(filter.User) {
		t.Error("a part asks what is not its own")
	}
	if item.Empty() || user.Empty() || rest.Empty() || !rest.Rest().ItemOnly().Empty() {
		t.Error("a part is missing")
	}
	rapid.Check(t, func(t *rapid.T) {
		number := func(name string) any {
			if rapid.Bool().Draw(t, name+"?") {
				return nil
			}
			return rapid.Float64Range(0, 1).Draw(t, name) * 6
		}
		id := rapid.SampledFrom([]any{"a", "b", nil})
		r := &filter.Rows{
			Item:  values{filter.ItemInStock: rapid.SampledFrom([]any{true, false, nil}).Draw(t, "stock"), filter.ItemPrice: number("price"), filter.ItemID: id.Draw(t, "item")},
			User:  values{userAOV: number("aov"), filter.UserID: id.Draw(t, "user")},
			Score: values{filter.ScoreChurn: number("churn")},
		}
		if got, want := item.Match(r) && user.Match(r) && rest.Match(r), f.Match(r); got != want {
			t.Fatalf("parts %v, whole %v", got, want)
		}
	})
}

// Where everything is known, the language means what expr means by it.
func TestAgreesWithExpr(t *testing.T) {
	s := schema(t)
	leaf := rapid.OneOf(
		rapid.Custom(func(t *rapid.T) string {
			side := rapid.SampledFrom([]string{"item.price", "user.aov", "score.churn", "1", "2.5", "(item.price + user.aov)", "(user.aov * 2 - 1)", "-score.churn"})
			return side.Draw(t, "left") + rapid.SampledFrom([]string{" < ", " <= ", " > ", " >= ", " == ", " != "}).Draw(t, "op") + side.Draw(t, "right")
		}),
		rapid.SampledFrom([]string{`item.category in ["tea", "mate"]`, `user.region == item.category`, `user.region < "m"`, `user.consent_email`, `item.in_stock == user.consent_email`,
			`item.title contains "ee"`, `item.title matches "^[GB].*n"`, `"organic" in item.tags`, `item.price not in [1, 2, 3]`, `1 < item.price < user.aov`}),
	)
	tree := rapid.Custom(func(t *rapid.T) string {
		out := leaf.Draw(t, "leaf")
		for range rapid.IntRange(0, 6).Draw(t, "more") {
			switch rapid.IntRange(0, 2).Draw(t, "how") {
			case 0:
				out = fmt.Sprintf("not (%s)", out)
			case 1:
				out = fmt.Sprintf("(%s) and %s", out, leaf.Draw(t, "and"))
			default:
				out = fmt.Sprintf("%s or (%s)", leaf.Draw(t, "or"), out)
			}
		}
		return out
	})
	rapid.Check(t, func(t *rapid.T) {
		source := tree.Draw(t, "filter")
		number := rapid.SampledFrom([]float64{0, .5, 1, 2, 2.5, 3, 4})
		price, aov, churn := number.Draw(t, "price"), number.Draw(t, "aov"), number.Draw(t, "churn")
		category := rapid.SampledFrom([]string{"tea", "mate", "north"}).Draw(t, "category")
		region := rapid.SampledFrom([]string{"north", "tea"}).Draw(t, "region")
		title := rapid.SampledFrom([]string{"Green", "Been", "Tea"}).Draw(t, "title")
		consent, stock := rapid.Bool().Draw(t, "consent"), rapid.Bool().Draw(t, "stock")
		tags := rapid.SampledFrom([][]string{{"organic", "x"}, {"x"}, {}}).Draw(t, "tags")

		want, err := expr.Eval(source, map[string]any{
			"item":  map[string]any{"price": price, "category": category, "title": title, "in_stock": stock, "tags": tags},
			"user":  map[string]any{"aov": aov, "region": region, "consent_email": consent},
			"score": map[string]any{"churn": churn}})
		if err != nil {
			t.Fatalf("%s: %v", source, err)
		}
		f, err := filter.Compile(source, s)
		if err != nil {
			t.Fatal(err)
		}
		got := f.Match(&filter.Rows{
			Item:  values{filter.ItemPrice: price, filter.ItemCategory: category, filter.ItemTitle: title, filter.ItemInStock: stock, filter.ItemTags: tags},
			User:  values{userAOV: aov, userRegion: region, userConsent: consent},
			Score: values{filter.ScoreChurn: churn}})
		if got != want {
			t.Fatalf("%s = %v, expr says %v", source, got, want)
		}
	})
}

func TestSchema(t *testing.T) {
	if _, err := filter.NewSchema([]filter.Field{{Name: "x", Kind: "money"}}, nil, nil); err == nil {
		t.Error("an unknown kind passes")
	}
	if _, err := filter.NewSchema(nil, []filter.Field{{Kind: filter.Bool}}, nil); err == nil {
		t.Error("a field without a name passes")
	}
	s, err := filter.NewSchema(filter.ItemFields(filter.Field{Name: "price", Kind: filter.String}), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if i, _ := s.Lookup(filter.Item, "price"); i != filter.ItemPrice {
		t.Error("a shop's column hides the price")
	}
	if _, err := filter.Compile("user.aov > 1", s); err == nil || !strings.Contains(err.Error(), "nothing can be asked of user here") {
		t.Error(err)
	}
}

func TestEveryFieldIsDocumented(t *testing.T) {
	for _, f := range slices.Concat(filter.ItemFields(), filter.UserFields(), filter.ScoreFields([]int{30})) {
		if f.Name == "" || f.Doc == "" || f.DocZh == "" || f.Kind == "" {
			t.Errorf("%+v", f)
		}
	}
}

func TestScoreRow(t *testing.T) {
	v := func(x float64) *float64 { return &x }
	next := time.Date(2026, 12, 24, 15, 0, 0, 0, time.UTC)
	sc := &snapshot.Scores{Churn: &snapshot.Churn{Probability: .1, Percentile: .2, Band: "low"}, ReturnProbability: .9, Lapsed: true,
		RFM: &snapshot.RFM{RecencyDays: 3, Orders: 4, Spend: 5}, Stage: "growth", Method: "gbdt", Returns: []float64{.6, .7},
		SpendIfOrder: v(8), Spend: v(9), ValueAtRisk: v(10), Value: &snapshot.Range{Amount: 11, Low: 12, High: 13},
		Next: []snapshot.NextKind{{Kind: snapshot.NextBrand, Likely: []snapshot.Likely{{Name: "b"}}}}, Hour: &snapshot.Hour{Hour: 14}}
	r := &filter.Rows{Score: &filter.ScoreRow{Scores: sc, NextOrder: func() (a, b, c time.Time) { return next, next.AddDate(0, 0, -1), time.Time{} }}}
	for _, source := range []string{`score.churn == .1`, `score.churn_percentile == .2`, `score.band == "low"`, `score.return_probability == .9`, `score.recall_score == .9`,
		`score.lapsed`, `score.value_at_risk == 10`, `score.predicted_clv == 11`, `score.clv_low == 12`, `score.clv_high == 13`, `score.expected_spend == 9`, `score.spend_if_order == 8`,
		`score.expected_next_order_date == "2026-12-24"`, `score.next_order_low == "2026-12-23"`, `unknown(score.next_order_high)`, `score.stage == "growth"`, `score.method == "gbdt"`,
		`score.recency_days == 3`, `score.orders == 4`, `score.total_spend == 5`, `score.best_hour == 14`, `unknown(score.next_category)`, `score.next_brand == "b"`, `unknown(score.next_price_band)`,
		`score.return_probability_30d == .6`, `score.return_probability_90d == .7`} {
		f, err := filter.Compile(source, schema(t))
		if err != nil {
			t.Fatal(err)
		}
		if !f.Match(r) {
			t.Errorf("%s does not hold", source)
		}
	}
	for _, empty := range []*filter.ScoreRow{{}, {Scores: &snapshot.Scores{}}} {
		for i, f := range schema(t).Fields(filter.Score) {
			if n := empty.Number(i); n == n && (f.Kind == filter.Number || f.Kind == filter.Date) || empty.Text(i) != "" || empty.Truth(i) != filter.Unknown {
				t.Errorf("%s is known of a customer without scores", f.Name)
			}
		}
	}
}

func TestCache(t *testing.T) {
	s, c := schema(t), filter.NewCache(2)
	get := func(source string) *filter.Filter {
		f, err := c.Compile(source, s)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	a := get("item.price > 1")
	get("item.price > 2")
	if get("item.price > 1") != a {
		t.Error("compiled again though remembered")
	}
	get("item.price > 3")
	if get("item.price > 1") != a {
		t.Error("the one used last was forgotten")
	}
	if same, err := c.Compile("item.price > 1", schema(t)); err != nil || same != a {
		t.Error("an equal schema has another filter", err)
	}
	other, err := filter.NewSchema([]filter.Field{{Name: "price", Kind: filter.Number}}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if f, err := c.Compile("item.price > 1", other); err != nil || f == a {
		t.Error("a filter of another schema was returned", err)
	}
	if _, err := c.Compile("item.price >", s); err == nil {
		t.Error("an error is lost")
	}
}

func TestFiltersAreSharedSafely(t *testing.T) {
	s, c := schema(t), filter.NewCache(4)
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 200 {
				f, err := c.Compile(fmt.Sprintf(`item.price > %d and item.title matches "T"`, (g+i)%9), s)
				if err != nil || f.Match(tea()) {
					continue
				}
			}
		})
	}
	wg.Wait()
}

func TestMatchAllocatesNothing(t *testing.T) {
	f, err := filter.Compile(`item.category in ["tea", "coffee"] and item.price < user.aov * 1.5 and item.title contains "Tea" and "organic" in item.tags and item.available_from < "2027-01-01"`, schema(t))
	if err != nil {
		t.Fatal(err)
	}
	r := tea()
	if !f.Match(r) {
		t.Fatal("does not match")
	}
	if n := testing.AllocsPerRun(100, func() { f.Match(r) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzCompile(f *testing.F) {
	for _, s := range []string{`item.price < 3 and not (user.aov in [1, 2])`, `item.title matches "a+"`, `known(item.id)`, `1 < 2 < 3`, `a | b(c)`, "item[\"x\"]?.y", "{a: 1}", "(((", "b'x'", "0x_1", "`raw`", "#", "::f()"} {
		f.Add(s)
	}
	s := schema(f)
	f.Fuzz(func(t *testing.T, source string) {
		got, err := filter.Compile(source, s)
		if err == nil {
			got.Match(tea())
			return
		}
		var at *filter.Error
		if !errors.As(err, &at) || at.Line < 1 || at.Column < 1 || at.Message == "" {
			t.Errorf("%q: %v", source, err)
		}
	})
}

// Whatever the values, a filter and its opposite never both pass, and nothing panics.
func FuzzMatch(f *testing.F) {
	f.Add(`item.price < user.aov`, 1.0, math.NaN(), "tea", "")
	f.Add(`item.title contains item.category or item.price / user.aov > 1`, math.Inf(1), 0.0, "x", "xy")
	s := schema(f)
	f.Fuzz(func(t *testing.T, source string, price, aov float64, category, title string) {
		yes, err := filter.Compile(source, s)
		if err != nil {
			return
		}
		r := &filter.Rows{Item: values{filter.ItemPrice: price, filter.ItemCategory: category, filter.ItemTitle: title}, User: values{userAOV: aov}}
		no, err := filter.Compile("not ("+source+")", s)
		if err != nil { // a comment, or too long by now
			return
		}
		if yes.Match(r) && no.Match(r) {
			t.Errorf("%q passes, and so does its opposite", source)
		}
	})
}

type flat struct {
	category, title string
	price           float64
	tags            []string
}

func (f *flat) Number(int) float64     { return f.price }
func (f *flat) Truth(int) filter.Truth { return filter.Yes }
func (f *flat) Texts(int) []string     { return f.tags }
func (f *flat) Text(i int) string {
	if i == filter.ItemCategory {
		return f.category
	}
	return f.title
}

const benchFilter = `item.category in ["tea", "coffee"] and item.price < user.aov * 1.5`

func BenchmarkMatch(b *testing.B) {
	b.Run("closures", func(b *testing.B) {
		f, err := filter.Compile(benchFilter, schema(b))
		if err != nil {
			b.Fatal(err)
		}
		r := &filter.Rows{Item: &flat{category: "tea", price: 3}, User: &flat{price: 10}}
		b.ReportAllocs()
		for b.Loop() {
			f.Match(r)
		}
	})
	b.Run("expr-struct", func(b *testing.B) {
		type item struct {
			Category string  `expr:"category"`
			Price    float64 `expr:"price"`
		}
		type user struct {
			AOV float64 `expr:"aov"`
		}
		type env struct {
			Item *item `expr:"item"`
			User *user `expr:"user"`
		}
		program, err := expr.Compile(benchFilter, expr.Env(&env{}), expr.AsBool())
		if err != nil {
			b.Fatal(err)
		}
		e := &env{&item{"tea", 3}, &user{10}}
		b.ReportAllocs()
		for b.Loop() {
			if _, err := expr.Run(program, e); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkCompile(b *testing.B) {
	s := schema(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := filter.Compile(benchFilter, s); err != nil {
			b.Fatal(err)
		}
	}
}

func TestRowsOfASnapshot(t *testing.T) {
	info := &snapshot.Info{Horizons: []int{30},
		ItemFields: []snapshot.Field{{Name: "origin", Kind: snapshot.String}, {Name: "weight", Kind: snapshot.Number}, {Name: "fair", Kind: snapshot.Bool}},
		UserFields: []snapshot.Field{{Name: "aov", Kind: snapshot.Number}, {Name: "consent_email", Kind: snapshot.Bool}, {Name: "signed_up_at", Kind: snapshot.Time}, {Name: "region", Kind: snapshot.String}}}
	s, err := filter.Of(info)
	if err != nil {
		t.Fatal(err)
	}
	at := func(day string) int64 {
		d, _ := time.Parse(time.DateOnly, day)
		return d.Add(23 * time.Hour).UnixMicro()
	}
	r := &filter.Rows{
		Item: &filter.ItemRow{Item: snapshot.Item{ID: "a", Title: "T", Brand: "B", Category: "C", InStock: true, Price: 3, Tags: []string{"x"}, AvailableFrom: at("2026-03-01"),
			Extra: []snapshot.Value{snapshot.StringValue("CN"), snapshot.NumberValue(2), snapshot.BoolValue(true)}}},
		User: &filter.UserRow{ID: "u", Profile: []snapshot.Value{snapshot.NumberValue(9), snapshot.BoolValue(false), snapshot.TimeValue(float64(at("1969-12-31"))), {}}},
	}
	for _, source := range []string{`item.id == "a" and item.title == "T" and item.brand == "B" and item.category == "C"`, `item.in_stock`, `item.price == 3`, `"x" in item.tags`,
		`item.available_from == "2026-03-01"`, `item.origin == "CN" and item.weight == 2 and item.fair`, `user.id == "u" and user.aov == 9`, `not user.consent_email`,
		`user.signed_up_at == "1969-12-31"`, `unknown(user.region)`} {
		f, err := filter.Compile(source, s)
		if err != nil {
			t.Fatal(err)
		}
		if !f.Match(r) {
			t.Errorf("%s does not hold", source)
		}
	}
	empty := &filter.Rows{Item: &filter.ItemRow{Item: snapshot.Item{Price: math.NaN(), AvailableFrom: snapshot.Undated}}, User: &filter.UserRow{}}
	for _, source := range []string{`known(item.price)`, `known(item.available_from)`, `known(item.origin)`, `known(user.aov)`, `known(user.consent_email)`, `known(user.region)`} {
		f, err := filter.Compile(source, s)
		if err != nil {
			t.Fatal(err)
		}
		if f.Match(empty) {
			t.Errorf("%s holds of nothing", source)
		}
	}
	if f, err := filter.Compile("user.consent_sms or not user.consent_sms", s); err != nil || f.Match(r) {
		t.Error("a consent that the shop knows nothing of", err)
	}
}
