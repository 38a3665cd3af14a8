-- group: channels
-- entity: user
-- doc: Through how many channels a customer orders, and how much the main one dominates.
-- needs: orders
-- key: user_id VARCHAR id | The customer.
-- column: channels BIGINT channels | Distinct known channels of the customer's orders; 0 when none is known.
-- column: main_channel_share DOUBLE ratio | Orders through the most used channel / orders whose channel is known; null when none is.
WITH per_channel AS (
  SELECT as_of, user_id, channel, COUNT(DISTINCT order_id) AS orders
  FROM orders
  WHERE NOT is_return
  GROUP BY as_of, user_id, channel
),
sums AS (
  SELECT
    as_of,
    user_id,
    COUNT(channel) AS channels,
    MAX(orders) FILTER (WHERE channel IS NOT NULL) AS main,
    CAST(SUM(orders) FILTER (WHERE channel IS NOT NULL) AS BIGINT) AS known
  FROM per_channel
  GROUP BY as_of, user_id
)
SELECT
  as_of,
  user_id,
  channels,
  CAST(main AS DOUBLE) / NULLIF(known, 0) AS main_channel_share
FROM sums
ORDER BY as_of, user_id
