-- group: category_affinity
-- entity: user
-- doc: Which categories a customer buys; one row for every customer who bought an item of a known category. A purchase
--     is an item on one day; shares are of the purchases whose category is known.
-- needs: items
-- uses: bought
-- key: user_id VARCHAR id | The customer.
-- column: categories BIGINT categories | Distinct categories bought.
-- column: top_category_1 VARCHAR - | The category with most purchases; of several, the one bought last, then the first by name.
-- column: top_category_2 VARCHAR - | The second; null when there is none.
-- column: top_category_3 VARCHAR - | The third; null when there is none.
-- column: top_category_1_share DOUBLE ratio | Share of the first.
-- column: top_category_2_share DOUBLE ratio | Share of the second; 0 when there is none.
-- column: top_category_3_share DOUBLE ratio | Share of the third; 0 when there is none.
-- column: category_entropy DOUBLE nats | Entropy of the purchases over the categories, natural logarithm; 0 with a single one.
WITH bought_kinds AS (
  SELECT b.as_of, b.user_id, i.category, COUNT(*) AS purchases, MAX(b.day) AS last_day
  FROM bought b
  JOIN items i ON i.as_of = b.as_of AND i.item_id = b.item_id
  WHERE i.category IS NOT NULL
  GROUP BY b.as_of, b.user_id, i.category
),
ranked AS (
  SELECT
    as_of,
    user_id,
    category,
    purchases,
    CAST(purchases * LN(purchases) AS DECIMAL(28, 9)) AS n_log_n,
    ROW_NUMBER() OVER (PARTITION BY as_of, user_id ORDER BY purchases DESC NULLS LAST, last_day DESC NULLS LAST, category NULLS LAST) AS place
  FROM bought_kinds
),
sums AS (
  SELECT
    as_of,
    user_id,
    COUNT(*) AS categories,
    CAST(SUM(purchases) AS BIGINT) AS purchases,
    CAST(SUM(n_log_n) AS DOUBLE) AS logs,
    MAX(category) FILTER (WHERE place = 1) AS top_1,
    MAX(category) FILTER (WHERE place = 2) AS top_2,
    MAX(category) FILTER (WHERE place = 3) AS top_3,
    COALESCE(MAX(purchases) FILTER (WHERE place = 1), 0) AS purchases_1,
    COALESCE(MAX(purchases) FILTER (WHERE place = 2), 0) AS purchases_2,
    COALESCE(MAX(purchases) FILTER (WHERE place = 3), 0) AS purchases_3
  FROM ranked
  GROUP BY as_of, user_id
)
SELECT
  as_of,
  user_id,
  categories,
  top_1 AS top_category_1,
  top_2 AS top_category_2,
  top_3 AS top_category_3,
  CAST(purchases_1 AS DOUBLE) / NULLIF(purchases, 0) AS top_category_1_share,
  CAST(purchases_2 AS DOUBLE) / NULLIF(purchases, 0) AS top_category_2_share,
  CAST(purchases_3 AS DOUBLE) / NULLIF(purchases, 0) AS top_category_3_share,
  CASE WHEN categories = 1 THEN CAST(0 AS DOUBLE) ELSE LN(purchases) - logs / NULLIF(purchases, 0) END AS category_entropy
FROM sums
ORDER BY as_of, user_id
