-- group: next_order
-- entity: user
-- doc: When the next order is to be expected, for customers who bought on at least two days. The expected gap is the
--     customer's mean gap between order days, drawn towards the shop's typical gap as if $prior_gaps more gaps of that
--     length had been seen. The typical gap is the lower median, over these customers, of the mean gap in whole days.
-- uses: days
-- parameter: prior_gaps 1 | Gaps of the shop's typical length that are added to the customer's own.
-- key: user_id VARCHAR id | The customer.
-- column: expected_gap_days DOUBLE days | Expected days from the last order day to the next.
-- column: next_order_day INTEGER day | Last order day plus the expected gap, rounded; counted from 1970-01-01; before as_of when overdue.
-- column: next_order_in_days INTEGER days | Days from as_of to the expected day; 0 when due or overdue.
-- column: next_order_overdue_days INTEGER days | Days from the expected day to as_of; 0 when not yet due.
-- column: next_order_elapsed_ratio DOUBLE ratio | Days since the last order day / expected gap; above 1 when overdue.
WITH customers AS (
  SELECT
    as_of,
    user_id,
    MAX(as_of_day) AS as_of_day,
    MAX(day) AS last_day,
    CAST(MAX(day) - MIN(day) AS BIGINT) AS span,
    COUNT(*) - 1 AS gaps
  FROM days
  GROUP BY as_of, user_id
  HAVING COUNT(*) >= 2
),
lengths AS (
  SELECT as_of, CAST(FLOOR(CAST(span AS DOUBLE) / NULLIF(gaps, 0) + 0.5) AS BIGINT) AS length, COUNT(*) AS customers
  FROM customers
  GROUP BY as_of, CAST(FLOOR(CAST(span AS DOUBLE) / NULLIF(gaps, 0) + 0.5) AS BIGINT)
),
running AS (
  SELECT
    as_of,
    length,
    SUM(customers) OVER (PARTITION BY as_of ORDER BY length NULLS LAST ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS up_to,
    SUM(customers) OVER (PARTITION BY as_of) AS whole
  FROM lengths
),
typical AS (
  SELECT as_of, MIN(length) AS length
  FROM running
  WHERE 2 * up_to >= whole
  GROUP BY as_of
),
expected AS (
  SELECT
    c.as_of,
    c.user_id,
    c.as_of_day,
    c.last_day,
    CAST(c.span + $prior_gaps * t.length AS DOUBLE) / NULLIF(CAST(c.gaps + $prior_gaps AS DOUBLE), 0) AS gap
  FROM customers c
  JOIN typical t ON t.as_of = c.as_of
),
dated AS (
  SELECT as_of, user_id, as_of_day, last_day, gap, last_day + CAST(FLOOR(gap + 0.5) AS INTEGER) AS next_day
  FROM expected
)
SELECT
  as_of,
  user_id,
  gap AS expected_gap_days,
  CAST(next_day AS INTEGER) AS next_order_day,
  CAST(GREATEST(next_day - as_of_day, 0) AS INTEGER) AS next_order_in_days,
  CAST(GREATEST(as_of_day - next_day, 0) AS INTEGER) AS next_order_overdue_days,
  CAST(as_of_day - last_day AS DOUBLE) / NULLIF(gap, 0) AS next_order_elapsed_ratio
FROM dated
ORDER BY as_of, user_id
