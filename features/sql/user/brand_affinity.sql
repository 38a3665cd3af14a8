-- group: brand_affinity
-- entity: user
-- doc: Which brands a customer buys; one row for every customer who bought an item of a known brand. A purchase is an
--     item on one day; shares are of the purchases whose brand is known.
-- needs: items
-- uses: bought
-- parameter: single_share 0.8 | Share of the first brand from which a customer is loyal to a single brand.
-- parameter: wide_brands 5 | Distinct brands from which a customer may be wide.
-- parameter: wide_share 0.4 | Share of the first brand below which such a customer is wide.
-- key: user_id VARCHAR id | The customer.
-- column: brands BIGINT brands | Distinct brands bought.
-- column: top_brand_1 VARCHAR - | The brand with most purchases; of several, the one bought last, then the first by name.
-- column: top_brand_2 VARCHAR - | The second; null when there is none.
-- column: top_brand_3 VARCHAR - | The third; null when there is none.
-- column: top_brand_1_share DOUBLE ratio | Share of the first.
-- column: top_brand_2_share DOUBLE ratio | Share of the second; 0 when there is none.
-- column: top_brand_3_share DOUBLE ratio | Share of the third; 0 when there is none.
-- column: brand_entropy DOUBLE nats | Entropy of the purchases over the brands, natural logarithm; 0 with a single one.
-- column: brand_loyalty VARCHAR - | single: the first brand has at least $single_share of the purchases; wide: at least $wide_brands brands and the first below $wide_share; multi: all others.
WITH bought_kinds AS (
  SELECT b.as_of, b.user_id, i.brand, COUNT(*) AS purchases, MAX(b.day) AS last_day
  FROM bought b
  JOIN items i ON i.as_of = b.as_of AND i.item_id = b.item_id
  WHERE i.brand IS NOT NULL
  GROUP BY b.as_of, b.user_id, i.brand
),
ranked AS (
  SELECT
    as_of,
    user_id,
    brand,
    purchases,
    CAST(purchases * LN(purchases) AS DECIMAL(28, 9)) AS n_log_n,
    ROW_NUMBER() OVER (PARTITION BY as_of, user_id ORDER BY purchases DESC NULLS LAST, last_day DESC NULLS LAST, brand NULLS LAST) AS place
  FROM bought_kinds
),
sums AS (
  SELECT
    as_of,
    user_id,
    COUNT(*) AS brands,
    CAST(SUM(purchases) AS BIGINT) AS purchases,
    CAST(SUM(n_log_n) AS DOUBLE) AS logs,
    MAX(brand) FILTER (WHERE place = 1) AS top_1,
    MAX(brand) FILTER (WHERE place = 2) AS top_2,
    MAX(brand) FILTER (WHERE place = 3) AS top_3,
    COALESCE(MAX(purchases) FILTER (WHERE place = 1), 0) AS purchases_1,
    COALESCE(MAX(purchases) FILTER (WHERE place = 2), 0) AS purchases_2,
    COALESCE(MAX(purchases) FILTER (WHERE place = 3), 0) AS purchases_3
  FROM ranked
  GROUP BY as_of, user_id
)
SELECT
  as_of,
  user_id,
  brands,
  top_1 AS top_brand_1,
  top_2 AS top_brand_2,
  top_3 AS top_brand_3,
  CAST(purchases_1 AS DOUBLE) / NULLIF(purchases, 0) AS top_brand_1_share,
  CAST(purchases_2 AS DOUBLE) / NULLIF(purchases, 0) AS top_brand_2_share,
  CAST(purchases_3 AS DOUBLE) / NULLIF(purchases, 0) AS top_brand_3_share,
  CASE WHEN brands = 1 THEN CAST(0 AS DOUBLE) ELSE LN(purchases) - logs / NULLIF(purchases, 0) END AS brand_entropy,
  CASE
    WHEN CAST(purchases_1 AS DOUBLE) / NULLIF(purchases, 0) >= $single_share THEN 'single'
    WHEN brands >= $wide_brands AND CAST(purchases_1 AS DOUBLE) / NULLIF(purchases, 0) < $wide_share THEN 'wide'
    ELSE 'multi'
  END AS brand_loyalty
FROM sums
ORDER BY as_of, user_id
