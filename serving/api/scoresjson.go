package api

import (
	"maps"
	"slices"
	"strconv"
)

// appendJSON writes what encoding/json would write, byte for byte, as that of
// listJSON does.
func (s *scoresJSON) appendJSON(b []byte) []byte {
	b = append(appendText(append(b, `{"user_id":`...), s.UserID), `,"churn":`...)
	b = append(s.Churn.appendJSON(b), ',')
	if r := s.Recall; r != nil {
		b = appendFloat64(append(b, `"recall":{"return_probability":`...), r.ReturnProbability)
		b = append(strconv.AppendBool(append(b, `,"lapsed":`...), r.Lapsed), `},`...)
	}
	b = appendEach(b, "returns", s.Returns, returnJSON.appendJSON)
	if s.ValueAtRisk != nil {
		b = append(s.ValueAtRisk.appendJSON(append(b, `"value_at_risk":`...)), ',')
	}
	b = s.Spend.appendField(b)
	b = s.NextOrder.appendField(b)
	b = appendGiven(b, "next_order_note", s.NextOrderNote)
	b = s.CLV.appendField(b)
	b = appendNext(b, s.Next)
	b = appendEach(b, "response", s.Response, responseJSON.appendJSON)
	if h := s.BestHour; h != nil {
		b = appendInt(append(b, `"best_hour":{"hour":`...), h.Hour)
		b = append(appendFloat32(append(b, `,"share":`...), h.Share), `},`...)
	}
	b = appendGiven(b, "stage", s.Stage)
	b = appendGiven(b, "stage_text", s.StageText)
	b = s.RFM.appendField(b)
	b = appendEach(b, "reasons", s.Reasons, featureJSON.appendJSON)
	b = appendGiven(b, "note", s.Note)
	b = appendText(append(b, `"as_of":`...), s.AsOf)
	b = append(appendText(append(b, `,"model_version":`...), s.ModelVersion), ',')
	return closed(appendGiven(b, "outlook_version", s.OutlookVersion))
}

func (s *scoresBatchJSON) appendJSON(b []byte) []byte {
	b = append(b, `{"results":[`...)
	for i, one := range s.Results {
		if i > 0 {
			b = append(b, ',')
		}
		b = one.appendJSON(b)
	}
	b = appendGivenList(append(b, `],`...), "unknown_users", s.UnknownUsers)
	b = appendText(append(b, `"as_of":`...), s.AsOf)
	b = appendText(append(b, `,"model_version":`...), s.ModelVersion)
	return append(b, '}')
}

func (c *churnJSON) appendJSON(b []byte) []byte {
	if c == nil {
		return append(b, `null`...)
	}
	b = appendFloat64(append(b, `{"probability":`...), c.Probability)
	b = appendFloat64(append(b, `,"percentile":`...), c.Percentile)
	b = appendInt(append(b, `,"horizon_days":`...), c.HorizonDays)
	b = append(appendText(append(b, `,"band":`...), c.Band), ',')
	b = appendGiven(b, "method", c.Method)
	b = appendGiven(b, "why", c.Why)
	if r := c.BaseRate; r != nil {
		b = appendFloat64(append(b, `"base_rate":{"rate":`...), r.Rate)
		b = appendFloat64(append(b, `,"low":`...), r.Low)
		b = append(appendFloat64(append(b, `,"high":`...), r.High), ',')
		b = append(closed(appendGiven(b, "rule", r.Rule)), ',')
	}
	return closed(b)
}

func (r returnJSON) appendJSON(b []byte) []byte {
	b = appendInt(append(b, `{"horizon_days":`...), r.HorizonDays)
	return append(appendFloat64(append(b, `,"probability":`...), r.Probability), '}')
}

func (m *moneyJSON) appendJSON(b []byte) []byte {
	b = append(appendFloat64(append(b, `{"amount":`...), m.Amount), ',')
	return closed(appendGiven(b, "currency", m.Currency))
}

