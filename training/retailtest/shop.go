package retailtest

import (
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"

	"regulars/data"
	"regulars/features/matrix"
)

// files are the two years as they are published; both hold the first days of
// December 2010.
var files = [...]string{"online_retail_2009_2010.parquet", "online_retail_2010_2011.parquet"}

// Shop is what customers who are known bought of what are products, at a price.
type Shop struct {
	Events       *matrix.Events // one a customer, product and invoice
	Users, Items *matrix.Vocabulary
	Titles       []string  // by item, that it was first sold with; "" = none
	Prices       []float64 // by item, that it was first sold at; NaN = where it has no title
	Countries    []string  // by user
}

// folder finds the folder of public data sets beside the project, or skips.
func folder(t testing.TB) string {
	t.Helper()
	dir, err := filepath.Abs(".")
	for err == nil && dir != filepath.Dir(dir) {
		if _, e := os.Stat(filepath.Join(dir, "go.mod")); e == nil {
			break
		}
		dir = filepath.Dir(dir)
	}
	dir = filepath.Join(dir, "..", "shared", "data")
	if _, err := os.Stat(filepath.Join(dir, files[0])); err != nil {
		t.Skip("real data is not here: ", err)
	}
	return dir
}

type line struct {
	Invoice   string  `parquet:"Invoice"`
	StockCode string  `parquet:"StockCode"`
	Title     *string `parquet:"Description,optional"`
	Quantity  int64   `parquet:"Quantity"`
	Date      int64   `parquet:"InvoiceDate"` // microseconds since 1970
	Price     float64 `parquet:"Price"`
	Customer  *string `parquet:"Customer ID,optional"`
	Country   string  `parquet:"Country"`
}

// product is the form of the codes that are no postage, fee or voucher.
var product = regexp.MustCompile(`^[0-9]{5}[A-Za-z]*$`)

// sold is true of lines that count.
func (l *line) sold() bool {
	return l.Customer != nil && l.Price > 0 && l.Quantity > 0 && !strings.HasPrefix(l.Invoice, "C") && product.MatchString(l.StockCode)
}

type purchase struct{ user, item, invoice string }

// reading is what has been read so far.
type reading struct {
	days    map[purchase]int32
	titled  map[string]line   // by item, the first with a title
	country map[string]string // by user, the last
}

// Read reads the shop, or skips the test.
func Read(t testing.TB) *Shop {
	t.Helper()
	dir := folder(t)
	r := reading{map[purchase]int32{}, map[string]line{}, map[string]string{}}
	var earlier map[string]bool // invoices of the file before
	for _, name := range files {
		lines, err := parquet.ReadFile[line](filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		held := map[string]bool{}
		for _, l := range lines {
			if held[l.Invoice] = true; l.sold() && !earlier[l.Invoice] {
				r.take(l)
			}
		}
		earlier = held
	}
	return r.shop(t)
}

func (r *reading) take(l line) {
	if _, ok := r.titled[l.StockCode]; !ok && l.Title != nil {
		r.titled[l.StockCode] = l
	}
	r.country[*l.Customer] = l.Country
	r.days[purchase{*l.Customer, l.StockCode, l.Invoice}] = int32(data.DayOfMicros(l.Date))
}

func (r *reading) shop(t testing.TB) *Shop {
	t.Helper()
	var users, items []string
	for p := range r.days {
		users, items = append(users, p.user), append(items, p.item)
	}
	s := &Shop{Users: matrix.NewVocabulary(users), Items: matrix.NewVocabulary(items)}
	list := make([]matrix.Event, 0, len(r.days))
	for p, day := range r.days {
		u, _ := s.Users.Lookup(p.user)
		i, _ := s.Items.Lookup(p.item)
		list = append(list, matrix.Event{User: u, Item: i, Day: day, Weight: 1})
	}
	var err error
	if s.Events, err = matrix.NewEvents(s.Users.Len(), s.Items.Len(), list); err != nil {
		t.Fatal(err)
	}
	for _, id := range s.Items.IDs() {
		title, price := "", math.NaN()
		if l, ok := r.titled[id]; ok {
			title, price = *l.Title, l.Price
		}
		s.Titles, s.Prices = append(s.Titles, title), append(s.Prices, price)
	}
	for _, id := range s.Users.IDs() {
		s.Countries = append(s.Countries, r.country[id])
	}
	return s
}
