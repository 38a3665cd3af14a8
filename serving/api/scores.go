package api

import (
	"time"

	"github.com/gin-gonic/gin"

	"regulars/serving"
)

// scoresJSON is what is said of one customer; what was not computed is absent.
type scoresJSON struct {
	UserID        string                  `json:"user_id"`
	Churn         *churnJSON              `json:"churn"` // null, with a note, where there is nothing to go by
	Recall        *recallJSON             `json:"recall,omitempty"`
	Returns       []returnJSON            `json:"returns,omitempty"`
	ValueAtRisk   *moneyJSON              `json:"value_at_risk,omitempty"`
	Spend         *spendJSON              `json:"spend,omitempty"`
	NextOrder     *nextOrderJSON          `json:"next_order,omitempty"`
	NextOrderNote string                  `json:"next_order_note,omitempty"` // why there is no next order any more
	CLV           *clvJSON                `json:"clv,omitempty"`
	Next          map[string][]likelyJSON `json:"next,omitempty"` // by kind: category, brand, price_band
	Response      []responseJSON          `json:"response,omitempty"`
	BestHour      *hourJSON               `json:"best_hour,omitempty"`
	Stage         string                  `json:"stage,omitempty"`
	StageText     string                  `json:"stage_text,omitempty"`
	RFM           *rfmJSON                `json:"rfm,omitempty"`
	Reasons       []featureJSON           `json:"reasons,omitempty"` // of the churn probability, the strongest first
	Note          string                  `json:"note,omitempty"`
	metaJSON
	OutlookVersion string `json:"outlook_version,omitempty"` // of the model behind what is said beside churn
}

type churnJSON struct {
	Probability float64   `json:"probability"`
	Percentile  float64   `json:"percentile"`
	HorizonDays int       `json:"horizon_days"`
	Band        string    `json:"band"`
	Method      string    `json:"method,omitempty"`
	Why         string    `json:"why,omitempty"` // that method
	BaseRate    *rateJSON `json:"base_rate,omitempty"`
}

// rateJSON is the share of all customers that is expected to churn.
type rateJSON struct {
	Rate float64 `json:"rate"`
	Low  float64 `json:"low"`
	High float64 `json:"high"`
	Rule string  `json:"rule,omitempty"`
}

type recallJSON struct {
	ReturnProbability float64 `json:"return_probability"`
	Lapsed            bool    `json:"lapsed"`
}

type returnJSON struct {
	HorizonDays int     `json:"horizon_days"`
	Probability float64 `json:"probability"`
}

type spendJSON struct {
	Expected    *float64 `json:"expected,omitempty"`
	IfOrder     *float64 `json:"if_order,omitempty"`
	HorizonDays int      `json:"horizon_days"`
	Currency    string   `json:"currency,omitempty"`
}

// nextOrderJSON holds days such as 2011-12-24; null = after the day After.
type nextOrderJSON struct {
	Date  *string `json:"date"`
	Low   *string `json:"low"`
	High  *string `json:"high"`
	After string  `json:"after,omitempty"`
}

type clvJSON struct {
	Amount   float64 `json:"amount"`
	Low      float64 `json:"low"`
	High     float64 `json:"high"`
	Days     int     `json:"days"`
	Discount float64 `json:"discount"` // a year
	Currency string  `json:"currency,omitempty"`
}

type likelyJSON struct {
	Name        string  `json:"name"`
	Probability float32 `json:"probability"`
}

type responseJSON struct {
	Channel     string  `json:"channel"`
	Probability float32 `json:"probability"`
	Sent        int64   `json:"sent"` // messages that it rests on
}

type hourJSON struct {
	Hour  int     `json:"hour"`
	Share float32 `json:"share"`
}

type rfmJSON struct {
	RecencyDays float64   `json:"recency_days"`
	Orders      int64     `json:"orders"`
	Spend       moneyJSON `json:"spend"`
}

type featureJSON struct {
	Feature      string  `json:"feature"`
	Contribution float32 `json:"contribution"`
	Text         string  `json:"text"`
}

func (s *server) scores(c *gin.Context) error {
	id, err := pathID(c.Param("id"))
	if err != nil {
		return err
	}
	q, err := query(c.Request.URL.RawQuery, "lang")
	if err != nil {
		return err
	}
	if err := oneOf(q, "lang", languages...); err != nil {
		return err
	}
	card, ok, err := s.store.Scores(id)
	if err != nil {
		return err
	}
	if !ok {
		return notFound("customer %q is unknown, or was not scored", clip(id))
	}
	lang := s.lang
	if asked, given := q["lang"]; given {
		lang = serving.Lang(asked)
	}
	return s.tell(c, "private, no-cache", scoresOf(card, lang))
}

// scoresAskJSON is the body of POST /v1/scores/batch. A null is as absent.
type scoresAskJSON struct {
	UserIDs []string
	Lang    *string
}

func (a *scoresAskJSON) check() error {
	if len(a.UserIDs) == 0 {
		return badRequest(`"user_ids" is missing or empty: it names the customers whose scores are asked for`)
	}
	if err := checkLang(a.Lang); err != nil {
		return err
	}
	return checkIDs("user_ids", a.UserIDs, maxUsers)
}

