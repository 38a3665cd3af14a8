-- group: second_order
-- entity: shop
-- doc: How many new customers order a second time, and how soon. Counted are customers whose first order lies in the 365 days that end early enough for the whole horizon to lie before as_of. An order counts from its first day.
-- uses: baskets
-- key: horizon_days INTEGER days | How long after the first order a second one counts: 30, 60, 90 or 180 days.
-- column: customers BIGINT customers | New customers.
-- column: ordered_again BIGINT customers | Of these, customers whose second order came within the horizon.
-- column: median_days DOUBLE days | Median days from the first to the second order of those; null without any.
WITH horizons AS (
  SELECT 30 AS horizon_days
  UNION ALL
  SELECT 60 AS horizon_days
  UNION ALL
  SELECT 90 AS horizon_days
  UNION ALL
  SELECT 180 AS horizon_days
),
per_order AS (
  SELECT as_of, user_id, order_id, MIN(day) AS order_day, MAX(as_of_day) AS as_of_day
  FROM baskets
  GROUP BY as_of, user_id, order_id
),
numbered AS (
  SELECT
    as_of,
    user_id,
    order_day,
    as_of_day,
    ROW_NUMBER() OVER (PARTITION BY as_of, user_id ORDER BY order_day NULLS LAST, order_id) AS n
  FROM per_order
),
firsts AS (
  SELECT
    as_of,
    user_id,
    MAX(as_of_day) AS as_of_day,
    MAX(order_day) FILTER (WHERE n = 1) AS first_day,
    MAX(order_day) FILTER (WHERE n = 2) - MAX(order_day) FILTER (WHERE n = 1) AS gap
  FROM numbered
  WHERE n <= 2
  GROUP BY as_of, user_id
),
dates AS (
  SELECT as_of
  FROM firsts
  GROUP BY as_of
),
counts AS (
  SELECT
    f.as_of,
    h.horizon_days,
    COUNT(*) AS customers,
    COUNT(*) FILTER (WHERE f.gap <= h.horizon_days) AS ordered_again,
    PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY CAST(f.gap AS DOUBLE) NULLS LAST) FILTER (WHERE f.gap <= h.horizon_days) AS median_days
  FROM firsts f
  JOIN horizons h ON f.as_of_day - f.first_day > h.horizon_days AND f.as_of_day - f.first_day <= h.horizon_days + 365
  GROUP BY f.as_of, h.horizon_days
)
SELECT
  d.as_of,
  CAST(h.horizon_days AS INTEGER) AS horizon_days,
  COALESCE(c.customers, 0) AS customers,
  COALESCE(c.ordered_again, 0) AS ordered_again,
  c.median_days
FROM dates d
CROSS JOIN horizons h
LEFT JOIN counts c ON c.as_of = d.as_of AND c.horizon_days = h.horizon_days
ORDER BY d.as_of, horizon_days
