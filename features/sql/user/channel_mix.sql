-- group: channel_mix
-- entity: user
-- doc: How a customer's orders are spread over channels; one row for every customer with an order whose channel is
--     known. Shares are of those orders. An order spread over several days counts once each day.
-- uses: baskets
-- parameter: omni_share 0.2 | Share of orders outside the main channel from which a customer is omni-channel.
-- key: user_id VARCHAR id | The customer.
-- column: channel_orders BIGINT orders | Orders whose channel is known.
-- column: web_share DOUBLE ratio | Share of channel web.
-- column: app_share DOUBLE ratio | Share of channel app.
-- column: store_share DOUBLE ratio | Share of channel store.
-- column: live_share DOUBLE ratio | Share of channel live.
-- column: other_channel_share DOUBLE ratio | Share of all other channels together.
-- column: channel_entropy DOUBLE nats | Entropy over the channels as they are named, natural logarithm; 0 with a single one.
-- column: omni_channel BOOLEAN - | Whether at least $omni_share of the orders come through other than the main channel.
WITH per_channel AS (
  SELECT as_of, user_id, channel, COUNT(*) AS orders, CAST(COUNT(*) * LN(COUNT(*)) AS DECIMAL(28, 9)) AS n_log_n
  FROM baskets
  WHERE channel IS NOT NULL
  GROUP BY as_of, user_id, channel
),
sums AS (
  SELECT
    as_of,
    user_id,
    COUNT(*) AS channels,
    CAST(SUM(orders) AS BIGINT) AS orders,
    MAX(orders) AS main,
    CAST(COALESCE(SUM(orders) FILTER (WHERE channel = 'web'), 0) AS BIGINT) AS web,
    CAST(COALESCE(SUM(orders) FILTER (WHERE channel = 'app'), 0) AS BIGINT) AS app,
    CAST(COALESCE(SUM(orders) FILTER (WHERE channel = 'store'), 0) AS BIGINT) AS store,
    CAST(COALESCE(SUM(orders) FILTER (WHERE channel = 'live'), 0) AS BIGINT) AS live,
    CAST(SUM(n_log_n) AS DOUBLE) AS logs
  FROM per_channel
  GROUP BY as_of, user_id
)
SELECT
  as_of,
  user_id,
  orders AS channel_orders,
  CAST(web AS DOUBLE) / NULLIF(orders, 0) AS web_share,
  CAST(app AS DOUBLE) / NULLIF(orders, 0) AS app_share,
  CAST(store AS DOUBLE) / NULLIF(orders, 0) AS store_share,
  CAST(live AS DOUBLE) / NULLIF(orders, 0) AS live_share,
  CAST(orders - web - app - store - live AS DOUBLE) / NULLIF(orders, 0) AS other_channel_share,
  CASE WHEN channels = 1 THEN CAST(0 AS DOUBLE) ELSE LN(orders) - logs / NULLIF(orders, 0) END AS channel_entropy,
  CAST(orders - main AS DOUBLE) / NULLIF(orders, 0) >= $omni_share AS omni_channel
FROM sums
ORDER BY as_of, user_id
