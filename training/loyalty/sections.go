package loyalty

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"regulars/data"
)

func (in *input) shop(group string) string { return in.table("shop", group, in.asOf) }

func (in *input) windows(r *Report) error {
	rows, err := readRows[windowRow](in.shop("loyalty_windows"))
	if err != nil {
		return err
	}
	for _, row := range rows {
		r.HistoryDays = int(row.HistoryDays)
		w := Window{Days: int(row.WindowDays), Customers: row.Customers, Orders: row.Orders, Spend: row.Spend,
			Frequency:        ratio(float64(row.Orders), float64(row.Customers)),
			SpendPerCustomer: ratio(row.Spend, float64(row.Customers)), SpendPerOrder: ratio(row.Spend, float64(row.Orders))}
		if row.HistoryDays >= row.WindowDays {
			s := share(row.Repeat, row.Customers)
			w.Repurchase = &s
		}
		if row.HistoryDays >= 2*row.WindowDays {
			kept, gone := share(row.Retained, row.Previous), share(row.Previous-row.Retained, row.Previous)
			w.Retention, w.Churn = &kept, &gone
		}
		r.Windows = append(r.Windows, w)
	}
	if len(rows) == 0 {
		setAbsent(r, sectionWindows, "no order before as_of")
	}
	return nil
}

// monthOf counts months from January 1970.
func monthOf(d data.Day) int { t := d.Time(); return (t.Year()-1970)*12 + int(t.Month()) - 1 }

func monthName(m int) string {
	return time.Date(1970, time.Month(1+m), 1, 0, 0, 0, 0, time.UTC).Format("2006-01")
}

func (in *input) cohorts(r *Report) error {
	rows, err := readRows[cohortRow](in.shop("cohort_retention"))
	if err != nil {
		return err
	}
	// The month that the day before as_of lies in is the last, and complete only
	// when as_of begins the next.
	last := monthOf(in.asOf - 1)
	full := monthOf(in.asOf)
	for _, row := range rows {
		month := int(row.Month)
		last = max(last, month+int(row.Since)) // the shop's clock may be ahead of UTC
		if n := len(r.Cohorts); n == 0 || r.Cohorts[n-1].Month != monthName(month) {
			r.Cohorts = append(r.Cohorts, Cohort{Month: monthName(month), Customers: row.Customers,
				Active: make([]int64, max(0, last-month)+1), Complete: max(0, full-month)})
		}
		c := &r.Cohorts[len(r.Cohorts)-1]
		for len(c.Active) <= int(row.Since) {
			c.Active = append(c.Active, 0)
		}
		c.Active[row.Since] = row.Active
		c.Complete = min(c.Complete, len(c.Active))
	}
	if len(rows) == 0 {
		setAbsent(r, sectionCohorts, "no order before as_of")
	}
	return nil
}

func (in *input) newCustomers(r *Report) error {
	rows, err := readRows[stepRow](in.shop("new_customers"))
	if err != nil {
		return err
	}
	for _, row := range rows {
		if row.Step == "onboarding" && !in.has(data.Events) {
			continue
		}
		r.Funnel = append(r.Funnel, Step{row.Step, row.Customers, share(row.Customers, rows[0].Customers)})
	}
	if len(rows) == 0 {
		setAbsent(r, sectionFunnel, "no customer has a known sign-up time in the period")
		setAbsent(r, sectionOnboarding, "no customer has a known sign-up time in the period")
		return nil
	}
	steps, err := readRows[stepRow](in.shop("onboarding_steps"))
	if err != nil {
		return err
	}
	for _, row := range steps {
		r.Onboarding = append(r.Onboarding, Step{row.Step, row.Customers, share(row.Customers, rows[0].Customers)})
	}
	slices.SortStableFunc(r.Onboarding, func(a, b Step) int { return cmp.Compare(b.Customers, a.Customers) })
	if len(steps) == 0 {
		setAbsent(r, sectionOnboarding, "no event of type onboarding_step in the period")
	}
	return nil
}

// setAbsent says why a section is absent unless it is said already.
func setAbsent(r *Report, section, why string) {
	if r.Absent[section] == "" {
		r.Absent[section] = why
	}
}

