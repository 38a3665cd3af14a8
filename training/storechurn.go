package training

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"regulars/models"
	"regulars/models/artifact"
	"regulars/models/average"
	"regulars/models/baserate"
	"regulars/models/calibrate"
	"regulars/models/forest"
	"regulars/models/gap"
	"regulars/models/gbdt"
	"regulars/models/logistic"
	"regulars/models/mlp"
	"regulars/training/churn"
)

// saveChurn writes a fitted classifier and its calibration.
func saveChurn(dir string, m *churn.Model) error {
	if err := writeJSON(dir, calibrationFile, m.Map); err != nil {
		return err
	}
	return folder{dir: dir, what: RoleChurn}.saveClassifier(m.Base)
}

// memberFolder begins the names of the folders of an average's members; its
// parameters hold their kinds.
const memberFolder = "member-"

func (f folder) saveClassifier(model models.Classifier) error {
	switch m := model.(type) {
	case *baserate.Model:
		return f.writeJSON(parametersFile, m)
	case *logistic.Model:
		return saveLogistic(f.dir, m)
	case *forest.Model:
		return saveForest(f.dir, m)
	case *gbdt.Model:
		return f.saveTrees(m)
	case *mlp.Model:
		return f.writeJSON(parametersFile, m)
	case *average.Model:
		return f.saveAverage(m)
	case churn.Away:
		return f.writeJSON(parametersFile, m.Gap)
	}
	return fmt.Errorf("a classifier of type %T cannot be stored", model)
}

// classifierKind says how the files of a classifier are to be read.
func classifierKind(model models.Classifier) string {
	switch model.(type) {
	case *baserate.Model:
		return kindBaseRate
	case *logistic.Model:
		return kindLogistic
	case *forest.Model:
		return kindForest
	case *gbdt.Model:
		return kindTrees
	case *mlp.Model:
		return kindNets
	case *average.Model:
		return kindAverage
	case churn.Away:
		return kindGap
	}
	return ""
}

// inputs are the columns that a classifier reads, by name.
func inputs(model models.Classifier) []string {
	switch m := model.(type) {
	case *baserate.Model:
		return m.Names
	case *logistic.Model:
		return m.Names
	case *forest.Model:
		return m.Names
	case *gbdt.Model:
		return m.Names
	case *mlp.Model:
		return m.Names
	case *average.Model:
		return inputs(m.Members[0])
	case churn.Away:
		return m.Gap.Names
	}
	return nil
}

func (f folder) saveAverage(m *average.Model) error {
	var kinds []string
	for i, member := range m.Members {
		inside := f.within(memberFolder + strconv.Itoa(i))
		if err := errors.Join(os.Mkdir(inside.dir, 0o755), inside.saveClassifier(member)); err != nil {
			return fmt.Errorf("member %d: %w", i, err)
		}
		kinds = append(kinds, classifierKind(member))
	}
	return f.writeJSON(parametersFile, kinds)
}

func (f folder) average() (*average.Model, error) {
	var kinds []string
	if err := f.readJSON(parametersFile, &kinds); err != nil {
		return nil, err
	}
	var members []models.Classifier
	for i, kind := range kinds {
		m, err := f.within(memberFolder + strconv.Itoa(i)).classifier(kind)
		if err != nil {
			return nil, err
		}
		members = append(members, m)
	}
	return average.New(members...)
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
	var tree, feature, left, right, cover []int32
	var threshold, value []float64
	for i, t := range m.Trees {
		for range t.Feature {
			tree = append(tree, int32(i))
		}
		feature, threshold = append(feature, t.Feature...), append(threshold, t.Threshold...)
		left, right, value = append(left, t.Left...), append(right, t.Right...), append(value, t.Value...)
		cover = append(cover, t.Cover...)
	}
	columns := []artifact.Column{artifact.NewColumn("tree", tree), artifact.NewColumn("feature", feature), artifact.NewColumn("threshold", threshold),
		artifact.NewColumn("left", left), artifact.NewColumn("right", right), artifact.NewColumn("value", value)}
	if len(cover) == len(tree) { // a model stored without stays without
		columns = append(columns, artifact.NewColumn(coverColumn, cover))
	}
	return errors.Join(
		artifact.WriteColumns(filepath.Join(dir, imputeFile), artifact.NewColumn("column", m.Names), artifact.NewColumn("impute", m.Impute)),
		artifact.WriteColumns(filepath.Join(dir, nodesFile), columns...))
}

