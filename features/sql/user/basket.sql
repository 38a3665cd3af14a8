-- group: basket
-- entity: user
-- doc: How large and how varied a customer's orders are.
-- needs: orders
-- key: user_id VARCHAR id | The customer.
-- column: lines_per_order DOUBLE lines | Order lines / orders.
-- column: units_per_order DOUBLE units | Units bought / orders.
-- column: value_per_order DOUBLE currency | Quantity times unit price / orders; returns not deducted.
-- column: value_per_unit DOUBLE currency | Quantity times unit price / units: the customer's price level.
-- column: distinct_items BIGINT items | Distinct items bought.
WITH per_item AS (
  SELECT
    as_of,
    user_id,
    item_id,
    COUNT(*) AS lines,
    SUM(quantity) AS units,
    SUM(CAST(quantity AS DECIMAL(18, 0)) * unit_price) AS spend
  FROM orders
  WHERE NOT is_return
  GROUP BY as_of, user_id, item_id
),
items AS (
  SELECT
    as_of,
    user_id,
    COUNT(*) AS distinct_items,
    CAST(SUM(lines) AS BIGINT) AS lines,
    CAST(SUM(units) AS BIGINT) AS units,
    CAST(SUM(spend) AS DOUBLE) AS spend
  FROM per_item
  GROUP BY as_of, user_id
),
orders_made AS (
  SELECT as_of, user_id, COUNT(DISTINCT order_id) AS orders
  FROM orders
  WHERE NOT is_return
  GROUP BY as_of, user_id
)
SELECT
  i.as_of,
  i.user_id,
  CAST(i.lines AS DOUBLE) / NULLIF(o.orders, 0) AS lines_per_order,
  CAST(i.units AS DOUBLE) / NULLIF(o.orders, 0) AS units_per_order,
  i.spend / NULLIF(o.orders, 0) AS value_per_order,
  i.spend / NULLIF(i.units, 0) AS value_per_unit,
  i.distinct_items
FROM items i
JOIN orders_made o ON o.as_of = i.as_of AND o.user_id = i.user_id
ORDER BY i.as_of, i.user_id
