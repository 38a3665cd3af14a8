-- group: loyal_customers
-- entity: shop
-- doc: How many customers are loyal by what they do: customers with an order in the 365 days before as_of whose repurchase share is at least the threshold.
--     The repurchase share is, of a customer's order days, those followed by another order day within repeat_days, divided by those followed so or older than repeat_days; a last order day that still has time left does not count. Customers with fewer than least_days order days are not loyal yet.
-- uses: baskets
-- parameter: threshold 0.75 | The repurchase share from which a customer is loyal.
-- parameter: repeat_days 90 | Days within which the next order has to come.
-- parameter: least_days 2 | Order days from which a customer can be loyal.
-- key: segment VARCHAR - | new (one order), light (two to four) or heavy (five and more).
-- column: customers BIGINT customers | Customers with an order in the 365 days before as_of.
-- column: loyal BIGINT customers | Of these, the loyal ones.
-- column: spend_365d DOUBLE currency | Quantity times unit price of all of them in these days.
-- column: loyal_spend_365d DOUBLE currency | Likewise of the loyal ones.
WITH per_day AS (
  SELECT
    as_of,
    user_id,
    day,
    MAX(as_of_day) AS as_of_day,
    SUM(spend) AS spend
  FROM baskets
  GROUP BY as_of, user_id, day
),
order_counts AS (
  SELECT as_of, user_id, COUNT(DISTINCT order_id) AS orders
  FROM baskets
  GROUP BY as_of, user_id
),
steps AS (
  SELECT
    as_of,
    user_id,
    as_of_day - day AS age,
    spend,
    LEAD(day) OVER (PARTITION BY as_of, user_id ORDER BY day) - day AS next_gap
  FROM per_day
),
shares AS (
  SELECT
    as_of,
    user_id,
    COUNT(*) AS order_days,
    COUNT(*) FILTER (WHERE next_gap <= CAST($repeat_days AS INTEGER)) AS followed,
    COUNT(*) FILTER (WHERE next_gap <= CAST($repeat_days AS INTEGER) OR age > CAST($repeat_days AS INTEGER)) AS decided,
    SUM(spend) FILTER (WHERE age <= 365) AS spend
  FROM steps
  GROUP BY as_of, user_id
  HAVING MIN(age) <= 365
),
named AS (
  SELECT
    s.as_of,
    CASE WHEN c.orders >= 5 THEN 'heavy' WHEN c.orders >= 2 THEN 'light' ELSE 'new' END AS segment,
    s.order_days >= CAST($least_days AS INTEGER) AND s.decided > 0
      AND CAST(s.followed AS DOUBLE) >= CAST($threshold AS DOUBLE) * CAST(s.decided AS DOUBLE) AS loyal,
    s.spend
  FROM shares s
  JOIN order_counts c ON c.as_of = s.as_of AND c.user_id = s.user_id
)
SELECT
  as_of,
  segment,
  COUNT(*) AS customers,
  COUNT(*) FILTER (WHERE loyal) AS loyal,
  CAST(SUM(spend) AS DOUBLE) AS spend_365d,
  CAST(COALESCE(SUM(spend) FILTER (WHERE loyal), 0) AS DOUBLE) AS loyal_spend_365d
FROM named
GROUP BY as_of, segment
ORDER BY as_of, segment