func (in *input) secondOrder(r *Report) error {
	rows, err := readRows[secondRow](in.shop("second_order"))
	for _, row := range rows {
		r.SecondOrder = append(r.SecondOrder, SecondOrder{int(row.Days), share(row.Again, row.Customers), row.Median})
	}
	if len(rows) == 0 {
		setAbsent(r, sectionSecond, "no order before as_of")
	}
	return err
}

// Segments and reasons in the order they are told.
var (
	segmentOrder = []string{"new", "light", "heavy"}
	reasonOrder  = []string{"complaint", "late", "return", "price", "none"}
)

func (in *input) leavers(r *Report) error {
	rows, err := readRows[leaverRow](in.shop("leavers"))
	if err != nil {
		return err
	}
	for _, segment := range segmentOrder {
		var total int64
		for _, row := range rows {
			if row.Segment == segment {
				total += row.Customers
			}
		}
		if total == 0 {
			continue
		}
		l := Leavers{Segment: segment}
		for _, reason := range reasonOrder {
			if reason == "complaint" && !in.has(data.Feedback) || unseen(rows, reason) {
				continue
			}
			l.Reasons = append(l.Reasons, reasonOf(rows, segment, reason, total))
		}
		r.Leavers = append(r.Leavers, l)
	}
	if len(r.Leavers) == 0 {
		setAbsent(r, sectionLeavers, "nobody left in the period")
	}
	return nil
}

// unseen reports whether a signal that not every shop records was never met:
// discounts and late deliveries may be unknown to the lake, rather than absent.
func unseen(rows []leaverRow, reason string) bool {
	return (reason == "late" || reason == "price") && !slices.ContainsFunc(rows, func(row leaverRow) bool { return row.Reason == reason })
}

func reasonOf(rows []leaverRow, segment, reason string, total int64) Reason {
	out := Reason{Reason: reason, Customers: share(0, total)}
	for _, row := range rows {
		if row.Segment == segment && row.Reason == reason {
			out.Customers, out.Spend = share(row.Customers, total), row.Spend
		}
	}
	return out
}

func (in *input) referrals(r *Report) error {
	rows, err := readRows[referralRow](in.shop("referrals"))
	var known int64
	for _, row := range rows {
		known += row.SignUps
		f := Referral{Days: int(row.Days), Rate: share(row.Referred, row.SignUps), Bought: share(row.Buyers, row.Referred),
			Referrers: share(row.Referrers, row.Customers)}
		if row.Referred > 0 {
			f.Spend = &row.Spend
		}
		r.Referrals = append(r.Referrals, f)
	}
	if known == 0 {
		r.Referrals = nil
		setAbsent(r, sectionReferrals, "no customer has a known sign-up time in the period")
	}
	return err
}

// mostThemes is how many themes of complaints are told one by one.
const mostThemes = 20

func (in *input) complaints(r *Report) error {
	rows, err := readRows[themeRow](in.shop("complaint_themes"))
	if err != nil {
		return err
	}
	slices.SortStableFunc(rows, func(a, b themeRow) int { return cmp.Compare(b.Last365, a.Last365) })
	for i, row := range rows {
		t := Theme(row)
		if i < mostThemes {
			r.Complaints = append(r.Complaints, t)
			continue
		}
		if i == mostThemes {
			r.Complaints = append(r.Complaints, Theme{Theme: "…"})
		}
		rest := &r.Complaints[mostThemes]
		rest.Last30, rest.Last90, rest.Last365 = rest.Last30+t.Last30, rest.Last90+t.Last90, rest.Last365+t.Last365
		rest.Customers += t.Customers // who complained of two themes counts for both, as in the rows above
	}
	if len(rows) == 0 {
		setAbsent(r, sectionComplaints, "no complaint in the 365 days before as_of")
	}
	return nil
}