// coverColumn holds the training rows of a node. Forests stored before there was
// such a column score as ever and cannot say what columns contribute.
const coverColumn = "cover"

// loadChurn reads what saveChurn wrote.
func loadChurn(a *artifact.Artifact) (*calibrate.Calibrated, error) {
	var c churn.Calibration
	if err := readJSON(a, calibrationFile, &c); err != nil {
		return nil, err
	}
	if err := c.Check(); err != nil {
		return nil, fmt.Errorf("%s: %w", a.Path(calibrationFile), err)
	}
	base, err := folderOf(a).classifier(a.Kind)
	if err != nil {
		return nil, err
	}
	return &calibrate.Calibrated{Base: base, Map: &c}, nil
}

func (f folder) classifier(kind string) (models.Classifier, error) {
	switch kind {
	case kindBaseRate:
		var m baserate.Model
		if err := f.readJSON(parametersFile, &m); err != nil {
			return nil, err
		}
		return baserate.New(m.Names, m.Rate)
	case kindLogistic:
		return f.logistic()
	case kindForest:
		return f.forest()
	case kindTrees:
		return f.loadTrees()
	case kindNets:
		var m mlp.Model
		if err := f.readJSON(parametersFile, &m); err != nil {
			return nil, err
		}
		return mlp.New(m.Names, m.Inputs, m.Nets)
	case kindAverage:
		return f.average()
	case kindGap:
		var m gap.Model
		if err := f.readJSON(parametersFile, &m); err != nil {
			return nil, err
		}
		checked, err := gap.New(m)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.what, err)
		}
		return churn.Away{Gap: checked}, nil
	}
	return nil, fmt.Errorf("%s is a %q, which is no classifier", f.what, kind)
}

func (f folder) logistic() (*logistic.Model, error) {
	var p logisticParameters
	if err := f.readJSON(parametersFile, &p); err != nil {
		return nil, err
	}
	c := f.readColumns(termsFile)
	at, missing, log := column[int32](c, "column"), column[int32](c, "missing"), column[int32](c, "log")
	mean, std, coefficient := column[float64](c, "mean"), column[float64](c, "std"), column[float64](c, "coefficient")
	if c.err != nil {
		return nil, c.err
	}
	terms := make([]logistic.Term, len(at))
	for i := range terms {
		terms[i] = logistic.Term{Column: int(at[i]), Missing: missing[i] != 0, Log: log[i] != 0,
			Mean: mean[i], Std: std[i], Coefficient: coefficient[i]}
	}
	return logistic.New(p.Names, terms, p.Intercept)
}

func (f folder) forest() (*forest.Model, error) {
	nodes, err := artifact.ReadColumns(f.path(nodesFile))
	if err != nil {
		return nil, err
	}
	impute, err := artifact.ReadColumns(f.path(imputeFile))
	if err != nil {
		return nil, err
	}
	n, m := &columnsOf{columns: nodes}, &columnsOf{columns: impute}
	tree, feature, left, right := column[int32](n, "tree"), column[int32](n, "feature"), column[int32](n, "left"), column[int32](n, "right")
	threshold, value := column[float64](n, "threshold"), column[float64](n, "value")
	names, medians := column[string](m, "column"), column[float64](m, "impute")
	var cover []int32
	if slices.ContainsFunc(nodes.List, func(c artifact.Column) bool { return c.Name() == coverColumn }) {
		cover = column[int32](n, coverColumn)
	}
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
		if cover != nil {
			trees[len(trees)-1].Cover = cover[from:to]
		}
		from = to
	}
	return forest.New(names, medians, trees)
}
