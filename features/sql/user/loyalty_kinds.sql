-- group: loyalty_kinds
-- entity: user
-- doc: Why a customer is loyal, if so. Behavioural: comes back by habit, which is a share of repeat order days (order
--     days after the first / order days) of at least $repeat_share and an order in the last $active_days days.
--     Rational: comes for the price, which is at least $rational_lines discounted order lines and a share of
--     discounted lines of at least $rational_share. Emotional, by proxies: speaks for the shop, which is at least
--     $emotional_signals among shares, live comments, referrals and being a promoter (last NPS score at least
--     $promoter_score). Without events, users and feedback before as_of the emotional side is unknown.
-- uses: days
-- optional: events users feedback
-- parameter: repeat_share 0.6 | Share of repeat order days of a behaviourally loyal customer; 0.6 takes three order days.
-- parameter: active_days 180 | Days within which the last order of a behaviourally loyal customer lies.
-- parameter: rational_share 0.5 | Share of discounted lines of a rationally loyal customer.
-- parameter: rational_lines 2 | Discounted lines that such a customer has at least.
-- parameter: emotional_signals 1 | Signals that an emotionally loyal customer has given at least.
-- parameter: promoter_score 9 | NPS score from which a customer is a promoter.
-- key: user_id VARCHAR id | The customer.
-- column: loyalty_repeat_share DOUBLE ratio | Order days after the first / order days.
-- column: loyalty_discount_share DOUBLE ratio | Discounted order lines / order lines.
-- column: loyalty_shares BIGINT events | Events of type share.
-- column: loyalty_comments BIGINT events | Events of type live_comment.
-- column: loyalty_referrals BIGINT customers | Customers signed up before as_of who name this one as referrer.
-- column: loyalty_promoter BOOLEAN - | Whether the last NPS score is a promoter's; null without a score.
-- column: loyalty_behavioural BOOLEAN - | Behaviourally loyal.
-- column: loyalty_rational BOOLEAN - | Rationally loyal.
-- column: loyalty_emotional BOOLEAN - | Emotionally loyal, by proxies; null when unknown.
-- column: loyalty_kind VARCHAR - | The strongest bond that holds: emotional before behavioural before rational; else none.
WITH totals AS (
  SELECT
    as_of,
    user_id,
    MAX(as_of_day) - MAX(day) AS recency,
    COUNT(*) AS days,
    CAST(SUM(lines) AS BIGINT) AS lines,
    CAST(SUM(discounted_lines) AS BIGINT) AS discounted
  FROM days
  GROUP BY as_of, user_id
),
acts AS (
  SELECT
    as_of,
    user_id,
    COUNT(*) FILTER (WHERE type = 'share') AS shares,
    COUNT(*) FILTER (WHERE type = 'live_comment') AS comments
  FROM events
  WHERE user_id IS NOT NULL AND (type = 'share' OR type = 'live_comment')
  GROUP BY as_of, user_id
),
referrals AS (
  SELECT as_of, referrer_id, COUNT(*) AS referred
  FROM users
  WHERE referrer_id IS NOT NULL AND referrer_id <> user_id AND signed_up_at IS NOT NULL
  GROUP BY as_of, referrer_id
),
scores AS (
  SELECT
    as_of,
    user_id,
    score,
    ROW_NUMBER() OVER (PARTITION BY as_of, user_id ORDER BY ts DESC, score DESC NULLS LAST) AS place
  FROM feedback
  WHERE kind = 'nps' AND score IS NOT NULL
),
known AS (
  SELECT as_of FROM events GROUP BY as_of
  UNION
  SELECT as_of FROM users GROUP BY as_of
  UNION
  SELECT as_of FROM feedback GROUP BY as_of
),
joined AS (
  SELECT
    t.as_of,
    t.user_id,
    t.recency,
    CAST(t.days - 1 AS DOUBLE) / NULLIF(t.days, 0) AS repeat_share,
    t.discounted,
    CAST(t.discounted AS DOUBLE) / NULLIF(t.lines, 0) AS discount_share,
    COALESCE(a.shares, 0) AS shares,
    COALESCE(a.comments, 0) AS comments,
    COALESCE(r.referred, 0) AS referred,
    s.score >= $promoter_score AS promoter,
    k.as_of IS NOT NULL AS known
  FROM totals t
  LEFT JOIN acts a ON a.as_of = t.as_of AND a.user_id = t.user_id
  LEFT JOIN referrals r ON r.as_of = t.as_of AND r.referrer_id = t.user_id
  LEFT JOIN scores s ON s.as_of = t.as_of AND s.user_id = t.user_id AND s.place = 1
  LEFT JOIN known k ON k.as_of = t.as_of
),
judged AS (
  SELECT
    as_of,
    user_id,
    repeat_share,
    discount_share,
    shares,
    comments,
    referred,
    promoter,
    repeat_share >= $repeat_share AND recency <= $active_days AS behavioural,
    discounted >= $rational_lines AND discount_share >= $rational_share AS rational,
    CASE WHEN known THEN shares + comments + referred + CASE WHEN promoter THEN 1 ELSE 0 END >= $emotional_signals END AS emotional
  FROM joined
)
SELECT
  as_of,
  user_id,
  repeat_share AS loyalty_repeat_share,
  discount_share AS loyalty_discount_share,
  shares AS loyalty_shares,
  comments AS loyalty_comments,
  referred AS loyalty_referrals,
  promoter AS loyalty_promoter,
  behavioural AS loyalty_behavioural,
  rational AS loyalty_rational,
  emotional AS loyalty_emotional,
  CASE
    WHEN emotional THEN 'emotional'
    WHEN behavioural THEN 'behavioural'
    WHEN rational THEN 'rational'
    ELSE 'none'
  END AS loyalty_kind
FROM judged
ORDER BY as_of, user_id
