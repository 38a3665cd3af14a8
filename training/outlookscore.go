package training

import (
	"context"
	"fmt"
	"math"

	"regulars/data"
	"regulars/models/snapshot"
	"regulars/training/outlook"
)

// scoreOutlook adds to the scores what customers will do beside leaving. all
// belong to the ids of the customers at as_of, in their order.
func (p *Pipeline) scoreOutlook(ctx context.Context, s *scoring, all []*snapshot.Scores) error {
	in, err := p.outlookInput([]data.Day{p.Options.AsOf}, s.bought, 0)
	if err != nil {
		return err
	}
	made := s.champions.outlookMade
	in.Horizon = made.HorizonDays
	v := &view{horizon: made.HorizonDays, horizons: made.Horizons, days: outlook.CourseDays(), valueDays: made.ValueDays, valueDiscount: made.ValueDiscount}
	done := 0
	err = s.champions.outlook.Score(ctx, in, p.Options.Workers, func(row int, c *outlook.Customer) error {
		if done++; done%scoreChunk == 0 {
			p.step("outlook of customers", done, len(all))
		}
		v.tell(all[row], c)
		return nil
	})
	if err != nil {
		return fmt.Errorf("the outlook with version %s (train again if the features have changed): %w", s.champions.versions[RoleOutlook], err)
	}
	p.step("outlook of customers", len(all), len(all))
	return nil
}

// view turns an outlook into scores.
type view struct {
	horizon        int
	horizons, days []int
	valueDays      int
	valueDiscount  float64 // a year
}

func (v *view) tell(out *snapshot.Scores, c *outlook.Customer) {
	v.agree(out, c)
	out.Returns, out.Course = c.Returns, c.Course
	if c.Spend != nil {
		v.spend(out, c.Spend)
	}
	if c.Value != nil {
		out.Value = v.value(c.Value, out.Spend)
	}
	for _, n := range c.Next {
		kind := snapshot.NextKind{Kind: n.Kind}
		for _, l := range n.Likely {
			kind.Likely = append(kind.Likely, snapshot.Likely{Name: l.Name, Probability: float32(l.Probability)})
		}
		out.Next = append(out.Next, kind)
	}
	for _, r := range c.Response {
		out.Response = append(out.Response, snapshot.Response{Channel: r.Channel, Probability: float32(r.Rate), Sent: r.Sent})
	}
	if c.Hour != nil {
		out.Hour = &snapshot.Hour{Hour: c.Hour.Hour, Share: float32(c.Hour.Share)}
	}
}

// value is the value model's word, but not below what the spend told of the
// horizon is worth, as that money is counted in it. Bending it to the spend more
// than that made it tell customers apart less well.
func (v *view) value(c *outlook.Value, spend *float64) *snapshot.Range {
	out := &snapshot.Range{Amount: max(c.Amount, 0), Low: max(c.Low, 0), High: max(c.High, 0)}
	if spend == nil {
		return out
	}
	counted := min(1, float64(v.valueDays)/float64(v.horizon)) // of the horizon, whose money comes in the middle of it
	out.Amount = max(out.Amount, *spend*counted*math.Pow(1+v.valueDiscount, -counted*float64(v.horizon)/2/365.25))
	out.High = max(out.High, out.Amount)
	return out
}

// spend is told in keeping with the churn probability.
func (v *view) spend(out *snapshot.Scores, s *outlook.Spend) {
	ifOrder, expected := max(s.IfOrder, 0), max(s.Expected, 0)
	if out.Churn != nil {
		expected = ifOrder * out.ReturnProbability
		risk := ifOrder * out.Churn.Probability
		out.ValueAtRisk = &risk
	}
	out.SpendIfOrder, out.Spend = &ifOrder, &expected
}

// agree bends the course of a customer so that it says of the horizon what the
// churn model says, which is the better judge of it: every probability of no
// order is raised to one power (proportional hazards), so that what never fell
// still never falls.
func (v *view) agree(out *snapshot.Scores, c *outlook.Customer) {
	if out.Churn == nil || len(c.Course) != len(v.days) {
		return
	}
	now := v.logSurvival(c.Course)
	if !(now < 0) {
		return
	}
	power := math.Log(out.Churn.Probability) / now
	for i, s := range c.Course {
		c.Course[i] = float32(math.Pow(float64(s), power))
	}
	for i, r := range c.Returns {
		c.Returns[i] = 1 - math.Pow(1-r, power)
		if v.horizons[i] == v.horizon {
			c.Returns[i] = out.ReturnProbability
		}
	}
	for i, days := range v.horizons { // against rounding
		if i < len(c.Returns) && days < v.horizon {
			c.Returns[i] = min(c.Returns[i], out.ReturnProbability)
		} else if i < len(c.Returns) {
			c.Returns[i] = max(c.Returns[i], out.ReturnProbability)
		}
	}
}

// logSurvival is ln P(no order within the horizon), straight between the days of
// the course and from its begin.
func (v *view) logSurvival(course []float32) float64 {
	day, last := 0.0, 0.0
	for i, d := range v.days {
		value := math.Log(max(float64(course[i]), 1e-9))
		if d >= v.horizon {
			return last + (value-last)*(float64(v.horizon)-day)/(float64(d)-day)
		}
		day, last = float64(d), value
	}
	return last
}

// describeOutlook says in the manifest what the outlook is.
func (s *scoring) describeOutlook(info *snapshot.Info) {
	made := s.champions.outlookMade
	info.Outlook, info.Horizons, info.CourseDays = RoleOutlook, made.Horizons, outlook.CourseDays()
	info.ValueDays, info.ValueDiscount = made.ValueDays, made.ValueDiscount
}
