package training

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"regulars/features/matrix"
	"regulars/models/artifact"
	"regulars/models/gbdt"
)

// Kinds of stored models: how their files are to be read. A recommender's kind
// is the name of its family, or of the family that it is a form of.
const (
	kindPopular  = "popular"
	kindPersonal = "personal"
	kindRepeat   = "repeat"
	kindIALS     = "ials"
	kindEASE     = "ease"
	kindItemKNN  = "itemknn"
	kindContent  = "content"
	kindRules    = "rules"
	kindBPR      = "bpr"
	kindTrending = "trending"
	kindTIFUKNN  = "tifuknn"
	kindSpectral = "spectral"
	kindBlend    = "blend"
	kindGroups   = "popular-group"
	kindLogistic = "logistic"
	kindForest   = "forest"
	kindBaseRate = "base-rate"
	kindTrees    = "gbdt"
	kindNets     = "mlp"
	kindAverage  = "average"
	kindGap      = "gap"
)

// Files of a stored model. Arrays are Parquet, which other tools read. Where a
// file says item, it is the row of items.parquet, from 0.
const (
	itemsFile       = "items.parquet"    // item_id and what there is one number an item of
	factorsFile     = "factors.parquet"  // item_id, f0, f1, …
	weightsFile     = "weights.parquet"  // row, column, value of a sparse matrix
	termsFile       = "terms.parquet"    // coefficients; of content, field and text
	rulesFile       = "rules.parquet"    // first, second, consequent, count, antecedent
	groupsFile      = "groups.parquet"   // group, customers; where a file says row, it is the group
	nodesFile       = "nodes.parquet"    // tree, feature, threshold, left, right, value
	imputeFile      = "columns.parquet"  // column, impute
	parametersFile  = "parameters.json"  // the few numbers that are no arrays
	calibrationFile = "calibration.json" // of a classifier
	treesFile       = "trees.txt"        // boosted trees in LightGBM's text format
)

// A folder is where a model is stored.
type folder struct {
	dir  string
	what string // name and version, for errors
}

func folderOf(a *artifact.Artifact) folder { return folder{a.Dir, a.Name + " version " + a.Version} }

func (f folder) path(name string) string { return filepath.Join(f.dir, name) }

// within is a folder inside.
func (f folder) within(name string) folder { return folder{f.path(name), f.what + ", " + name} }

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

// readColumns opens a file of columns.
func (f folder) readColumns(name string) *columnsOf {
	columns, err := artifact.ReadColumns(f.path(name))
	return &columnsOf{columns: columns, err: err}
}

// saveItems writes what there is one of an item.
func (f folder) saveItems(items *matrix.Vocabulary, columns ...artifact.Column) error {
	return artifact.WriteColumns(f.path(itemsFile), append([]artifact.Column{artifact.NewColumn("item_id", items.IDs())}, columns...)...)
}

// readItems reads the items of a file that has them in item_id.
func (f folder) readItems(name string) (*columnsOf, *matrix.Vocabulary, error) {
	c := f.readColumns(name)
	ids := column[string](c, "item_id")
	if c.err != nil {
		return nil, nil, c.err
	}
	items := matrix.NewVocabulary(ids)
	if !slices.Equal(items.IDs(), ids) {
		return nil, nil, fmt.Errorf("%s: its item ids are not ascending and distinct", f.what)
	}
	return c, items, nil
}

// saveSparse writes a sparse matrix as triplets, row by row.
func (f folder) saveSparse(m *matrix.CSR) error {
	rows := make([]int32, 0, m.NNZ())
	for r := range m.Rows {
		for range m.Indptr[r+1] - m.Indptr[r] {
			rows = append(rows, int32(r))
		}
	}
	return artifact.WriteColumns(f.path(weightsFile), artifact.NewColumn("row", rows),
		artifact.NewColumn("column", m.Indices), artifact.NewColumn("value", m.Values))
}

// readSparse reads what saveSparse wrote. Whether the columns of a row are in
// order and range, the model that it belongs to checks.
func (f folder) readSparse(rows, cols int) (*matrix.CSR, error) {
	c := f.readColumns(weightsFile)
	row, indices, values := column[int32](c, "row"), column[int32](c, "column"), column[float32](c, "value")
	if c.err != nil {
		return nil, c.err
	}
	m := &matrix.CSR{Rows: rows, Cols: cols, Indptr: make([]int64, rows+1), Indices: indices, Values: values}
	for i, r := range row {
		if r < 0 || int(r) >= rows || i > 0 && r < row[i-1] || indices[i] < 0 || int(indices[i]) >= cols {
			return nil, fmt.Errorf("%s: entry %d at row %d and column %d is out of order or of the %d × %d", f.path(weightsFile), i, r, indices[i], rows, cols)
		}
		m.Indptr[r+1]++
	}
	for r := range rows {
		m.Indptr[r+1] += m.Indptr[r]
	}
	return m, nil
}

func (f folder) writeJSON(name string, v any) error { return writeJSON(f.dir, name, v) }

func writeJSON(dir, name string, v any) error {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("writing %s: %w", name, err)
	}
	return os.WriteFile(filepath.Join(dir, name), append(text, '\n'), 0o644)
}

// saveTrees writes boosted trees as LightGBM does.
func (f folder) saveTrees(m *gbdt.Model) error {
	var text bytes.Buffer
	if err := m.WriteText(&text); err != nil {
		return fmt.Errorf("writing %s: %w", treesFile, err)
	}
	return os.WriteFile(f.path(treesFile), text.Bytes(), 0o644)
}

func (f folder) loadTrees() (m *gbdt.Model, err error) {
	file, err := os.Open(f.path(treesFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s has no %s", f.what, treesFile)
	}
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if m, err = gbdt.ReadText(file); err != nil {
		return nil, fmt.Errorf("%s: %w", file.Name(), err)
	}
	return m, nil
}

func readJSON(a *artifact.Artifact, name string, into any) error {
	return folderOf(a).readJSON(name, into)
}

func (f folder) readJSON(name string, into any) error {
	text, err := os.ReadFile(f.path(name))
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s has no %s", f.what, name)
	}
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("%s: %w", f.path(name), err)
	}
	return nil
}
