-- group: trends
-- entity: user
-- doc: The last 30 and 90 days compared with the 30 and 90 days before them. Days before the first order count as days
--     without one. Ratios are smoothed: $smoothing orders of the customer's mean value are added to both windows, so
--     that 1 means no change and no window is empty. An order spread over several days counts once each day.
-- uses: baskets
-- parameter: smoothing 1 | Orders added to both windows of a ratio.
-- key: user_id VARCHAR id | The customer.
-- column: orders_change_30d BIGINT orders | Orders of the last 30 days minus those of the 30 days before.
-- column: orders_change_90d BIGINT orders | Orders of the last 90 days minus those of the 90 days before.
-- column: orders_trend_30d DOUBLE ratio | Orders of the last 30 days / those of the 30 days before, smoothed.
-- column: orders_trend_90d DOUBLE ratio | Orders of the last 90 days / those of the 90 days before, smoothed.
-- column: spend_change_30d DOUBLE currency | Spend of the last 30 days minus that of the 30 days before.
-- column: spend_change_90d DOUBLE currency | Spend of the last 90 days minus that of the 90 days before.
-- column: spend_trend_30d DOUBLE ratio | Spend of the last 30 days / that of the 30 days before, smoothed; null when nothing bought had a price.
-- column: spend_trend_90d DOUBLE ratio | Spend of the last 90 days / that of the 90 days before, smoothed; null when nothing bought had a price.
WITH sums AS (
  SELECT
    as_of,
    user_id,
    COUNT(*) AS orders,
    COUNT(*) FILTER (WHERE as_of_day - day <= 30) AS orders_30,
    COUNT(*) FILTER (WHERE as_of_day - day > 30 AND as_of_day - day <= 60) AS orders_60,
    COUNT(*) FILTER (WHERE as_of_day - day <= 90) AS orders_90,
    COUNT(*) FILTER (WHERE as_of_day - day > 90 AND as_of_day - day <= 180) AS orders_180,
    SUM(spend) AS spend,
    COALESCE(SUM(spend) FILTER (WHERE as_of_day - day <= 30), 0) AS spend_30,
    COALESCE(SUM(spend) FILTER (WHERE as_of_day - day > 30 AND as_of_day - day <= 60), 0) AS spend_60,
    COALESCE(SUM(spend) FILTER (WHERE as_of_day - day <= 90), 0) AS spend_90,
    COALESCE(SUM(spend) FILTER (WHERE as_of_day - day > 90 AND as_of_day - day <= 180), 0) AS spend_180
  FROM baskets
  GROUP BY as_of, user_id
),
smoothed AS (
  SELECT
    as_of,
    user_id,
    orders_30,
    orders_60,
    orders_90,
    orders_180,
    spend_30,
    spend_60,
    spend_90,
    spend_180,
    $smoothing * CAST(spend AS DOUBLE) / NULLIF(orders, 0) AS extra
  FROM sums
)
SELECT
  as_of,
  user_id,
  orders_30 - orders_60 AS orders_change_30d,
  orders_90 - orders_180 AS orders_change_90d,
  CAST(orders_30 + $smoothing AS DOUBLE) / NULLIF(CAST(orders_60 + $smoothing AS DOUBLE), 0) AS orders_trend_30d,
  CAST(orders_90 + $smoothing AS DOUBLE) / NULLIF(CAST(orders_180 + $smoothing AS DOUBLE), 0) AS orders_trend_90d,
  CAST(spend_30 - spend_60 AS DOUBLE) AS spend_change_30d,
  CAST(spend_90 - spend_180 AS DOUBLE) AS spend_change_90d,
  (CAST(spend_30 AS DOUBLE) + extra) / NULLIF(CAST(spend_60 AS DOUBLE) + extra, 0) AS spend_trend_30d,
  (CAST(spend_90 AS DOUBLE) + extra) / NULLIF(CAST(spend_180 AS DOUBLE) + extra, 0) AS spend_trend_90d
FROM smoothed
ORDER BY as_of, user_id
