package duck_test

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"regulars/data"
	"regulars/features"
	"regulars/features/duck"
)

// tables of the made-up shop of TestProfileEvents, as of 2024-06-01: what each
// row is there to show stands beside it.
var (
	eventsShop = lakeTable{data.Orders, "order_id, line_number BIGINT, user_id, item_id, ts TIMESTAMPTZ, quantity BIGINT, unit_price DECIMAL(18,4), is_return BOOLEAN", []string{
		"o1, 1, ann, tea, 2024-01-10 10:00, 2, 10, false",
		"o2, 1, ann, tea, 2024-05-20 12:00, 1, 10, false",
		"o3, 1, ann, cup, 2024-05-31 09:00, 1, 30, false",
		"r1, 1, ann, cup, 2024-05-31 10:00, 1, 30, true",
		"o4, 1, bob, pot, 2023-11-01 08:00, 1, 20, false",
		"o5, 1, bob, cup, 2024-05-10 20:00, 2, 30, false",
		"o7, 1, bob, tea, 2024-01-16 10:00, 1, 10, false",
		"o6, 1, ann, pot, 2024-06-01 00:00, 1, 20, false", // as_of itself: not seen
	}}
	eventsSeen = lakeTable{data.Events, "user_id, session_id, item_id, ts TIMESTAMPTZ, type, placement, host_id, live_id", []string{
		"ann, s1, tea, 2024-05-19 08:00, view, , , ",
		"ann, s1, cup, 2024-05-19 08:01, view, , , ",
		"ann, s1, tea, 2024-05-19 08:02, cart, , , ", // ordered the day after
		"ann, s4, tea, 2024-05-22 08:00, cart, , , ", // and put into the cart again: abandoned
		"ann, s2, pot, 2024-05-28 08:00, view, , , ",
		"ann, s2, , 2024-05-28 08:01, search, , , ",
		"ann, s2, pot, 2024-05-28 08:02, cart, , , ", // ordered at as_of, which is not known
		"ann, s2, pot, 2024-05-30 08:00, cart, , , ",
		"ann, s3, cup, 2024-03-10 08:00, favourite, , , ",
		"ann, , cup, 2024-05-31 23:59:59.999999, share, , , ",
		"ann, s9, cup, 2024-06-01 00:00, view, , , ", // not seen
		", s8, cup, 2024-05-30 00:00, view, , , ",    // nobody's
		"ann, s0, , 2024-01-01 10:00, onboarding_step, profile, , ",
		"ann, s0, , 2024-01-01 10:05, onboarding_step, profile, , ",
		"ann, s0, , 2024-01-01 10:06, onboarding_step, address, , ",
		"ann, s0, , 2023-12-01 10:00, live_like, , h1, L0",
		"bob, s5, , 2024-05-10 19:00, live_enter, , h1, L1",
		"bob, s5, , 2024-05-10 19:30, live_enter, , h1, L1", // the same session
		"bob, s5, , 2024-05-10 19:31, live_comment, , h1, L1",
		"bob, s5, , 2024-05-10 19:32, live_like, , h1, L1",
		"bob, s5, , 2024-05-10 19:33, live_like, , h1, L1",
		"bob, s5, , 2024-05-10 19:34, live_poll, , h1, L1",
		"bob, s6, , 2024-01-15 10:00, live_enter, , h1, L2", // o7 comes 24 hours later to the microsecond
		"bob, s6, , 2023-12-01 10:00, live_enter, , , ",     // no live_id: one session a day
		"bob, s6, , 2023-12-01 11:00, live_enter, , , ",
		"bob, s6, , 2023-07-01 10:00, live_enter, , h2, L3",
		"bob, s6, , 2023-05-01 10:00, live_enter, , h2, L4", // too long ago
	}}
	eventsContacts = lakeTable{data.Contacts, "contact_id, campaign_id, user_id, ts TIMESTAMPTZ, channel, arm, bounced_at TIMESTAMPTZ, opened_at TIMESTAMPTZ, clicked_at TIMESTAMPTZ, unsubscribed_at TIMESTAMPTZ", []string{
		"c1, k, ann, 2024-05-13 12:00, email, a, , 2024-05-14 08:00, 2024-05-14 08:01, ", // o2 comes 7 days later: too late
		"c2, k, ann, 2024-05-14 09:00, email, a, , 2024-06-01 00:00, , ",                 // opened at as_of: not seen; o2 follows
		"c3, k, ann, 2024-05-31 09:00, sms, a, , , 2024-06-02 00:00, ",                   // o3 at the same instant
		"c4, k, ann, 2024-05-25 09:00, email, control, , , , ",
		"c5, k, ann, 2024-05-01 09:00, wechat, a, 2024-05-02 09:00, , , ",
		"c6, k, ann, 2024-05-01 08:00, wechat, a, , , , 2024-05-03 08:00",
		"c7, k, bob, 2024-05-20 09:00, push, control, , , , ",
	}}
	eventsFeedback = lakeTable{data.Feedback, "user_id, ts TIMESTAMPTZ, kind, score DOUBLE", []string{
		"ann, 2024-01-01 00:00, nps, 9",
		"ann, 2024-04-01 00:00, nps, 7",
		"ann, 2024-04-01 00:00, nps, 3",
		"ann, 2024-05-01 00:00, nps, 42", // beyond the scale
		"ann, 2024-03-01 00:00, rating, 4",
		"ann, 2024-03-02 00:00, rating, 5",
		"ann, 2024-03-03 00:00, csat, 1",
		"ann, 2024-01-01 00:00, complaint, ",
		"ann, 2024-05-01 00:00, complaint, ",
		"bob, 2024-03-03 23:00, complaint, ", // 90 days ago
		"bob, 2024-06-01 00:00, nps, 10",     // not seen
	}}
	eventsConsents = lakeTable{data.Consents, "user_id, channel, granted BOOLEAN, ts TIMESTAMPTZ", []string{
		"ann, email, true, 2024-01-01 00:00",
		"ann, email, false, 2024-05-01 00:00",
		"ann, email, true, 2024-06-01 00:00", // not seen
		"ann, sms, true, 2024-05-01 00:00",
		"ann, push, true, 2024-05-02 00:00",
		"ann, push, false, 2024-05-02 00:00",
		"ann, fax, true, 2024-05-02 00:00",
	}}
	eventsUsers = lakeTable{data.Users, "user_id, valid_from TIMESTAMPTZ, signed_up_at TIMESTAMPTZ, region, gender, birth_year BIGINT, tier, points BIGINT, referrer_id, source, acquisition_cost DECIMAL(18,4)", []string{
		"ann, 2024-01-01 00:00, 2024-01-01 09:00, East, f, 1990, silver, 900, , search, 5",
		"ann, 2024-05-01 00:00, 2024-01-01 09:00, East, f, 1990, gold, 1500, , search, 5",
		"ann, 2024-06-01 00:00, 2024-01-01 09:00, West, f, 1990, black, 9999, , search, 5", // not seen
		"bob, , 2023-10-01 09:00, , m, 1800, gold, 10, ann, , ",                            // tier and points of no date
		"cat, 2024-05-30 00:00, 2024-05-30 09:00, , , , basic, 0, ann, live, 0.5",
		"dan, , 2024-06-02 09:00, , , , , , ann, , ",           // not yet there
		"eve, 2024-02-01 00:00, , , , , basic, 30000, ann, , ", // whenever she came
	}}
	eventsPromotions = lakeTable{data.Promotions, "promotion_id, starts_at TIMESTAMPTZ, ends_at TIMESTAMPTZ, kind, item_id, category", []string{
		"p1, 2024-05-15 00:00, 2024-05-25 00:00, discount, tea, ",
		"p2, 2024-05-10 00:00, 2024-05-10 20:00, bundle, , ware", // ends as o5 comes
		"p3, 2024-05-31 00:00, 2024-06-30 00:00, gift, , ware",   // still runs at as_of
		"p4, 2024-01-16 00:00, 2024-01-17 00:00, points, , ",     // the whole shop
		"p5, 2024-05-20 12:00, 2024-05-21 00:00, flash, tea, ",   // starts as o2 comes
		"p6, 2024-06-01 00:00, 2024-07-01 00:00, limited_time, tea, ",
		"p7, 2024-05-31 00:00, 2024-06-30 00:00, discount, tea, ware", // of tea, not of its category
	}}
	eventsItems = lakeTable{data.Items, "item_id, category", []string{"tea, food", "cup, ware", "pot, ware"}}
)

