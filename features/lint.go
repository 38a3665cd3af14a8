package features

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"regulars/data"
)

// FuturePrefix, before the name of a table, names the view of its records at and
// after as_of that a label may read beside the view of those before.
const FuturePrefix = "future_"

// ReservedPrefix begins the names of everything an engine keeps for itself; no
// query may speak such a name.
const ReservedPrefix = "regulars_"

// Lint holds a group's query to the subset of SQL that runs alike on two engines
// and yields the same bytes each time, and to the views it says it needs. The
// error joins one SQLError for each finding, by line.
func Lint(g Group) error {
	g.SQL = g.Query()
	l := linter{group: g, tokens: lex(g.SQL)}
	l.characters()
	l.sources = l.readable()
	for i := range l.tokens {
		l.token(i)
	}
	if !g.Shared {
		l.finalOrder()
	}
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
		if l.group.Label && Dated(t) {
			names[FuturePrefix+string(t)] = true
		}
	}
	for _, shared := range l.group.Uses {
		names[shared] = true
	}
	for i, t := range l.tokens {
		if !l.definesName(i) {
			continue
		}
		if isView(t.text) {
			l.fail(i, "WITH %s would hide the view of that name: call it otherwise", t.text)
		}
		names[t.text] = true
	}
	return names
}

// definesName reports whether token i is a name that WITH defines.
func (l *linter) definesName(i int) bool {
	before := l.at(i - 1).text
	return l.at(i).kind == tokenWord && l.at(i+1).text == "as" && l.at(i+2).text == "(" && (before == "with" || before == ",")
}

// isView reports whether an engine may have a view of that name.
func isView(name string) bool {
	_, table := data.SchemaOf(data.Table(strings.TrimPrefix(name, FuturePrefix)))
	return table || slices.Contains(sharedNames(), name)
}

// Dated reports whether the records of a table each have a time (ts), so that
// they lie before or after an as_of. The others (items, users, promotions,
// identities) say by columns of their own when they were valid.
func Dated(t data.Table) bool {
	schema, _ := data.SchemaOf(t)
	i := schema.Index("ts")
	return i >= 0 && schema.Columns[i].Required
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
	if strings.Contains(word, "$") {
		l.fail(i, "%s is no parameter of this group: declare it by \"-- parameter: name number | meaning\"", word)
	}
	if reason, banned := bannedWords[word]; banned && l.at(i+1).text != "." {
		l.fail(i, "%s is not allowed: %s", strings.ToUpper(word), reason)
	}
	for _, prefix := range bannedPrefixes {
		if strings.HasPrefix(word, prefix) {
			l.fail(i, "%s is not allowed: a query reads its views and nothing else", word)
		}
	}
	if l.at(i+1).text == "(" {
		l.call(i, word)
	}
	switch word {
	case "from":
		if l.at(i-1).text != "distinct" { // IS DISTINCT FROM
			l.source(i + 1)
		}
	case "join":
		l.source(i + 1)
	case "sum":
		l.sum(i)
	case "cast":
		l.cast(i)
	case "order":
		if l.at(i+1).text == "by" {
			l.orderBy(i + 2)
		}
	case "by":
		if l.at(i+1).text == "all" {
			l.fail(i+1, "BY ALL is not allowed: name the columns")
		}
	case "distinct":
		if l.at(i+1).text == "on" {
			l.fail(i, "DISTINCT ON is not allowed: which row it takes changes from run to run")
		}
	}
	if l.group.Shared && (word == "as_of" || word == "as_of_day" || word == "over" && !l.looksBack(i)) {
		l.fail(i, "%s in a shared relation: it is computed once for all dates, from all rows, so it may only group by day and look back by LAG(…), ROW_NUMBER() or SUM(…) … UNBOUNDED PRECEDING AND CURRENT ROW over ORDER BY day", strings.ToUpper(word))
	}
}

// looksBack reports whether OVER at i belongs to LAG(column) or ROW_NUMBER()
// ordered by ascending day, or to SUM(column) up to the current row of that order:
// what came up to a day is the same at every later date.
func (l *linter) looksBack(i int) bool {
	open := i - 2 // of the arguments, of which there is one word or none
	if l.at(open).text != "(" {
		open--
	}
	end := l.closing(i + 1)
	byDay := func(at int) bool {
		return l.at(at-3).text == "order" && l.at(at-2).text == "by" && l.at(at-1).text == "day"
	}
	switch l.at(open - 1).text {
	case "lag", "row_number":
		return byDay(end)
	case "sum":
		frame := strings.Fields("rows between unbounded preceding and current row")
		for k, word := range frame {
			if l.at(end-len(frame)+k).text != word {
				return false
			}
		}
		return byDay(end - len(frame))
	}
	return false
}

