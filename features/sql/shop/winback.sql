-- group: winback
-- entity: shop
-- doc: Whether customers who came back after being lost stayed. A return to the shop is an order day that comes lost_days or more after the order day before. Counted are those of the 365 days that end early enough for the whole horizon to lie before as_of.
-- uses: baskets
-- parameter: lost_days 180 | Days without an order after which a customer is lost; the same as in user/lifecycle.
-- key: horizon_days INTEGER days | How long after coming back another order counts: 30, 60 or 90 days.
-- column: returns BIGINT times | How often a lost customer came back.
-- column: stayed BIGINT times | Of these, followed by another order day within the horizon.
WITH horizons AS (
  SELECT 30 AS horizon_days
  UNION ALL
  SELECT 60 AS horizon_days
  UNION ALL
  SELECT 90 AS horizon_days
),
per_day AS (
  SELECT as_of, user_id, day, MAX(as_of_day) AS as_of_day
  FROM baskets
  GROUP BY as_of, user_id, day
),
steps AS (
  SELECT
    as_of,
    as_of_day,
    day,
    day - LAG(day) OVER (PARTITION BY as_of, user_id ORDER BY day) AS gap,
    LEAD(day) OVER (PARTITION BY as_of, user_id ORDER BY day) - day AS next_gap
  FROM per_day
),
dates AS (
  SELECT as_of
  FROM per_day
  GROUP BY as_of
),
counts AS (
  SELECT
    s.as_of,
    h.horizon_days,
    COUNT(*) AS came_back,
    COUNT(*) FILTER (WHERE s.next_gap <= h.horizon_days) AS stayed
  FROM steps s
  JOIN horizons h ON s.as_of_day - s.day > h.horizon_days AND s.as_of_day - s.day <= h.horizon_days + 365
  WHERE s.gap >= CAST($lost_days AS INTEGER)
  GROUP BY s.as_of, h.horizon_days
)
SELECT
  d.as_of,
  CAST(h.horizon_days AS INTEGER) AS horizon_days,
  COALESCE(c.came_back, 0) AS returns,
  COALESCE(c.stayed, 0) AS stayed
FROM dates d
CROSS JOIN horizons h
LEFT JOIN counts c ON c.as_of = d.as_of AND c.horizon_days = h.horizon_days
ORDER BY d.as_of, horizon_days