type scoresBatchJSON struct {
	Results      []*scoresJSON `json:"results"`
	UnknownUsers []string      `json:"unknown_users,omitempty"` // or not scored
	metaJSON
}

// postScores answers for each customer as GET does, all from one snapshot.
func (s *server) postScores(c *gin.Context) error {
	if _, err := query(c.Request.URL.RawQuery); err != nil {
		return err
	}
	var a scoresAskJSON
	if err := decodeBody(c.Request.Body, []field{{"user_ids", &a.UserIDs}, {"lang", &a.Lang}}); err != nil {
		return err
	}
	if err := a.check(); err != nil {
		return err
	}
	cards, unknown, meta, err := s.store.ScoresAll(a.UserIDs)
	if err != nil {
		return err
	}
	lang := s.lang
	if a.Lang != nil {
		lang = serving.Lang(*a.Lang)
	}
	out := &scoresBatchJSON{Results: make([]*scoresJSON, len(cards)), UnknownUsers: unknown, metaJSON: metaOf(meta)}
	for i, card := range cards {
		out.Results[i] = scoresOf(card, lang)
	}
	return s.tell(c, "no-store", out)
}

func scoresOf(card serving.ScoreCard, lang serving.Lang) *scoresJSON {
	sc := card.Scores
	out := &scoresJSON{UserID: card.UserID, Churn: churnOf(card, lang), Returns: returnsOf(card), Spend: spendOf(card),
		NextOrder: nextOrderOf(card.NextOrder), NextOrderNote: card.NextOrderNote(lang), CLV: clvOf(card), Next: nextOf(card),
		Stage: sc.Stage, StageText: card.Stage(lang), Note: card.Note(lang), metaJSON: metaOf(card.Meta), OutlookVersion: card.OutlookVersion}
	if sc.Churn != nil {
		out.Recall = &recallJSON{ReturnProbability: sc.ReturnProbability, Lapsed: sc.Lapsed}
	}
	if v := sc.ValueAtRisk; v != nil {
		out.ValueAtRisk = &moneyJSON{*v, card.Currency}
	}
	for _, r := range sc.Response {
		out.Response = append(out.Response, responseJSON{Channel: r.Channel, Probability: r.Probability, Sent: r.Sent})
	}
	if h := sc.Hour; h != nil {
		out.BestHour = &hourJSON{Hour: h.Hour, Share: h.Share}
	}
	if r := sc.RFM; r != nil {
		out.RFM = &rfmJSON{RecencyDays: r.RecencyDays, Orders: r.Orders, Spend: moneyJSON{r.Spend, card.Currency}}
	}
	for _, r := range card.Reasons(lang) {
		out.Reasons = append(out.Reasons, featureJSON{Feature: r.Feature, Contribution: r.Contribution, Text: r.Text})
	}
	return out
}

func churnOf(card serving.ScoreCard, lang serving.Lang) *churnJSON {
	c := card.Scores.Churn
	if c == nil {
		return nil
	}
	out := &churnJSON{Probability: c.Probability, Percentile: c.Percentile, HorizonDays: card.HorizonDays, Band: c.Band,
		Method: card.Scores.Method, Why: card.Why(lang)}
	if r := card.BaseRate(); r != nil {
		out.BaseRate = &rateJSON{Rate: r.Rate, Low: r.Low, High: r.High, Rule: r.Rule}
	}
	return out
}

func returnsOf(card serving.ScoreCard) (out []returnJSON) {
	for i, p := range card.Scores.Returns {
		out = append(out, returnJSON{HorizonDays: card.Horizons()[i], Probability: p})
	}
	return out
}

func spendOf(card serving.ScoreCard) *spendJSON {
	if card.Scores.Spend == nil && card.Scores.SpendIfOrder == nil {
		return nil
	}
	return &spendJSON{Expected: card.Scores.Spend, IfOrder: card.Scores.SpendIfOrder, HorizonDays: card.HorizonDays, Currency: card.Currency}
}

func nextOrderOf(n *serving.NextOrder) *nextOrderJSON {
	if n == nil {
		return nil
	}
	out := &nextOrderJSON{}
	day := func(t time.Time) *string {
		if t.IsZero() {
			out.After = n.Until.Format(time.DateOnly)
			return nil
		}
		text := t.Format(time.DateOnly)
		return &text
	}
	out.Date, out.Low, out.High = day(n.Date), day(n.Low), day(n.High)
	return out
}

func clvOf(card serving.ScoreCard) *clvJSON {
	v := card.Scores.Value
	if v == nil {
		return nil
	}
	days, discount := card.ValueTerms()
	return &clvJSON{Amount: v.Amount, Low: v.Low, High: v.High, Days: days, Discount: discount, Currency: card.Currency}
}

func nextOf(card serving.ScoreCard) map[string][]likelyJSON {
	if len(card.Scores.Next) == 0 {
		return nil
	}
	out := make(map[string][]likelyJSON, len(card.Scores.Next))
	for _, k := range card.Scores.Next {
		for _, l := range k.Likely {
			out[k.Kind] = append(out[k.Kind], likelyJSON{Name: l.Name, Probability: l.Probability})
		}
	}
	return out
}