// call checks a name before a parenthesis: a function that both engines have and
// mean alike, a keyword, a name of WITH or of VALUES with its columns.
func (l *linter) call(i int, word string) {
	if reason, banned := bannedFunctions[word]; banned {
		l.fail(i, "%s() is not allowed: %s", word, reason)
		return
	}
	if before := l.at(i - 1); functions[word] || keywords[word] || l.sources[word] || before.text == ")" || before.text == "as" {
		return
	}
	l.fail(i, "%s() is not in the portable subset, which has %s", word, functionNames)
}

// characters refuses text that engines may divide otherwise than lex does, which
// would let a query say something that was not looked at.
func (l *linter) characters() {
	if i := strings.IndexFunc(strings.ReplaceAll(l.group.SQL, "\r\n", "\n"), unprintable); i >= 0 {
		l.found = append(l.found, &SQLError{File: l.group.File, Line: 1 + strings.Count(strings.ReplaceAll(l.group.SQL, "\r\n", "\n")[:i], "\n"),
			Err: errors.New("a control character is not allowed: lines end with a line feed")})
	}
	for i, t := range l.tokens {
		quoted := t.kind == tokenString || t.kind == tokenQuoted
		if !quoted && strings.IndexFunc(t.text, func(r rune) bool { return r > unicode.MaxASCII }) >= 0 {
			l.fail(i, "%s: only ASCII stands outside of 'text' and comments", t.text)
		}
		if quoted && (len(t.text) < 2 || t.text[len(t.text)-1] != t.text[0]) {
			l.fail(i, "a %c… is not closed", t.text[0])
		}
		if t.kind == tokenString && strings.Contains(t.text, `\`) {
			l.fail(i, "a backslash in 'text' is not allowed: engines read it differently")
		}
		if before := l.at(i - 1); t.kind == tokenString && i > 0 && before.at+len(before.text) == t.at && (before.kind == tokenWord || before.kind == tokenNumber || before.text == "&") {
			l.fail(i, "%s%s is not allowed: 'text' has no prefix", before.text, t.text)
		}
	}
}

func unprintable(r rune) bool {
	return r != '\n' && r != '\t' && unicode.IsControl(r) || r == unicode.ReplacementChar
}

// cast refuses to turn a fraction into a whole number: one engine rounds, the
// other cuts.
func (l *linter) cast(i int) {
	end := l.closing(i + 1)
	target := l.at(end - 1).text
	if l.at(i+1).text != "(" || target != "integer" && target != "bigint" && target != "int" || l.at(end-2).text != "as" {
		return
	}
	depth := 0
	for j := i + 2; j < end; j++ {
		switch l.tokens[j].text {
		case "(":
			depth++
		case ")":
			depth--
		case "/":
			if depth == 0 {
				l.fail(j, "CAST(… / … AS %s) rounds on one engine and cuts on the other: write FLOOR(…) or ROUND(…) inside", strings.ToUpper(target))
			}
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
		if before := l.at(i - 1).text; before == "select" || before == "distinct" || before == "all" || before == "," || before == "." || before == "(" && l.at(i-2).text != "count" {
			l.fail(i, "SELECT * is not allowed: name the columns, so that a new lake column changes nothing")
		}
	}
	next := l.at(i + 1)
	pair := ""
	if next.kind == tokenSymbol && next.at == l.tokens[i].at+1 {
		pair = symbol + next.text
	}
	if reason, banned := bannedSymbols[pair]; banned {
		l.fail(i, "%s is not allowed: %s", pair, reason)
	} else if reason, banned := bannedSymbols[symbol]; banned && pair != "||" && pair != "!=" && !l.secondOf(i, "||") {
		l.fail(i, "%s is not allowed: %s", symbol, reason)
	}
}

// secondOf reports whether the symbol at i is the second of a pair.
func (l *linter) secondOf(i int, pair string) bool {
	before := l.at(i - 1)
	return i > 0 && before.at+1 == l.tokens[i].at && before.text+l.tokens[i].text == pair
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
		inner := i + 1
		for l.at(inner).text == "(" {
			inner++
		}
		if text := l.at(inner).text; text != "select" && text != "with" && text != "values" {
			l.fail(inner, "a parenthesis after FROM and JOIN holds a SELECT, not %q", text)
		}
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
	for _, used := range l.group.Uses {
		if s, err := Shared(used); err == nil && slices.Contains(s.Keys, name) {
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
