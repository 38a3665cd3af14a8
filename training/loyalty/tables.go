package loyalty

import (
	"errors"
	"fmt"
	"os"

	"github.com/parquet-go/parquet-go"
)

// Rows of the tables, as the feature files document them. Every column is
// optional in the files; pointers are those that may be null.
type (
	windowRow struct {
		WindowDays  int32   `parquet:"window_days,optional"`
		HistoryDays int32   `parquet:"history_days,optional"`
		Customers   int64   `parquet:"customers,optional"`
		Repeat      int64   `parquet:"repeat_customers,optional"`
		Orders      int64   `parquet:"orders,optional"`
		Spend       float64 `parquet:"spend,optional"`
		Previous    int64   `parquet:"previous_customers,optional"`
		Retained    int64   `parquet:"retained_customers,optional"`
	}
	cohortRow struct {
		Month     int32 `parquet:"cohort_month,optional"`
		Since     int32 `parquet:"months_since,optional"`
		Customers int64 `parquet:"cohort_customers,optional"`
		Active    int64 `parquet:"active_customers,optional"`
	}
	winbackRow struct {
		Days    int32 `parquet:"horizon_days,optional"`
		Returns int64 `parquet:"returns,optional"`
		Stayed  int64 `parquet:"stayed,optional"`
	}
	secondRow struct {
		Days      int32    `parquet:"horizon_days,optional"`
		Customers int64    `parquet:"customers,optional"`
		Again     int64    `parquet:"ordered_again,optional"`
		Median    *float64 `parquet:"median_days,optional"`
	}
	stepRow struct {
		Step      string `parquet:"step,optional"`
		Customers int64  `parquet:"customers,optional"`
	}
	leaverRow struct {
		Segment   string  `parquet:"segment,optional"`
		Reason    string  `parquet:"reason,optional"`
		Customers int64   `parquet:"customers,optional"`
		Spend     float64 `parquet:"spend,optional"`
	}
	referralRow struct {
		Days      int32   `parquet:"window_days,optional"`
		SignUps   int64   `parquet:"sign_ups,optional"`
		Referred  int64   `parquet:"referred,optional"`
		Buyers    int64   `parquet:"referred_buyers,optional"`
		Spend     float64 `parquet:"referred_spend,optional"`
		Referrers int64   `parquet:"referrers,optional"`
		Customers int64   `parquet:"customers,optional"`
	}
	themeRow struct {
		Theme     string `parquet:"theme,optional"`
		Last30    int64  `parquet:"complaints_30d,optional"`
		Last90    int64  `parquet:"complaints_90d,optional"`
		Last365   int64  `parquet:"complaints_365d,optional"`
		Customers int64  `parquet:"customers_365d,optional"`
	}
	promotionRow struct {
		ID           string   `parquet:"promotion_id,optional"`
		Kind         string   `parquet:"kind,optional"`
		Scope        string   `parquet:"scope,optional"`
		Start        int32    `parquet:"start_day,optional"`
		Span         int32    `parquet:"span_days,optional"`
		Running      bool     `parquet:"running,optional"`
		OrdersBefore *int64   `parquet:"orders_before,optional"`
		OrdersDuring int64    `parquet:"orders_during,optional"`
		OrdersAfter  *int64   `parquet:"orders_after,optional"`
		SpendBefore  *float64 `parquet:"spend_before,optional"`
		SpendDuring  float64  `parquet:"spend_during,optional"`
		SpendAfter   *float64 `parquet:"spend_after,optional"`
	}
	loyalRow struct {
		Segment    string  `parquet:"segment,optional"`
		Customers  int64   `parquet:"customers,optional"`
		Loyal      int64   `parquet:"loyal,optional"`
		Spend      float64 `parquet:"spend_365d,optional"`
		LoyalSpend float64 `parquet:"loyal_spend_365d,optional"`
	}
	lifecycleRow struct {
		UserID string `parquet:"user_id,optional"`
		State  string `parquet:"state,optional"`
	}
	rfmRow struct {
		UserID   string  `parquet:"user_id,optional"`
		Recency  int32   `parquet:"recency_days,optional"`
		Monetary float64 `parquet:"monetary,optional"`
		Tenure   int32   `parquet:"tenure_days,optional"`
	}
	activityRow struct {
		UserID   string `parquet:"user_id,optional"`
		Orders30 int64  `parquet:"orders_30d,optional"`
		Orders90 int64  `parquet:"orders_90d,optional"`
	}
	returnsRow struct {
		Value float64 `parquet:"return_value,optional"`
	}
	npsRow struct {
		UserID string   `parquet:"user_id,optional"`
		Score  *float64 `parquet:"nps_last,optional"`
		Age    *int32   `parquet:"nps_age_days,optional"`
	}
)

// readRows reads a whole table; none when path is "", a table that was not built.
func readRows[T any](path string) (rows []T, err error) {
	if path == "" {
		return nil, nil
	}
	defer func() {
		if p := recover(); p != nil { // some damaged files make the library panic
			err = fmt.Errorf("feature table %s is damaged (%v): build it again", path, p)
		}
	}()
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("opening a feature table: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("opening a feature table: %w", err)
	}
	if rows, err = parquet.Read[T](f, info.Size()); err != nil {
		return nil, fmt.Errorf("feature table %s: %w", path, err)
	}
	return rows, nil
}
