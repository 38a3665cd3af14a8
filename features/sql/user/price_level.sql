-- group: price_level
-- entity: user
-- doc: What a customer pays compared with what others pay. Reference prices are means over everything the shop sold
--     before as_of (spend / units), of the item and of its category.
-- needs: items
-- uses: bought
-- key: user_id VARCHAR id | The customer.
-- column: price_to_item_mean DOUBLE ratio | Spend / what the same units cost at each item's mean price; below 1 = buys cheaply; null when nothing bought had a price.
-- column: price_to_category_mean DOUBLE ratio | Spend on items of a known category / what as many units cost at each category's mean price; above 1 = buys the dearer items; null when no category is known.
WITH sold AS (
  SELECT as_of, item_id, SUM(spend) AS spend, SUM(units) AS units
  FROM bought
  GROUP BY as_of, item_id
),
categories AS (
  SELECT s.as_of, i.category, SUM(s.spend) AS spend, SUM(s.units) AS units
  FROM sold s
  JOIN items i ON i.as_of = s.as_of AND i.item_id = s.item_id
  WHERE i.category IS NOT NULL
  GROUP BY s.as_of, i.category
),
reference_prices AS (
  SELECT
    s.as_of,
    s.item_id,
    CAST(s.spend AS DOUBLE) / NULLIF(CAST(s.units AS DOUBLE), 0) AS item_mean,
    CAST(c.spend AS DOUBLE) / NULLIF(CAST(c.units AS DOUBLE), 0) AS category_mean
  FROM sold s
  LEFT JOIN items i ON i.as_of = s.as_of AND i.item_id = s.item_id
  LEFT JOIN categories c ON c.as_of = i.as_of AND c.category = i.category
),
priced AS (
  SELECT
    b.as_of,
    b.user_id,
    b.spend,
    CAST(b.units * r.item_mean AS DECIMAL(38, 4)) AS at_item_mean,
    CAST(b.units * r.category_mean AS DECIMAL(38, 4)) AS at_category_mean
  FROM bought b
  JOIN reference_prices r ON r.as_of = b.as_of AND r.item_id = b.item_id
),
compared AS (
  SELECT
    as_of,
    user_id,
    SUM(spend) AS spend,
    SUM(at_item_mean) AS at_item_mean,
    SUM(spend) FILTER (WHERE at_category_mean IS NOT NULL) AS known_spend,
    SUM(at_category_mean) AS at_category_mean
  FROM priced
  GROUP BY as_of, user_id
)
SELECT
  as_of,
  user_id,
  CAST(spend AS DOUBLE) / NULLIF(CAST(at_item_mean AS DOUBLE), 0) AS price_to_item_mean,
  CAST(known_spend AS DOUBLE) / NULLIF(CAST(at_category_mean AS DOUBLE), 0) AS price_to_category_mean
FROM compared
ORDER BY as_of, user_id
