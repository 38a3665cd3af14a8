-- group: cohort_retention
-- entity: shop
-- doc: Of the customers who first ordered in a month, how many ordered in each month since. Months are calendar months in the shop's time zone, counted from January 1970 = 0. A month without any such customer has no row.
-- uses: baskets
-- key: cohort_month INTEGER month | The month of the first order.
-- key: months_since INTEGER months | Months from that one; 0 is the month of the first order itself.
-- column: cohort_customers BIGINT customers | Customers whose first order was in the month.
-- column: active_customers BIGINT customers | Of these, customers with an order in the later month.
-- column: spend DOUBLE currency | Quantity times unit price of these orders.
WITH per_month AS (
  SELECT
    as_of,
    user_id,
    CAST((YEAR(DATE '1970-01-01' + local_day) - 1970) * 12 + MONTH(DATE '1970-01-01' + local_day) - 1 AS INTEGER) AS order_month,
    SUM(spend) AS spend
  FROM baskets
  GROUP BY as_of, user_id, CAST((YEAR(DATE '1970-01-01' + local_day) - 1970) * 12 + MONTH(DATE '1970-01-01' + local_day) - 1 AS INTEGER)
),
cohorts AS (
  SELECT as_of, user_id, MIN(order_month) AS cohort_month
  FROM per_month
  GROUP BY as_of, user_id
),
cohort_sizes AS (
  SELECT as_of, cohort_month, COUNT(*) AS customers
  FROM cohorts
  GROUP BY as_of, cohort_month
),
active AS (
  SELECT c.as_of, c.cohort_month, m.order_month - c.cohort_month AS months_since, COUNT(*) AS customers, SUM(m.spend) AS spend
  FROM cohorts c
  JOIN per_month m ON m.as_of = c.as_of AND m.user_id = c.user_id
  GROUP BY c.as_of, c.cohort_month, m.order_month - c.cohort_month
)
SELECT
  a.as_of,
  a.cohort_month,
  CAST(a.months_since AS INTEGER) AS months_since,
  s.customers AS cohort_customers,
  a.customers AS active_customers,
  CAST(a.spend AS DOUBLE) AS spend
FROM active a
JOIN cohort_sizes s ON s.as_of = a.as_of AND s.cohort_month = a.cohort_month
ORDER BY a.as_of, cohort_month, months_since
