package training

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"regulars/features/matrix"
	"regulars/models"
	"regulars/models/artifact"
	"regulars/models/baserate"
	"regulars/models/calibrate"
	"regulars/models/forest"
	"regulars/models/ials"
	"regulars/models/logistic"
	"regulars/models/personal"
	"regulars/models/popular"
)

// Kinds of stored models: how their files are to be read.
const (
	kindPopular  = "popular"
	kindPersonal = "personal"
	kindIALS     = "ials"
	kindLogistic = "logistic"
	kindForest   = "forest"
	kindBaseRate = "base-rate"
)

// Files of a stored model. Arrays are Parquet, which other tools read.
const (
	itemsFile       = "items.parquet"    // item_id and, for popularities, weight
	factorsFile     = "factors.parquet"  // item_id, f0, f1, …
	nodesFile       = "nodes.parquet"    // tree, feature, threshold, left, right, value
	termsFile       = "terms.parquet"    // logistic coefficients
	imputeFile      = "columns.parquet"  // column, impute
	parametersFile  = "parameters.json"  // the few numbers that are no arrays
	calibrationFile = "calibration.json" // of a classifier
)

// saveRecommender writes a fitted recommender over the given items.
func saveRecommender(dir string, model models.Recommender, items *matrix.Vocabulary) error {
	switch m := model.(type) {
	case *popular.Model:
		return saveWeights(dir, items, m.Scores)
	case *personal.Model:
		return errors.Join(writeJSON(dir, parametersFile, m.Options), saveWeights(dir, items, m.Share))
	case *ials.Model:
		return saveFactors(dir, items, m)
	}
	return fmt.Errorf("a recommender of type %T cannot be stored", model)
}

func saveWeights(dir string, items *matrix.Vocabulary, weights []float32) error {
	return artifact.WriteColumns(filepath.Join(dir, itemsFile),
		artifact.NewColumn("item_id", items.IDs()), artifact.NewColumn("weight", weights))
}

func saveFactors(dir string, items *matrix.Vocabulary, m *ials.Model) error {
	o := m.Options
	o.Workers = 0 // which the factors do not depend on
	columns := []artifact.Column{artifact.NewColumn("item_id", items.IDs())}
	for f := range o.Factors {
		column := make([]float32, items.Len())
		for i := range column {
			column[i] = m.Factors[i*o.Factors+f]
		}
		columns = append(columns, artifact.NewColumn(fmt.Sprintf("f%d", f), column))
	}
	return errors.Join(writeJSON(dir, parametersFile, o), artifact.WriteColumns(filepath.Join(dir, factorsFile), columns...))
}

// loadRecommender reads what saveRecommender wrote.
func loadRecommender(a *artifact.Artifact) (models.Recommender, *matrix.Vocabulary, error) {
	switch a.Kind {
	case kindPopular:
		items, weights, err := loadWeights(a)
		if err != nil {
			return nil, nil, err
		}
		m, err := popular.New(weights)
		return m, items, err
	case kindPersonal:
		var o personal.Options
		items, weights, err := loadWeights(a)
		if err = errors.Join(err, readJSON(a, parametersFile, &o)); err != nil {
			return nil, nil, err
		}
		m, err := personal.New(o, weights)
		return m, items, err
	case kindIALS:
		m, items, err := loadFactors(a)
		return m, items, err
	}
	return nil, nil, fmt.Errorf("%s version %s is a %q, which is no recommender", a.Name, a.Version, a.Kind)
}

func loadWeights(a *artifact.Artifact) (*matrix.Vocabulary, []float32, error) {
	columns, err := artifact.ReadColumns(a.Path(itemsFile))
	if err != nil {
		return nil, nil, err
	}
	items, err := loadItems(a, columns)
	if err != nil {
		return nil, nil, err
	}
	weights, err := artifact.Values[float32](columns, "weight")
	return items, weights, err
}

