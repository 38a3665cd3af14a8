package interactions_test

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"

	"regulars/data/interactions"
)

func TestTransactions(t *testing.T) {
	path := write(t, "t.csv", []byte("Customer ID,date,amount\n"+
		"a,1997-01-01,11.77\n b ,852076800,0\na,1997-01-01 10:00:00,5\n"+
		",1997-01-01,1\nc,,1\nc,soon,1\nc,1997-01-01,\nc,1997-01-01,-1\nc,1997-01-01,NaN\nc,1997-01-01,much\n"))
	got, err := interactions.ReadTransactions(t.Context(), path, nil)
	if err != nil {
		t.Fatal(err)
	}
	jan := day(t, "1997-01-01")
	want := &interactions.Transactions{Path: path, Customers: []string{"a", "b"}, Customer: []int32{0, 1, 0},
		Day: []int32{jan, jan, jan}, Amount: []float64{11.77, 0, 5}, Read: 10, Quarantine: got.Quarantine}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	reasons := map[string]int64{"customer_id is empty": 1, "date is empty": 1, "amount is empty": 1,
		"amount is below 0: a return is no order": 1, "amount is not a finite number": 2,
		"date" + strings.TrimPrefix(badTS, "ts"): 1}
	if q := got.Quarantine; q.Rows != 7 || !reflect.DeepEqual(q.Reasons, reasons) {
		t.Errorf("quarantine %+v", q)
	}
}

func TestTransactionsWithoutAmount(t *testing.T) {
	got, err := interactions.ReadTransactions(t.Context(), write(t, "t.csv", []byte("date;customer_id\n1997-01-01;7\n")), nil)
	if err != nil || got.Amount != nil || got.Customers[0] != "7" {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestBadTransactions(t *testing.T) {
	for content, want := range map[string]string{
		"user_id,date\na,1997-01-01\n":     "has no column customer_id; its columns are user_id, date",
		"customer_id,day\na,1997-01-01\n":  "has no column date",
		"customer_id,date\n":               "has no rows",
		"customer_id,date\n,1997-01-01\n":  "none of its 1 rows can be used; row 1: customer_id is empty",
		"PAR1 and then nothing":            "not a whole Parquet file",
		"customer_id,date\na,1997-13-01\n": "row 1: date is not a timestamp such as",
	} {
		_, err := interactions.ReadTransactions(t.Context(), write(t, "bad", []byte(content)), nil)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q gives %v, want %q", content, err, want)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := interactions.ReadTransactions(ctx, write(t, "t.csv", []byte("customer_id,date\na,1997-01-01\n")), nil); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled reading gives %v", err)
	}
}
