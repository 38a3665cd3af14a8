package serving

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"regulars/features/lifecycle"
	"regulars/features/words"
	"regulars/models/snapshot"
)

// ScoreCard is what is known of how likely a customer is to come back, and of
// what that is worth.
type ScoreCard struct {
	Meta
	OutlookVersion string // of the model behind the scores beside churn; "" = there is none
	UserID         string
	HorizonDays    int
	Currency       string
	Scores         snapshot.Scores
	NextOrder      *NextOrder // nil where the course is not known, or ended before today or by an order
	OptedOut       bool       // the customer refuses personalisation: there are no scores, whatever there is

	info    *snapshot.Info
	asOf    time.Time
	ordered bool // since asOf
}

// Scores returns a customer's scores; ok is false when the customer is unknown
// or was not scored.
func (s *Store) Scores(userID string) (card ScoreCard, ok bool, err error) {
	v, err := s.acquire()
	if err != nil {
		return ScoreCard{}, false, err
	}
	defer v.release()
	return s.scores(v, userID, s.opts.Now())
}

// ScoresAll returns the scores of the customers that have any, in the order of
// the ids, all from one snapshot and told at one moment, and the distinct ids of
// the others.
func (s *Store) ScoresAll(userIDs []string) (cards []ScoreCard, unknown []string, meta Meta, err error) {
	v, err := s.acquire()
	if err != nil {
		return nil, nil, Meta{}, err
	}
	defer v.release()
	now, missing := s.opts.Now(), map[string]bool{}
	for i, id := range userIDs {
		card, ok, err := s.scores(v, id, now)
		if err != nil {
			return nil, nil, Meta{}, fmt.Errorf("customer number %d of the batch: %w", i+1, err)
		}
		if ok {
			cards = append(cards, card)
		} else if !missing[id] {
			missing[id], unknown = true, append(unknown, id)
		}
	}
	return cards, unknown, v.meta(v.snap.Info().Propensity), nil
}

func (s *Store) scores(v *view, userID string, now time.Time) (card ScoreCard, ok bool, err error) {
	who, err := v.scored(userID)
	if err == nil && who.scores == nil {
		if told := toldToBe(s.opts.Live, userID); told != "" {
			who, err = v.scored(told)
		}
	}
	if err != nil || who.scores == nil || s.opts.Live != nil && s.opts.Live.Erased(who.id) {
		return ScoreCard{}, false, err
	}
	if s.refuses(subject{id: who.id, refuse: who.refuses}, userID) {
		card = v.card(userID, now, &snapshot.Scores{})
		card.OptedOut = true
		return card, true, nil
	}
	card = v.card(userID, now, who.scores)
	if card.NextOrder != nil && orderedSince(s.opts.Live, v.snap, who.id, who.aliases, v.asOf) {
		card.NextOrder, card.ordered = nil, true
	}
	return card, true, nil
}

// orderedSince reports whether the customer is known, by any of their ids, to have
// ordered since the snapshot: the next order was told given that they had not.
func orderedSince(live Live, snap *snapshot.Snapshot, id string, aliases []snapshot.Alias, asOf time.Time) bool {
	if live == nil {
		return false
	}
	recent, _ := live.Recent(id, "")
	others, _ := toldByOthers(live, snap, id, aliases) // what cannot be looked up was not told
	return slices.ContainsFunc(append(others, recent), func(r Recent) bool {
		return slices.ContainsFunc(r.Bought, func(t Touch) bool { return !t.At.Before(asOf) })
	})
}

// scored is what the snapshot says of a customer.
type scored struct {
	id      string           // the one that stands for all of the customer's
	scores  *snapshot.Scores // nil where there are none
	refuses bool             // personalisation
	aliases []snapshot.Alias
}

// scored returns what is known of a customer who has scores. A damaged record is an
// error, which the store is told as well.
func (v *view) scored(userID string) (out scored, err error) {
	c, err := v.snap.Customer(userID)
	if c != nil {
		defer c.Release()
		out.id = c.ID()
		out.scores, err = c.Scores()
	}
	if err == nil && out.scores != nil {
		out.refuses, err = v.refused(c)
	}
	if err == nil && out.scores != nil && len(out.scores.Course) > 0 {
		out.aliases, err = c.Aliases()
	}
	if errors.Is(err, snapshot.ErrDamaged) {
		v.onDamaged(err)
	}
	return out, err
}

func (v *view) card(userID string, now time.Time, scores *snapshot.Scores) ScoreCard {
	info := v.snap.Info()
	card := cardOf(info, v.asOf, userID, scores)
	card.Meta = v.meta(info.Propensity)
	if info.Outlook != "" {
		card.OutlookVersion = info.ModelVersion(info.Outlook)
	}
	card.NextOrder = nextOrderOf(info, v.asOf, scores, now)
	return card
}

