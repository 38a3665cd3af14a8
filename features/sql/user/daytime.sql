-- group: daytime
-- entity: user
-- doc: At which hours and on which weekdays, in the shop's time zone, a customer orders. Shares are of all orders; an
--     order counts at the hour and weekday of its first line, and once each day when spread over several.
-- uses: baskets
-- key: user_id VARCHAR id | The customer.
-- column: hours_0_5_share DOUBLE ratio | Share of orders from 0:00 to 5:59.
-- column: hours_6_8_share DOUBLE ratio | Share of orders from 6:00 to 8:59.
-- column: hours_9_11_share DOUBLE ratio | Share of orders from 9:00 to 11:59.
-- column: hours_12_13_share DOUBLE ratio | Share of orders from 12:00 to 13:59.
-- column: hours_14_17_share DOUBLE ratio | Share of orders from 14:00 to 17:59.
-- column: hours_18_20_share DOUBLE ratio | Share of orders from 18:00 to 20:59.
-- column: hours_21_23_share DOUBLE ratio | Share of orders from 21:00 to 23:59.
-- column: monday_share DOUBLE ratio | Share of orders on a Monday.
-- column: tuesday_share DOUBLE ratio | Share of orders on a Tuesday.
-- column: wednesday_share DOUBLE ratio | Share of orders on a Wednesday.
-- column: thursday_share DOUBLE ratio | Share of orders on a Thursday.
-- column: friday_share DOUBLE ratio | Share of orders on a Friday.
-- column: saturday_share DOUBLE ratio | Share of orders on a Saturday.
-- column: sunday_share DOUBLE ratio | Share of orders on a Sunday.
-- column: weekend_share DOUBLE ratio | Share of orders on a Saturday or Sunday.
-- column: favourite_hour INTEGER hour | The hour, 0 to 23, with most orders; the earliest of several.
WITH hours AS (
  SELECT
    as_of,
    user_id,
    COUNT(*) AS orders,
    COUNT(*) FILTER (WHERE local_dow = 0) AS d0,
    COUNT(*) FILTER (WHERE local_dow = 1) AS d1,
    COUNT(*) FILTER (WHERE local_dow = 2) AS d2,
    COUNT(*) FILTER (WHERE local_dow = 3) AS d3,
    COUNT(*) FILTER (WHERE local_dow = 4) AS d4,
    COUNT(*) FILTER (WHERE local_dow = 5) AS d5,
    COUNT(*) FILTER (WHERE local_dow = 6) AS d6,
    COUNT(*) FILTER (WHERE local_hour = 0) AS h0,
    COUNT(*) FILTER (WHERE local_hour = 1) AS h1,
    COUNT(*) FILTER (WHERE local_hour = 2) AS h2,
    COUNT(*) FILTER (WHERE local_hour = 3) AS h3,
    COUNT(*) FILTER (WHERE local_hour = 4) AS h4,
    COUNT(*) FILTER (WHERE local_hour = 5) AS h5,
    COUNT(*) FILTER (WHERE local_hour = 6) AS h6,
    COUNT(*) FILTER (WHERE local_hour = 7) AS h7,
    COUNT(*) FILTER (WHERE local_hour = 8) AS h8,
    COUNT(*) FILTER (WHERE local_hour = 9) AS h9,
    COUNT(*) FILTER (WHERE local_hour = 10) AS h10,
    COUNT(*) FILTER (WHERE local_hour = 11) AS h11,
    COUNT(*) FILTER (WHERE local_hour = 12) AS h12,
    COUNT(*) FILTER (WHERE local_hour = 13) AS h13,
    COUNT(*) FILTER (WHERE local_hour = 14) AS h14,
    COUNT(*) FILTER (WHERE local_hour = 15) AS h15,
    COUNT(*) FILTER (WHERE local_hour = 16) AS h16,
    COUNT(*) FILTER (WHERE local_hour = 17) AS h17,
    COUNT(*) FILTER (WHERE local_hour = 18) AS h18,
    COUNT(*) FILTER (WHERE local_hour = 19) AS h19,
    COUNT(*) FILTER (WHERE local_hour = 20) AS h20,
    COUNT(*) FILTER (WHERE local_hour = 21) AS h21,
    COUNT(*) FILTER (WHERE local_hour = 22) AS h22,
    COUNT(*) FILTER (WHERE local_hour = 23) AS h23
  FROM baskets
  GROUP BY as_of, user_id
),
most AS (
  SELECT
    as_of,
    user_id,
    orders,
    d0,
    d1,
    d2,
    d3,
    d4,
    d5,
    d6,
    h0,
    h1,
    h2,
    h3,
    h4,
    h5,
    h6,
    h7,
    h8,
    h9,
    h10,
    h11,
    h12,
    h13,
    h14,
    h15,
    h16,
    h17,
    h18,
    h19,
    h20,
    h21,
    h22,
    h23,
    GREATEST(h0, h1, h2, h3, h4, h5, h6, h7, h8, h9, h10, h11, h12, h13, h14, h15, h16, h17, h18, h19, h20, h21, h22, h23) AS top
  FROM hours
)
SELECT
  as_of,
  user_id,
  CAST(h0 + h1 + h2 + h3 + h4 + h5 AS DOUBLE) / NULLIF(orders, 0) AS hours_0_5_share,
  CAST(h6 + h7 + h8 AS DOUBLE) / NULLIF(orders, 0) AS hours_6_8_share,
  CAST(h9 + h10 + h11 AS DOUBLE) / NULLIF(orders, 0) AS hours_9_11_share,
  CAST(h12 + h13 AS DOUBLE) / NULLIF(orders, 0) AS hours_12_13_share,
  CAST(h14 + h15 + h16 + h17 AS DOUBLE) / NULLIF(orders, 0) AS hours_14_17_share,
  CAST(h18 + h19 + h20 AS DOUBLE) / NULLIF(orders, 0) AS hours_18_20_share,
  CAST(h21 + h22 + h23 AS DOUBLE) / NULLIF(orders, 0) AS hours_21_23_share,
  CAST(d0 AS DOUBLE) / NULLIF(orders, 0) AS monday_share,
  CAST(d1 AS DOUBLE) / NULLIF(orders, 0) AS tuesday_share,
  CAST(d2 AS DOUBLE) / NULLIF(orders, 0) AS wednesday_share,
  CAST(d3 AS DOUBLE) / NULLIF(orders, 0) AS thursday_share,
  CAST(d4 AS DOUBLE) / NULLIF(orders, 0) AS friday_share,
  CAST(d5 AS DOUBLE) / NULLIF(orders, 0) AS saturday_share,
  CAST(d6 AS DOUBLE) / NULLIF(orders, 0) AS sunday_share,
  CAST(d5 + d6 AS DOUBLE) / NULLIF(orders, 0) AS weekend_share,
  CAST(CASE
    WHEN h0 = top THEN 0
    WHEN h1 = top THEN 1
    WHEN h2 = top THEN 2
    WHEN h3 = top THEN 3
    WHEN h4 = top THEN 4
    WHEN h5 = top THEN 5
    WHEN h6 = top THEN 6
    WHEN h7 = top THEN 7
    WHEN h8 = top THEN 8
    WHEN h9 = top THEN 9
    WHEN h10 = top THEN 10
    WHEN h11 = top THEN 11
    WHEN h12 = top THEN 12
    WHEN h13 = top THEN 13
    WHEN h14 = top THEN 14
    WHEN h15 = top THEN 15
    WHEN h16 = top THEN 16
    WHEN h17 = top THEN 17
    WHEN h18 = top THEN 18
    WHEN h19 = top THEN 19
    WHEN h20 = top THEN 20
    WHEN h21 = top THEN 21
    WHEN h22 = top THEN 22
    ELSE 23
  END AS INTEGER) AS favourite_hour
FROM most
ORDER BY as_of, user_id