func (in *input) promotions(r *Report) error {
	rows, err := readRows[promotionRow](in.shop("promotion_effect"))
	if err != nil {
		return err
	}
	slices.SortStableFunc(rows, func(a, b promotionRow) int { return cmp.Compare(b.Start, a.Start) })
	for _, row := range rows {
		r.Promotions = append(r.Promotions, Promotion{ID: row.ID, Kind: row.Kind, Scope: row.Scope, Start: data.Day(row.Start).String(),
			Days: int(row.Span), Running: row.Running,
			Orders: Phases{row.OrdersBefore, row.OrdersDuring, row.OrdersAfter},
			Spend:  PhasesF{row.SpendBefore, row.SpendDuring, row.SpendAfter}})
	}
	if len(rows) == 0 {
		setAbsent(r, sectionPromotions, "no promotion began in the 365 days before as_of")
	}
	return nil
}

func (in *input) loyal(r *Report) error {
	rows, err := readRows[loyalRow](in.shop("loyal_customers"))
	if err != nil {
		return err
	}
	if len(rows) == 0 {
		setAbsent(r, sectionLoyal, "no order in the 365 days before as_of")
		return nil
	}
	l := &Loyal{}
	if l.Threshold, err = in.parameter("loyal_customers", "threshold"); err != nil {
		return err
	}
	var loyal, customers int64
	var spent, by float64
	for _, segment := range segmentOrder {
		i := slices.IndexFunc(rows, func(row loyalRow) bool { return row.Segment == segment })
		if i < 0 {
			continue
		}
		row := rows[i]
		l.Segments = append(l.Segments, LoyalSegment{segment, share(row.Loyal, row.Customers)})
		loyal, customers, spent, by = loyal+row.Loyal, customers+row.Customers, spent+row.Spend, by+row.LoyalSpend
	}
	l.All, l.Spend = share(loyal, customers), ratio(by, spent)
	r.Loyal = l
	return nil
}

// people works out what is known customer by customer: value, NPS, stages.
func (in *input) people(r *Report) error {
	rfm, err := readRows[rfmRow](in.table("user", "rfm", in.asOf))
	if err != nil {
		return err
	}
	returns, err := readRows[returnsRow](in.table("user", "returns", in.asOf))
	if err != nil {
		return err
	}
	r.Value = valueOf(rfm, returns)
	if r.Value == nil {
		setAbsent(r, sectionValue, "no order before as_of")
	}
	answers, err := in.answers()
	if err != nil {
		return err
	}
	if r.NPS = answers.count(nil); r.NPS == nil {
		setAbsent(r, sectionNPS, "nobody answered in the 365 days before as_of")
	}
	return in.stages(r, rfm, answers)
}

func valueOf(rfm []rfmRow, returns []returnsRow) *Value {
	if len(rfm) == 0 {
		return nil
	}
	spent := make([]float64, len(rfm))
	var sum, back, tenure float64
	for i, row := range rfm {
		spent[i] = row.Monetary
		sum += row.Monetary
		tenure += float64(row.Tenure)
	}
	for _, row := range returns {
		back += row.Value
	}
	slices.Sort(spent)
	var top float64
	for _, s := range spent[len(spent)-(len(spent)+9)/10:] {
		top += s
	}
	n := float64(len(rfm))
	return &Value{Customers: int64(len(rfm)), Mean: ratio(sum, n), Net: ratio(sum-back, n), Tenure: ratio(tenure, n), TopTenth: ratio(top, sum)}
}

// answers are the last NPS answer of each customer within a year.
type answers map[string]float64

func (in *input) answers() (answers, error) {
	rows, err := readRows[npsRow](in.table("user", "feedback", in.asOf))
	out := answers{}
	for _, row := range rows {
		if row.Score != nil && row.Age != nil && *row.Age <= 365 {
			out[row.UserID] = *row.Score
		}
	}
	return out, err
}

// count returns the NPS of those that keep (nil: all), nil without an answer.
func (a answers) count(keep func(user string) bool) *NPS {
	var n NPS
	for user, score := range a {
		if keep != nil && !keep(user) {
			continue
		}
		n.Answers++
		switch {
		case score >= 9:
			n.Promoters++
		case score <= 6:
			n.Detractors++
		}
	}
	if n.Answers == 0 {
		return nil
	}
	n.Score = ratio(100*float64(n.Promoters-n.Detractors), float64(n.Answers))
	return &n
}

// stateOrder is the life cycle in its order.
var stateOrder = []string{"introduction", "activation", "growth", "maturity", "decline", "lost", "revived"}

