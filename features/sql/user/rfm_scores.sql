-- group: rfm_scores
-- entity: user
-- doc: Recency, frequency and monetary value as scores from 1 to 5, 5 being best, among the shop's customers at as_of.
--     A score is 1 plus the number of cuts that the share of strictly worse customers reaches, so customers with
--     equal values have equal scores and a value that many share scores as the worst place among them. An order
--     spread over several days counts once each day.
-- uses: baskets
-- parameter: cut_1 0.2 | Share of worse customers from which a score is at least 2.
-- parameter: cut_2 0.4 | Share of worse customers from which a score is at least 3.
-- parameter: cut_3 0.6 | Share of worse customers from which a score is at least 4.
-- parameter: cut_4 0.8 | Share of worse customers from which a score is 5.
-- key: user_id VARCHAR id | The customer.
-- column: rfm_r INTEGER score | Recency score: 5 = bought most recently.
-- column: rfm_f INTEGER score | Frequency score: 5 = most orders.
-- column: rfm_m INTEGER score | Monetary score: 5 = highest spend.
-- column: rfm_sum INTEGER score | Sum of the three scores, 3 to 15.
-- column: rfm_cell INTEGER code | The three scores as digits, such as 555.
WITH totals AS (
  SELECT
    as_of,
    user_id,
    MAX(as_of_day) - MAX(day) AS recency,
    COUNT(*) AS orders,
    SUM(spend) AS spend
  FROM baskets
  GROUP BY as_of, user_id
),
ranks AS (
  SELECT
    as_of,
    user_id,
    COUNT(*) OVER (PARTITION BY as_of) AS customers,
    RANK() OVER (PARTITION BY as_of ORDER BY recency DESC NULLS LAST) - 1 AS r_worse,
    RANK() OVER (PARTITION BY as_of ORDER BY orders NULLS LAST) - 1 AS f_worse,
    RANK() OVER (PARTITION BY as_of ORDER BY spend NULLS LAST) - 1 AS m_worse
  FROM totals
),
shares AS (
  SELECT
    as_of,
    user_id,
    CAST(r_worse AS DOUBLE) / NULLIF(customers, 0) AS r,
    CAST(f_worse AS DOUBLE) / NULLIF(customers, 0) AS f,
    CAST(m_worse AS DOUBLE) / NULLIF(customers, 0) AS m
  FROM ranks
),
scores AS (
  SELECT
    as_of,
    user_id,
    1 + CASE WHEN r >= $cut_1 THEN 1 ELSE 0 END + CASE WHEN r >= $cut_2 THEN 1 ELSE 0 END
      + CASE WHEN r >= $cut_3 THEN 1 ELSE 0 END + CASE WHEN r >= $cut_4 THEN 1 ELSE 0 END AS r,
    1 + CASE WHEN f >= $cut_1 THEN 1 ELSE 0 END + CASE WHEN f >= $cut_2 THEN 1 ELSE 0 END
      + CASE WHEN f >= $cut_3 THEN 1 ELSE 0 END + CASE WHEN f >= $cut_4 THEN 1 ELSE 0 END AS f,
    1 + CASE WHEN m >= $cut_1 THEN 1 ELSE 0 END + CASE WHEN m >= $cut_2 THEN 1 ELSE 0 END
      + CASE WHEN m >= $cut_3 THEN 1 ELSE 0 END + CASE WHEN m >= $cut_4 THEN 1 ELSE 0 END AS m
  FROM shares
)
SELECT
  as_of,
  user_id,
  CAST(r AS INTEGER) AS rfm_r,
  CAST(f AS INTEGER) AS rfm_f,
  CAST(m AS INTEGER) AS rfm_m,
  CAST(r + f + m AS INTEGER) AS rfm_sum,
  CAST(100 * r + 10 * f + m AS INTEGER) AS rfm_cell
FROM scores
ORDER BY as_of, user_id
