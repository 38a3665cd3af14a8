package features

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"regulars/data"
)

// FuturePrefix, before the name of a table, names the view of its records at and
// after as_of that a label may read beside the view of those before.
const FuturePrefix = "future_"

// ReservedPrefix begins the names of everything an engine keeps for itself; no
// query may speak such a name.
const ReservedPrefix = "regulars_"

// bannedFunctions may not be called; bannedWords may not occur at all. The text
// says why, or what to write instead.
var (
	bannedFunctions = withReason(map[string]string{
		"avg mean":       "a mean over DOUBLE changes from run to run: write sum / count",
		"fsum kahan_sum": "sums run over integers and DECIMAL only",
		"stddev stddev_pop stddev_samp variance var_pop var_samp corr covar_pop covar_samp skewness kurtosis sem": "its bytes change from run to run: compute deviations from integer sums of squares",
		"approx_quantile approx_count_distinct approx_top_k reservoir_quantile":                                   "approximate aggregates differ between engines and ignore the memory limit",
		"list array_agg string_agg group_concat listagg collect_list collect_set":                                 "collecting a group in memory is unbounded: aggregate instead",
		"first last any_value arbitrary": "which row it takes changes from run to run: use max_by with an order that settles ties",
		"log":                            "its base differs between engines: write ln",
		"dayofweek isodow weekday dow day_of_week datepart date_part dayname extract": "numbers of weekdays differ between engines: use local_dow, local_hour, local_day",
		"datediff date_diff datesub date_sub age":                                     "date arithmetic differs between engines: subtract epoch days (day, as_of_day)",
		"now today get_current_timestamp transaction_timestamp get_current_time":      "the clock is out of reach: use as_of",
		"random rand setseed uuid gen_random_uuid uuidv4 uuidv7":                      "chance is out of reach",
		"getenv getvariable current_setting query query_table":                        "a query reads its views and nothing else",
	})
	bannedWords = withReason(map[string]string{
		"current_date current_timestamp current_time localtimestamp localtime": "the clock is out of reach: use as_of",
		"qualify": "not portable: filter in an outer query",
		"attach detach copy install load pragma set reset create insert update delete drop alter call export import use execute prepare describe show summarize explain merge truncate vacuum checkpoint": "a feature file is one SELECT",
		"tablesample sample pivot unpivot lateral recursive positional asof": "not in the portable subset",
	})
	bannedPrefixes = []string{ReservedPrefix, "duckdb_", "pragma_", "read_", "parquet_", "sniff_", "information_schema", "pg_", "sqlite_", "glob"}
)

func withReason(grouped map[string]string) map[string]string {
	out := map[string]string{}
	for words, reason := range grouped {
		for _, w := range strings.Fields(words) {
			out[w] = reason
		}
	}
	return out
}

// Lint holds a group's query to the subset of SQL that runs alike on two engines
// and yields the same bytes each time, and to the views it says it needs. The
// error joins one SQLError for each finding, by line.
func Lint(g Group) error {
	l := linter{group: g, tokens: lex(g.SQL)}
	l.sources = l.readable()
	for i := range l.tokens {
		l.token(i)
	}
	l.finalOrder()
	slices.SortStableFunc(l.found, func(a, b *SQLError) int { return cmp.Compare(a.Line, b.Line) })
	errs := make([]error, len(l.found))
	for i, e := range l.found {
		errs[i] = e
	}
	return errors.Join(errs...)
}

type linter struct {
	group   Group
	tokens  []token
	sources map[string]bool // what may stand after FROM and JOIN
	found   []*SQLError
}

func (l *linter) fail(i int, format string, args ...any) {
	line := 0
	if len(l.tokens) > 0 {
		line = l.at(min(i, len(l.tokens)-1)).line
	}
	l.found = append(l.found, &SQLError{File: l.group.File, Line: line, Err: fmt.Errorf(format, args...)})
}

// at returns token i, or an empty one beyond the ends.
func (l *linter) at(i int) token {
	if i < 0 || i >= len(l.tokens) {
		return token{kind: tokenSymbol}
	}
	return l.tokens[i]
}

// readable lists the views of the group and the names that WITH defines.
func (l *linter) readable() map[string]bool {
	names := map[string]bool{}
	for _, t := range l.group.Tables() {
		names[string(t)] = true
		if l.group.Label {
			names[FuturePrefix+string(t)] = true
		}
	}
	for i, t := range l.tokens {
		before := l.at(i - 1).text
		if t.kind == tokenWord && l.at(i+1).text == "as" && l.at(i+2).text == "(" && (before == "with" || before == ",") {
			names[t.text] = true
		}
	}
	return names
}

func (l *linter) token(i int) {
	switch t := l.tokens[i]; t.kind {
	case tokenWord:
		l.word(i, t.text)
	case tokenQuoted:
		l.fail(i, "%s is a quoted name: engines quote differently, use plain lower case names", t.text)
	case tokenSymbol:
		l.symbol(i, t.text)
	}
}

func (l *linter) word(i int, word string) {
	if reason, banned := bannedWords[word]; banned {
		l.fail(i, "%s is not allowed: %s", strings.ToUpper(word), reason)
	}
	if reason, banned := bannedFunctions[word]; banned && l.at(i+1).text == "(" {
		l.fail(i, "%s() is not allowed: %s", word, reason)
	}
	for _, prefix := range bannedPrefixes {
		if strings.HasPrefix(word, prefix) {
			l.fail(i, "%s is not allowed: a query reads its views and nothing else", word)
		}
	}
	switch word {
	case "from":
		if l.at(i-1).text != "distinct" { // IS DISTINCT FROM
			l.source(i + 1)
		}
	case "join":
		l.source(i + 1)
	case "table":
		l.fail(i, "TABLE is not allowed: write SELECT with column names")
	case "sum":
		l.sum(i)
	case "order":
		if l.at(i+1).text == "by" {
			l.orderBy(i + 2)
		}
	}
}

