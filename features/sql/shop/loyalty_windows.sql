-- group: loyalty_windows
-- entity: shop
-- doc: Repurchase, retention, frequency and spend of the whole shop in windows of days that end at as_of. Returns are no orders and are not deducted.
-- uses: baskets
-- key: window_days INTEGER days | Length of the window: 30, 90, 180 or 365 days before as_of.
-- column: history_days INTEGER days | Days from the shop's first order to as_of: a longer window, or twice the window for retention, is not covered.
-- column: customers BIGINT customers | Customers with an order in the window.
-- column: repeat_customers BIGINT customers | Of these, customers with two orders and more in the window.
-- column: orders BIGINT orders | Distinct orders of each customer in the window, summed.
-- column: spend DOUBLE currency | Quantity times unit price in the window.
-- column: previous_customers BIGINT customers | Customers with an order in the window of the same length before.
-- column: retained_customers BIGINT customers | Of these, customers with an order in the window.
WITH windows AS (
  SELECT 30 AS window_days
  UNION ALL
  SELECT 90 AS window_days
  UNION ALL
  SELECT 180 AS window_days
  UNION ALL
  SELECT 365 AS window_days
),
history AS (
  SELECT as_of, CAST(MAX(as_of_day) - MIN(day) AS INTEGER) AS history_days
  FROM baskets
  GROUP BY as_of
),
per_customer AS (
  SELECT
    b.as_of,
    w.window_days,
    b.user_id,
    COUNT(DISTINCT b.order_id) FILTER (WHERE b.as_of_day - b.day <= w.window_days) AS orders,
    SUM(b.spend) FILTER (WHERE b.as_of_day - b.day <= w.window_days) AS spend,
    COUNT(*) FILTER (WHERE b.as_of_day - b.day > w.window_days) AS before
  FROM baskets b
  JOIN windows w ON b.as_of_day - b.day <= 2 * w.window_days
  GROUP BY b.as_of, w.window_days, b.user_id
),
sums AS (
  SELECT
    as_of,
    window_days,
    COUNT(*) FILTER (WHERE orders > 0) AS customers,
    COUNT(*) FILTER (WHERE orders > 1) AS repeat_customers,
    CAST(SUM(orders) AS BIGINT) AS orders,
    CAST(COALESCE(SUM(spend), 0) AS DOUBLE) AS spend,
    COUNT(*) FILTER (WHERE before > 0) AS previous_customers,
    COUNT(*) FILTER (WHERE before > 0 AND orders > 0) AS retained_customers
  FROM per_customer
  GROUP BY as_of, window_days
)
SELECT
  h.as_of,
  CAST(w.window_days AS INTEGER) AS window_days,
  h.history_days,
  COALESCE(s.customers, 0) AS customers,
  COALESCE(s.repeat_customers, 0) AS repeat_customers,
  COALESCE(s.orders, 0) AS orders,
  COALESCE(s.spend, 0) AS spend,
  COALESCE(s.previous_customers, 0) AS previous_customers,
  COALESCE(s.retained_customers, 0) AS retained_customers
FROM history h
CROSS JOIN windows w
LEFT JOIN sums s ON s.as_of = h.as_of AND s.window_days = w.window_days
ORDER BY h.as_of, window_days
