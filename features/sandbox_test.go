package features_test

import (
	"errors"
	"strings"
	"testing"

	"regulars/features"
)

// TestSandbox tries to get out of the cut views in every way we know, by what a
// lexer may overlook and by what an engine offers. Each attempt is refused with
// the file, the line of the attempt, and a reason.
func TestSandbox(t *testing.T) {
	const from = "FROM orders\n"
	tests := []struct{ old, new, want string }{
		// Files, databases and settings.
		{from, "FROM read_parquet('/etc/x.parquet')\n", "9: read_parquet"},
		{from, "FROM READ_CSV('/etc/passwd')\n", "9: read_csv"},
		{from, "FROM '/etc/passwd'\n", "9: '/etc/passwd' is no view"},
		{from, "FROM glob('*')\n", "9: glob(… is no view"},
		{from, "FROM parquet_metadata('x')\n", "9: parquet_metadata"},
		{from, "FROM sniff_csv('x')\n", "9: sniff_csv"},
		{from, "FROM query('SELECT 1')\n", "9: query(… is no view"},
		{from, "FROM query_table('regulars_lake.orders')\n", "9: query_table"},
		{from, "FROM orders; ATTACH 'x.db'\n", "9: ; is not allowed"},
		{from, "FROM orders\nATTACH 'x.db'\n", "10: ATTACH is not allowed"},
		{from, "FROM orders; COPY orders TO 'x'\n", "9: COPY is not allowed"},
		{from, "FROM orders; INSTALL httpfs\n", "9: INSTALL is not allowed"},
		{from, "FROM orders; PRAGMA database_list\n", "9: PRAGMA is not allowed"},
		{from, "FROM orders; SET lock_configuration = false\n", "9: SET is not allowed"},
		{from, "FROM orders; CREATE MACRO f(x) AS (SELECT 1)\n", "9: CREATE is not allowed"},
		{from, "FROM pragma_table_info('orders')\n", "9: pragma_table_info"},
		{from, "FROM range(3)\n", "9: range(… is no view"},
		{from, "FROM (SHOW TABLES)\n", "9: SHOW is not allowed"},
		{from, "FROM (DESCRIBE orders)\n", "9: DESCRIBE is not allowed"},
		{from, "FROM (SUMMARIZE orders)\n", "9: SUMMARIZE is not allowed"},
		// System tables and the base tables.
		{from, "FROM duckdb_views()\n", "9: duckdb_views"},
		{from, "FROM information_schema.tables\n", "9: information_schema"},
		{from, "FROM pg_catalog.pg_tables\n", "9: pg_catalog"},
		{from, "FROM sqlite_master\n", "9: sqlite_master"},
		{from, "FROM regulars_lake.orders\n", "9: regulars_lake is not allowed"},
		{from, "FROM \"regulars_lake\".orders\n", "9: \"regulars_lake\" is a quoted name"},
		{from, "FROM `regulars_lake`.orders\n", "9: `regulars_lake` is a quoted name"},
		{from, "FROM memory.main.orders\n", "9: memory.… is no view"},
		{from, "FROM orders JOIN (SELECT ts FROM (SELECT ts FROM REGULARS_LAKE . orders)) x ON true\n", "9: regulars_lake is not allowed"},
		{from, "FROM (events JOIN orders ON true)\n", "9: a parenthesis after FROM and JOIN holds a SELECT"},
		{from, "FROM ((events))\n", "a parenthesis after FROM and JOIN holds a SELECT"},
		{"SELECT as_of, user_id, COUNT(*) AS lines\nFROM orders", "WITH future_orders AS (SELECT 1 AS x)\nSELECT as_of, user_id, COUNT(*) AS lines FROM orders", "8: WITH future_orders would hide the view"},
		{"SELECT as_of, user_id, COUNT(*) AS lines\nFROM orders", "WITH a AS (WITH events AS (SELECT 1 AS x) SELECT x FROM events)\nSELECT as_of, user_id, COUNT(*) AS lines FROM events", "8: WITH events would hide the view"},
		// What comes after as_of, in a group that is no label.
		{from, "FROM future_orders\n", "9: future_orders is no view"},
		{from, "FROM orders o WHERE EXISTS (SELECT 1 FROM future_orders f WHERE f.user_id = o.user_id)\n", "9: future_orders is no view"},
		{selected, "(SELECT COUNT(*) FROM future_orders f WHERE f.user_id = user_id) AS lines", "8: future_orders is no view"},
		// The clock, chance and the machine.
		{selected, "NOW() AS lines", "8: now() is not allowed"},
		{selected, "CURRENT_TIMESTAMP AS lines", "8: CURRENT_TIMESTAMP is not allowed"},
		{selected, "get_current_timestamp() AS lines", "8: get_current_timestamp() is not allowed"},
		{selected, "random() AS lines", "8: random() is not allowed"},
		{selected, "gen_random_uuid() AS lines", "8: gen_random_uuid() is not allowed"},
		{selected, "getenv('HOME') AS lines", "8: getenv() is not allowed"},
		{selected, "'HOME'.getenv() AS lines", "8: getenv() is not allowed"},
		{selected, "current_setting('memory_limit') AS lines", "8: current_setting() is not allowed"},
		{selected, "current_user AS lines", "8: CURRENT_USER is not allowed"},
		{selected, "version() AS lines", "8: version() is not in the portable subset"},
		{selected, "write_log('x') AS lines", "8: write_log() is not in the portable subset"},
		{selected, "nextval('s') AS lines", "8: nextval() is not in the portable subset"},
		{selected, "rowid AS lines", "8: ROWID is not allowed"},
		{selected, "COLUMNS('.*')", "8: COLUMNS is not allowed"},
		// Text that is read in two ways.
		{from, "FROM orders -- \r, regulars_lake.orders\n", "9: a control character is not allowed"},
		{selected, `E'\'' , now() , E'\'' AS lines`, "8: a backslash in 'text' is not allowed"},
		{selected, "$$'$$ , now() , $$'$$ AS lines", "8: $$ is no parameter"},
		{selected, "$x$'$x$ , now() , $x$'$x$ AS lines", "8: $x$ is no parameter"},
		{selected, "$1 AS lines", "8: $1 is no parameter"},
		{selected, "X'41' AS lines", "8: x'41' is not allowed: 'text' has no prefix"},
		{selected, `U&"\0061" AS lines`, "is a quoted name"},
		{selected, "'a AS lines", "8: a '… is not closed"},
		{from, "FROM ｏｒｄｅｒｓ\n", "9: ｏｒｄｅｒｓ: only ASCII"},
		{from, "FROM orders\u00a0JOIN\u2003оrders ON true\n", "only ASCII stands outside"},
		{selected, "COUNT(*) AS lin\u00e9s", "only ASCII stands outside"},
		{from, "FROM orders /* /* */ JOIN regulars_lake.orders */\n", "9: regulars_lake is not allowed"},
		{from, "FROM orders\x00\n", "9: a control character is not allowed"},
		// Not alike on two engines.
		{selected, "[1, 2] AS lines", "8: [ is not allowed"},
		{selected, "{'a': 1} AS lines", "8: { is not allowed"},
		{selected, "lines: COUNT(*)", "8: : is not allowed"},
		{selected, "ts -> 'a' AS lines", "8: -> is not allowed"},
		{selected, "2 ** 3 AS lines", "8: ** is not allowed"},
		{selected, "quantity & 1 AS lines", "8: & is not allowed"},
		{selected, "concat(user_id, item_id) AS lines", "8: concat() is not allowed"},
		{selected, "CAST(quantity / 3 AS BIGINT) AS lines", "rounds on one engine and cuts on the other"},
		{selected, "mode(item_id) AS lines", "8: mode() is not allowed"},
		{selected, "string_split(item_id, ' ') AS lines", "8: string_split() is not in the portable subset"},
		{selected, "DISTINCT ON (item_id) 1 AS lines", "8: DISTINCT ON is not allowed"},
		{from, "FROM orders LIMIT 1\n", "9: LIMIT is not allowed"},
		{from, "FROM orders SEMI JOIN orders o ON true\n", "9: SEMI is not allowed"},
		{from, "FROM orders NATURAL JOIN orders\n", "9: NATURAL is not allowed"},
		{"GROUP BY as_of, user_id", "GROUP BY ALL", "10: BY ALL is not allowed"},
	}
	for _, test := range tests {
		text := strings.Replace(good, test.old, test.new, 1)
		if text == good {
			t.Fatalf("%q does not occur", test.old)
		}
		g, err := features.Parse("tiny.sql", text)
		if err != nil {
			t.Fatal(err)
		}
		err = features.Lint(g)
		var where *features.SQLError
		if err == nil || !strings.Contains(err.Error(), test.want) || !errors.As(err, &where) || where.File != "tiny.sql" || where.Line < 8 {
			t.Errorf("%q: error %v, want one with %q", test.new, err, test.want)
		}
	}
}