func (l *linter) symbol(i int, symbol string) {
	switch symbol {
	case "::":
		l.fail(i, ":: is not portable: write CAST(… AS …)")
	case "//":
		l.fail(i, "// is not portable: write CAST(FLOOR(…) AS BIGINT)")
	case ";":
		l.fail(i, "; is not allowed: a feature file is one SELECT")
	case "/":
		l.denominator(i + 1)
	case "*":
		if before := l.at(i - 1).text; before == "select" || before == "distinct" || before == "," || before == "." {
			l.fail(i, "SELECT * is not allowed: name the columns, so that a new lake column changes nothing")
		}
	}
}

// denominator allows NULLIF(…), CAST(NULLIF(…) …) and numbers other than 0.
func (l *linter) denominator(i int) {
	t := l.at(i)
	cast := t.text == "cast" && l.at(i+1).text == "(" && l.at(i+2).text == "nullif"
	number := t.kind == tokenNumber && strings.Trim(t.text, "0.") != ""
	if t.text != "nullif" && !cast && !number {
		l.fail(i, "a denominator must be NULLIF(…, 0): dividing by %q can fail or give an infinity", t.text)
	}
}

// source checks what stands after FROM or JOIN.
func (l *linter) source(i int) {
	t := l.at(i)
	switch {
	case t.text == "(":
		i = l.closing(i)
	case t.kind != tokenWord:
		l.fail(i, "%s is no view: FROM and JOIN take %s", t.text, l.known())
	case l.at(i+1).text == "." || l.at(i+1).text == "(":
		l.fail(i, "%s%s… is no view: FROM and JOIN take %s", t.text, l.at(i+1).text, l.known())
	case !l.sources[t.text]:
		l.fail(i, "%s is no view of this group: FROM and JOIN take %s; lake tables are declared in needs or optional", t.text, l.known())
	}
	next := i + 1
	if l.at(next).text == "as" {
		next++
	}
	if l.at(next).kind == tokenWord && l.at(next+1).text == "," {
		next++
	}
	if l.at(next).text == "," {
		l.fail(next, "tables separated by commas are not allowed: write JOIN")
	}
}

func (l *linter) known() string {
	names := make([]string, 0, len(l.sources))
	for name := range l.sources {
		names = append(names, name)
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

// closing returns the position of the parenthesis that closes the one at i.
func (l *linter) closing(i int) int {
	depth := 0
	for ; i < len(l.tokens); i++ {
		switch l.tokens[i].text {
		case "(":
			depth++
		case ")":
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return len(l.tokens)
}

// sum refuses sums that can be seen to run over DOUBLE; the order in which
// threads add floating point numbers shows in the last bits.
func (l *linter) sum(i int) {
	if l.at(i+1).text != "(" {
		return
	}
	for j := i + 2; j < l.closing(i+1); j++ {
		if t := l.tokens[j].text; t == "double" || t == "float" || t == "real" || t == "/" || t == "sqrt" || t == "ln" || t == "exp" || t == "power" {
			l.fail(j, "SUM over DOUBLE (%s) changes from run to run: sum integers or DECIMAL, divide afterwards", t)
			return
		}
	}
}

// orderBy requires NULLS FIRST or LAST on every item that may be null.
func (l *linter) orderBy(i int) {
	start, depth := i, 0
	for ; i <= len(l.tokens); i++ {
		t := l.at(i).text
		ends := i == len(l.tokens) || depth == 0 && (t == ")" || t == "rows" || t == "range" || t == "groups" || t == "limit" || t == "offset")
		if ends || depth == 0 && t == "," {
			l.orderItem(start, i)
			start = i + 1
		}
		if ends {
			return
		}
		switch t {
		case "(":
			depth++
		case ")":
			depth--
		}
	}
}

func (l *linter) orderItem(from, to int) {
	if l.at(to-2).text == "nulls" {
		return
	}
	end := to
	if last := l.at(end - 1).text; last == "asc" || last == "desc" {
		end--
	}
	if end-from == 3 && l.at(from+1).text == "." {
		from += 2
	}
	if end-from != 1 || !l.neverNull(l.at(from).text) {
		l.fail(from, "ORDER BY needs NULLS FIRST or NULLS LAST here: engines put nulls at different ends")
	}
}

// neverNull reports whether a column of this name has a value in every row: the
// date columns of the views, required columns of the lake, and keys.
func (l *linter) neverNull(name string) bool {
	if slices.Contains([]string{"as_of", "as_of_day", "day", "local_day", "local_hour", "local_dow"}, name) || slices.Contains(l.group.Keys, name) {
		return true
	}
	for _, t := range l.group.Tables() {
		schema, _ := data.SchemaOf(t)
		if i := schema.Index(name); i >= 0 && schema.Columns[i].Required {
			return true
		}
	}
	return false
}

// finalOrder requires the query to end with ORDER BY as_of and the keys.
func (l *linter) finalOrder() {
	want := append([]string{"as_of"}, l.group.Keys...)
	var items []string
	i := len(l.tokens) - 1
	for ; i >= 0 && l.tokens[i].text != "by"; i-- {
		if t := l.tokens[i]; t.kind == tokenWord && l.at(i+1).text != "." {
			items = append(items, t.text)
		}
	}
	slices.Reverse(items)
	if i < 1 || l.tokens[i-1].text != "order" || !slices.Equal(items, want) {
		l.fail(len(l.tokens)-1, "the query must end with ORDER BY %s", strings.Join(want, ", "))
	}
}
