-- group: basket
-- entity: user
-- doc: How large and how varied a customer's orders are.
-- uses: days bought
-- key: user_id VARCHAR id | The customer.
-- column: lines_per_order DOUBLE lines | Order lines / orders.
-- column: units_per_order DOUBLE units | Units bought / orders.
-- column: value_per_order DOUBLE currency | Quantity times unit price / orders; returns not deducted.
-- column: value_per_unit DOUBLE currency | Quantity times unit price / units: the customer's price level.
-- column: distinct_items BIGINT items | Distinct items bought.
WITH items_bought AS (
  SELECT as_of, user_id, COUNT(*) AS distinct_items
  FROM bought
  WHERE previous_day IS NULL
  GROUP BY as_of, user_id
),
orders_made AS (
  SELECT
    as_of,
    user_id,
    CAST(SUM(new_orders) AS BIGINT) AS orders,
    CAST(SUM(lines) AS BIGINT) AS lines,
    CAST(SUM(units) AS BIGINT) AS units,
    CAST(SUM(spend) AS DOUBLE) AS spend
  FROM days
  GROUP BY as_of, user_id
)
SELECT
  o.as_of,
  o.user_id,
  CAST(o.lines AS DOUBLE) / NULLIF(o.orders, 0) AS lines_per_order,
  CAST(o.units AS DOUBLE) / NULLIF(o.orders, 0) AS units_per_order,
  o.spend / NULLIF(o.orders, 0) AS value_per_order,
  o.spend / NULLIF(o.units, 0) AS value_per_unit,
  i.distinct_items
FROM orders_made o
JOIN items_bought i ON i.as_of = o.as_of AND i.user_id = o.user_id
ORDER BY o.as_of, o.user_id