func loadItems(a *artifact.Artifact, columns *artifact.Columns) (*matrix.Vocabulary, error) {
	ids, err := artifact.Values[string](columns, "item_id")
	if err != nil {
		return nil, err
	}
	items := matrix.NewVocabulary(ids)
	if !slices.Equal(items.IDs(), ids) {
		return nil, fmt.Errorf("%s version %s: its item ids are not ascending and distinct", a.Name, a.Version)
	}
	return items, nil
}

func loadFactors(a *artifact.Artifact) (*ials.Model, *matrix.Vocabulary, error) {
	var o ials.Options
	if err := readJSON(a, parametersFile, &o); err != nil {
		return nil, nil, err
	}
	columns, err := artifact.ReadColumns(a.Path(factorsFile))
	if err != nil {
		return nil, nil, err
	}
	items, err := loadItems(a, columns)
	if err != nil {
		return nil, nil, err
	}
	factors := make([]float32, items.Len()*o.Factors)
	for f := range o.Factors {
		column, err := artifact.Values[float32](columns, fmt.Sprintf("f%d", f))
		if err != nil {
			return nil, nil, err
		}
		for i, v := range column {
			factors[i*o.Factors+f] = v
		}
	}
	m, err := ials.New(o, factors)
	return m, items, err
}

// saveChurn writes a fitted classifier and its calibration.
func saveChurn(dir string, model models.Classifier, map_ *calibrate.Platt) error {
	if err := writeJSON(dir, calibrationFile, map_); err != nil {
		return err
	}
	switch m := model.(type) {
	case *baserate.Model:
		return writeJSON(dir, parametersFile, m)
	case *logistic.Model:
		return saveLogistic(dir, m)
	case *forest.Model:
		return saveForest(dir, m)
	}
	return fmt.Errorf("a classifier of type %T cannot be stored", model)
}

// logisticParameters is a logistic model without its terms.
type logisticParameters struct {
	Names     []string `json:"names"`
	Intercept float64  `json:"intercept"`
}

func saveLogistic(dir string, m *logistic.Model) error {
	n := len(m.Terms)
	column, missing, log := make([]int32, n), make([]int32, n), make([]int32, n)
	names, mean, std, coefficient := make([]string, n), make([]float64, n), make([]float64, n), make([]float64, n)
	for i, t := range m.Terms {
		column[i], missing[i], log[i] = int32(t.Column), bit(t.Missing), bit(t.Log)
		names[i], mean[i], std[i], coefficient[i] = m.Names[t.Column], t.Mean, t.Std, t.Coefficient
	}
	return errors.Join(writeJSON(dir, parametersFile, logisticParameters{m.Names, m.Intercept}),
		artifact.WriteColumns(filepath.Join(dir, termsFile), artifact.NewColumn("name", names), artifact.NewColumn("column", column),
			artifact.NewColumn("missing", missing), artifact.NewColumn("log", log), artifact.NewColumn("mean", mean),
			artifact.NewColumn("std", std), artifact.NewColumn("coefficient", coefficient)))
}

func bit(b bool) int32 {
	if b {
		return 1
	}
	return 0
}

func saveForest(dir string, m *forest.Model) error {
	var tree, feature, left, right []int32
	var threshold, value []float64
	for i, t := range m.Trees {
		for range t.Feature {
			tree = append(tree, int32(i))
		}
		feature, threshold = append(feature, t.Feature...), append(threshold, t.Threshold...)
		left, right, value = append(left, t.Left...), append(right, t.Right...), append(value, t.Value...)
	}
	return errors.Join(
		artifact.WriteColumns(filepath.Join(dir, imputeFile), artifact.NewColumn("column", m.Names), artifact.NewColumn("impute", m.Impute)),
		artifact.WriteColumns(filepath.Join(dir, nodesFile), artifact.NewColumn("tree", tree), artifact.NewColumn("feature", feature),
			artifact.NewColumn("threshold", threshold), artifact.NewColumn("left", left), artifact.NewColumn("right", right),
			artifact.NewColumn("value", value)))
}

