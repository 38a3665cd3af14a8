-- group: windows
-- entity: user
-- doc: Orders, spend and active days in the last 7, 30, 90, 180 and 365 days, and how the shorter windows compare with the longer.
-- uses: baskets days
-- key: user_id VARCHAR id | The customer.
-- column: orders_7d BIGINT orders | Distinct orders in the 7 days before as_of.
-- column: orders_30d BIGINT orders | Distinct orders in the 30 days before as_of.
-- column: orders_90d BIGINT orders | Distinct orders in the 90 days before as_of.
-- column: orders_180d BIGINT orders | Distinct orders in the 180 days before as_of.
-- column: orders_365d BIGINT orders | Distinct orders in the 365 days before as_of.
-- column: spend_7d DOUBLE currency | Quantity times unit price in the 7 days before as_of; returns not deducted.
-- column: spend_30d DOUBLE currency | Quantity times unit price in the 30 days before as_of; returns not deducted.
-- column: spend_90d DOUBLE currency | Quantity times unit price in the 90 days before as_of; returns not deducted.
-- column: spend_180d DOUBLE currency | Quantity times unit price in the 180 days before as_of; returns not deducted.
-- column: spend_365d DOUBLE currency | Quantity times unit price in the 365 days before as_of; returns not deducted.
-- column: active_days_7d BIGINT days | Distinct days with an order in the 7 days before as_of.
-- column: active_days_30d BIGINT days | Distinct days with an order in the 30 days before as_of.
-- column: active_days_90d BIGINT days | Distinct days with an order in the 90 days before as_of.
-- column: active_days_180d BIGINT days | Distinct days with an order in the 180 days before as_of.
-- column: active_days_365d BIGINT days | Distinct days with an order in the 365 days before as_of.
-- column: orders_30d_of_90d DOUBLE ratio | Orders of the last 30 days / orders of the last 90; null without any.
-- column: orders_90d_of_180d DOUBLE ratio | Orders of the last 90 days / orders of the last 180; null without any.
-- column: orders_90d_of_365d DOUBLE ratio | Orders of the last 90 days / orders of the last 365; null without any.
-- column: spend_30d_of_90d DOUBLE ratio | Spend of the last 30 days / spend of the last 90; null without any.
-- column: spend_90d_of_180d DOUBLE ratio | Spend of the last 90 days / spend of the last 180; null without any.
-- column: spend_90d_of_365d DOUBLE ratio | Spend of the last 90 days / spend of the last 365; null without any.
WITH order_windows AS (
  SELECT
    as_of,
    user_id,
    COUNT(*) FILTER (WHERE day >= as_of_day - 7 AND (previous_day IS NULL OR previous_day < as_of_day - 7)) AS orders_7d,
    COUNT(*) FILTER (WHERE day >= as_of_day - 30 AND (previous_day IS NULL OR previous_day < as_of_day - 30)) AS orders_30d,
    COUNT(*) FILTER (WHERE day >= as_of_day - 90 AND (previous_day IS NULL OR previous_day < as_of_day - 90)) AS orders_90d,
    COUNT(*) FILTER (WHERE day >= as_of_day - 180 AND (previous_day IS NULL OR previous_day < as_of_day - 180)) AS orders_180d,
    COUNT(*) FILTER (WHERE day >= as_of_day - 365 AND (previous_day IS NULL OR previous_day < as_of_day - 365)) AS orders_365d
  FROM baskets
  GROUP BY as_of, user_id
),
day_windows AS (
  SELECT
    as_of,
    user_id,
    CAST(COALESCE(SUM(spend) FILTER (WHERE day >= as_of_day - 7), 0) AS DOUBLE) AS spend_7d,
    COUNT(*) FILTER (WHERE day >= as_of_day - 7) AS active_days_7d,
    CAST(COALESCE(SUM(spend) FILTER (WHERE day >= as_of_day - 30), 0) AS DOUBLE) AS spend_30d,
    COUNT(*) FILTER (WHERE day >= as_of_day - 30) AS active_days_30d,
    CAST(COALESCE(SUM(spend) FILTER (WHERE day >= as_of_day - 90), 0) AS DOUBLE) AS spend_90d,
    COUNT(*) FILTER (WHERE day >= as_of_day - 90) AS active_days_90d,
    CAST(COALESCE(SUM(spend) FILTER (WHERE day >= as_of_day - 180), 0) AS DOUBLE) AS spend_180d,
    COUNT(*) FILTER (WHERE day >= as_of_day - 180) AS active_days_180d,
    CAST(COALESCE(SUM(spend) FILTER (WHERE day >= as_of_day - 365), 0) AS DOUBLE) AS spend_365d,
    COUNT(*) FILTER (WHERE day >= as_of_day - 365) AS active_days_365d
  FROM days
  GROUP BY as_of, user_id
)
SELECT
  o.as_of,
  o.user_id,
  o.orders_7d,
  o.orders_30d,
  o.orders_90d,
  o.orders_180d,
  o.orders_365d,
  d.spend_7d,
  d.spend_30d,
  d.spend_90d,
  d.spend_180d,
  d.spend_365d,
  d.active_days_7d,
  d.active_days_30d,
  d.active_days_90d,
  d.active_days_180d,
  d.active_days_365d,
  CAST(o.orders_30d AS DOUBLE) / NULLIF(o.orders_90d, 0) AS orders_30d_of_90d,
  CAST(o.orders_90d AS DOUBLE) / NULLIF(o.orders_180d, 0) AS orders_90d_of_180d,
  CAST(o.orders_90d AS DOUBLE) / NULLIF(o.orders_365d, 0) AS orders_90d_of_365d,
  d.spend_30d / NULLIF(d.spend_90d, 0) AS spend_30d_of_90d,
  d.spend_90d / NULLIF(d.spend_180d, 0) AS spend_90d_of_180d,
  d.spend_90d / NULLIF(d.spend_365d, 0) AS spend_90d_of_365d
FROM order_windows o
JOIN day_windows d ON d.as_of = o.as_of AND d.user_id = o.user_id
ORDER BY o.as_of, o.user_id
