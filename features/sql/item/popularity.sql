-- group: popularity
-- entity: item
-- doc: How popular an item is and whether it rises or falls; one row for every item ever sold. An order counts once for
--     each item and UTC day. Trends are smoothed: $smoothing orders are added to both windows, so that 1 means no change.
-- uses: bought
-- parameter: smoothing 5 | Orders added to both windows of a trend.
-- parameter: half_life_days 30 | Days after which an order weighs half.
-- key: item_id VARCHAR id | The item.
-- column: orders_7d BIGINT orders | Orders in the 7 days before as_of.
-- column: orders_365d BIGINT orders | Orders in the 365 days before as_of.
-- column: orders_trend_30d DOUBLE ratio | Orders of the last 30 days / those of the 30 days before, smoothed.
-- column: orders_trend_90d DOUBLE ratio | Orders of the last 90 days / those of the 90 days before, smoothed.
-- column: orders_decayed DOUBLE orders | Orders of all time, each weighing half for every $half_life_days days of age.
-- column: popularity_30d DOUBLE ratio | Orders of the last 30 days / those of all items; null when nothing sold.
-- column: popularity_rank_30d BIGINT rank | 1 plus the number of items with more orders in the last 30 days.
-- column: popularity_percentile_30d DOUBLE ratio | Share of the items ever sold with strictly fewer orders in the last 30 days.
WITH per_day AS (
  SELECT as_of, item_id, MAX(as_of_day) - day AS age, CAST(SUM(orders) AS BIGINT) AS orders
  FROM bought
  GROUP BY as_of, item_id, day
),
weighted AS (
  SELECT
    as_of,
    item_id,
    age,
    orders,
    CAST(orders AS DECIMAL(18, 0)) * CAST(EXP(-LN(2) * age / NULLIF($half_life_days, 0)) AS DECIMAL(18, 9)) AS weight
  FROM per_day
),
sums AS (
  SELECT
    as_of,
    item_id,
    CAST(COALESCE(SUM(orders) FILTER (WHERE age <= 7), 0) AS BIGINT) AS orders_7,
    CAST(COALESCE(SUM(orders) FILTER (WHERE age <= 365), 0) AS BIGINT) AS orders_365,
    CAST(COALESCE(SUM(orders) FILTER (WHERE age <= 30), 0) AS BIGINT) AS orders_30,
    CAST(COALESCE(SUM(orders) FILTER (WHERE age > 30 AND age <= 60), 0) AS BIGINT) AS orders_60,
    CAST(COALESCE(SUM(orders) FILTER (WHERE age <= 90), 0) AS BIGINT) AS orders_90,
    CAST(COALESCE(SUM(orders) FILTER (WHERE age > 90 AND age <= 180), 0) AS BIGINT) AS orders_180,
    CAST(SUM(weight) AS DOUBLE) AS decayed
  FROM weighted
  GROUP BY as_of, item_id
),
ranks AS (
  SELECT
    as_of,
    item_id,
    orders_7,
    orders_365,
    orders_30,
    orders_60,
    orders_90,
    orders_180,
    decayed,
    CAST(SUM(orders_30) OVER (PARTITION BY as_of) AS DOUBLE) AS whole,
    COUNT(*) OVER (PARTITION BY as_of) AS items,
    RANK() OVER (PARTITION BY as_of ORDER BY orders_30 DESC NULLS LAST) AS place,
    RANK() OVER (PARTITION BY as_of ORDER BY orders_30 NULLS LAST) - 1 AS fewer
  FROM sums
)
SELECT
  as_of,
  item_id,
  orders_7 AS orders_7d,
  orders_365 AS orders_365d,
  CAST(orders_30 + $smoothing AS DOUBLE) / NULLIF(CAST(orders_60 + $smoothing AS DOUBLE), 0) AS orders_trend_30d,
  CAST(orders_90 + $smoothing AS DOUBLE) / NULLIF(CAST(orders_180 + $smoothing AS DOUBLE), 0) AS orders_trend_90d,
  decayed AS orders_decayed,
  CAST(orders_30 AS DOUBLE) / NULLIF(whole, 0) AS popularity_30d,
  place AS popularity_rank_30d,
  CAST(fewer AS DOUBLE) / NULLIF(items, 0) AS popularity_percentile_30d
FROM ranks
ORDER BY as_of, item_id
