package filter

import (
	"time"

	"regulars/models/snapshot"
)

// ScoreRow is the scores of one customer as the fields of ScoreFields.
type ScoreRow struct {
	Scores *snapshot.Scores // nil: not scored
	// NextOrder tells when the next order comes: the median and the ends of its
	// interval, zero where it is not known. It is asked only by who asks for
	// them. nil: not known.
	NextOrder func() (date, low, high time.Time)
}

// Number returns what is a number, and days.
func (s *ScoreRow) Number(field int) float64 {
	if s.Scores == nil {
		return nan
	}
	switch {
	case field >= ScoreNextOrder && field <= ScoreNextOrderHigh:
		return s.nextOrder(field)
	case field >= ScoreReturns:
		if i := field - ScoreReturns; i < len(s.Scores.Returns) {
			return s.Scores.Returns[i]
		}
		return nan
	case field <= ScoreRecall:
		return s.churn(field)
	case field >= ScoreRecencyDays && field <= ScoreTotalSpend:
		return s.history(field)
	}
	return s.amount(field)
}

func (s *ScoreRow) churn(field int) float64 {
	c := s.Scores.Churn
	switch {
	case c == nil:
		return nan
	case field == ScoreChurn:
		return c.Probability
	case field == ScoreChurnPercentile:
		return c.Percentile
	case field == ScoreReturnProbability, field == ScoreRecall && s.Scores.Lapsed:
		return s.Scores.ReturnProbability
	}
	return nan
}

func (s *ScoreRow) amount(field int) float64 {
	sc := s.Scores
	switch field {
	case ScoreValueAtRisk:
		return orNaN(sc.ValueAtRisk)
	case ScoreSpend:
		return orNaN(sc.Spend)
	case ScoreSpendIfOrder:
		return orNaN(sc.SpendIfOrder)
	case ScoreCLV, ScoreCLVLow, ScoreCLVHigh:
		if sc.Value != nil {
			return [...]float64{sc.Value.Amount, sc.Value.Low, sc.Value.High}[field-ScoreCLV]
		}
	case ScoreBestHour:
		if sc.Hour != nil {
			return float64(sc.Hour.Hour)
		}
	}
	return nan
}

func orNaN(x *float64) float64 {
	if x == nil {
		return nan
	}
	return *x
}

func (s *ScoreRow) history(field int) float64 {
	r := s.Scores.RFM
	if r == nil {
		return nan
	}
	return [...]float64{r.RecencyDays, float64(r.Orders), r.Spend}[field-ScoreRecencyDays]
}

func (s *ScoreRow) nextOrder(field int) float64 {
	if s.NextOrder == nil {
		return nan
	}
	date, low, high := s.NextOrder()
	t := [...]time.Time{date, low, high}[field-ScoreNextOrder]
	if t.IsZero() {
		return nan
	}
	return DayOf(t)
}

// Text returns what is a text.
func (s *ScoreRow) Text(field int) string {
	if s.Scores == nil {
		return ""
	}
	switch field {
	case ScoreChurnBand:
		if s.Scores.Churn != nil {
			return s.Scores.Churn.Band
		}
	case ScoreStage:
		return s.Scores.Stage
	case ScoreMethod:
		return s.Scores.Method
	case ScoreNextCategory:
		return s.likeliest(snapshot.NextCategory)
	case ScoreNextBrand:
		return s.likeliest(snapshot.NextBrand)
	case ScoreNextPriceBand:
		return s.likeliest(snapshot.NextPriceBand)
	}
	return ""
}

func (s *ScoreRow) likeliest(kind string) string {
	for _, k := range s.Scores.Next {
		if k.Kind == kind && len(k.Likely) > 0 {
			return k.Likely[0].Name
		}
	}
	return ""
}

// Truth says whether the customer has lapsed.
func (s *ScoreRow) Truth(field int) Truth {
	if field != ScoreLapsed || s.Scores == nil || s.Scores.Churn == nil {
		return Unknown
	}
	return Is(s.Scores.Lapsed)
}

// Texts returns nothing: no score is a list.
func (s *ScoreRow) Texts(int) []string { return nil }