// lakeTable is a lake table in words: columns with their types (VARCHAR unless
// said), and rows whose values are separated by commas, empty = null.
type lakeTable struct {
	table   data.Table
	columns string
	rows    []string
}

func (l lakeTable) write(t testing.TB, dir string) string {
	t.Helper()
	columns := strings.Split(l.columns, ", ")
	var casts []string
	for i, c := range columns {
		name, kind, typed := strings.Cut(c, " ")
		if !typed {
			kind = "VARCHAR"
		}
		cast := fmt.Sprintf("CAST(NULLIF(trim(split_part(r, ',', %d)), '') AS %s)", i+1, kind)
		if kind == "TIMESTAMPTZ" {
			cast = fmt.Sprintf("timezone('UTC', CAST(NULLIF(trim(split_part(r, ',', %d)), '') AS TIMESTAMP))", i+1)
		}
		casts = append(casts, cast+" AS "+name)
	}
	rows := make([]string, len(l.rows))
	for i, r := range l.rows {
		rows[i] = "('" + r + "')"
	}
	path := filepath.Join(dir, string(l.table)+".parquet")
	exec(t, "COPY (SELECT "+strings.Join(casts, ", ")+" FROM (VALUES "+strings.Join(rows, ", ")+") AS v(r)) TO '"+path+"' (FORMAT parquet)")
	return path
}

