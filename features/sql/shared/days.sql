-- shared: days
-- doc: One row for each customer and UTC day with lines that are no returns.
-- needs: orders
-- key: user_id VARCHAR id | The customer.
-- key: day INTEGER day | The UTC day, counted from 1970-01-01.
-- column: previous_day INTEGER day | The customer's day with an order before this one; null at the first.
-- column: place BIGINT days | How many of the customer's days with an order lie up to and including this one: 1 at the first.
-- column: orders BIGINT orders | Distinct orders with a line that day.
-- column: new_orders BIGINT orders | Those without a line on an earlier day: their sum counts each order once.
-- column: lines BIGINT lines | Order lines.
-- column: discounted_lines BIGINT lines | Lines with a discount above 0.
-- column: units BIGINT units | Units bought.
-- column: spend DECIMAL(38,4) currency | Quantity times unit price, summed.
WITH per_order AS (
  SELECT
    user_id,
    order_id,
    day,
    COUNT(*) AS lines,
    COUNT(*) FILTER (WHERE discount > 0) AS discounted_lines,
    CAST(SUM(quantity) AS BIGINT) AS units,
    SUM(CAST(quantity AS DECIMAL(18, 0)) * unit_price) AS spend
  FROM orders
  WHERE NOT is_return
  GROUP BY user_id, order_id, day
),
steps AS (
  SELECT
    user_id,
    day,
    LAG(day) OVER (PARTITION BY user_id, order_id ORDER BY day) AS earlier,
    lines,
    discounted_lines,
    units,
    spend
  FROM per_order
),
sums AS (
  SELECT
    user_id,
    day,
    COUNT(*) AS orders,
    COUNT(*) FILTER (WHERE earlier IS NULL) AS new_orders,
    CAST(SUM(lines) AS BIGINT) AS lines,
    CAST(SUM(discounted_lines) AS BIGINT) AS discounted_lines,
    CAST(SUM(units) AS BIGINT) AS units,
    SUM(spend) AS spend
  FROM steps
  GROUP BY user_id, day
)
SELECT
  user_id,
  day,
  LAG(day) OVER (PARTITION BY user_id ORDER BY day) AS previous_day,
  ROW_NUMBER() OVER (PARTITION BY user_id ORDER BY day) AS place,
  orders,
  new_orders,
  lines,
  discounted_lines,
  units,
  spend
FROM sums
