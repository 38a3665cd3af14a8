package duck_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"regulars/data"
)

// shopLake is a lake of rows, by table: each row a list of SQL values in the
// order of the table's contract.
type shopLake map[data.Table][][]string

// write stores the lake as one Parquet file a table below dir.
func (l shopLake) write(t testing.TB, dir string) map[data.Table][]string {
	t.Helper()
	out := map[data.Table][]string{}
	for _, s := range data.Schemas() {
		if _, ok := l[s.Table]; ok {
			path := filepath.Join(dir, string(s.Table)+".parquet")
			writeRows(t, path, s, l[s.Table])
			out[s.Table] = []string{path}
		}
	}
	return out
}

func writeRows(t testing.TB, path string, s data.Schema, rows [][]string) {
	t.Helper()
	casts, names := make([]string, len(s.Columns)), make([]string, len(s.Columns))
	for i, c := range s.Columns {
		names[i] = fmt.Sprint("c", i)
		kind := map[data.Kind]string{data.KindString: "VARCHAR", data.KindInt: "BIGINT", data.KindFloat: "DOUBLE", data.KindBool: "BOOLEAN",
			data.KindTime: "TIMESTAMPTZ", data.KindMoney: "DECIMAL(18,4)", data.KindList: "VARCHAR[]"}[c.Kind]
		casts[i] = fmt.Sprintf("CAST(%s AS %s) AS %s", names[i], kind, c.Name)
	}
	var values []string
	for _, row := range rows {
		values = append(values, "("+strings.Join(row, ", ")+")")
	}
	where := ""
	if len(values) == 0 {
		values, where = []string{"(" + strings.TrimSuffix(strings.Repeat("NULL, ", len(names)), ", ") + ")"}, " WHERE false"
	}
	exec(t, "COPY (SELECT "+strings.Join(casts, ", ")+" FROM (VALUES "+strings.Join(values, ", ")+") AS v("+strings.Join(names, ", ")+")"+where+") TO '"+path+"' (FORMAT parquet)")
}

// Ids and words that records of the random lake are made of.
var (
	someUsers    = []string{"ann", "bob", "cat", "dan", "zoe"}
	someItems    = []string{"tea", "cup", "pot", "new"}
	someChannels = []string{"web", "app", "store", "live", "email", "sms", "push"}
)

// drawRow draws a record of a table whose time lies in the range of seconds
// since 1970: for items and users that is valid_from, which may also be absent
// (undated), and for promotions the start.
func drawRow(t *rapid.T, s data.Schema, from, to int64, undated bool) []string {
	row := make([]string, len(s.Columns))
	main := rapid.Int64Range(from, to).Draw(t, "time")
	for i, c := range s.Columns {
		if !c.Required && rapid.IntRange(0, 3).Draw(t, "null") == 0 {
			row[i] = "NULL"
			continue
		}
		row[i] = drawValue(t, s.Table, c, main)
		if c.Name == timeOf(s.Table) {
			row[i] = moment(main)
			if undated && c.Name == "valid_from" {
				row[i] = "NULL"
			}
		}
	}
	return row
}

// timeOf names the column that says from when a record is known.
func timeOf(t data.Table) string {
	switch t {
	case data.Items, data.Users:
		return "valid_from"
	case data.Promotions:
		return "starts_at"
	}
	return "ts"
}

func moment(second int64) string {
	return "TIMESTAMPTZ '" + time.Unix(second, 0).UTC().Format(time.DateTime) + "+00'"
}

func drawValue(t *rapid.T, table data.Table, c data.Column, main int64) string {
	pick := func(words []string) string { return "'" + rapid.SampledFrom(words).Draw(t, c.Name) + "'" }
	switch c.Kind {
	case data.KindInt:
		return fmt.Sprint(rapid.IntRange(1, 2000).Draw(t, c.Name))
	case data.KindFloat:
		return fmt.Sprint(rapid.IntRange(0, 10).Draw(t, c.Name))
	case data.KindBool:
		return fmt.Sprint(rapid.Bool().Draw(t, c.Name))
	case data.KindMoney:
		return fmt.Sprintf("%d.%04d", rapid.IntRange(0, 9999).Draw(t, c.Name), rapid.IntRange(0, 9999).Draw(t, c.Name))
	case data.KindTime: // beside the time of the record: around it, so before or after any as_of
		return moment(main + rapid.Int64Range(-3*86400, 40*86400).Draw(t, c.Name))
	case data.KindList:
		return "['a', 'b']"
	}
	switch c.Name {
	case "user_id", "referrer_id":
		return pick(someUsers)
	case "item_id":
		return pick(someItems)
	case "channel":
		return pick(someChannels)
	case "type":
		return pick([]string{"impression", "click", "view", "cart", "favourite", "share", "search", "purchase", "checkin", "onboarding_step", "live_enter", "live_comment", "live_like", "live_poll"})
	case "kind":
		if table == data.Promotions {
			return pick([]string{"discount", "bundle", "gift", "points", "limited_time"})
		}
		return pick([]string{"nps", "csat", "rating", "complaint"})
	case "arm":
		return pick([]string{"control", "a"})
	case "contact_id", "event_id", "promotion_id":
		return fmt.Sprintf("'%d'", rapid.IntRange(0, 1<<30).Draw(t, c.Name))
	}
	return pick([]string{"x", "y", "z"})
}

// wholeLake is a fixed lake with every table, from 2023-01-01 to 2024-03-01.
func wholeLake(t testing.TB) map[data.Table][]string {
	t.Helper()
	l := rapid.Custom(func(rt *rapid.T) shopLake {
		from, to := day(t, "2023-01-01").Micros()/1e6, day(t, "2024-03-01").Micros()/1e6
		return drawLake(rt, from, to, 25, 40)
	}).Example(7)
	return l.write(t, t.TempDir())
}

// drawLake draws records of every table within a range of seconds.
func drawLake(t *rapid.T, from, to int64, least, most int) shopLake {
	l := shopLake{}
	for _, s := range data.Schemas() {
		if s.Table == data.Identities {
			continue // they reach an engine resolved, not as a table
		}
		n := rapid.IntRange(least, most).Draw(t, "rows")
		l[s.Table] = [][]string{}
		seen := map[string]bool{} // an import lets a key in once
		for range n {
			row := drawRow(t, s, from, to, rapid.IntRange(0, 3).Draw(t, "undated") == 0)
			key := ""
			for _, k := range s.Key {
				key += row[s.Index(k)] + "/"
			}
			if s.KeyIfBy == "" && key != "" && seen[key] {
				continue
			}
			seen[key] = true
			l[s.Table] = append(l[s.Table], row)
		}
	}
	return l
}
