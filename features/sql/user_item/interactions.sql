-- group: interactions
-- entity: user_item
-- doc: What each customer did with each item, by kind: how often, and with a weight that halves every $half_life_days
--     days of age (1 = the UTC day before as_of). Ready to be read as a sparse matrix. Returns are left out.
-- uses: bought
-- optional: events
-- parameter: half_life_days 90 | Days after which an interaction weighs half.
-- key: user_id VARCHAR id | The customer.
-- key: item_id VARCHAR id | The item.
-- column: purchases BIGINT orders | Orders that held the item, each UTC day counted once.
-- column: purchase_weight DOUBLE weight | Those, decayed.
-- column: views BIGINT events | Events of type view or click.
-- column: view_weight DOUBLE weight | Those, decayed.
-- column: carts BIGINT events | Events of type cart.
-- column: cart_weight DOUBLE weight | Those, decayed.
-- column: favourites BIGINT events | Events of type favourite.
-- column: favourite_weight DOUBLE weight | Those, decayed.
-- column: first_day INTEGER day | UTC day of the first of all these, counted from 1970-01-01.
-- column: last_day INTEGER day | UTC day of the last.
WITH acts AS (
  SELECT as_of, as_of_day, user_id, item_id, day, orders AS purchases, 0 AS views, 0 AS carts, 0 AS favourites
  FROM bought
  UNION ALL
  SELECT
    as_of,
    as_of_day,
    user_id,
    item_id,
    day,
    0 AS purchases,
    CASE WHEN type = 'view' OR type = 'click' THEN 1 ELSE 0 END AS views,
    CASE WHEN type = 'cart' THEN 1 ELSE 0 END AS carts,
    CASE WHEN type = 'favourite' THEN 1 ELSE 0 END AS favourites
  FROM events
  WHERE user_id IS NOT NULL AND item_id IS NOT NULL AND (type = 'view' OR type = 'click' OR type = 'cart' OR type = 'favourite')
),
weighted AS (
  SELECT
    as_of,
    user_id,
    item_id,
    day,
    purchases,
    views,
    carts,
    favourites,
    CAST(EXP(-LN(2) * (as_of_day - day) / NULLIF($half_life_days, 0)) AS DECIMAL(18, 9)) AS weight
  FROM acts
),
sums AS (
  SELECT
    as_of,
    user_id,
    item_id,
    SUM(purchases) AS purchases,
    SUM(CAST(purchases AS DECIMAL(18, 0)) * weight) AS purchase_weight,
    SUM(views) AS views,
    SUM(views * weight) AS view_weight,
    SUM(carts) AS carts,
    SUM(carts * weight) AS cart_weight,
    SUM(favourites) AS favourites,
    SUM(favourites * weight) AS favourite_weight,
    MIN(day) AS first_day,
    MAX(day) AS last_day
  FROM weighted
  GROUP BY as_of, user_id, item_id
)
SELECT
  as_of,
  user_id,
  item_id,
  CAST(purchases AS BIGINT) AS purchases,
  CAST(purchase_weight AS DOUBLE) AS purchase_weight,
  CAST(views AS BIGINT) AS views,
  CAST(view_weight AS DOUBLE) AS view_weight,
  CAST(carts AS BIGINT) AS carts,
  CAST(cart_weight AS DOUBLE) AS cart_weight,
  CAST(favourites AS BIGINT) AS favourites,
  CAST(favourite_weight AS DOUBLE) AS favourite_weight,
  first_day,
  last_day
FROM sums
ORDER BY as_of, user_id, item_id