// TestSharedRefuses: what is shared sees whole tables, so it may only group.
func TestSharedRefuses(t *testing.T) {
	const text = `-- shared: tiny
-- doc: A shared relation.
-- needs: orders
-- key: user_id VARCHAR id | The customer.
-- key: day INTEGER day | The day.
-- column: lines BIGINT lines | Lines.
SELECT user_id, day, COUNT(*) AS lines FROM orders GROUP BY user_id, day
`
	for _, test := range []struct{ old, new, want string }{
		{"COUNT(*)", "MAX(as_of_day)", "tiny.sql:7: AS_OF_DAY in a shared relation"},
		{"COUNT(*)", "COUNT(*) OVER (PARTITION BY user_id)", "tiny.sql:7: OVER in a shared relation"},
		{"COUNT(*)", "SUM(units) OVER (PARTITION BY user_id ORDER BY day)", "tiny.sql:7: OVER in a shared relation"},
		{"COUNT(*)", "SUM(units) OVER (PARTITION BY user_id ORDER BY day ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)", "tiny.sql:7: OVER in a shared relation"},
		{"COUNT(*)", "ROW_NUMBER() OVER (PARTITION BY user_id ORDER BY day DESC)", "tiny.sql:7: OVER in a shared relation"},
		{"COUNT(*)", "LEAD(day) OVER (PARTITION BY user_id ORDER BY day)", "tiny.sql:7: OVER in a shared relation"},
		{"FROM orders", "FROM baskets", "baskets is no view"},
	} {
		g, err := features.Parse("tiny.sql", strings.Replace(text, test.old, test.new, 1))
		if err != nil {
			t.Fatal(err)
		}
		if err := features.Lint(g); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%q: error %v, want one with %q", test.new, err, test.want)
		}
	}
	for _, test := range []struct{ old, new, want string }{
		{"-- doc", "-- entity: user\n-- doc", "a shared relation has no entity"},
		{"-- needs: orders", "-- needs: orders\n-- uses: all", `there is no shared relation "all": they are baskets, bought, days, returned`},
	} {
		if _, err := features.Parse("tiny.sql", strings.Replace(text, test.old, test.new, 1)); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%q: error %v, want one with %q", test.new, err, test.want)
		}
	}
}