// loadChurn reads what saveChurn wrote.
func loadChurn(a *artifact.Artifact) (models.Classifier, error) {
	var platt calibrate.Platt
	if err := readJSON(a, calibrationFile, &platt); err != nil {
		return nil, err
	}
	checked, err := calibrate.NewPlatt(platt.A, platt.B)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", a.Path(calibrationFile), err)
	}
	base, err := loadClassifier(a)
	if err != nil {
		return nil, err
	}
	return &calibrate.Calibrated{Base: base, Map: checked}, nil
}

func loadClassifier(a *artifact.Artifact) (models.Classifier, error) {
	switch a.Kind {
	case kindBaseRate:
		var m baserate.Model
		if err := readJSON(a, parametersFile, &m); err != nil {
			return nil, err
		}
		return baserate.New(m.Names, m.Rate)
	case kindLogistic:
		return loadLogistic(a)
	case kindForest:
		return loadForest(a)
	}
	return nil, fmt.Errorf("%s version %s is a %q, which is no classifier", a.Name, a.Version, a.Kind)
}

// columnsOf reads typed columns one after the other and keeps the first error.
type columnsOf struct {
	columns *artifact.Columns
	err     error
}

func column[T artifact.Cell](c *columnsOf, name string) []T {
	if c.err != nil {
		return nil
	}
	var values []T
	values, c.err = artifact.Values[T](c.columns, name)
	return values
}

func loadLogistic(a *artifact.Artifact) (*logistic.Model, error) {
	var p logisticParameters
	if err := readJSON(a, parametersFile, &p); err != nil {
		return nil, err
	}
	columns, err := artifact.ReadColumns(a.Path(termsFile))
	if err != nil {
		return nil, err
	}
	c := &columnsOf{columns: columns}
	at, missing, log := column[int32](c, "column"), column[int32](c, "missing"), column[int32](c, "log")
	mean, std, coefficient := column[float64](c, "mean"), column[float64](c, "std"), column[float64](c, "coefficient")
	if c.err != nil {
		return nil, c.err
	}
	terms := make([]logistic.Term, columns.Rows)
	for i := range terms {
		terms[i] = logistic.Term{Column: int(at[i]), Missing: missing[i] != 0, Log: log[i] != 0,
			Mean: mean[i], Std: std[i], Coefficient: coefficient[i]}
	}
	return logistic.New(p.Names, terms, p.Intercept)
}

func loadForest(a *artifact.Artifact) (*forest.Model, error) {
	nodes, err := artifact.ReadColumns(a.Path(nodesFile))
	if err != nil {
		return nil, err
	}
	impute, err := artifact.ReadColumns(a.Path(imputeFile))
	if err != nil {
		return nil, err
	}
	n, m := &columnsOf{columns: nodes}, &columnsOf{columns: impute}
	tree, feature, left, right := column[int32](n, "tree"), column[int32](n, "feature"), column[int32](n, "left"), column[int32](n, "right")
	threshold, value := column[float64](n, "threshold"), column[float64](n, "value")
	names, medians := column[string](m, "column"), column[float64](m, "impute")
	if err := errors.Join(n.err, m.err); err != nil {
		return nil, err
	}
	var trees []forest.Tree
	for from := 0; from < len(tree); {
		to := from
		for to < len(tree) && tree[to] == tree[from] {
			to++
		}
		trees = append(trees, forest.Tree{Feature: feature[from:to], Threshold: threshold[from:to],
			Left: left[from:to], Right: right[from:to], Value: value[from:to]})
		from = to
	}
	return forest.New(names, medians, trees)
}

func writeJSON(dir, name string, v any) error {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("writing %s: %w", name, err)
	}
	return os.WriteFile(filepath.Join(dir, name), append(text, '\n'), 0o644)
}

func readJSON(a *artifact.Artifact, name string, into any) error {
	text, err := os.ReadFile(a.Path(name))
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s version %s has no %s", a.Name, a.Version, name)
	}
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("%s: %w", a.Path(name), err)
	}
	return nil
}