// Note says why there is no churn probability; "" where there is one.
func (c ScoreCard) Note(lang Lang) string {
	if c.OptedOut {
		return refusal[lang.known()]
	}
	return c.Scores.Note
}

// refusal is said instead of the scores of who refuses personalisation.
var refusal = map[Lang]string{
	English: "the customer refuses personalisation, so that nothing is predicted of them",
	Chinese: "该客户已拒绝个性化，因此不作任何预测",
}

// cardOf holds what the scores of a customer need to be told.
func cardOf(info *snapshot.Info, asOf time.Time, userID string, scores *snapshot.Scores) ScoreCard {
	return ScoreCard{UserID: userID, HorizonDays: info.HorizonDays, Currency: info.Currency, Scores: *scores, info: info, asOf: asOf}
}

// nextOrderOf tells when the next order comes as seen now; nil = not known.
func nextOrderOf(info *snapshot.Info, asOf time.Time, scores *snapshot.Scores, now time.Time) *NextOrder {
	if len(scores.Course) == 0 {
		return nil
	}
	if next, ok := (course{info.CourseDays, scores.Course}).nextOrder(asOf, now); ok {
		return &next
	}
	return nil
}

// Horizons returns the days that Scores.Returns looks ahead.
func (c ScoreCard) Horizons() []int { return c.info.Horizons }

// ValueTerms returns the days that a lifetime value looks ahead, and by how much
// a year of it is discounted.
func (c ScoreCard) ValueTerms() (days int, discount float64) {
	return c.info.ValueDays, c.info.ValueDiscount
}

// BaseRate returns how many customers are expected to churn; nil = not known.
func (c ScoreCard) BaseRate() *snapshot.Rate { return c.info.BaseRate }

// Why says why the method that gave the churn probability was used; "" = not
// known.
func (c ScoreCard) Why(lang Lang) string {
	if why, ok := c.info.MethodsZh[c.Scores.Method]; ok && lang == Chinese {
		return why
	}
	return c.info.Methods[c.Scores.Method]
}

// Stage names the life-cycle state; "" = not known.
func (c ScoreCard) Stage(lang Lang) string {
	name := lifecycle.State(c.Scores.Stage).Name()
	if lang == Chinese {
		return name.Chinese
	}
	return name.English
}

// NextOrderNote says why there is no next order where there once was one.
func (c ScoreCard) NextOrderNote(lang Lang) string {
	if c.NextOrder != nil || len(c.Scores.Course) == 0 {
		return ""
	}
	if c.ordered {
		return fmt.Sprintf(orderCame[lang.known()], c.asOf.UTC().Format(time.DateOnly))
	}
	days := c.info.CourseDays[len(c.info.CourseDays)-1]
	return fmt.Sprintf(courseEnded[lang.known()], c.asOf.UTC().Format(time.DateOnly), days)
}

// orderCame takes the day.
var orderCame = map[Lang]string{
	English: "the customer has ordered since %s, the day of the scores: later scores tell what follows",
	Chinese: "客户在评分日期 %s 之后已下单，下次评分后再作预测",
}

// courseEnded takes the day and how many days were looked ahead of it.
var courseEnded = map[Lang]string{
	English: "the scores are of %s and look %d days ahead, which have passed: score again",
	Chinese: "评分日期为 %s，只预测其后 %d 天，现已过期，请重新评分",
}

// FeatureReason is why a churn probability is as it is.
type FeatureReason struct {
	Feature      string
	Contribution float32 // to the log-odds of churn
	Text         string
}

// Reasons words why the churn probability is as it is, the strongest first.
func (c ScoreCard) Reasons(lang Lang) []FeatureReason {
	style := words.Style{Lang: string(lang.known()), Currency: c.Currency}
	out := make([]FeatureReason, len(c.Scores.Reasons))
	for i, r := range c.Scores.Reasons {
		f := c.info.Features[r.Feature]
		out[i] = FeatureReason{Feature: f.Name, Contribution: r.Contribution, Text: featureText(style, f, r.Values)}
	}
	return out
}

// featureText words a feature by its own sentence, if the values beside its own
// are those that the sentence takes: another version of the program may have
// written others.
func featureText(style words.Style, f snapshot.Feature, values []float64) string {
	if words.Known(f.Name) && slices.Equal(words.With(f.Name), f.With) {
		if text := style.Sentence(f.Name, values); text != "" {
			return text
		}
	}
	return style.Plain(f.Name, f.Doc, f.Unit, values[0])
}