func TestParameters(t *testing.T) {
	const with = "-- needs: orders\n-- parameter: least 2 | The least.\n-- parameter: rate -0.5 | A rate.\n"
	text := strings.Replace(strings.Replace(good, "-- needs: orders\n", with, 1), selected, "COUNT(*) FILTER (WHERE quantity > $least AND '$least' <> '' AND quantity > $rate) AS lines", 1)
	g, err := features.Parse("tiny.sql", text)
	if err != nil {
		t.Fatal(err)
	}
	if err := features.Lint(g); err != nil {
		t.Error(err)
	}
	if !strings.Contains(g.Query(), "quantity > 2 AND '$least' <> '' AND quantity > (-0.5))") {
		t.Errorf("query is %s", g.Query())
	}
	changed, err := features.WithParameters([]features.Group{g}, map[string]float64{"tiny.least": 2.5})
	if err != nil || !strings.Contains(changed[0].Query(), "quantity > 2.5 AND") || !strings.Contains(g.Query(), "quantity > 2 AND") {
		t.Errorf("with another value: %v, %v", changed, err)
	}
	if _, err := features.WithParameters([]features.Group{g}, map[string]float64{"tiny.most": 1}); err == nil || err.Error() != "there is no features parameter tiny.most: they are tiny.least, tiny.rate" {
		t.Errorf("unknown parameter: %v", err)
	}
	for line, want := range map[string]string{
		"-- parameter: least many | The least.":                              `tiny.sql:5: parameter least is "many": it must be a finite number`,
		"-- parameter: least NaN | The least.":                               "it must be a finite number",
		"-- parameter: least 1e999 | The least.":                             "it must be a finite number",
		"-- parameter: least 1e3 | The least.":                               "write a plain number such as 90 or 0.5",
		"-- parameter: least 2":                                              "does not declare a parameter",
		"-- parameter: Least 2 | The least.":                                 "is not lower case",
		"-- parameter: least 2 | The least.\n-- parameter: least 3 | Again.": "parameter least is declared twice",
	} {
		if _, err := features.Parse("tiny.sql", strings.Replace(good, "-- needs: orders", line+"\n-- needs: orders", 1)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want one with %q", line, err, want)
		}
	}
}