func lakeOfTables(t testing.TB, tables ...lakeTable) map[data.Table][]string {
	t.Helper()
	dir := t.TempDir()
	lake := map[data.Table][]string{}
	for _, table := range tables {
		lake[table.table] = []string{table.write(t, dir)}
	}
	return lake
}

func groupsNamed(t testing.TB, names ...string) []features.Group {
	t.Helper()
	var out []features.Group
	for _, name := range names {
		for _, g := range catalogue(t) {
			if g.Entity == "user" && g.Name == name {
				out = append(out, g)
			}
		}
	}
	if len(out) != len(names) {
		t.Fatalf("found %d of the groups %v", len(out), names)
	}
	return out
}

func checkRows(t *testing.T, root, group, asOf, columns, want string) {
	t.Helper()
	if got := rows(t, root, "user", group, asOf, strings.Fields(columns)...); got != want {
		t.Errorf("%s at %s, %s:\n%s\nwant\n%s", group, asOf, columns, got, want)
	}
}

var eventGroups = []string{"browsing", "live_events", "contact_response", "feedback", "consents", "membership", "promotion_response", "freshness", "lifecycle"}

// TestProfileEvents compares the features of a made-up shop with what was worked out by hand.
func TestProfileEvents(t *testing.T) {
	root := t.TempDir()
	const d = "2024-06-01"
	lake := lakeOfTables(t, eventsShop, eventsSeen, eventsContacts, eventsFeedback, eventsConsents, eventsUsers, eventsPromotions, eventsItems)
	result := build(t, features.Request{Lake: lake, AsOf: []data.Day{day(t, d)}, Groups: groupsNamed(t, eventGroups...), Root: root})
	if len(result.Written) != len(eventGroups) || len(result.Skipped) != 0 {
		t.Errorf("wrote %d tables, skipped %v", len(result.Written), result.Skipped)
	}
	for _, test := range []struct{ group, columns, want string }{
		{"browsing", "user_id views_7d views_30d views_90d carts_7d carts_30d carts_90d", "ann 1 3 3 2 4 4\nbob 0 0 0 0 0 0"},
		{"browsing", "favourites_7d favourites_30d favourites_90d shares_7d shares_30d shares_90d searches_7d searches_30d searches_90d", "0 0 1 1 1 1 1 1 1\n0 0 0 0 0 0 0 0 0"},
		{"browsing", "sessions_7d sessions_30d sessions_90d days_since_event", "1 3 4 1\n0 1 1 22"},
		{"browsing", "carts_abandoned_7d carts_abandoned_30d cart_abandonment_30d view_to_cart_90d cart_to_order_90d", "1 2 1.0 " + fmt.Sprint(3./13, 4./12) + "\n0 0 - 0.1 0.3"},
		{"live_events", "user_id live_entered_90d live_entered_365d live_comments_90d live_comments_365d live_likes_90d live_likes_365d live_polls_90d live_polls_365d", "ann 0 0 0 0 0 1 0 0\nbob 1 4 1 1 2 2 1 1"},
		{"live_events", "days_since_live orders_after_live_90d orders_after_live_365d live_hosts_entered_365d live_host_favourite live_host_affinity", "183 0 0 0 - -\n22 1 2 2 h1 " + fmt.Sprint(2./3)},
		{"contact_response", "user_id contacts_received contacts_received_30d contacts_withheld contacts_unsubscribed contacts_response_rate days_since_contact", "ann 4 3 1 1 " + fmt.Sprint(4./24) + " 1\nbob 0 0 1 0 0.05 -"},
		{"contact_response", "email_received email_opened email_clicked email_ordered email_response_rate", "2 1 1 1 " + fmt.Sprint(3./22) + "\n0 0 0 0 0.05"},
		{"contact_response", "sms_received sms_opened sms_clicked sms_ordered sms_response_rate", "1 0 0 1 " + fmt.Sprint(2./21) + "\n0 0 0 0 0.05"},
		{"contact_response", "other_received other_opened other_clicked other_ordered other_response_rate", "1 0 0 0 " + fmt.Sprint(1./21) + "\n0 0 0 0 0.05"},
		{"contact_response", "push_received push_response_rate social_received social_response_rate phone_received phone_response_rate", "0 0.05 0 0.05 0 0.05\n0 0.05 0 0.05 0 0.05"},
		{"feedback", "user_id nps_last nps_age_days nps_answers rating_mean ratings csat_mean csat_answers complaints_90d complaints days_since_complaint", "ann 3.0 61 3 4.5 2 1.0 1 1 2 31\nbob - - 0 - 0 - 0 1 1 90"},
		{"consents", "user_id consent_email consent_sms consent_push consent_social consent_phone consents_granted consents_refused", "ann false true false - - 2 2"},
		{"membership", "user_id tier points points_to_next_tier days_to_next_tier age_years gender region registered_days", "ann gold 1500 3500 10500.0 34 f East 152\nbob - - - - - m - 244\ncat basic 0 1000 - - - - 2\neve basic 30000 - - - - - -"},
		{"membership", "user_id acquisition_source acquisition_cost was_referred referrals referral_value onboarding_steps", "ann search 5.0 false 2 90.0 2\nbob - - true 0 0.0 0\ncat live 0.5 true 0 0.0 0\neve - - true 0 0.0 0"},
		{"promotion_response", "user_id promo_orders_365d promo_share_365d promo_discount_orders_365d promo_bundle_orders_365d promo_gift_orders_365d promo_points_orders_365d promo_limited_time_orders_365d promo_other_orders_365d", "ann 2 " + fmt.Sprint(2./3) + " 1 0 1 0 0 1\nbob 1 " + fmt.Sprint(1./3) + " 0 0 0 1 0 0"},
		{"promotion_response", "promo_discount_share_365d promo_bundle_share_365d promo_gift_share_365d promo_points_share_365d promo_other_share_365d", fmt.Sprint(1./3) + " 0.0 " + fmt.Sprint(1./3) + " 0.0 " + fmt.Sprint(1./3) + "\n0.0 0.0 0.0 " + fmt.Sprint(1./3) + " 0.0"},
		{"freshness", "user_id orders_age_days orders_stale events_age_days events_stale contacts_age_days contacts_stale feedback_age_days feedback_stale tables_missing", "ann 1 false 1 false 1 false 31 true 0\nbob 1 false 1 false 1 false 31 true 0"},
		{"lifecycle", "user_id state since_day days_in_state previous_state life_order_days revivals", "ann growth 19863 12 decline 3 0\nbob growth 19853 22 decline 3 0\ncat introduction 19873 2 - 0 0"},
	} {
		checkRows(t, root, test.group, d, test.columns, test.want)
	}
}

