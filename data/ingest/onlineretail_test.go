package ingest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"
	"testing"

	"regulars/data"
	"regulars/data/durable"
	"regulars/data/ingest"
	"regulars/data/lake"
)

func openLake(t testing.TB) (*lake.Lake, string) {
	t.Helper()
	dir := t.TempDir()
	l, err := lake.Open(dir, durable.FS{})
	if err != nil {
		t.Fatal(err)
	}
	return l, dir
}

func retailFiles(t testing.TB) []string {
	return []string{sharedFile(t, "online_retail_2009_2010.parquet"), sharedFile(t, "online_retail_2010_2011.parquet")}
}

// eachRow reads a whole table.
func eachRow(t testing.TB, l *lake.Lake, table data.Table, do func(s data.Schema, row data.Row)) {
	t.Helper()
	r, s, err := l.Reader(table)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	rows := make([]data.Row, 512)
	for {
		n, err := r.Read(rows)
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range rows[:n] {
			do(s, row)
		}
	}
}

// The totals are those published with the files; lines by reason, items and
// duplicates were counted with SQL (DuckDB) on the files themselves.
func TestOnlineRetailCounts(t *testing.T) {
	files := retailFiles(t)
	l, dir := openLake(t)
	report, err := ingest.OnlineRetail(context.Background(), l, files, ingest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	orders := report.Table(data.Orders)
	if orders.Read != 1_067_370 || orders.Accepted != 805_828 || orders.Read != orders.Accepted+orders.Duplicate+orders.Quarantined {
		t.Errorf("orders: %+v", orders)
	}
	if got := fmt.Sprint(orders.Duplicate, orders.Reasons, report.Table(data.Items).Accepted); got !=
		"22523 map[Customer ID is missing:235287 Price is not above 0:60 StockCode is not five digits with optional letters:3672] 4633" {
		t.Errorf("duplicates, reasons, items: %s", got)
	}
	users, returns, n := map[string]bool{}, 0, 0
	eachRow(t, l, data.Orders, func(s data.Schema, row data.Row) {
		n++
		users[row[s.Index("user_id")].Str()] = true
		if row[s.Index("is_return")].Bool() {
			returns++
		}
	})
	if n != 805_828 || len(users) != 5_875 || returns != 17_641 {
		t.Errorf("%d lines of %d customers, %d returns; want 805828, 5875, 17641", n, len(users), returns)
	}
	if got := report.Table(data.Users).Accepted; got != 5_875 {
		t.Errorf("%d users, want 5875", got)
	}
	before := treeOf(t, dir)
	again, err := ingest.OnlineRetail(context.Background(), l, files, ingest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if len(again.Tables) != 0 || !again.Sources[0].Known || !again.Sources[1].Known {
		t.Errorf("importing the same files again: %+v", again)
	}
	if !reflect.DeepEqual(before, treeOf(t, dir)) {
		t.Error("importing the same files again changed the workspace")
	}
}

func TestOnlineRetailOneByOne(t *testing.T) {
	l, _ := openLake(t)
	var accepted int64
	for _, f := range retailFiles(t) {
		report, err := ingest.OnlineRetail(context.Background(), l, []string{f}, ingest.Options{})
		if err != nil {
			t.Fatal(err)
		}
		accepted += report.Table(data.Orders).Accepted
	}
	if accepted != 805_828 {
		t.Errorf("two imports accepted %d lines, want 805828 as in one", accepted)
	}
}
