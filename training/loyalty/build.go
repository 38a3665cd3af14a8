package loyalty

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"regulars/data"
	"regulars/features"
)

// SpanDays lies between the two looks at the life cycle: a stage's retention is
// what its customers did in these days.
const SpanDays = 90

// Names of the groups that the report reads, by entity.
var (
	shopGroups = []string{"cohort_retention", "complaint_themes", "leavers", "loyal_customers", "loyalty_windows",
		"new_customers", "onboarding_steps", "promotion_effect", "referrals", "second_order", "winback"}
	userGroups = []string{"feedback", "lifecycle", "returns", "rfm", "windows"}
)

// needed lists all groups that the report reads, as entity/name.
func needed() []string {
	var out []string
	for _, n := range shopGroups {
		out = append(out, "shop/"+n)
	}
	for _, n := range userGroups {
		out = append(out, "user/"+n)
	}
	return out
}

// Make builds what the report reads, at r.AsOf's only date and, for the life
// cycle, a span before, and works the report out. r.Groups is the catalogue with
// the shop's parameters; groups that the report does not read are left alone.
func Make(ctx context.Context, engine features.Engine, r features.Request, currency string) (*Report, error) {
	if len(r.AsOf) != 1 {
		return nil, fmt.Errorf("a loyalty report is of one date, not of %d", len(r.AsOf))
	}
	asOf, all := r.AsOf[0], r.Groups
	var err error
	if r.Groups, err = pick(all, needed()); err != nil {
		return nil, err
	}
	built, err := engine.Build(ctx, r)
	if err != nil {
		return nil, fmt.Errorf("building what the loyalty report reads: %w", err)
	}
	before := r
	before.AsOf = []data.Day{asOf - SpanDays}
	if before.Groups, err = pick(all, []string{"user/lifecycle"}); err != nil {
		return nil, err
	}
	if _, err := engine.Build(ctx, before); err != nil {
		return nil, fmt.Errorf("building the life cycle %d days earlier: %w", SpanDays, err)
	}
	in := input{root: r.Root, asOf: asOf, lake: r.Lake, groups: r.Groups, skipped: map[string]string{}, merged: map[string]string{}}
	for _, i := range r.Identities[asOf] {
		in.merged[i.From] = i.To
	}
	for _, s := range built.Skipped {
		in.skipped[s.Group] = s.Reason
	}
	report, err := in.report()
	if err != nil {
		return nil, err
	}
	report.Currency = currency
	return report, nil
}

func pick(groups []features.Group, names []string) ([]features.Group, error) {
	found := map[string]features.Group{}
	for _, g := range groups {
		if name := g.Entity + "/" + g.Name; slices.Contains(names, name) {
			found[name] = g
		}
	}
	out := make([]features.Group, 0, len(names))
	var missing []string
	for _, n := range names {
		if g, ok := found[n]; ok {
			out = append(out, g)
		} else {
			missing = append(missing, n)
		}
	}
	if len(missing) > 0 {
		return nil, fmt.Errorf("the loyalty report reads the feature groups %s, which are not there", strings.Join(missing, ", "))
	}
	return out, nil
}

// input is the built tables of one report.
type input struct {
	root    string
	asOf    data.Day
	lake    map[data.Table][]string
	groups  []features.Group
	skipped map[string]string // group → why it was not built
	merged  map[string]string // ids that were known at asOf to be another customer's
}

func (in *input) has(t data.Table) bool { return len(in.lake[t]) > 0 }

// table returns the file of a group's table, "" when it was not built.
func (in *input) table(entity, group string, asOf data.Day) string {
	if _, skipped := in.skipped[group]; skipped {
		return ""
	}
	return features.Path(in.root, entity, group, asOf)
}

// parameter returns the number of a group's parameter.
func (in *input) parameter(group, name string) (float64, error) {
	for _, g := range in.groups {
		for _, p := range g.Parameters {
			if g.Name == group && p.Name == name {
				return strconv.ParseFloat(p.Value, 64)
			}
		}
	}
	return 0, fmt.Errorf("group %s has no parameter %s", group, name)
}

func (in *input) report() (*Report, error) {
	r := &Report{AsOf: in.asOf.String(), Absent: map[string]string{}}
	maps.Copy(r.Absent, in.absences())
	for _, part := range []func(*Report) error{in.windows, in.cohorts, in.people, in.newCustomers, in.secondOrder,
		in.leavers, in.referrals, in.complaints, in.promotions, in.loyal} {
		if err := part(r); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// Sections of the report, in its order.
const (
	sectionWindows    = "windows"
	sectionValue      = "lifetime_value"
	sectionNPS        = "nps"
	sectionCohorts    = "cohorts"
	sectionStages     = "stages"
	sectionFunnel     = "funnel"
	sectionOnboarding = "onboarding"
	sectionSecond     = "second_order"
	sectionLeavers    = "leavers"
	sectionReferrals  = "referrals"
	sectionComplaints = "complaints"
	sectionPromotions = "promotions"
	sectionLoyal      = "loyal"
)

// absences says which sections lack their table, and why.
func (in *input) absences() map[string]string {
	out := map[string]string{}
	for section, group := range map[string]string{sectionWindows: "loyalty_windows", sectionCohorts: "cohort_retention",
		sectionFunnel: "new_customers", sectionOnboarding: "onboarding_steps", sectionSecond: "second_order", sectionLeavers: "leavers",
		sectionReferrals: "referrals", sectionComplaints: "complaint_themes", sectionPromotions: "promotion_effect",
		sectionLoyal: "loyal_customers", sectionNPS: "feedback", sectionStages: "lifecycle", sectionValue: "rfm"} {
		if reason, skipped := in.skipped[group]; skipped {
			out[section] = reason
		}
	}
	return out
}