// TestProfileEventsWithout: absent optional tables count as empty, and a group
// whose table is absent is skipped.
func TestProfileEventsWithout(t *testing.T) {
	root := t.TempDir()
	const d = "2024-06-01"
	lake := lakeOfTables(t, eventsShop, eventsUsers, eventsPromotions)
	result := build(t, features.Request{Lake: lake, AsOf: []data.Day{day(t, d)}, Groups: groupsNamed(t, eventGroups...), Root: root})
	var skipped []string
	for _, s := range result.Skipped {
		skipped = append(skipped, s.Group+": "+s.Reason)
	}
	want := "browsing: the lake has no events; live_events: the lake has no events; contact_response: the lake has no contacts; feedback: the lake has no feedback; consents: the lake has no consents"
	if got := strings.Join(skipped, "; "); got != want {
		t.Errorf("skipped %s\nwant %s", got, want)
	}
	checkRows(t, root, "freshness", d, "orders_age_days events_age_days events_stale contacts_age_days feedback_stale tables_missing", "1 - - - - 3\n1 - - - - 3")
	checkRows(t, root, "membership", d, "user_id onboarding_steps", "ann 0\nbob 0\ncat 0\neve 0")
	checkRows(t, root, "promotion_response", d, "user_id promo_gift_orders_365d promo_discount_orders_365d promo_points_orders_365d", "ann 0 1 0\nbob 0 0 1")
}

