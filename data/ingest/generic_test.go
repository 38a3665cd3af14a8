package ingest_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/parquet-go/parquet-go"

	"regulars/data"
	"regulars/data/ingest"
	"regulars/data/lake"
)

// counts leaves out of a report what depends on names and places.
func counts(r lake.TableReport) string {
	return fmt.Sprintf("{Table:%s Read:%d Accepted:%d Duplicate:%d Quarantined:%d Reasons:%v}", r.Table, r.Read, r.Accepted, r.Duplicate, r.Quarantined, r.Reasons)
}

func write(t testing.TB, path, text string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// readRows returns the rows of a table as JSON, absent columns left out.
func readRows(t testing.TB, l *lake.Lake, table data.Table) []string {
	t.Helper()
	var out []string
	eachRow(t, l, table, func(s data.Schema, row data.Row) {
		var names []string
		var values data.Row
		for i, v := range row {
			if !v.IsNull() {
				names, values = append(names, s.Columns[i].Name), append(values, v)
			}
		}
		out = append(out, lake.RowJSON(names, values))
	})
	return out
}

func expectRows(t *testing.T, l *lake.Lake, table data.Table, want ...string) {
	t.Helper()
	got := readRows(t, l, table)
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("rows of %s\ngot\n%s\nwant\n%s", table, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestCSV(t *testing.T) {
	l, dir := openLake(t)
	path := write(t, filepath.Join(dir, "orders.csv"), "\ufeffOrderID,CustomerID, Product ,when,qty,price,Loyalty Card,\n"+
		"o1,u1,i1,2011-05-05,2,1.50,gold,\n"+
		"o1,u1,\"i,2\",2011-05-05 10:11:12.5,-1,2,,x\n"+
		"o2,u2,i1,2011-05-06T00:00:00+02:00,1.0,3.0000,,\n"+
		"o3,,i1,2011-05-06,1,3,,\n"+ // no user
		"o4,u2,i1,yesterday,1,3,,\n"+
		"o5,u2,i1,2011-05-06,0,3,,\n"+
		"o6,u2,i1,2011-05-06,1,3.00001,,\n"+
		"o7,u2,i1\n"+
		"o8,u\"2,i1,2011-05-06,1,3,,\n"+
		"o9,u2,i1,2011-05-07,1,1e3,,\n")
	mapping := map[string]string{"user_id": "CustomerID", "item_id": "Product", "ts": "when", "quantity": "qty", "unit_price": "price", "tier_name": "Loyalty Card"}
	var done, total int64
	report, err := ingest.CSV(context.Background(), l, data.Orders, mapping, []string{path}, ingest.Options{
		Progress: func(d, n int64) { done, total = d, n }})
	if err != nil {
		t.Fatal(err)
	}
	want := "{Table:orders Read:10 Accepted:3 Duplicate:0 Quarantined:7 Reasons:map[" +
		"quantity is not above 0:1 the line has more or fewer cells than the header:1 the quotes of the line are wrong:1 " +
		"ts is not a timestamp such as 2011-12-08 or 2011-12-08T13:45:00Z:1 unit_price is not an amount of at most four decimals:2 user_id is missing:1]}"
	if got := counts(report.Table(data.Orders)); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if report.Sources[0].Rows != 10 || done != 10 || total < done {
		t.Errorf("source %+v, progress %d of %d", report.Sources[0], done, total)
	}
	expectRows(t, l, data.Orders,
		`{"order_id":"o1","user_id":"u1","item_id":"i1","ts":"2011-05-05T00:00:00Z","quantity":2,"unit_price":1.5000,"is_return":false,"tier_name":"gold"}`,
		`{"order_id":"o1","user_id":"u1","item_id":"i,2","ts":"2011-05-05T10:11:12.5Z","quantity":1,"unit_price":2.0000,"is_return":true,"column_8":"x"}`,
		`{"order_id":"o2","user_id":"u2","item_id":"i1","ts":"2011-05-05T22:00:00Z","quantity":1,"unit_price":3.0000,"is_return":false}`)
	expectQuarantine(t, filepath.Join(dir, "quarantine", "orders"), map[int64]string{
		4: `{"OrderID":"o3","CustomerID":null,"Product":"i1","when":"2011-05-06","qty":"1","price":"3","Loyalty Card":null,"":null}`,
		8: `{"line":"o7,u2,i1"}`,
		9: `{"line":"o8,u\"2,i1,2011-05-06,1,3,,"}`,
	})
}

// expectQuarantine looks for the rows as they stood in the file.
func expectQuarantine(t *testing.T, dir string, want map[int64]string) {
	t.Helper()
	type bad struct {
		Source string `parquet:"source_file"`
		Row    int64  `parquet:"row"`
		Raw    string `parquet:"raw"`
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.parquet"))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	rows, err := parquet.ReadFile[bad](files[0])
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, r := range rows {
		if raw, ok := want[r.Row]; ok {
			found++
			if r.Raw != raw {
				t.Errorf("row %d\ngot  %s\nwant %s", r.Row, r.Raw, raw)
			}
		}
	}
	if found != len(want) {
		t.Errorf("found %d of %d rows in quarantine: %+v", found, len(want), rows)
	}
}

// The rule about returns, with and without a column that says what is one.
func TestReturns(t *testing.T) {
	const head = "order_id,line_number,user_id,item_id,ts,quantity,unit_price"
	for _, test := range []struct{ name, text, want string }{
		{"by sign", head + "\no,1,u,i,2011-05-05,-3,1\n", `"quantity":3,"unit_price":1.0000,"is_return":true`},
		{"by column", head + ",is_return\no,1,u,i,2011-05-05,3,1,yes\n", `"quantity":3,"unit_price":1.0000,"is_return":true`},
		{"by both", head + ",is_return\no,1,u,i,2011-05-05,-3,1,1\n", `"quantity":3,"unit_price":1.0000,"is_return":true`},
		{"against each other", head + ",is_return\no,1,u,i,2011-05-05,-3,1,false\n", ""},
		{"column left empty", head + ",is_return\no,1,u,i,2011-05-05,3,1,\n", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			l, dir := openLake(t)
			if _, err := ingest.CSV(context.Background(), l, data.Orders, nil, []string{write(t, dir+"/f.csv", test.text)}, ingest.Options{}); err != nil {
				t.Fatal(err)
			}
			got := strings.Join(readRows(t, l, data.Orders), "\n")
			if test.want == "" && got != "" || !strings.Contains(got, test.want) {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

func TestItemsWithLists(t *testing.T) {
	l, dir := openLake(t)
	path := write(t, dir+"/f.csv", "item_id,title,price,in_stock,tags,available_from\na,杯子,9.90,yes,red; blue,\nb,,,0,\"[\"\"x;y\"\"]\",2011-05-05 10:00\n")
	if _, err := ingest.CSV(context.Background(), l, data.Items, nil, []string{path}, ingest.Options{}); err != nil {
		t.Fatal(err)
	}
	expectRows(t, l, data.Items, `{"item_id":"a","title":"杯子","price":9.9000,"in_stock":true,"tags":["red","blue"]}`,
		`{"item_id":"b","in_stock":false,"available_from":"2011-05-05T10:00:00Z","tags":["x;y"]}`)
}

// importCSV brings one CSV text in.
func importCSV(t *testing.T, l *lake.Lake, table data.Table, text string) lake.TableReport {
	t.Helper()
	path := write(t, filepath.Join(t.TempDir(), "f.csv"), text)
	report, err := ingest.CSV(context.Background(), l, table, nil, []string{path}, ingest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return report.Table(table)
}

// The same rows under every separator that spreadsheets write.
func TestSeparators(t *testing.T) {
	for _, sep := range []string{",", ";", "\t", "|"} {
		l, _ := openLake(t)
		text := "\ufeff" + strings.ReplaceAll("item_id§title§price\na§\"x,y;z|\tq\"§1.50\nb§§2\n", "§", sep)
		if got := importCSV(t, l, data.Items, text); got.Accepted != 2 {
			t.Errorf("%q: %+v", sep, got)
		}
		expectRows(t, l, data.Items, `{"item_id":"a","title":"x,y;z|\tq","price":1.5000}`, `{"item_id":"b","price":2.0000}`)
	}
	l, _ := openLake(t)
	importCSV(t, l, data.Items, "item_id\na;b\n")
	expectRows(t, l, data.Items, `{"item_id":"a;b"}`)
}

// White space around an id is no part of it; that of other texts is kept.
func TestIDsAreTrimmed(t *testing.T) {
	l, _ := openLake(t)
	got := importCSV(t, l, data.Identities, "source,alias,user_id,note_id\n pos , 7\t,\u00a0u1 , n \ncrm,   ,u1,\ncrm,8,  ,\n")
	if got.Accepted != 1 || got.Reasons["alias is missing"] != 1 || got.Reasons["user_id is missing"] != 1 {
		t.Errorf("got %+v", got)
	}
	expectRows(t, l, data.Identities, `{"source":"pos","alias":"7","user_id":"u1","note_id":" n "}`)
	importCSV(t, l, data.Items, "item_id,title\n a , b \n")
	expectRows(t, l, data.Items, `{"item_id":"a","title":" b "}`)
}

// A catalogue that comes again with other values shows them.
func TestCatalogueIsUpdated(t *testing.T) {
	l, _ := openLake(t)
	const head = "item_id,title,price,in_stock,shelf\n"
	importCSV(t, l, data.Items, head+"a,Cup,9.90,true,1\nb,Jug,20,true,1\n")
	got := importCSV(t, l, data.Items, head+"a,Cup,8.90,false,1\nb,Jug,20,true,2\n")
	if got.Accepted != 1 || got.Duplicate != 1 { // the shelf is no column of the contract
		t.Errorf("got %+v", got)
	}
	expectRows(t, l, data.Items, `{"item_id":"a","title":"Cup","price":9.9000,"in_stock":true,"shelf":"1"}`,
		`{"item_id":"b","title":"Jug","price":20.0000,"in_stock":true,"shelf":"1"}`,
		`{"item_id":"a","title":"Cup","price":8.9000,"in_stock":false,"shelf":"1"}`)
}

// An export that grows, and whose extra columns change, counts no line twice.
func TestCumulativeExport(t *testing.T) {
	l, _ := openLake(t)
	const head = "order_id,user_id,item_id,ts,quantity,unit_price,status\n"
	importCSV(t, l, data.Orders, head+"o1,u,i,2011-05-05,1,2.5,packed\n")
	got := importCSV(t, l, data.Orders, head+"o1,u,i,2011-05-05,1,2.5,shipped\no2,u,i,2011-05-06,1,2.5,packed\n")
	if got.Accepted != 1 || got.Duplicate != 1 {
		t.Errorf("got %+v", got)
	}
}

func TestImpossibleAmounts(t *testing.T) {
	l, _ := openLake(t)
	got := importCSV(t, l, data.Orders, "order_id,user_id,item_id,ts,quantity,unit_price\n"+
		"o1,u,i,2011-05-05,1,-2.5\no2,u,i,2011-05-05,-1,-2.5\no3,u,i,2011-05-05,-1000000,100000000\no4,u,i,2011-05-05,1000000,99999999\n")
	if got.Accepted != 1 || got.Reasons["unit_price is below 0"] != 2 || got.Reasons["quantity × unit_price is beyond DECIMAL(18,4)"] != 1 {
		t.Errorf("got %+v", got)
	}
	items := importCSV(t, l, data.Items, "item_id,price,unit_cost\na,-1,\nb,,-0.01\nc,0,0\n")
	if items.Accepted != 1 || items.Reasons["price is below 0"] != 1 || items.Reasons["unit_cost is below 0"] != 1 {
		t.Errorf("got %+v", items)
	}
}

// foreignOrder has the types that other tools write.
type foreignOrder struct {
	ID     int64    `parquet:"Order"`
	User   float64  `parquet:"user_id"`
	Item   string   `parquet:"item_id"`
	Time   int32    `parquet:"ts,date"`
	Number int32    `parquet:"quantity"`
	Price  float64  `parquet:"unit_price"`
	Weight float64  `parquet:"Weight kg"`
	Words  []string `parquet:"words,list"`
	Nested struct{ A int64 }
}

func TestParquet(t *testing.T) {
	l, dir := openLake(t)
	path := dir + "/f.parquet"
	rows := []foreignOrder{{ID: 7, User: 17850, Item: "i", Time: 15099, Number: -2, Price: 2.55, Weight: 0.5, Words: []string{"x"}},
		{ID: 8, User: 17850, Item: "", Time: 15099, Number: 1, Price: 2.55}}
	if err := parquet.WriteFile(path, rows); err != nil {
		t.Fatal(err)
	}
	report, err := ingest.Parquet(context.Background(), l, data.Orders, map[string]string{"order_id": "Order"}, []string{path}, ingest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got := report.Sources[0].Ignored; len(got) != 1 || got[0] != "Nested" {
		t.Errorf("ignored %v", got)
	}
	if got := report.Table(data.Orders); got.Accepted != 1 || got.Reasons["item_id is missing"] != 1 {
		t.Errorf("got %+v", got)
	}
	expectRows(t, l, data.Orders,
		`{"order_id":"7","user_id":"17850","item_id":"i","ts":"2011-05-05T00:00:00Z","quantity":2,"unit_price":2.5500,"is_return":true,"weight_kg":0.5,"words":["x"]}`)
}

// badCase is a call that must fail with this message and leave the lake alone.
type badCase struct {
	name string
	call func(l *lake.Lake, dir string) error
	want string // %[1]s is the folder
}

func TestBadInput(t *testing.T) {
	ctx := context.Background()
	csv := func(mapping map[string]string, files ...string) func(*lake.Lake, string) error {
		return func(l *lake.Lake, dir string) error {
			for i := range files {
				files[i] = filepath.Join(dir, files[i])
			}
			_, err := ingest.CSV(ctx, l, data.Orders, mapping, files, ingest.Options{})
			return err
		}
	}
	pq := func(file string) func(*lake.Lake, string) error {
		return func(l *lake.Lake, dir string) error {
			_, err := ingest.Parquet(ctx, l, data.Orders, map[string]string{"order_id": "Order"}, []string{filepath.Join(dir, file)}, ingest.Options{})
			return err
		}
	}
	retail := func(file string) func(*lake.Lake, string) error {
		return func(l *lake.Lake, dir string) error {
			_, err := ingest.OnlineRetail(ctx, l, []string{filepath.Join(dir, file)}, ingest.Options{})
			return err
		}
	}
	const columns = "order_id, user_id, item_id, ts, quantity, unit_price"
	for _, test := range []badCase{
		{"no files", csv(nil), "no files to import: name at least one"},
		{"no file", csv(nil, "none.csv"), "open %[1]s/none.csv: no such file or directory"},
		{"folder", csv(nil, "folder"), "%[1]s/folder is a folder: name the files in it"},
		{"folder, Parquet", pq("folder"), "%[1]s/folder is a folder: name the files in it"},
		{"empty", csv(nil, "empty.csv"), "%[1]s/empty.csv: is empty: the first line must name the columns"},
		{"good, then missing column", csv(nil, "good.csv", "short.csv"), "%[1]s/short.csv has no column for unit_price, which table orders needs; " +
			"its columns are order_id, user_id, item_id, ts, quantity: say which to take with --map unit_price=Header"},
		{"other headers", csv(map[string]string{"ts": "When"}, "other.csv"), "%[1]s/other.csv has no column for order_id, item_id, unit_price, which table orders needs; " +
			"its columns are Bestellung, user_id, When, quantity: say which to take with --map order_id=Header,item_id=Header,unit_price=Header"},
		{"UTF-16", csv(nil, "utf16.csv"), "%[1]s/utf16.csv: is UTF-16 text: save it as CSV in UTF-8"},
		{"UTF-16, big end first", csv(nil, "utf16be.csv"), "%[1]s/utf16be.csv: is UTF-16 text: save it as CSV in UTF-8"},
		{"UTF-16 unmarked", csv(nil, "unmarked.csv"), "%[1]s/unmarked.csv: is UTF-16 text without a mark"},
		{"gzip", csv(nil, "good.csv.gz"), "%[1]s/good.csv.gz: is gzip-compressed: unpack it first"},
		{"Online Retail, gzip", retail("good.csv.gz"), "%[1]s/good.csv.gz: is gzip-compressed: unpack it first"},
		{"workbook", csv(nil, "book.xlsx"), "%[1]s/book.xlsx: is a ZIP archive, such as an Excel workbook"},
		{"pipe", csv(nil, "good.csv", "pipe"), "%[1]s/pipe is not a regular file: it is read twice"},
		{"pipe, Parquet", pq("pipe"), "%[1]s/pipe is not a regular file"},
		{"pipe, Online Retail", retail("pipe"), "%[1]s/pipe is not a regular file"},
		{"device", csv(nil, "null"), "%[1]s/null is not a regular file"},
		{"mapping to nothing", csv(map[string]string{"user_id": "Kunde"}, "good.csv"),
			`%[1]s/good.csv has no column "Kunde", which was named for user_id; its columns are ` + columns},
		{"bad extra name", csv(map[string]string{"My Column": "ts"}, "good.csv"), `"My Column" cannot be a column name: use lower-case letters, digits and _`},
		{"header twice", csv(nil, "twice.csv"), `%[1]s/twice.csv: two columns are named "a"`},
		{"quote never ends", csv(nil, "quote.csv"), "%[1]s/quote.csv: line 3, column 25: a quoted cell that begins on line 3 never ends (is the file cut short?)"},
		{"Parquet as CSV", csv(nil, "good.parquet"), "%[1]s/good.parquet is a Parquet file, not CSV: import it as parquet"},
		{"CSV as Parquet", pq("good.csv"), "%[1]s/good.csv: not a whole Parquet file (damaged or cut short?): it does not end with PAR1"},
		{"truncated", pq("cut.parquet"), "%[1]s/cut.parquet: not a whole Parquet file (damaged or cut short?)"},
		{"wrong type", pq("type.parquet"), `%[1]s/type.parquet: column "ts" is double, which cannot become the timestamp that ts is`},
		{"not Online Retail", retail("good.csv"), `%[1]s/good.csv has no column "Invoice"; its columns are ` + columns +
			", those of Online Retail II are Invoice, StockCode, Description, Quantity, InvoiceDate, Price, Customer ID, Country"},
		{"no such table", func(l *lake.Lake, dir string) error {
			_, err := ingest.CSV(ctx, l, "ordres", nil, []string{dir + "/good.csv"}, ingest.Options{})
			return err
		}, `there is no table "ordres"; the tables are orders, events, items, users, consents, contacts, promotions, feedback, identities`},
		{"cancelled", func(l *lake.Lake, dir string) error {
			ctx, cancel := context.WithCancel(ctx)
			_, err := ingest.CSV(ctx, l, data.Orders, nil, []string{dir + "/good.csv"}, ingest.Options{Progress: func(int64, int64) { cancel() }})
			if !errors.Is(err, context.Canceled) {
				return fmt.Errorf("does not wrap context.Canceled: %w", err)
			}
			return err
		}, "importing %[1]s/good.csv: context canceled"},
	} {
		t.Run(test.name, func(t *testing.T) {
			in := badFiles(t)
			l, dir := openLake(t)
			before := fmt.Sprint(treeOf(t, dir))
			err := test.call(l, in)
			want := test.want
			if strings.Contains(want, "%[1]s") {
				want = fmt.Sprintf(want, in)
			}
			if err == nil || !strings.HasPrefix(err.Error(), want) {
				t.Errorf("got  %v\nwant %s", err, want)
			}
			if after := fmt.Sprint(treeOf(t, dir)); after != before {
				t.Errorf("the workspace changed: %s", after)
			}
		})
	}
}

func writeGzip(t *testing.T, path, text string) {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	write(t, path, b.String())
}

func badFiles(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Mkdir(dir+"/folder", 0o755); err != nil {
		t.Fatal(err)
	}
	const head, row = "order_id,user_id,item_id,ts,quantity,unit_price\n", "o,u,i,2011-05-05,1,2.5\n"
	write(t, dir+"/good.csv", head+row)
	write(t, dir+"/empty.csv", "")
	write(t, dir+"/short.csv", "order_id,user_id,item_id,ts,quantity\n")
	write(t, dir+"/twice.csv", "a,b,a\n")
	write(t, dir+"/other.csv", "Bestellung;user_id;When;quantity\n")
	write(t, dir+"/utf16.csv", "\xff\xfea\x00,\x00b\x00\n\x00")
	write(t, dir+"/utf16be.csv", "\xfe\xff\x00a\x00,\x00b\x00\n")
	write(t, dir+"/unmarked.csv", "a\x00,\x00b\x00\n\x00")
	write(t, dir+"/book.xlsx", "PK\x03\x04\x14\x00")
	writeGzip(t, dir+"/good.csv.gz", head+row)
	if err := errors.Join(syscall.Mkfifo(dir+"/pipe", 0o600), os.Symlink(os.DevNull, dir+"/null")); err != nil {
		t.Fatal(err)
	}
	write(t, dir+"/quote.csv", head+row+"p,\"u,i,2011-05-05,1,2.5\n")
	if err := parquet.WriteFile(dir+"/good.parquet", []foreignOrder{{}}); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(dir + "/good.parquet")
	if err != nil {
		t.Fatal(err)
	}
	write(t, dir+"/cut.parquet", string(whole[:len(whole)-100]))
	type doubleTime struct {
		ID   int64   `parquet:"Order"`
		User string  `parquet:"user_id"`
		Item string  `parquet:"item_id"`
		Time float64 `parquet:"ts"`
	}
	if err := parquet.WriteFile(dir+"/type.parquet", []doubleTime{{}}); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestSameFileTwice(t *testing.T) {
	l, dir := openLake(t)
	path := write(t, dir+"/f.csv", "order_id,user_id,item_id,ts,quantity,unit_price\no,u,i,2011-05-05,1,2.5\n")
	report, err := ingest.CSV(context.Background(), l, data.Orders, nil, []string{path, path}, ingest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if report.Sources[0].Known || !report.Sources[1].Known || report.Table(data.Orders).Read != 1 {
		t.Errorf("got %+v", report)
	}
	// Read once more as something else, its rows are known by their values.
	other, err := ingest.CSV(context.Background(), l, data.Orders, map[string]string{"user_id": "user_id"}, []string{path}, ingest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if other.Sources[0].Known || other.Table(data.Orders).Duplicate != 1 {
		t.Errorf("got %+v", other)
	}
}

func TestFileWithoutRows(t *testing.T) {
	l, dir := openLake(t)
	csv := write(t, dir+"/f.csv", "order_id,user_id,item_id,ts,quantity,unit_price\n")
	pq := dir + "/f.parquet"
	if err := parquet.WriteFile(pq, []foreignOrder{}); err != nil {
		t.Fatal(err)
	}
	one, err := ingest.CSV(context.Background(), l, data.Orders, nil, []string{csv}, ingest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	two, err := ingest.Parquet(context.Background(), l, data.Orders, map[string]string{"order_id": "Order"}, []string{pq}, ingest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range []lake.Report{one, two} {
		if len(r.Sources) != 1 || r.Sources[0].Rows != 0 || r.Table(data.Orders).Read != 0 {
			t.Errorf("got %+v", r)
		}
	}
	if rows := readRows(t, l, data.Orders); len(rows) != 0 {
		t.Errorf("rows %v", rows)
	}
}

// A few lines of the published form, with each rule of cleaning once.
func TestOnlineRetailLines(t *testing.T) {
	const head = "Invoice,StockCode,Description,Quantity,InvoiceDate,Price,Customer ID,Country\n"
	l, dir := openLake(t)
	first := write(t, dir+"/1.csv", head+
		"489434,85048,GLASS BALL,12,2009-12-01 07:45:00,6.95,13085.0,United Kingdom\n"+
		"489434,POST,POSTAGE,1,2009-12-01 07:45:00,18,13085.0,United Kingdom\n"+
		"489434,79323P,PINK LIGHTS,12,2009-12-01 07:45:00,0,13085.0,United Kingdom\n"+
		"489434,79323W,WHITE LIGHTS,0,2009-12-01 07:45:00,6.75,13085.0,United Kingdom\n"+
		"489434,22041,FRAME,48,2009-12-01 07:45:00,2.1,13085.0,United Kingdom\n"+
		"489435,22041,FRAME,48,2009-12-01 07:46:00,2.1,,United Kingdom\n"+
		"C489449,22041,NEW FRAME,-12,2009-12-01 10:33:00,2.95,16321.0,Australia\n")
	second := write(t, dir+"/2.csv", head+
		"489434,85048,SOMETHING ELSE,12,2010-12-01 07:45:00,6.95,13085.0,France\n"+ // held by the first file
		"500000,85048,GLASS,1,2010-12-01 08:00:00,6.95,13085.0,France\n"+
		"500001,85048,,1,2010-12-02 08:00:00,6.95,13085.0,France\n")
	report, err := ingest.OnlineRetail(context.Background(), l, []string{first, second}, ingest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	want := "{Table:orders Read:10 Accepted:5 Duplicate:1 Quarantined:4 Reasons:map[Customer ID is missing:1 Price is not above 0:1 " +
		"Quantity is 0:1 StockCode is not five digits with optional letters:1]}"
	if got := counts(report.Table(data.Orders)); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	expectRows(t, l, data.Orders,
		`{"order_id":"489434","line_number":1,"user_id":"13085","item_id":"85048","ts":"2009-12-01T07:45:00Z","quantity":12,"unit_price":6.9500,"is_return":false,"currency":"GBP"}`,
		`{"order_id":"489434","line_number":5,"user_id":"13085","item_id":"22041","ts":"2009-12-01T07:45:00Z","quantity":48,"unit_price":2.1000,"is_return":false,"currency":"GBP"}`,
		`{"order_id":"C489449","line_number":1,"user_id":"16321","item_id":"22041","ts":"2009-12-01T10:33:00Z","quantity":12,"unit_price":2.9500,"is_return":true,"currency":"GBP"}`,
		`{"order_id":"500000","line_number":1,"user_id":"13085","item_id":"85048","ts":"2010-12-01T08:00:00Z","quantity":1,"unit_price":6.9500,"is_return":false,"currency":"GBP"}`,
		`{"order_id":"500001","line_number":1,"user_id":"13085","item_id":"85048","ts":"2010-12-02T08:00:00Z","quantity":1,"unit_price":6.9500,"is_return":false,"currency":"GBP"}`)
	expectRows(t, l, data.Items, `{"item_id":"22041","title":"NEW FRAME"}`, `{"item_id":"85048","title":"GLASS"}`)
	expectRows(t, l, data.Users, `{"user_id":"13085","region":"France"}`, `{"user_id":"16321","region":"Australia"}`)
}

func BenchmarkOnlineRetail(b *testing.B) {
	files := retailFiles(b)
	for b.Loop() {
		l, _ := openLake(b)
		if _, err := ingest.OnlineRetail(context.Background(), l, files, ingest.Options{}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)*1_067_370/b.Elapsed().Seconds(), "rows/s")
}
