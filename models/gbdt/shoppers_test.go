package gbdt_test

import (
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"

	"regulars/features/matrix"
	"regulars/models/gbdt"
	"regulars/training/metrics"
)

type session struct {
	Administrative    int64   `parquet:"Administrative"`
	AdministrativeFor float64 `parquet:"Administrative_Duration"`
	Informational     int64   `parquet:"Informational"`
	InformationalFor  float64 `parquet:"Informational_Duration"`
	ProductRelated    int64   `parquet:"ProductRelated"`
	ProductRelatedFor float64 `parquet:"ProductRelated_Duration"`
	BounceRates       float64 `parquet:"BounceRates"`
	ExitRates         float64 `parquet:"ExitRates"`
	PageValues        float64 `parquet:"PageValues"`
	SpecialDay        float64 `parquet:"SpecialDay"`
	Month             string  `parquet:"Month"`
	OperatingSystems  int64   `parquet:"OperatingSystems"`
	Browser           int64   `parquet:"Browser"`
	Region            int64   `parquet:"Region"`
	TrafficType       int64   `parquet:"TrafficType"`
	VisitorType       string  `parquet:"VisitorType"`
	Weekend           bool    `parquet:"Weekend"`
	Revenue           bool    `parquet:"Revenue"`
}

// shoppers reads Online Shoppers Purchasing Intention, or skips. Month and kind of
// visitor are categories.
func shoppers(t *testing.T) gbdt.Data {
	t.Helper()
	dir, err := filepath.Abs(".")
	for err == nil && dir != filepath.Dir(dir) {
		if _, e := os.Stat(filepath.Join(dir, "go.mod")); e == nil {
			break
		}
		dir = filepath.Dir(dir)
	}
	sessions, err := parquet.ReadFile[session](filepath.Join(dir, "..", "shared", "data", "online_shoppers.parquet"))
	if err != nil {
		t.Skip("real data is not here: ", err)
	}
	d := gbdt.Data{X: matrix.NewDense(len(sessions), []string{"administrative", "administrative duration", "informational", "informational duration",
		"products", "products duration", "bounces", "exits", "page value", "special day", "month", "system", "browser", "region", "traffic", "visitor", "weekend"}),
		Categorical: []int{10, 15}}
	months, visitors := code(sessions, func(s session) string { return s.Month }), code(sessions, func(s session) string { return s.VisitorType })
	for i, s := range sessions {
		copy(d.X.Row(i), []float64{float64(s.Administrative), s.AdministrativeFor, float64(s.Informational), s.InformationalFor, float64(s.ProductRelated),
			s.ProductRelatedFor, s.BounceRates, s.ExitRates, s.PageValues, s.SpecialDay, months[i], float64(s.OperatingSystems), float64(s.Browser),
			float64(s.Region), float64(s.TrafficType), visitors[i], numbers([]bool{s.Weekend})[0]})
		d.Y = append(d.Y, numbers([]bool{s.Revenue})...)
	}
	return d
}

// code numbers the words by alphabet.
func code(sessions []session, word func(session) string) []float64 {
	all := make([]string, len(sessions))
	for i, s := range sessions {
		all[i] = word(s)
	}
	v := matrix.NewVocabulary(all)
	out := make([]float64, len(all))
	for i, w := range all {
		n, _ := v.Lookup(w)
		out[i] = float64(n)
	}
	return out
}

// lightgbmAUC is the mean that LightGBM 4.7.0 reaches on the same folds with the
// same (default) options; TestShoppers measures it again where LightGBM is installed.
const lightgbmAUC = 0.9313

// TestShoppers compares the mean AUC over five folds with LightGBM's.
func TestShoppers(t *testing.T) {
	d := shoppers(t)
	order := rand.New(rand.NewPCG(0, 0)).Perm(d.X.Rows)
	ours := 0.0
	var cases []lightgbmCase
	var truth [][]bool
	for f := range 5 {
		train, test := take(d, order, func(i int) bool { return i%5 != f }), take(d, order, func(i int) bool { return i%5 == f })
		labels := make([]bool, test.X.Rows)
		for i, y := range test.Y {
			labels[i] = y == 1
		}
		ours += auc(t, predict(t, fitted(t, train, gbdt.Options{}), test.X, false), labels) / 5
		truth = append(truth, labels)
		cases = append(cases, lightgbmCase{Name: strconv.Itoa(f), X: nullable(train.X), Y: train.Y, Names: strings.Fields("a b c d e f g h i j k l m n o p q"),
			Categorical: d.Categorical, Probe: nullable(test.X), Rounds: 100, Parameters: map[string]any{"objective": "binary", "verbose": -1, "num_threads": 1}})
	}
	t.Logf("AUC %.4f", ours)
	if math.Abs(ours-lightgbmAUC) > 0.003 {
		t.Errorf("AUC %.4f, LightGBM's is %.4f", ours, lightgbmAUC)
	}
	t.Run("LightGBM", func(t *testing.T) {
		theirs := 0.0
		for name, a := range runLightGBM(t, cases) {
			f, _ := strconv.Atoi(name)
			theirs += auc(t, flat(t, a.Theirs.Predictions), truth[f]) / 5
		}
		if math.Abs(theirs-lightgbmAUC) > 0.001 {
			t.Errorf("LightGBM's AUC is %.4f, not %.4f", theirs, lightgbmAUC)
		}
	})
}

func auc(t *testing.T, p []float64, labels []bool) float64 {
	t.Helper()
	m, err := metrics.Classification(t.Context(), p, labels, 1, 0)
	if err != nil {
		t.Fatal(err)
	}
	return m["auc"].Value
}

func take(d gbdt.Data, order []int, keep func(i int) bool) gbdt.Data {
	var rows []int
	out := gbdt.Data{Categorical: d.Categorical}
	for i, r := range order {
		if keep(i) {
			rows, out.Y = append(rows, r), append(out.Y, d.Y[r])
		}
	}
	out.X = d.X.Take(rows)
	return out
}
