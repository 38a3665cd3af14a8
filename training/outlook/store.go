package outlook

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"regulars/data"
	"regulars/models/artifact"
	"regulars/models/btyd"
	"regulars/models/calibrate"
	"regulars/models/gap"
	"regulars/models/gbdt"
	"regulars/models/hours"
	"regulars/models/response"
	"regulars/models/shares"
	"regulars/models/survival"
)

// Files of a stored model; those of absent parts are missing.
const (
	parametersFile = "outlook.json"        // which parts there are, and the few numbers that are no arrays
	termsFile      = "survival.parquet"    // name, column, missing, log, mean, std, weight
	curvesFile     = "gap.parquet"         // curve (first or later), time, hazard
	comparedFile   = "gap-compare.parquet" // elapsed, expected
	spendFile      = "spend.txt"           // trees in LightGBM's format
	sharesFile     = "shares.parquet"      // kind, name, share
)

// stored is a Model without its arrays.
type stored struct {
	AsOf     string           `json:"as_of"`
	Horizon  int              `json:"horizon_days"`
	Options  storedOptions    `json:"options"`
	Survival *survival.Model  `json:"survival,omitempty"`
	Gap      *gap.Model       `json:"gap,omitempty"`
	Maps     []Calibration    `json:"calibration,omitempty"`
	Spend    *storedSpend     `json:"spend,omitempty"`
	Value    *storedValue     `json:"value,omitempty"`
	Next     []storedNext     `json:"next,omitempty"`
	Channels []storedResponse `json:"response,omitempty"`
	Hours    *hours.Model     `json:"hours,omitempty"`
	Notes    []string         `json:"notes,omitempty"`
}

type storedOptions struct {
	Horizons     []int   `json:"horizons"`
	ValueDays    int     `json:"value_days"`
	DiscountRate float64 `json:"discount_rate"`
	Draws        int     `json:"draws"`
	Samples      int     `json:"samples"`
	Seed         uint64  `json:"seed"`
}

type storedSpend struct {
	Kind  string  `json:"kind"`
	Scale float64 `json:"scale"`
	Shop  float64 `json:"shop_mean"`
}

type storedValue struct {
	Orders      string      `json:"orders"` // bgnbd or paretonbd
	Theta       []float64   `json:"parameters"`
	Fitted      btyd.Fitted `json:"fitted"`
	SpendTheta  []float64   `json:"gammagamma_parameters"`
	SpendFitted btyd.Fitted `json:"gammagamma_fitted"`
}

type storedNext struct {
	Kind          string    `json:"kind"`
	Edges         []float64 `json:"edges,omitempty"`
	HalfLife      float64   `json:"half_life_days"`
	Concentration float64   `json:"concentration"`
}

type storedResponse struct {
	Channel string  `json:"channel"`
	A       float64 `json:"a"`
	B       float64 `json:"b"`
}

// Save writes the model into a folder that exists. The same model gives the same
// bytes.
func (m *Model) Save(dir string) error {
	s := stored{AsOf: m.AsOf.String(), Horizon: m.Horizon, Hours: m.hours, Notes: m.Notes,
		Options: storedOptions{m.o.Horizons, m.o.ValueDays, *m.o.DiscountRate, m.o.Draws, m.o.Samples, m.o.Seed}}
	for _, save := range []func(string, *stored) error{m.saveWaiting, m.saveSpending, m.saveValuing, m.saveNext} {
		if err := save(dir, &s); err != nil {
			return fmt.Errorf("storing the outlook: %w", err)
		}
	}
	for _, c := range m.channels {
		s.Channels = append(s.Channels, storedResponse{c.name, c.A, c.B})
	}
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return fmt.Errorf("storing the outlook: %w", err)
	}
	return os.WriteFile(filepath.Join(dir, parametersFile), append(text, '\n'), 0o644)
}

func (m *Model) saveWaiting(dir string, s *stored) (err error) {
	if m.waiting == nil {
		return nil
	}
	s.Maps = m.waiting.maps
	if w := m.waiting.survival; w != nil {
		rest := *w
		rest.Inputs, rest.Weights = nil, nil
		s.Survival = &rest
		err = saveTerms(dir, w)
	}
	if w := m.waiting.gap; w != nil {
		rest := *w
		rest.First, rest.Later, rest.Background = gap.Curve{Tail: w.First.Tail}, gap.Curve{Tail: w.Later.Tail}, nil
		s.Gap = &rest
		err = errors.Join(err, saveCurves(dir, w))
	}
	return err
}

func saveCurves(dir string, g *gap.Model) error {
	curve := append(slices.Repeat([]string{"first"}, len(g.First.Time)), slices.Repeat([]string{"later"}, len(g.Later.Time))...)
	var elapsed, expected []float64
	for _, b := range g.Background {
		elapsed, expected = append(elapsed, b[0]), append(expected, b[1])
	}
	return errors.Join(
		artifact.WriteColumns(filepath.Join(dir, curvesFile), artifact.NewColumn("curve", curve),
			artifact.NewColumn("time", slices.Concat(g.First.Time, g.Later.Time)), artifact.NewColumn("hazard", slices.Concat(g.First.Hazard, g.Later.Hazard))),
		artifact.WriteColumns(filepath.Join(dir, comparedFile), artifact.NewColumn("elapsed", elapsed), artifact.NewColumn("expected", expected)))
}