func (s *spendJSON) appendField(b []byte) []byte {
	if s == nil {
		return b
	}
	b = append(b, `"spend":{`...)
	if s.Expected != nil {
		b = append(appendFloat64(append(b, `"expected":`...), *s.Expected), ',')
	}
	if s.IfOrder != nil {
		b = append(appendFloat64(append(b, `"if_order":`...), *s.IfOrder), ',')
	}
	b = append(appendInt(append(b, `"horizon_days":`...), s.HorizonDays), ',')
	return append(closed(appendGiven(b, "currency", s.Currency)), ',')
}

func (n *nextOrderJSON) appendField(b []byte) []byte {
	if n == nil {
		return b
	}
	b = append(appendDay(append(b, `"next_order":{"date":`...), n.Date), `,"low":`...)
	b = append(appendDay(b, n.Low), `,"high":`...)
	b = append(appendDay(b, n.High), ',')
	return append(closed(appendGiven(b, "after", n.After)), ',')
}

// appendDay writes a day, or null.
func appendDay(b []byte, day *string) []byte {
	if day == nil {
		return append(b, `null`...)
	}
	return appendText(b, *day)
}

func (c *clvJSON) appendField(b []byte) []byte {
	if c == nil {
		return b
	}
	b = appendFloat64(append(b, `"clv":{"amount":`...), c.Amount)
	b = appendFloat64(append(b, `,"low":`...), c.Low)
	b = appendFloat64(append(b, `,"high":`...), c.High)
	b = appendInt(append(b, `,"days":`...), c.Days)
	b = append(appendFloat64(append(b, `,"discount":`...), c.Discount), ',')
	return append(closed(appendGiven(b, "currency", c.Currency)), ',')
}

// appendNext writes what comes next, the kinds in the order of their names.
func appendNext(b []byte, next map[string][]likelyJSON) []byte {
	if len(next) == 0 {
		return b
	}
	b = append(b, `"next":{`...)
	kinds := slices.AppendSeq(make([]string, 0, 3), maps.Keys(next))
	slices.Sort(kinds)
	for _, kind := range kinds {
		b = appendEach(b, kind, next[kind], likelyJSON.appendJSON)
	}
	return append(closed(b), ',')
}

func (l likelyJSON) appendJSON(b []byte) []byte {
	b = appendText(append(b, `{"name":`...), l.Name)
	return append(appendFloat32(append(b, `,"probability":`...), l.Probability), '}')
}

func (r responseJSON) appendJSON(b []byte) []byte {
	b = appendText(append(b, `{"channel":`...), r.Channel)
	b = appendFloat32(append(b, `,"probability":`...), r.Probability)
	return append(strconv.AppendInt(append(b, `,"sent":`...), r.Sent, 10), '}')
}

func (r *rfmJSON) appendField(b []byte) []byte {
	if r == nil {
		return b
	}
	b = appendFloat64(append(b, `"rfm":{"recency_days":`...), r.RecencyDays)
	b = strconv.AppendInt(append(b, `,"orders":`...), r.Orders, 10)
	return append(r.Spend.appendJSON(append(b, `,"spend":`...)), `},`...)
}

func (f featureJSON) appendJSON(b []byte) []byte {
	b = appendText(append(b, `{"feature":`...), f.Feature)
	b = appendFloat32(append(b, `,"contribution":`...), f.Contribution)
	return append(appendText(append(b, `,"text":`...), f.Text), '}')
}

// appendEach writes a list with a comma behind it, unless it is empty.
func appendEach[T any](b []byte, name string, list []T, one func(T, []byte) []byte) []byte {
	if len(list) == 0 {
		return b
	}
	b = append(appendText(b, name), `:[`...)
	for i, value := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = one(value, b)
	}
	return append(b, `],`...)
}

func appendInt(b []byte, n int) []byte { return strconv.AppendInt(b, int64(n), 10) }
