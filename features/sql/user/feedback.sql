-- group: feedback
-- entity: user
-- doc: What a customer said when asked, or complained about. One row for every customer with feedback. Scores outside their scale are left out: 0 to 10 for nps, -1000 to 1000 for rating and csat, whose scale is the shop's own.
-- needs: feedback
-- key: user_id VARCHAR id | The customer.
-- column: nps_last DOUBLE points | The last answer to "would you recommend us" (kind nps), 0 to 10; the lowest when several share its instant; null without any.
-- column: nps_age_days INTEGER days | Days from that answer to as_of; 1 is the day before.
-- column: nps_answers BIGINT answers | Such answers, all time.
-- column: rating_mean DOUBLE points | Mean score of kind rating; null without any.
-- column: ratings BIGINT answers | Scores of kind rating, all time.
-- column: csat_mean DOUBLE points | Mean score of kind csat; null without any.
-- column: csat_answers BIGINT answers | Scores of kind csat, all time.
-- column: complaints_90d BIGINT complaints | Complaints in the 90 days before as_of.
-- column: complaints BIGINT complaints | Complaints, all time.
-- column: days_since_complaint INTEGER days | Days from the last complaint to as_of; null without any.
WITH answers AS (
  SELECT as_of, user_id, ts, as_of_day - day AS age, kind, score
  FROM feedback
  WHERE kind = 'complaint' OR kind = 'nps' AND score BETWEEN 0 AND 10 OR kind IN ('rating', 'csat') AND score BETWEEN -1000 AND 1000
),
exact AS (
  SELECT as_of, user_id, ts, age, kind, CASE WHEN kind IN ('rating', 'csat') THEN CAST(score AS DECIMAL(18, 6)) END AS points
  FROM answers
),
totals AS (
  SELECT
    as_of,
    user_id,
    MAX(ts) FILTER (WHERE kind = 'nps') AS nps_ts,
    MIN(age) FILTER (WHERE kind = 'nps') AS nps_age,
    COUNT(*) FILTER (WHERE kind = 'nps') AS nps_answers,
    SUM(points) FILTER (WHERE kind = 'rating') AS rating_sum,
    COUNT(*) FILTER (WHERE kind = 'rating') AS ratings,
    SUM(points) FILTER (WHERE kind = 'csat') AS csat_sum,
    COUNT(*) FILTER (WHERE kind = 'csat') AS csat_answers,
    COUNT(*) FILTER (WHERE kind = 'complaint' AND age <= 90) AS complaints_90d,
    COUNT(*) FILTER (WHERE kind = 'complaint') AS complaints,
    MIN(age) FILTER (WHERE kind = 'complaint') AS complaint_age
  FROM exact
  GROUP BY as_of, user_id
),
last_nps AS (
  SELECT a.as_of, a.user_id, MIN(a.score) AS score
  FROM answers a
  JOIN totals t ON t.as_of = a.as_of AND t.user_id = a.user_id AND t.nps_ts = a.ts
  WHERE a.kind = 'nps'
  GROUP BY a.as_of, a.user_id
)
SELECT
  t.as_of,
  t.user_id,
  n.score AS nps_last,
  CAST(t.nps_age AS INTEGER) AS nps_age_days,
  t.nps_answers,
  CAST(t.rating_sum AS DOUBLE) / NULLIF(t.ratings, 0) AS rating_mean,
  t.ratings,
  CAST(t.csat_sum AS DOUBLE) / NULLIF(t.csat_answers, 0) AS csat_mean,
  t.csat_answers,
  t.complaints_90d,
  t.complaints,
  CAST(t.complaint_age AS INTEGER) AS days_since_complaint
FROM totals t
LEFT JOIN last_nps n ON n.as_of = t.as_of AND n.user_id = t.user_id
ORDER BY t.as_of, t.user_id