func saveTerms(dir string, w *survival.Model) error {
	n := len(w.Inputs)
	names, column, missing, log, mean, std := make([]string, n), make([]int32, n), make([]int32, n), make([]int32, n), make([]float64, n), make([]float64, n)
	for i, t := range w.Inputs {
		names[i], column[i], missing[i], log[i], mean[i], std[i] = w.Names[t.Column], int32(t.Column), bit(t.Missing), bit(t.Log), t.Mean, t.Std
	}
	return artifact.WriteColumns(filepath.Join(dir, termsFile), artifact.NewColumn("name", names), artifact.NewColumn("column", column),
		artifact.NewColumn("missing", missing), artifact.NewColumn("log", log), artifact.NewColumn("mean", mean),
		artifact.NewColumn("std", std), artifact.NewColumn("weight", w.Weights))
}

func bit(b bool) int32 {
	if b {
		return 1
	}
	return 0
}

func (m *Model) saveSpending(dir string, s *stored) (err error) {
	if m.spending == nil {
		return nil
	}
	s.Spend = &storedSpend{m.spending.kind, m.spending.scale, m.spending.shop}
	if m.spending.trees == nil {
		return nil
	}
	f, err := os.Create(filepath.Join(dir, spendFile))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return m.spending.trees.WriteText(f)
}

func (m *Model) saveValuing(_ string, s *stored) error {
	if m.valuing == nil {
		return nil
	}
	v := &storedValue{Orders: m.valuing.name, Theta: parametersOf(m.valuing.orders.Parameters()),
		SpendTheta: parametersOf(m.valuing.spend.Parameters()), SpendFitted: m.valuing.spend.Fitted}
	switch o := m.valuing.orders.(type) {
	case *btyd.BGNBD:
		v.Fitted = o.Fitted
	case *btyd.ParetoNBD:
		v.Fitted = o.Fitted
	}
	s.Value = v
	return nil
}

func parametersOf(parameters []btyd.Parameter) []float64 {
	out := make([]float64, len(parameters))
	for i, p := range parameters {
		out[i] = p.Value
	}
	return out
}

func (m *Model) saveNext(dir string, s *stored) error {
	var kinds, names []string
	var share []float64
	for _, n := range m.next {
		s.Next = append(s.Next, storedNext{n.name, n.edges, n.HalfLife, n.Concentration})
		kinds = append(kinds, slices.Repeat([]string{n.name}, len(n.Names))...)
		names, share = append(names, n.Names...), append(share, n.Prior...)
	}
	if len(kinds) == 0 {
		return nil
	}
	return artifact.WriteColumns(filepath.Join(dir, sharesFile), artifact.NewColumn("kind", kinds),
		artifact.NewColumn("name", names), artifact.NewColumn("share", share))
}

// Load reads what Save wrote. A file that is missing or does not fit is an error
// that names it.
func Load(dir string) (*Model, error) {
	path := filepath.Join(dir, parametersFile)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no outlook at %s", path)
	}
	if err != nil {
		return nil, err
	}
	var s stored
	if err := json.Unmarshal(text, &s); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	m := &Model{Horizon: s.Horizon, Notes: s.Notes}
	if m.AsOf, err = data.ParseDay(s.AsOf); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	rate := s.Options.DiscountRate
	if m.o, err = (Options{Horizons: s.Options.Horizons, ValueDays: s.Options.ValueDays, DiscountRate: &rate, Draws: s.Options.Draws,
		Samples: s.Options.Samples, Seed: s.Options.Seed}).resolved(); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	for _, load := range []func(string, *stored) error{m.loadWaiting, m.loadSpending, m.loadValuing, m.loadNext, m.loadRest} {
		if err := load(dir, &s); err != nil {
			return nil, fmt.Errorf("reading the outlook at %s: %w", dir, err)
		}
	}
	return m, nil
}

func (m *Model) loadWaiting(dir string, s *stored) (err error) {
	for i, c := range s.Maps {
		if c.Days < 1 || i > 0 && c.Days <= s.Maps[i-1].Days {
			return fmt.Errorf("calibration %d is for %d days: days must rise", i, c.Days)
		}
		if _, err := calibrate.NewPlatt(c.A, c.B); err != nil {
			return err
		}
	}
	if s.Survival == nil && s.Gap == nil {
		return nil
	}
	m.waiting = &waiting{maps: s.Maps}
	if s.Survival != nil {
		if m.waiting.survival, err = loadTerms(dir, s.Survival); err != nil {
			return err
		}
	}
	if s.Gap != nil {
		m.waiting.gap, err = loadCurves(dir, s.Gap)
	}
	return err
}