// customer is what the stages need to know of one customer.
type customer struct {
	now, before        string // states
	recency            int32  // days since the last order; 0 = never ordered
	orders30, orders90 int64
	spend              float64
}

func (in *input) stages(r *Report, rfm []rfmRow, a answers) error {
	now, err := readRows[lifecycleRow](in.table("user", "lifecycle", in.asOf))
	if err != nil {
		return err
	}
	if len(now) == 0 {
		setAbsent(r, sectionStages, "no customer before as_of")
		return nil
	}
	before, err := readRows[lifecycleRow](in.table("user", "lifecycle", in.asOf-SpanDays))
	if err != nil {
		return err
	}
	activity, err := readRows[activityRow](in.table("user", "windows", in.asOf))
	if err != nil {
		return err
	}
	winback, err := readRows[winbackRow](in.shop("winback"))
	if err != nil {
		return err
	}
	people := map[string]*customer{}
	of := func(id string) *customer {
		if people[id] == nil {
			people[id] = &customer{}
		}
		return people[id]
	}
	for _, row := range now {
		of(row.UserID).now = row.State
	}
	for _, row := range before {
		to, merged := in.merged[row.UserID]
		switch {
		case !merged:
			of(row.UserID).before = row.State
		case of(to).before == "": // known since to be that customer's, who goes first
			of(to).before = row.State
		}
	}
	for _, row := range rfm {
		c := of(row.UserID)
		c.recency, c.spend = row.Recency, row.Monetary
	}
	for _, row := range activity {
		c := of(row.UserID)
		c.orders30, c.orders90 = row.Orders30, row.Orders90
	}
	r.Stages = &Stages{SpanDays: SpanDays}
	for _, state := range stateOrder {
		s := stageOf(state, people)
		if state == "maturity" {
			s.NPS = a.count(func(user string) bool { return people[user] != nil && people[user].now == state })
		}
		if state == "revived" {
			for _, row := range winback {
				s.RepeatChurn = append(s.RepeatChurn, RepeatChurn{int(row.Days), share(row.Returns-row.Stayed, row.Returns)})
			}
		}
		r.Stages.Stages = append(r.Stages.Stages, s)
	}
	return nil
}

// stageOf counts the customers of a stage and what matters there.
func stageOf(state string, people map[string]*customer) Stage {
	s := Stage{State: state}
	var active, repeat, came, moved, lost, wonBack int64
	var spend []float64
	for _, c := range people {
		ordered := c.recency > 0 && c.recency <= SpanDays
		if c.now == state {
			s.Customers++
			spend = append(spend, c.spend)
			active += one(c.orders30 > 0)
			repeat += one(c.orders90 > 1)
		}
		if c.before == state {
			s.Before++
			came += one(ordered)
			moved += one(further(state, c.now))
		}
		if c.before == "lost" {
			lost++
			wonBack += one(ordered)
		}
	}
	part := func(p, whole int64) *Share { v := share(p, whole); return &v }
	switch state {
	case "introduction", "activation":
		s.Conversion = part(moved, s.Before)
		if state == "activation" {
			s.Activity = part(active, s.Customers)
		}
	case "growth":
		s.Retention, s.Conversion, s.Value = part(came, s.Before), part(moved, s.Before), mean(spend)
	case "maturity":
		s.Retention, s.Repurchase = part(came, s.Before), part(repeat, s.Customers)
	case "decline":
		s.Churn = part(s.Before-came, s.Before)
	case "revived":
		s.WinBack = part(wonBack, lost)
	}
	return s
}

func one(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// mean adds in ascending order, so that it does not depend on how the customers came.
func mean(values []float64) *float64 {
	slices.Sort(values)
	var sum float64
	for _, v := range values {
		sum += v
	}
	return ratio(sum, float64(len(values)))
}

// further reports whether a customer has come further than the stage in the
// first life: who has declined or was lost has not.
func further(from, to string) bool {
	line := stateOrder[:slices.Index(stateOrder, "maturity")+1]
	a, b := slices.Index(line, from), slices.Index(line, to)
	return a >= 0 && b > a
}

func (s Share) String() string {
	if s.Rate == nil {
		return "–"
	}
	return fmt.Sprintf("%.1f%% (%d/%d)", 100**s.Rate, s.Part, s.Whole)
}
