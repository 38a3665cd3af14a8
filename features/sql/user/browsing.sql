-- group: browsing
-- entity: user
-- doc: What a customer looked at, and how much of it became carts and orders. One row for every customer with any event.
-- needs: events orders
-- uses: bought
-- parameter: prior_view_to_cart 0.1 | Expected share of viewed items that reach the cart, for customers with few views.
-- parameter: prior_cart_to_order 0.3 | Expected share of carted items that are ordered, for customers with few carts.
-- parameter: prior_weight 10 | How many items the expectations weigh.
-- key: user_id VARCHAR id | The customer.
-- column: views_7d BIGINT events | Item views in the 7 days before as_of.
-- column: views_30d BIGINT events | Item views in the 30 days before as_of.
-- column: views_90d BIGINT events | Item views in the 90 days before as_of.
-- column: carts_7d BIGINT events | Items put into the cart in the 7 days before as_of.
-- column: carts_30d BIGINT events | Items put into the cart in the 30 days before as_of.
-- column: carts_90d BIGINT events | Items put into the cart in the 90 days before as_of.
-- column: favourites_7d BIGINT events | Items marked as favourite in the 7 days before as_of.
-- column: favourites_30d BIGINT events | Items marked as favourite in the 30 days before as_of.
-- column: favourites_90d BIGINT events | Items marked as favourite in the 90 days before as_of.
-- column: shares_7d BIGINT events | Items shared in the 7 days before as_of.
-- column: shares_30d BIGINT events | Items shared in the 30 days before as_of.
-- column: shares_90d BIGINT events | Items shared in the 90 days before as_of.
-- column: searches_7d BIGINT events | Searches in the 7 days before as_of.
-- column: searches_30d BIGINT events | Searches in the 30 days before as_of.
-- column: searches_90d BIGINT events | Searches in the 90 days before as_of.
-- column: sessions_7d BIGINT sessions | Distinct sessions with an event in the 7 days before as_of; events without a session do not count.
-- column: sessions_30d BIGINT sessions | Distinct sessions with an event in the 30 days before as_of.
-- column: sessions_90d BIGINT sessions | Distinct sessions with an event in the 90 days before as_of.
-- column: days_since_event INTEGER days | Days from the last event of any type to as_of; 1 is the day before.
-- column: carts_abandoned_7d BIGINT items | Distinct items put into the cart in the 7 days before as_of and not bought by the customer on the day they were last put there or later, before as_of.
-- column: carts_abandoned_30d BIGINT items | Likewise, items last put into the cart in the 30 days before as_of.
-- column: cart_abandonment_30d DOUBLE ratio | carts_abandoned_30d / distinct items put into the cart in these 30 days; null without any.
-- column: view_to_cart_90d DOUBLE ratio | Of the distinct items viewed in the 90 days before as_of, the share also put into the cart in these 90 days, drawn towards prior_view_to_cart as (carted + weight * prior) / (viewed + weight).
-- column: cart_to_order_90d DOUBLE ratio | Of the distinct items put into the cart in the 90 days before as_of, the share bought on the day they were first put there or later, before as_of, drawn towards prior_cart_to_order likewise.
WITH counts AS (
  SELECT
    as_of,
    user_id,
    COUNT(*) FILTER (WHERE type = 'view' AND as_of_day - day <= 7) AS views_7d,
    COUNT(*) FILTER (WHERE type = 'view' AND as_of_day - day <= 30) AS views_30d,
    COUNT(*) FILTER (WHERE type = 'view' AND as_of_day - day <= 90) AS views_90d,
    COUNT(*) FILTER (WHERE type = 'cart' AND as_of_day - day <= 7) AS carts_7d,
    COUNT(*) FILTER (WHERE type = 'cart' AND as_of_day - day <= 30) AS carts_30d,
    COUNT(*) FILTER (WHERE type = 'cart' AND as_of_day - day <= 90) AS carts_90d,
    COUNT(*) FILTER (WHERE type = 'favourite' AND as_of_day - day <= 7) AS favourites_7d,
    COUNT(*) FILTER (WHERE type = 'favourite' AND as_of_day - day <= 30) AS favourites_30d,
    COUNT(*) FILTER (WHERE type = 'favourite' AND as_of_day - day <= 90) AS favourites_90d,
    COUNT(*) FILTER (WHERE type = 'share' AND as_of_day - day <= 7) AS shares_7d,
    COUNT(*) FILTER (WHERE type = 'share' AND as_of_day - day <= 30) AS shares_30d,
    COUNT(*) FILTER (WHERE type = 'share' AND as_of_day - day <= 90) AS shares_90d,
    COUNT(*) FILTER (WHERE type = 'search' AND as_of_day - day <= 7) AS searches_7d,
    COUNT(*) FILTER (WHERE type = 'search' AND as_of_day - day <= 30) AS searches_30d,
    COUNT(*) FILTER (WHERE type = 'search' AND as_of_day - day <= 90) AS searches_90d,
    CAST(MIN(as_of_day - day) AS INTEGER) AS days_since_event
  FROM events
  WHERE user_id IS NOT NULL
  GROUP BY as_of, user_id
),
per_session AS (
  SELECT as_of, user_id, session_id, MIN(as_of_day - day) AS age
  FROM events
  WHERE user_id IS NOT NULL AND session_id IS NOT NULL AND as_of_day - day <= 90
  GROUP BY as_of, user_id, session_id
),
visits AS (
  SELECT
    as_of,
    user_id,
    COUNT(*) FILTER (WHERE age <= 7) AS sessions_7d,
    COUNT(*) FILTER (WHERE age <= 30) AS sessions_30d,
    COUNT(*) AS sessions_90d
  FROM per_session
  GROUP BY as_of, user_id
),
per_item AS (
  SELECT
    as_of,
    user_id,
    item_id,
    MAX(as_of_day) AS as_of_day,
    COUNT(*) FILTER (WHERE type = 'view') AS views,
    MIN(day) FILTER (WHERE type = 'cart') AS first_cart,
    MAX(day) FILTER (WHERE type = 'cart') AS last_cart
  FROM events
  WHERE user_id IS NOT NULL AND item_id IS NOT NULL AND type IN ('view', 'cart') AND as_of_day - day <= 90
  GROUP BY as_of, user_id, item_id
),
purchased AS (
  SELECT c.as_of, c.user_id, c.item_id, MAX(b.day) AS last_bought
  FROM per_item c
  JOIN bought b ON b.as_of = c.as_of AND b.user_id = c.user_id AND b.item_id = c.item_id
  WHERE b.day >= c.first_cart
  GROUP BY c.as_of, c.user_id, c.item_id
),
outcomes AS (
  SELECT
    c.as_of,
    c.user_id,
    COUNT(*) FILTER (WHERE c.views > 0) AS viewed,
    COUNT(*) FILTER (WHERE c.views > 0 AND c.last_cart IS NOT NULL) AS viewed_carted,
    COUNT(c.last_cart) AS carted,
    COUNT(p.last_bought) AS ordered,
    COUNT(*) FILTER (WHERE c.as_of_day - c.last_cart <= 7 AND (p.last_bought IS NULL OR p.last_bought < c.last_cart)) AS abandoned_7d,
    COUNT(*) FILTER (WHERE c.as_of_day - c.last_cart <= 30 AND (p.last_bought IS NULL OR p.last_bought < c.last_cart)) AS abandoned_30d,
    COUNT(*) FILTER (WHERE c.as_of_day - c.last_cart <= 30) AS carted_30d
  FROM per_item c
  LEFT JOIN purchased p ON p.as_of = c.as_of AND p.user_id = c.user_id AND p.item_id = c.item_id
  GROUP BY c.as_of, c.user_id
)
SELECT
  c.as_of,
  c.user_id,
  c.views_7d,
  c.views_30d,
  c.views_90d,
  c.carts_7d,
  c.carts_30d,
  c.carts_90d,
  c.favourites_7d,
  c.favourites_30d,
  c.favourites_90d,
  c.shares_7d,
  c.shares_30d,
  c.shares_90d,
  c.searches_7d,
  c.searches_30d,
  c.searches_90d,
  COALESCE(v.sessions_7d, 0) AS sessions_7d,
  COALESCE(v.sessions_30d, 0) AS sessions_30d,
  COALESCE(v.sessions_90d, 0) AS sessions_90d,
  c.days_since_event,
  COALESCE(o.abandoned_7d, 0) AS carts_abandoned_7d,
  COALESCE(o.abandoned_30d, 0) AS carts_abandoned_30d,
  CAST(o.abandoned_30d AS DOUBLE) / NULLIF(o.carted_30d, 0) AS cart_abandonment_30d,
  (COALESCE(o.viewed_carted, 0) + CAST($prior_weight AS DOUBLE) * CAST($prior_view_to_cart AS DOUBLE)) / NULLIF(COALESCE(o.viewed, 0) + CAST($prior_weight AS DOUBLE), 0) AS view_to_cart_90d,
  (COALESCE(o.ordered, 0) + CAST($prior_weight AS DOUBLE) * CAST($prior_cart_to_order AS DOUBLE)) / NULLIF(COALESCE(o.carted, 0) + CAST($prior_weight AS DOUBLE), 0) AS cart_to_order_90d
FROM counts c
LEFT JOIN visits v ON v.as_of = c.as_of AND v.user_id = c.user_id
LEFT JOIN outcomes o ON o.as_of = c.as_of AND o.user_id = c.user_id
ORDER BY c.as_of, c.user_id