// TestLifecycleByHand: one customer through every state, with the dates of all
// changes, those included that come with time alone.
func TestLifecycleByHand(t *testing.T) {
	orders := lakeTable{data.Orders, eventsShop.columns, []string{
		"o1, 1, ann, tea, 2024-01-10 10:00, 1, 10, false",
		"o2, 1, ann, tea, 2024-01-20 10:00, 1, 10, false",
		"o3, 1, ann, tea, 2024-01-21 10:00, 1, 10, false",
		"o4, 1, ann, tea, 2024-01-22 10:00, 1, 10, false",
		"o5, 1, ann, tea, 2024-01-23 10:00, 1, 10, false",
		"o6, 1, ann, tea, 2024-07-21 10:00, 1, 10, false", // the day she is lost, 180 days later
		"o7, 1, ann, tea, 2024-07-30 10:00, 1, 10, false",
		"o8, 1, ann, tea, 2024-10-28 10:00, 1, 10, false", // the day she declines, 90 days later
		"o9, 1, ann, tea, 2025-04-27 10:00, 1, 10, false", // 181 days later
	}}
	users := lakeTable{data.Users, "user_id, signed_up_at TIMESTAMPTZ", []string{"ann, 2024-01-05 23:00"}}
	steps := []struct{ asOf, want string }{
		{"2024-01-06", "introduction 2024-01-05 1 - 0 0"},
		{"2024-01-10", "introduction 2024-01-05 5 - 0 0"},
		{"2024-01-11", "activation 2024-01-10 1 introduction 1 0"},
		{"2024-01-21", "growth 2024-01-20 1 activation 2 0"},
		{"2024-01-23", "growth 2024-01-20 3 activation 4 0"},
		{"2024-01-24", "maturity 2024-01-23 1 growth 5 0"},
		{"2024-04-21", "maturity 2024-01-23 89 growth 5 0"},
		{"2024-04-22", "decline 2024-04-22 0 maturity 5 0"},
		{"2024-07-20", "decline 2024-04-22 89 maturity 5 0"},
		{"2024-07-21", "lost 2024-07-21 0 decline 5 0"},
		{"2024-07-22", "revived 2024-07-21 1 lost 1 1"},
		{"2024-10-27", "revived 2024-07-21 98 lost 2 1"},
		{"2024-10-28", "decline 2024-10-28 0 revived 2 1"},
		{"2024-10-29", "growth 2024-10-28 1 decline 3 1"},
		{"2025-04-26", "lost 2025-04-26 0 decline 3 1"},
		{"2025-04-28", "revived 2025-04-27 1 lost 1 2"},
	}
	var asOf []data.Day
	for _, s := range steps {
		asOf = append(asOf, day(t, s.asOf))
	}
	root := t.TempDir()
	build(t, features.Request{Lake: lakeOfTables(t, orders, users), AsOf: asOf, Groups: groupsNamed(t, "lifecycle"), Root: root})
	for _, s := range steps {
		checkRows(t, root, "lifecycle", s.asOf, "state DATE'1970-01-01'+since_day days_in_state previous_state life_order_days revivals", s.want)
	}
}

// thresholds of the life cycle.
type thresholds struct{ growth, mature, settled, decline, lost int }

// replay is the state machine as its definition reads, played day by day from
// the first to the morning of asOf: time moves first, then the day's sign-up,
// then its order. It returns the row of the customer, "" for none.
func replay(h thresholds, signedUp data.Day, ordered map[data.Day]bool, first, asOf data.Day) string {
	state, previous, since := "", "-", data.Day(0)
	move := func(to string, d data.Day) {
		if to == state {
			return
		}
		if state != "" {
			previous = state
		}
		state, since = to, d
	}
	k, revivals, last := 0, 0, data.Day(-1)
	for d := first; d <= asOf; d++ {
		if last >= 0 && int(d-last) >= h.lost {
			move("lost", d)
		} else if last >= 0 && int(d-last) >= h.decline {
			move("decline", d)
		}
		if d == asOf {
			break
		}
		if state == "" && d == signedUp {
			move("introduction", d)
		}
		if !ordered[d] {
			continue
		}
		if state == "lost" {
			revivals++
			k = 0
		}
		k++
		last = d
		switch {
		case revivals > 0 && k < h.settled:
			move("revived", d)
		case k >= h.mature:
			move("maturity", d)
		case k >= h.growth || revivals > 0:
			move("growth", d)
		default:
			move("activation", d)
		}
	}
	if state == "" {
		return ""
	}
	return fmt.Sprintf("%s %d %d %s %d %d", state, since, asOf-since, previous, k, revivals)
}

