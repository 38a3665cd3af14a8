-- group: sales
-- entity: item
-- doc: How an item has sold, in all and lately; returns left out. One row for every item ever sold.
-- needs: orders
-- key: item_id VARCHAR id | The item.
-- column: lines BIGINT lines | Order lines, all time.
-- column: lines_30d BIGINT lines | Order lines in the 30 days before as_of.
-- column: lines_60d BIGINT lines | Order lines in the 60 days before as_of.
-- column: lines_90d BIGINT lines | Order lines in the 90 days before as_of.
-- column: orders BIGINT orders | Distinct orders, all time.
-- column: orders_30d BIGINT orders | Distinct orders in the 30 days before as_of.
-- column: orders_60d BIGINT orders | Distinct orders in the 60 days before as_of.
-- column: orders_90d BIGINT orders | Distinct orders in the 90 days before as_of.
-- column: customers BIGINT customers | Distinct customers, all time.
-- column: customers_30d BIGINT customers | Distinct customers in the 30 days before as_of.
-- column: customers_60d BIGINT customers | Distinct customers in the 60 days before as_of.
-- column: customers_90d BIGINT customers | Distinct customers in the 90 days before as_of.
-- column: units BIGINT units | Units sold, all time.
-- column: units_30d BIGINT units | Units sold in the 30 days before as_of.
-- column: units_60d BIGINT units | Units sold in the 60 days before as_of.
-- column: units_90d BIGINT units | Units sold in the 90 days before as_of.
-- column: first_day INTEGER day | UTC day of the first sale, counted from 1970-01-01.
-- column: last_day INTEGER day | UTC day of the last sale, counted from 1970-01-01.
-- column: last_price DOUBLE currency | Unit price of the last sale; the highest when several share its instant.
WITH totals AS (
  SELECT
    as_of,
    item_id,
    COUNT(*) AS lines,
    COUNT(*) FILTER (WHERE as_of_day - day <= 30) AS lines_30d,
    COUNT(*) FILTER (WHERE as_of_day - day <= 60) AS lines_60d,
    COUNT(*) FILTER (WHERE as_of_day - day <= 90) AS lines_90d,
    CAST(SUM(quantity) AS BIGINT) AS units,
    CAST(COALESCE(SUM(quantity) FILTER (WHERE as_of_day - day <= 30), 0) AS BIGINT) AS units_30d,
    CAST(COALESCE(SUM(quantity) FILTER (WHERE as_of_day - day <= 60), 0) AS BIGINT) AS units_60d,
    CAST(COALESCE(SUM(quantity) FILTER (WHERE as_of_day - day <= 90), 0) AS BIGINT) AS units_90d,
    MIN(day) AS first_day,
    MAX(day) AS last_day,
    MAX(ts) AS last_ts
  FROM orders
  WHERE NOT is_return
  GROUP BY as_of, item_id
),
prices AS (
  SELECT o.as_of, o.item_id, MAX(o.unit_price) AS last_price
  FROM orders o
  JOIN totals t ON t.as_of = o.as_of AND t.item_id = o.item_id AND t.last_ts = o.ts
  WHERE NOT o.is_return
  GROUP BY o.as_of, o.item_id
),
per_order AS (
  SELECT as_of, item_id, order_id, MAX(as_of_day) - MAX(day) AS age
  FROM orders
  WHERE NOT is_return
  GROUP BY as_of, item_id, order_id
),
order_counts AS (
  SELECT
    as_of,
    item_id,
    COUNT(*) AS orders,
    COUNT(*) FILTER (WHERE age <= 30) AS orders_30d,
    COUNT(*) FILTER (WHERE age <= 60) AS orders_60d,
    COUNT(*) FILTER (WHERE age <= 90) AS orders_90d
  FROM per_order
  GROUP BY as_of, item_id
),
per_customer AS (
  SELECT as_of, item_id, user_id, MAX(as_of_day) - MAX(day) AS age
  FROM orders
  WHERE NOT is_return
  GROUP BY as_of, item_id, user_id
),
customer_counts AS (
  SELECT
    as_of,
    item_id,
    COUNT(*) AS customers,
    COUNT(*) FILTER (WHERE age <= 30) AS customers_30d,
    COUNT(*) FILTER (WHERE age <= 60) AS customers_60d,
    COUNT(*) FILTER (WHERE age <= 90) AS customers_90d
  FROM per_customer
  GROUP BY as_of, item_id
)
SELECT
  t.as_of,
  t.item_id,
  t.lines,
  t.lines_30d,
  t.lines_60d,
  t.lines_90d,
  o.orders,
  o.orders_30d,
  o.orders_60d,
  o.orders_90d,
  c.customers,
  c.customers_30d,
  c.customers_60d,
  c.customers_90d,
  t.units,
  t.units_30d,
  t.units_60d,
  t.units_90d,
  t.first_day,
  t.last_day,
  CAST(p.last_price AS DOUBLE) AS last_price
FROM totals t
JOIN prices p ON p.as_of = t.as_of AND p.item_id = t.item_id
JOIN order_counts o ON o.as_of = t.as_of AND o.item_id = t.item_id
JOIN customer_counts c ON c.as_of = t.as_of AND c.item_id = t.item_id
ORDER BY t.as_of, t.item_id
