package training

import (
	"errors"
	"fmt"

	"regulars/features/matrix"
	"regulars/models"
	"regulars/models/artifact"
	"regulars/models/blend"
	"regulars/models/bpr"
	"regulars/models/content"
	"regulars/models/ease"
	"regulars/models/ials"
	"regulars/models/itemknn"
	"regulars/models/personal"
	"regulars/models/popular"
	"regulars/models/repeat"
	"regulars/models/rules"
	"regulars/models/spectral"
	"regulars/models/tifuknn"
)

// kindOf returns how a recommender is stored, "" when it cannot be.
func kindOf(model models.Recommender) string {
	switch model.(type) {
	case *popular.Model:
		return kindPopular
	case *popular.Trending:
		return kindTrending
	case *personal.Model:
		return kindPersonal
	case *repeat.Model:
		return kindRepeat
	case *ials.Model:
		return kindIALS
	case *bpr.Model:
		return kindBPR
	case *ease.Model:
		return kindEASE
	case *spectral.Model:
		return kindSpectral
	case *itemknn.Model:
		return kindItemKNN
	case *content.Model:
		return kindContent
	case *rules.Model:
		return kindRules
	case *tifuknn.Model:
		return kindTIFUKNN
	case *blend.Model:
		return kindBlend
	case groupPopularity:
		return kindGroups
	}
	return ""
}

// saveRecommender writes a fitted recommender over the given items. The number
// of workers, which nothing in a model depends on, is left out.
func saveRecommender(f folder, model models.Recommender, items *matrix.Vocabulary) error {
	switch m := model.(type) {
	case *popular.Model:
		return f.saveItems(items, artifact.NewColumn("weight", m.Scores))
	case *popular.Trending:
		return f.saveItems(items, artifact.NewColumn("weight", m.Scores))
	case *personal.Model:
		return errors.Join(f.writeJSON(parametersFile, m.Options), f.saveItems(items, artifact.NewColumn("weight", m.Share)))
	case *repeat.Model:
		return errors.Join(f.writeJSON(parametersFile, m.Options), f.saveItems(items, artifact.NewColumn("share", m.Share),
			artifact.NewColumn("gap_mean", m.GapMean), artifact.NewColumn("gap_variance", m.GapVariance)))
	case *ials.Model:
		o := m.Options
		o.Workers = 0
		return errors.Join(f.writeJSON(parametersFile, o), f.saveFactors(items, o.Factors, m.Factors))
	case *bpr.Model:
		o := m.Options
		o.Workers = 0
		return errors.Join(f.writeJSON(parametersFile, o), f.saveFactors(items, o.Factors, m.Factors, artifact.NewColumn("bias", m.Bias)))
	case *ease.Model:
		o := m.Options
		o.Workers = 0
		return f.saveNeighbours(items, o, m.Customers, m.Weights)
	case *spectral.Model:
		o := m.Options
		o.Workers = 0
		return f.saveNeighbours(items, o, m.Customers, m.Weights)
	case *itemknn.Model:
		o := m.Options
		o.Workers = 0
		return f.saveNeighbours(items, o, m.Customers, m.Near)
	case *content.Model:
		return f.saveContent(items, m)
	case *rules.Model:
		return f.saveRules(items, m)
	case *tifuknn.Model:
		return errors.Join(f.writeJSON(parametersFile, sparseParameters[tifuknn.Options]{m.Options, m.Vectors.Rows}),
			f.saveItems(items), f.saveSparse(m.Vectors))
	case *blend.Model:
		return f.saveBlend(items, m)
	case groupPopularity:
		return f.saveGroups(items, m)
	}
	return fmt.Errorf("a recommender of type %T cannot be stored", model)
}

// sparseParameters are the options of a model whose matrix has rows that are no items.
type sparseParameters[O any] struct {
	Options O   `json:"options"`
	Rows    int `json:"rows"`
}

func (f folder) saveFactors(items *matrix.Vocabulary, d int, factors []float32, more ...artifact.Column) error {
	columns := append([]artifact.Column{artifact.NewColumn("item_id", items.IDs())}, more...)
	for k := range d {
		column := make([]float32, items.Len())
		for i := range column {
			column[i] = factors[i*d+k]
		}
		columns = append(columns, artifact.NewColumn(fmt.Sprintf("f%d", k), column))
	}
	return artifact.WriteColumns(f.path(factorsFile), columns...)
}