func loadTerms(dir string, w *survival.Model) (*survival.Model, error) {
	c := readColumns(filepath.Join(dir, termsFile))
	column, missing, log := columnOf[int32](c, "column"), columnOf[int32](c, "missing"), columnOf[int32](c, "log")
	mean, std, weight := columnOf[float64](c, "mean"), columnOf[float64](c, "std"), columnOf[float64](c, "weight")
	if c.err != nil {
		return nil, c.err
	}
	for i := range column {
		w.Inputs = append(w.Inputs, survival.Input{Column: int(column[i]), Missing: missing[i] != 0, Log: log[i] != 0, Mean: mean[i], Std: std[i]})
	}
	w.Weights = weight
	return survival.New(*w)
}

func loadCurves(dir string, g *gap.Model) (*gap.Model, error) {
	c, b := readColumns(filepath.Join(dir, curvesFile)), readColumns(filepath.Join(dir, comparedFile))
	curve, time, hazard := columnOf[string](c, "curve"), columnOf[float64](c, "time"), columnOf[float64](c, "hazard")
	elapsed, expected := columnOf[float64](b, "elapsed"), columnOf[float64](b, "expected")
	if err := errors.Join(c.err, b.err); err != nil {
		return nil, err
	}
	for i, name := range curve {
		to := &g.Later
		if name == "first" {
			to = &g.First
		}
		to.Time, to.Hazard = append(to.Time, time[i]), append(to.Hazard, hazard[i])
	}
	for i := range elapsed {
		g.Background = append(g.Background, [2]float64{elapsed[i], expected[i]})
	}
	return gap.New(*g)
}

func (m *Model) loadSpending(dir string, s *stored) (err error) {
	if s.Spend == nil {
		return nil
	}
	if !(s.Spend.Scale > 0) || !(s.Spend.Shop > 0) {
		return fmt.Errorf("spend of scale %v and mean %v: both must be above 0", s.Spend.Scale, s.Spend.Shop)
	}
	m.spending = &spending{kind: s.Spend.Kind, scale: s.Spend.Scale, shop: s.Spend.Shop}
	switch s.Spend.Kind {
	case spendOwn, spendShop:
		return nil
	case spendTweedie, spendLog:
	default:
		return fmt.Errorf("there is no way to tell spend called %q", s.Spend.Kind)
	}
	f, err := os.Open(filepath.Join(dir, spendFile))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if m.spending.trees, err = gbdt.ReadText(f); err != nil {
		return fmt.Errorf("%s: %w", f.Name(), err)
	}
	return nil
}

func (m *Model) loadValuing(_ string, s *stored) (err error) {
	if s.Value == nil {
		return nil
	}
	v := &valuing{name: s.Value.Orders}
	switch v.name {
	case "bgnbd":
		v.orders, err = btyd.NewBGNBD(s.Value.Theta, s.Value.Fitted)
	case "paretonbd":
		v.orders, err = btyd.NewParetoNBD(s.Value.Theta, s.Value.Fitted)
	default:
		err = fmt.Errorf("there is no model of orders called %q", v.name)
	}
	if err != nil {
		return err
	}
	v.spend, err = btyd.NewGammaGamma(s.Value.SpendTheta, s.Value.SpendFitted)
	m.valuing = v
	return err
}

func (m *Model) loadNext(dir string, s *stored) error {
	if len(s.Next) == 0 {
		return nil
	}
	c := readColumns(filepath.Join(dir, sharesFile))
	kinds, names, share := columnOf[string](c, "kind"), columnOf[string](c, "name"), columnOf[float64](c, "share")
	if c.err != nil {
		return c.err
	}
	for _, n := range s.Next {
		of := shares.Model{HalfLife: n.HalfLife, Concentration: n.Concentration}
		for i, k := range kinds {
			if k == n.Kind {
				of.Names, of.Prior = append(of.Names, names[i]), append(of.Prior, share[i])
			}
		}
		checked, err := shares.New(of)
		if err != nil {
			return err
		}
		if !slices.IsSorted(n.Edges) || len(n.Edges) > 0 && len(n.Edges)+1 != len(of.Names) {
			return fmt.Errorf("%d bands with edges %v", len(of.Names), n.Edges)
		}
		m.next = append(m.next, nextModel{n.Kind, n.Edges, checked})
	}
	return nil
}

func (m *Model) loadRest(_ string, s *stored) error {
	for _, c := range s.Channels {
		checked, err := response.New(c.A, c.B)
		if err != nil {
			return err
		}
		m.channels = append(m.channels, channelModel{c.Channel, checked})
	}
	if s.Hours == nil {
		return nil
	}
	var err error
	m.hours, err = hours.New(*s.Hours)
	return err
}

// columns reads typed columns one after the other and keeps the first error.
type columns struct {
	*artifact.Columns
	err error
}

func readColumns(path string) *columns {
	c, err := artifact.ReadColumns(path)
	return &columns{c, err}
}

func columnOf[T artifact.Cell](c *columns, name string) []T {
	if c.err != nil {
		return nil
	}
	var values []T
	values, c.err = artifact.Values[T](c.Columns, name)
	return values
}