// drawHistory draws the days with an order of one customer, gaps at and about
// the thresholds as often as others.
func drawHistory(t *rapid.T, h thresholds, first data.Day) map[data.Day]bool {
	gaps := rapid.OneOf(rapid.IntRange(1, 40), rapid.SampledFrom([]int{h.decline - 1, h.decline, h.decline + 1, h.lost - 1, h.lost, h.lost + 1}))
	days := map[data.Day]bool{}
	d := first + data.Day(rapid.IntRange(0, 60).Draw(t, "start"))
	for range rapid.IntRange(0, 12).Draw(t, "orders") {
		days[d] = true
		d += data.Day(max(1, gaps.Draw(t, "gap")))
	}
	return days
}

// TestLifecycleReplays compares state, dates and previous state with the replay,
// on random histories, thresholds and dates.
func TestLifecycleReplays(t *testing.T) {
	checks(t, 12)
	group := groupsNamed(t, "lifecycle")
	const first = data.Day(18_000)
	dir := t.TempDir()
	n := 0
	rapid.Check(t, func(rt *rapid.T) {
		n++
		h := thresholds{2, 5, 3, 90, 180}
		if rapid.Bool().Draw(rt, "other thresholds") {
			small := rapid.IntRange(1, 5)
			h = thresholds{small.Draw(rt, "growth"), small.Draw(rt, "mature"), small.Draw(rt, "settled"), rapid.IntRange(2, 60).Draw(rt, "decline"), rapid.IntRange(2, 90).Draw(rt, "lost")}
		}
		groups, err := features.WithParameters(group, map[string]float64{"lifecycle.growth_orders": float64(h.growth), "lifecycle.mature_orders": float64(h.mature),
			"lifecycle.settled_orders": float64(h.settled), "lifecycle.decline_days": float64(h.decline), "lifecycle.lost_days": float64(h.lost)})
		if err != nil {
			rt.Fatal(err)
		}
		orders := lakeTable{data.Orders, eventsShop.columns, []string{"z, 1, zoe, tea, 2019-04-14 00:00, 1, 1, true"}} // a return is no order
		users := lakeTable{data.Users, "user_id, signed_up_at TIMESTAMPTZ", []string{"zoe, "}}                         // nor a registration without its time
		histories := make([]map[data.Day]bool, 20)
		signUps := make([]data.Day, len(histories))
		for i := range histories {
			histories[i] = drawHistory(rt, h, first)
			for d := range histories[i] {
				orders.rows = append(orders.rows, fmt.Sprintf("o%d, 1, u%02d, tea, %s 12:00, 1, 1, false", d, i, d))
			}
			signUps[i] = -1
			if rapid.Bool().Draw(rt, "registered") {
				signUps[i] = first + data.Day(rapid.IntRange(0, 70).Draw(rt, "sign-up"))
				users.rows = append(users.rows, fmt.Sprintf("u%02d, %s 18:00", i, signUps[i]))
			}
		}
		var asOf []data.Day
		for _, d := range rapid.SliceOfNDistinct(rapid.IntRange(1, 900), 5, 5, rapid.ID[int]).Draw(rt, "as_of") {
			asOf = append(asOf, first+data.Day(d))
		}
		root := filepath.Join(dir, fmt.Sprint(n))
		request := features.Request{Lake: lakeOfTables(t, orders, users), AsOf: asOf, Groups: groups, Root: root}
		if _, err := duck.New().Build(context.Background(), request); err != nil {
			rt.Fatal(err)
		}
		for _, d := range asOf {
			var want []string
			for i := range histories {
				if row := replay(h, signUps[i], histories[i], first, d); row != "" {
					want = append(want, fmt.Sprintf("u%02d %s", i, row))
				}
			}
			got := rows(t, root, "user", "lifecycle", d.String(), "user_id", "state", "since_day", "days_in_state", "previous_state", "life_order_days", "revivals")
			if got != strings.Join(want, "\n") {
				rt.Fatalf("thresholds %+v, as of day %d:\n%s\nwant\n%s\nsign-ups %v, orders %v", h, d, got, strings.Join(want, "\n"), signUps, histories)
			}
		}
	})
}
