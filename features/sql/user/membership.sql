-- group: membership
-- entity: user
-- doc: Who a registered customer is: membership, origin, and friends brought along. One row for every customer in the users table.
--     Tier and points are null unless the row of the users table that was valid before as_of says from when.
--     The tiers begin at tier_2_points, tier_3_points and tier_4_points; a shop with fewer tiers repeats its highest threshold.
-- needs: users orders
-- optional: events
-- uses: baskets
-- parameter: tier_2_points 1000 | Points at which the second tier begins.
-- parameter: tier_3_points 5000 | Points at which the third tier begins.
-- parameter: tier_4_points 20000 | Points at which the fourth tier begins.
-- parameter: points_per_currency 1 | Points that one unit of currency spent earns.
-- parameter: pace_days 180 | Days before as_of over which the pace of earning points is measured.
-- key: user_id VARCHAR id | The customer.
-- column: tier VARCHAR - | Membership tier.
-- column: points BIGINT points | Points of the membership.
-- column: points_to_next_tier BIGINT points | Points missing to the next tier; null in the highest, or without points.
-- column: days_to_next_tier DOUBLE days | These points / points earned a day, at the spend of the last pace_days; null when nothing was spent.
-- column: age_years INTEGER years | Year of as_of minus year of birth; null when unknown or not from 0 to 120.
-- column: gender VARCHAR - | Gender as registered.
-- column: region VARCHAR - | Region as registered.
-- column: registered_days INTEGER days | Days from the sign-up to as_of; 1 is the day before; null when its time is unknown.
-- column: acquisition_source VARCHAR - | Where the customer came from.
-- column: acquisition_cost DOUBLE currency | What winning the customer cost.
-- column: was_referred BOOLEAN - | Whether another customer had brought this one.
-- column: referrals BIGINT customers | Other customers who name this one as referrer and signed up before as_of.
-- column: referral_value DOUBLE currency | What these customers have spent before as_of; returns not deducted.
-- column: onboarding_steps BIGINT steps | Distinct onboarding steps completed: events of type onboarding_step, told apart by item_id, else placement, else value.
WITH friends AS (
  SELECT as_of, referrer_id, user_id
  FROM users
  WHERE referrer_id IS NOT NULL AND referrer_id <> user_id AND signed_up_at_day IS NOT NULL
),
friend_counts AS (
  SELECT as_of, referrer_id, COUNT(*) AS referrals
  FROM friends
  GROUP BY as_of, referrer_id
),
friend_spend AS (
  SELECT f.as_of, f.referrer_id, SUM(b.spend) AS spend
  FROM friends f
  JOIN baskets b ON b.as_of = f.as_of AND b.user_id = f.user_id
  GROUP BY f.as_of, f.referrer_id
),
steps AS (
  SELECT as_of, user_id, COALESCE(item_id, placement, CAST(value AS VARCHAR), '') AS step
  FROM events
  WHERE type = 'onboarding_step' AND user_id IS NOT NULL
  GROUP BY as_of, user_id, COALESCE(item_id, placement, CAST(value AS VARCHAR), '')
),
step_counts AS (
  SELECT as_of, user_id, COUNT(*) AS onboarding_steps
  FROM steps
  GROUP BY as_of, user_id
),
pace AS (
  SELECT as_of, user_id, SUM(spend) AS spend
  FROM baskets
  WHERE as_of_day - day <= CAST($pace_days AS INTEGER)
  GROUP BY as_of, user_id
),
members AS (
  SELECT
    as_of,
    user_id,
    as_of_day,
    tier,
    points,
    CASE
      WHEN points < CAST($tier_2_points AS BIGINT) THEN CAST($tier_2_points AS BIGINT) - points
      WHEN points < CAST($tier_3_points AS BIGINT) THEN CAST($tier_3_points AS BIGINT) - points
      WHEN points < CAST($tier_4_points AS BIGINT) THEN CAST($tier_4_points AS BIGINT) - points
    END AS missing,
    CASE WHEN birth_year BETWEEN year(as_of) - 120 AND year(as_of) THEN CAST(year(as_of) - birth_year AS INTEGER) END AS age_years,
    gender,
    region,
    signed_up_at_day AS signed_up_day,
    source,
    acquisition_cost,
    referrer_id
  FROM users
)
SELECT
  m.as_of,
  m.user_id,
  m.tier,
  m.points,
  m.missing AS points_to_next_tier,
  CAST(m.missing AS DOUBLE) * CAST($pace_days AS DOUBLE) / NULLIF(CAST(p.spend AS DOUBLE) * CAST($points_per_currency AS DOUBLE), 0) AS days_to_next_tier,
  m.age_years,
  m.gender,
  m.region,
  CAST(m.as_of_day - m.signed_up_day AS INTEGER) AS registered_days,
  m.source AS acquisition_source,
  CAST(m.acquisition_cost AS DOUBLE) AS acquisition_cost,
  m.referrer_id IS NOT NULL AND m.referrer_id <> m.user_id AS was_referred,
  COALESCE(f.referrals, 0) AS referrals,
  COALESCE(CAST(v.spend AS DOUBLE), 0) AS referral_value,
  COALESCE(s.onboarding_steps, 0) AS onboarding_steps
FROM members m
LEFT JOIN friend_counts f ON f.as_of = m.as_of AND f.referrer_id = m.user_id
LEFT JOIN friend_spend v ON v.as_of = m.as_of AND v.referrer_id = m.user_id
LEFT JOIN step_counts s ON s.as_of = m.as_of AND s.user_id = m.user_id
LEFT JOIN pace p ON p.as_of = m.as_of AND p.user_id = m.user_id
ORDER BY m.as_of, m.user_id
