package synth

import (
	"math"

	"regulars/data"
)

// Shop is a simulated shop, safe for concurrent use. It holds the catalogue;
// customers are made anew whenever they are asked for.
type Shop struct {
	opts           Options
	start          data.Day // first day of the history
	items          []item
	categories     []category
	categoryWeight []float64
	aisles         [][]int32 // items by category
	calendar       []float64 // hazard factor of each day from the first joining to the end
}

// joiningBefore is how long before the history the first customers joined.
const joiningBefore = 360

// New makes the shop that the options describe.
func New(opts Options) (*Shop, error) {
	opts = opts.withDefaults()
	if err := opts.validate(); err != nil {
		return nil, err
	}
	s := &Shop{opts: opts, start: opts.End - data.Day(opts.Months*daysPerMonth)}
	s.buildCatalogue()
	s.calendar = make([]float64, s.opts.End-s.firstDay())
	for i := range s.calendar {
		s.calendar[i] = s.rhythm(s.firstDay() + data.Day(i))
	}
	return s, nil
}

func (s *Shop) firstDay() data.Day { return s.start - joiningBefore }

// Options returns the options in effect.
func (s *Shop) Options() Options { return s.opts }

// Start returns the first day of the history.
func (s *Shop) Start() data.Day { return s.start }

// weekday is the rhythm of the week from Monday to Sunday, mean 1.
var weekday = [7]float64{0.85, 0.85, 0.9, 0.95, 1.15, 1.25, 1.05}

// peakDay is the day of the year on which the season peaks: mid December.
const peakDay = 350

// rhythm is the factor on a day by which all order rates are multiplied.
func (s *Shop) rhythm(d data.Day) float64 {
	t := d.Time()
	phase := 2 * math.Pi * float64(t.YearDay()-peakDay) / 365.25
	season := 1 + max(0, s.opts.Season)*math.Cos(phase)
	return season * weekday[(int(t.Weekday())+6)%7]
}

func (s *Shop) factor(d data.Day) float64 {
	if i := int(d - s.firstDay()); i >= 0 && i < len(s.calendar) {
		return s.calendar[i]
	}
	return s.rhythm(d)
}
