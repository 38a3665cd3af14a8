package features

import (
	"maps"
	"slices"
	"strings"
)

// functions are those that DuckDB and Spark SQL both have and mean alike; no
// other may be called. keywords may stand before a parenthesis too.
var (
	functions = words(`abs array_contains bool_and bool_or cast ceil ceiling coalesce cos count count_if cume_dist
		dense_rank exp first_value floor greatest hour if lag last_value lead least length ln log10 lower lpad ltrim
		max max_by min min_by minute mod month nth_value ntile nullif percent_rank percentile_cont percentile_disc pi pow
		power quarter rank replace round row_number rpad rtrim sign sin sqrt substr substring sum trim try_cast upper year`)
	keywords = words(`all and any as between by case decimal distinct else except exists filter from group having in
		interval intersect is join like not numeric on or order over partition select then union using values varchar when where with within`)
	functionNames = strings.Join(slices.Sorted(maps.Keys(functions)), ", ")
)

func words(list string) map[string]bool {
	out := map[string]bool{}
	for _, w := range strings.Fields(list) {
		out[w] = true
	}
	return out
}

// bannedFunctions may not be called; bannedWords may not occur at all, other than
// as the name of a table before a dot. The text says why, or what to write instead.
var (
	bannedFunctions = withReason(map[string]string{
		"avg mean":       "a mean over DOUBLE changes from run to run: write sum / count",
		"fsum kahan_sum": "sums run over integers and DECIMAL only",
		"stddev stddev_pop stddev_samp variance var_pop var_samp corr covar_pop covar_samp skewness kurtosis sem": "its bytes change from run to run: compute deviations from integer sums of squares",
		"approx_quantile approx_count_distinct approx_top_k reservoir_quantile":                                   "approximate aggregates differ between engines and ignore the memory limit",
		"list array_agg string_agg group_concat listagg collect_list collect_set":                                 "collecting a group in memory is unbounded: aggregate instead",
		"first last any_value arbitrary mode":                                                                     "which row it takes changes from run to run: use max_by with an order that settles ties",
		"concat concat_ws":                                                                                        "engines treat null differently: write ||",
		"log":                                                                                                     "its base differs between engines: write ln",
		"dayofweek isodow weekday dow day_of_week datepart date_part dayname extract":                             "numbers of weekdays differ between engines: use local_dow, local_hour, local_day",
		"datediff date_diff datesub date_sub age":                                                                 "date arithmetic differs between engines: subtract epoch days (day, as_of_day)",
		"now today get_current_timestamp transaction_timestamp get_current_time":                                  "the clock is out of reach: use as_of",
		"random rand setseed uuid gen_random_uuid uuidv4 uuidv7":                                                  "chance is out of reach",
		"getenv getvariable current_setting query query_table":                                                    "a query reads its views and nothing else",
	})
	bannedWords = withReason(map[string]string{
		"current_date current_timestamp current_time localtimestamp localtime":  "the clock is out of reach: use as_of",
		"current_user session_user current_catalog current_schema current_role": "a query reads its views and nothing else",
		"qualify": "not portable: filter in an outer query",
		"attach detach copy install load pragma set reset create insert update delete drop alter call export import use execute prepare describe show summarize explain merge truncate vacuum checkpoint into": "a feature file is one SELECT",
		"tablesample sample pivot unpivot lateral recursive positional asof natural semi anti grouping cube rollup":                                                                                            "not in the portable subset",
		"limit offset fetch":                     "it cuts across all dates, and through ties: rank by ROW_NUMBER() with an order that settles ties",
		"table":                                  "write SELECT with column names",
		"rowid filename file_row_number columns": "it is how the engine happens to hold the rows",
	})
	bannedPrefixes = []string{ReservedPrefix, "duckdb_", "pragma_", "read_", "parquet_", "sniff_", "information_schema", "pg_", "sqlite_"}
	bannedSymbols  = withReason(map[string]string{
		"[ ] { } -> => := : @ # ? ~ ^ ** & | ! \\": "not in the portable subset",
	})
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