func (f folder) saveNeighbours(items *matrix.Vocabulary, options any, customers []int32, weights *matrix.CSR) error {
	return errors.Join(f.writeJSON(parametersFile, options), f.saveItems(items, artifact.NewColumn("customers", customers)), f.saveSparse(weights))
}

func (f folder) saveContent(items *matrix.Vocabulary, m *content.Model) error {
	fields := make([]int32, len(m.Fields))
	for i, x := range m.Fields {
		fields[i] = int32(x)
	}
	return errors.Join(f.writeJSON(parametersFile, m.Options), f.saveItems(items, artifact.NewColumn("share", m.Share)), f.saveSparse(m.Vectors),
		artifact.WriteColumns(f.path(termsFile), artifact.NewColumn("field", fields), artifact.NewColumn("text", m.Texts)))
}

// rulesParameters are the options of rules, and how many baskets they are from.
type rulesParameters struct {
	Options rules.Options `json:"options"`
	Baskets int           `json:"baskets"`
}

func (f folder) saveRules(items *matrix.Vocabulary, m *rules.Model) error {
	o := m.Options
	o.Workers = 0
	r := m.Rules
	return errors.Join(f.writeJSON(parametersFile, rulesParameters{o, m.Baskets}), f.saveItems(items, artifact.NewColumn("baskets", m.ItemCount)),
		artifact.WriteColumns(f.path(rulesFile), artifact.NewColumn("first", r.First), artifact.NewColumn("second", r.Second),
			artifact.NewColumn("consequent", r.Consequent), artifact.NewColumn("count", r.Count), artifact.NewColumn("antecedent", r.Antecedent)))
}

// loadRecommender reads what saveRecommender wrote.
func loadRecommender(a *artifact.Artifact) (models.Recommender, *matrix.Vocabulary, error) {
	return folderOf(a).recommender(a.Kind)
}

func (f folder) recommender(kind string) (models.Recommender, *matrix.Vocabulary, error) {
	switch kind {
	case kindPopular:
		return perItem(f, func(c *columnsOf) (*popular.Model, error) { return popular.New(column[float32](c, "weight")) })
	case kindTrending:
		return perItem(f, func(c *columnsOf) (*popular.Trending, error) {
			return popular.NewTrending(column[float32](c, "weight"))
		})
	case kindPersonal:
		var o personal.Options
		err := f.readJSON(parametersFile, &o)
		return perItem(f, func(c *columnsOf) (*personal.Model, error) {
			return orError(err, func() (*personal.Model, error) { return personal.New(o, column[float32](c, "weight")) })
		})
	case kindRepeat:
		var o repeat.Options
		err := f.readJSON(parametersFile, &o)
		return perItem(f, func(c *columnsOf) (*repeat.Model, error) {
			return orError(err, func() (*repeat.Model, error) {
				return repeat.New(o, column[float32](c, "share"), column[float32](c, "gap_mean"), column[float32](c, "gap_variance"))
			})
		})
	case kindIALS:
		return loadFactors(f, func(o ials.Options) int { return o.Factors },
			func(o ials.Options, factors []float32, _ *columnsOf) (*ials.Model, error) {
				return ials.New(o, factors)
			})
	case kindBPR:
		return loadFactors(f, func(o bpr.Options) int { return o.Factors }, func(o bpr.Options, factors []float32, c *columnsOf) (*bpr.Model, error) {
			return bpr.New(o, factors, column[float32](c, "bias"))
		})
	case kindEASE:
		return loadNeighbours(f, ease.New)
	case kindSpectral:
		return loadNeighbours(f, spectral.New)
	case kindItemKNN:
		return loadNeighbours(f, itemknn.New)
	case kindContent:
		return f.loadContent()
	case kindRules:
		return f.loadRules()
	case kindTIFUKNN:
		return f.loadTIFU()
	case kindBlend:
		return f.loadBlend()
	case kindGroups:
		return f.loadGroups()
	}
	return nil, nil, fmt.Errorf("%s is a %q, which is no recommender", f.what, kind)
}

func orError[M any](err error, make func() (M, error)) (m M, _ error) {
	if err != nil {
		return m, err
	}
	return make()
}

// perItem loads a model that is all in the file of items.
func perItem[M models.Recommender](f folder, make func(c *columnsOf) (M, error)) (models.Recommender, *matrix.Vocabulary, error) {
	c, items, err := f.readItems(itemsFile)
	if err != nil {
		return nil, nil, err
	}
	m, err := make(c)
	return checked(f, m, items, c, err)
}

