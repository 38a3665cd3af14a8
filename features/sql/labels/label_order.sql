-- group: label_order
-- entity: user
-- kind: label
-- horizon: 90
-- doc: Did the customer order within the horizon? One row for every customer who has bought before as_of.
-- needs: orders
-- key: user_id VARCHAR id | The customer.
-- column: orders BIGINT orders | Distinct orders within the horizon.
-- column: spend DOUBLE currency | Quantity times unit price within the horizon; returns not deducted.
-- column: ordered BOOLEAN - | Whether there was any order within the horizon.
WITH customers AS (
  SELECT as_of, user_id
  FROM orders
  WHERE NOT is_return
  GROUP BY as_of, user_id
),
outcomes AS (
  SELECT
    as_of,
    user_id,
    COUNT(DISTINCT order_id) AS orders,
    CAST(SUM(CAST(quantity AS DECIMAL(18, 0)) * unit_price) AS DOUBLE) AS spend
  FROM future_orders
  WHERE NOT is_return
  GROUP BY as_of, user_id
)
SELECT
  c.as_of,
  c.user_id,
  COALESCE(o.orders, 0) AS orders,
  COALESCE(o.spend, 0) AS spend,
  o.orders IS NOT NULL AS ordered
FROM customers c
LEFT JOIN outcomes o ON o.as_of = c.as_of AND o.user_id = c.user_id
ORDER BY c.as_of, c.user_id
