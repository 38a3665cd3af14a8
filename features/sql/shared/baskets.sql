-- shared: baskets
-- doc: One row for each customer, order and UTC day with lines that are no returns.
-- needs: orders
-- key: user_id VARCHAR id | The customer.
-- key: order_id VARCHAR id | The order.
-- key: day INTEGER day | The UTC day, counted from 1970-01-01.
-- column: previous_day INTEGER day | The order's day before this one; null at its first. An order counts once where it is null.
-- column: local_day INTEGER day | Day of the first line in the shop's time zone.
-- column: local_hour INTEGER hour | Hour of the first line in the shop's time zone, 0 to 23.
-- column: local_dow INTEGER weekday | Weekday of the first line in the shop's time zone, Monday = 0.
-- column: lines BIGINT lines | Order lines.
-- column: units BIGINT units | Units bought.
-- column: spend DECIMAL(38,4) currency | Quantity times unit price, summed.
-- column: discount DECIMAL(38,4) currency | Discounts, summed; 0 where none is known.
-- column: discounted_lines BIGINT lines | Lines with a discount above 0.
-- column: channel VARCHAR - | Channel of the lines, the greatest where they differ; null when unknown.
-- column: store VARCHAR - | Store of the lines, likewise.
-- column: live_id VARCHAR id | Live session of the lines, likewise.
-- column: host_id VARCHAR id | Host of the lines, likewise.
WITH sums AS (
  SELECT
    user_id,
    order_id,
    day,
    MIN_BY(CAST(local_day AS BIGINT) * 24 + local_hour, ts) AS local_hours,
    COUNT(*) AS lines,
    CAST(SUM(quantity) AS BIGINT) AS units,
    SUM(CAST(quantity AS DECIMAL(18, 0)) * unit_price) AS spend,
    COALESCE(SUM(discount), 0) AS discount,
    COUNT(*) FILTER (WHERE discount > 0) AS discounted_lines,
    MAX(channel) AS channel,
    MAX(store) AS store,
    MAX(live_id) AS live_id,
    MAX(host_id) AS host_id
  FROM orders
  WHERE NOT is_return
  GROUP BY user_id, order_id, day
),
clock AS (
  SELECT
    user_id,
    order_id,
    day,
    LAG(day) OVER (PARTITION BY user_id, order_id ORDER BY day) AS previous_day,
    CAST(FLOOR(local_hours / 24.0) AS INTEGER) AS local_day,
    local_hours,
    lines,
    units,
    spend,
    discount,
    discounted_lines,
    channel,
    store,
    live_id,
    host_id
  FROM sums
)
SELECT
  user_id,
  order_id,
  day,
  previous_day,
  local_day,
  CAST(local_hours - CAST(local_day AS BIGINT) * 24 AS INTEGER) AS local_hour,
  CAST(((local_day + 3) % 7 + 7) % 7 AS INTEGER) AS local_dow,
  lines,
  units,
  spend,
  CAST(discount AS DECIMAL(38, 4)) AS discount,
  discounted_lines,
  channel,
  store,
  live_id,
  host_id
FROM clock