// checked returns a loaded model, unless a column was wrong, which a model made
// without it may not have noticed.
func checked[M models.Recommender](f folder, m M, items *matrix.Vocabulary, c *columnsOf, err error) (models.Recommender, *matrix.Vocabulary, error) {
	if c != nil && c.err != nil {
		err = c.err
	}
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", f.what, err)
	}
	if m.Items() != items.Len() {
		return nil, nil, fmt.Errorf("%s: it has %d items, the model %d", f.what, items.Len(), m.Items())
	}
	return m, items, nil
}

func loadFactors[O any, M models.Recommender](f folder, dimension func(O) int, make_ func(O, []float32, *columnsOf) (M, error)) (models.Recommender, *matrix.Vocabulary, error) {
	var o O
	if err := f.readJSON(parametersFile, &o); err != nil {
		return nil, nil, err
	}
	c, items, err := f.readItems(factorsFile)
	if err != nil {
		return nil, nil, err
	}
	d := dimension(o)
	factors := make([]float32, items.Len()*d)
	for k := range d {
		for i, v := range column[float32](c, fmt.Sprintf("f%d", k)) {
			factors[i*d+k] = v
		}
	}
	m, err := make_(o, factors, c)
	return checked(f, m, items, c, err)
}

func loadNeighbours[O any, M models.Recommender](f folder, make func(O, []int32, *matrix.CSR) (M, error)) (models.Recommender, *matrix.Vocabulary, error) {
	var o O
	if err := f.readJSON(parametersFile, &o); err != nil {
		return nil, nil, err
	}
	c, items, err := f.readItems(itemsFile)
	if err != nil {
		return nil, nil, err
	}
	customers := column[int32](c, "customers")
	weights, err := f.readSparse(items.Len(), items.Len())
	if err != nil {
		return nil, nil, err
	}
	m, err := make(o, customers, weights)
	return checked(f, m, items, c, err)
}

func (f folder) loadContent() (models.Recommender, *matrix.Vocabulary, error) {
	var o content.Options
	if err := f.readJSON(parametersFile, &o); err != nil {
		return nil, nil, err
	}
	c, items, err := f.readItems(itemsFile)
	if err != nil {
		return nil, nil, err
	}
	share, terms := column[float32](c, "share"), f.readColumns(termsFile)
	field, texts := column[int32](terms, "field"), column[string](terms, "text")
	if terms.err != nil {
		return nil, nil, terms.err
	}
	fields := make([]uint8, len(field))
	for i, x := range field {
		fields[i] = uint8(min(max(x, 0), 255))
	}
	vectors, err := f.readSparse(items.Len(), len(texts))
	if err != nil {
		return nil, nil, err
	}
	m, err := content.New(o, vectors, fields, texts, share)
	return checked(f, m, items, c, err)
}

func (f folder) loadRules() (models.Recommender, *matrix.Vocabulary, error) {
	var p rulesParameters
	if err := f.readJSON(parametersFile, &p); err != nil {
		return nil, nil, err
	}
	c, items, err := f.readItems(itemsFile)
	if err != nil {
		return nil, nil, err
	}
	count, r := column[int32](c, "baskets"), f.readColumns(rulesFile)
	list := rules.Rules{First: column[int32](r, "first"), Second: column[int32](r, "second"), Consequent: column[int32](r, "consequent"),
		Count: column[int32](r, "count"), Antecedent: column[int32](r, "antecedent")}
	if err := errors.Join(c.err, r.err); err != nil {
		return nil, nil, err
	}
	m, err := rules.New(p.Options, p.Baskets, count, list)
	return checked(f, m, items, c, err)
}

func (f folder) loadTIFU() (models.Recommender, *matrix.Vocabulary, error) {
	var p sparseParameters[tifuknn.Options]
	if err := f.readJSON(parametersFile, &p); err != nil {
		return nil, nil, err
	}
	_, items, err := f.readItems(itemsFile)
	if err != nil {
		return nil, nil, err
	}
	if p.Rows < 0 {
		return nil, nil, fmt.Errorf("%s: %s has %d rows", f.what, parametersFile, p.Rows)
	}
	vectors, err := f.readSparse(p.Rows, items.Len())
	if err != nil {
		return nil, nil, err
	}
	m, err := tifuknn.New(p.Options, vectors)
	return checked(f, m, items, nil, err)
}
