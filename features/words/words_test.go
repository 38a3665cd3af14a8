package words_test

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"regulars/features/words"
)

// The texts are those that somebody who writes to customers would choose, with
// the numbers worked out by hand.
func TestSentence(t *testing.T) {
	tests := []struct {
		feature string
		values  []float64
		en, zh  string
	}{
		{"recency_days", []float64{82, 2.6}, "82 days since the last order, 2.6 times the usual gap", "上次下单距今 82 天，是其平均间隔的 2.6 倍"},
		{"recency_days", []float64{1, nan}, "1 day since the last order", "上次下单距今 1 天"},
		{"recency_days", []float64{30, 1}, "30 days since the last order, equal to the usual gap", "上次下单距今 30 天，是其平均间隔的 1 倍"},
		{"recency_days", []float64{nan, 2}, "no order known yet", "尚无订单可参考"},
		{"frequency", []float64{1}, "1 order in all", "累计下单 1 单"},
		{"frequency", []float64{1250}, "1,250 orders in all", "累计下单 1,250 单"},
		{"monetary", []float64{1234.5, 12}, "£1,234.50 spent in all, over 12 orders", "累计消费 ¥1,234.50，共 12 单"},
		{"monetary", []float64{41.2, nan}, "£41.20 spent in all", "累计消费 ¥41.20"},
		{"monetary", []float64{0, 1}, "nothing spent so far", "至今没有消费"},
		{"tenure_days", []float64{400}, "400 days since the first order", "首次下单距今 400 天"},
		{"rfm_r", []float64{4}, "recency score 4 of 5", "最近一次消费评分 4 分（满分 5 分）"},
		{"rfm_sum", []float64{11, 4, 3, 4}, "RFM score 11 of 15: recency 4, frequency 3, spend 4", "RFM 总分 11 分（满分 15 分）：近度 4、频次 3、金额 4"},
		{"orders_30d", []float64{0}, "no orders in the last 30 days", "近 30 天没有下单"},
		{"orders_30d", []float64{1}, "1 order in the last 30 days", "近 30 天下单 1 单"},
		{"orders_365d", []float64{nan}, "orders in the last 365 days not known", "近 365 天订单数未知"},
		{"spend_7d", []float64{41.2}, "£41.20 spent in the last 7 days", "近 7 天消费 ¥41.20"},
		{"spend_7d", []float64{-3}, "-£3.00 spent in the last 7 days", "近 7 天消费 -¥3.00"},
		{"active_days_90d", []float64{1}, "1 day with an order in the last 90 days", "近 90 天里有 1 天下单"},
		{"active_days_90d", []float64{0}, "no day with an order in the last 90 days", "近 90 天没有下单"},
		{"orders_30d_of_90d", []float64{0.5, 2, 4}, "50% of the orders of the last 90 days fall in the last 30 (2 of 4)", "近 90 天订单中有 50% 在近 30 天（2/4 单）"},
		{"orders_30d_of_90d", []float64{nan, 0, 0}, "no orders in the last 90 days to compare", "近 90 天没有订单可比较"},
		{"spend_90d_of_365d", []float64{0.125, 10, 80}, "12.5% of the spend of the last 365 days falls in the last 90 (£10.00 of £80.00)", "近 365 天消费中有 12.5% 在近 90 天（¥10.00/¥80.00）"},
		{"orders_change_30d", []float64{1, 3}, "1 more order in the last 30 days than in the 30 days before", "近 30 天比前 30 天多下 1 单"},
		{"orders_change_30d", []float64{-2, 1}, "2 fewer orders in the last 30 days than in the 30 days before", "近 30 天比前 30 天少下 2 单"},
		{"orders_change_30d", []float64{0, nan}, "as many orders in the last 30 days as in the 30 days before", "近 30 天与前 30 天订单数持平"},
		{"spend_change_90d", []float64{-20, 10}, "£20.00 less spent in the last 90 days than in the 90 days before", "近 90 天比前 90 天少消费 ¥20.00"},
		{"orders_trend_30d", []float64{3, 2, 2}, "ordering more often over the last 30 days: 2 orders, 2 more than in the 30 days before", "近 30 天下单频率上升：2 单，较前 30 天多 2 单"},
		{"orders_trend_30d", []float64{0.5, 0, -1}, "ordering less often over the last 30 days: no orders, 1 fewer than in the 30 days before", "近 30 天下单频率下降：0 单，较前 30 天少 1 单"},
		{"orders_trend_30d", []float64{1, nan, 0}, "ordering as often as before over the last 30 days", "近 30 天下单频率不变"},
		{"spend_trend_90d", []float64{1, 30, 0}, "spending as much as before over the last 90 days: £30.00, as much as in the 90 days before", "近 90 天消费额不变：¥30.00，较前 90 天持平"},
		{"season_orders_ratio", []float64{0.6, 2, 4}, "ordering less often than in the same 90 days last year: 2 orders against 4", "近 90 天下单比去年同期少：2 单，去年 4 单"},
		{"season_ahead_orders", []float64{3}, "3 orders in the 90 days from this date last year", "去年此时起的 90 天内下单 3 单"},
		{"revivals", []float64{1}, "came back once after being lost", "流失后回归 1 次"},
		{"revivals", []float64{2}, "came back 2 times after being lost", "流失后回归 2 次"},
		{"spend_percentile", []float64{0.83}, "spent more than 83% of the customers", "消费额高于 83% 的客户"},
		{"spend_contribution", []float64{0.000123}, "0.012% of the shop's sales", "贡献全店销售额的 0.012%"},
		{"gap_mean_days", []float64{nan}, "no gap between orders known yet", "尚无下单间隔可参考"},
		{"gap_mean_days", []float64{31.49}, "31.5 days between orders on average", "平均每 31.5 天下单一次"},
		{"gap_mean_days", []float64{0.97}, "0.97 days between orders on average", "平均每 0.97 天下单一次"},
		{"gap_std_days", []float64{12, 30}, "gaps between orders vary by 12 days around a mean of 30", "下单间隔上下波动 12 天，平均 30 天"},
		{"overdue_ratio", []float64{2.6, 82, 31.5}, "the wait since the last order is 2.6 times the usual gap: 82 days against 31.5", "距上次下单已是其平均间隔的 2.6 倍：82 天，平均 31.5 天"},
		{"overdue_ratio", []float64{1.04, 30, nan}, "the wait since the last order is equal to the usual gap", "距上次下单已是其平均间隔的 1 倍"},
		{"next_order_in_days", []float64{1}, "the next order is expected in 1 day", "预计 1 天后再次下单"},
		{"next_order_overdue_days", []float64{50}, "the next order is overdue by 50 days", "已超过预计下单时间 50 天"},
		{"repeat_overdue_days", []float64{-5}, "5 days until the next usual item is due", "距下一种常购商品补货还有 5 天"},
		{"repeat_overdue_days", []float64{5}, "5 days since the most overdue usual item was due", "最久未补货的常购商品已逾期 5 天"},
		{"hours_18_20_share", []float64{0.25}, "25% of orders placed between 18:00 and 20:59", "25% 的订单在 18:00–20:59 下单"},
		{"saturday_share", []float64{0}, "no orders on a Saturday", "从不在周六下单"},
		{"favourite_hour", []float64{14}, "most orders placed in the hour from 14:00", "最常在 14:00 起的一小时内下单"},
		{"units_per_order", []float64{2.6}, "2.6 units per order on average", "平均每单 2.6 件"},
		{"last_to_first_value", []float64{2.6, 52, 20}, "the last basket's value is 2.6 times the first's (£52.00 against £20.00)", "最近一次购物金额是首次的 2.6 倍（¥52.00，首次 ¥20.00）"},
		{"price_to_item_mean", []float64{0.93}, "pays 7% less than others for the same items", "同款商品比他人少付 7%"},
		{"price_to_item_mean", []float64{1.07}, "pays 7% more than others for the same items", "同款商品比他人多付 7%"},
		{"price_to_item_mean", []float64{1}, "pays what others pay for the same items", "同款商品与他人付价相同"},
		{"promo_limited_time_share_365d", []float64{0.25, 3}, "25% of the orders of the last 365 days placed during limited-time promotions (3 orders)", "近 365 天订单中有 25% 在限时促销期间下单（3 单）"},
		{"return_lines_share", []float64{1.5}, "returned lines are 150% of those bought", "退货行数为购买行数的 150%"},
		{"top_brand_2_share", []float64{0}, "no second favourite brand", "没有第二偏好品牌"},
		{"top_category_1_share", []float64{0.4}, "40% of purchases are of the favourite category", "40% 的购买集中在首选品类"},
		{"brand_entropy", []float64{0.6931471805599453, 3}, "purchases as varied as 2 brands bought equally often, over 3 brands in all", "品牌分散程度相当于均匀购买 2 个品牌，共买过 3 个"},
		{"brand_entropy", []float64{0, 1}, "always buys the same brand", "只购买同一品牌"},
		{"app_share", []float64{0.333333}, "33.3% of orders placed in the app", "33.3% 的订单来自应用"},
		{"omni_channel", []float64{1}, "orders through several channels", "通过多个渠道下单"},
		{"omni_channel", []float64{0}, "keeps to one main channel", "主要通过单一渠道下单"},
		{"views_30d", []float64{1}, "1 item view in the last 30 days", "近 30 天浏览商品 1 次"},
		{"cart_abandonment_30d", []float64{0.5, 2}, "50% of the items put into the cart in the last 30 days left unbought (2 items)", "近 30 天加购商品中有 50% 未购买（2 种）"},
		{"live_entered_90d", []float64{1}, "1 live session entered in the last 90 days", "近 90 天观看直播 1 场"},
		{"consent_email", []float64{1}, "may be contacted by e-mail", "允许邮件联系"},
		{"consent_email", []float64{0}, "does not want to be contacted by e-mail", "拒绝邮件联系"},
		{"consent_email", []float64{nan}, "never asked whether contact by e-mail is welcome", "尚未询问是否允许邮件联系"},
		{"sms_opened", []float64{2, 8}, "2 messages by SMS opened, of 8 received", "短信触达打开 2 次（共 8 次）"},
		{"sms_opened", []float64{0, 8}, "no messages by SMS opened, of 8 received", "短信触达从未打开（共 8 次）"},
		{"email_response_rate", []float64{0.12}, "expected to answer 12% of messages by e-mail", "预计对邮件触达的响应率为 12%"},
		{"nps_last", []float64{9, 30}, "gave 9 of 10 when last asked to recommend the shop, 30 days ago", "最近一次推荐意愿评分 9 分（满分 10 分），距今 30 天"},
		{"rating_mean", []float64{4.2, 1}, "rates 4.2 on average, over 1 rating", "平均评分 4.2 分，共 1 次"},
		{"points_to_next_tier", []float64{1}, "1 point missing to the next tier", "距下一等级还差 1 积分"},
		{"referrals", []float64{1}, "1 other customer brought along", "推荐来 1 位客户"},
		{"loyalty_behavioural", []float64{1, 0.75}, "comes back by habit: 75% of order days came after the first", "习惯性回购：75% 的下单天数为复购"},
	}
	features := map[string]bool{}
	for _, test := range tests {
		features[test.feature] = true
		if got := english.Sentence(test.feature, test.values); got != test.en {
			t.Errorf("%s of %v:\n got %q\nwant %q", test.feature, test.values, got, test.en)
		}
		if got := chinese.Sentence(test.feature, test.values); got != test.zh {
			t.Errorf("%s of %v:\n got %q\nwant %q", test.feature, test.values, got, test.zh)
		}
	}
	if len(features) < 40 {
		t.Errorf("only %d features are tested", len(features))
	}
}

func TestName(t *testing.T) {
	tests := []struct{ feature, en, zh string }{
		{"recency_days", "days since the last order", "距上次下单天数"},
		{"orders_30d", "orders in the last 30 days", "近 30 天订单数"},
		{"overdue_ratio", "wait since the last order compared with the usual gap", "距上次下单与平均间隔之比"},
		{"value_per_order", "mean order value", "平均客单价"},
		{"sunday_share", "share of orders on a Sunday", "周日下单占比"},
		{"hours_0_5_share", "share of orders between 0:00 and 5:59", "0:00–5:59 下单占比"},
		{"phone_clicked", "messages by phone clicked", "电话触达点击次数"},
		{"shop_visits", "shop_visits", "shop_visits"},
	}
	for _, test := range tests {
		if got := english.Name(test.feature); got != test.en {
			t.Errorf("%s is named %q, want %q", test.feature, got, test.en)
		}
		if got := chinese.Name(test.feature); got != test.zh {
			t.Errorf("%s is named %q, want %q", test.feature, got, test.zh)
		}
	}
}

func TestCurrencies(t *testing.T) {
	tests := []struct {
		currency string
		value    float64
		want     string
	}{
		{"GBP", 41.2, "£41.20"}, {"CNY", 41.2, "¥41.20"}, {"JPY", 4120.4, "¥4,120"}, {"USD", 0.005, "$0.01"}, {"EUR", 1234567.891, "€1,234,567.89"},
		{"XYZ", 41.2, "41.20 XYZ"}, {"", 41.2, "41.20"}, {"GBP", -1000, "-£1,000.00"}, {"XYZ", -0.001, "0.00 XYZ"},
	}
	for _, test := range tests {
		s := words.Style{Currency: test.currency}
		if got, want := s.Sentence("return_value", []float64{test.value}), "goods worth "+test.want+" returned"; got != want {
			t.Errorf("%v in %q: %q, want %q", test.value, test.currency, got, want)
		}
	}
}

func TestShares(t *testing.T) {
	tests := map[float64]string{0.25: "25%", 1: "100%", 0.9996: "99.9%", 0.126: "12.6%", 0.01: "1%", 0.00996: "1%", 0.005: "0.5%",
		0.000996: "0.1%", 0.00001234: "0.0012%", 1e-9: "under 0.0001%", 12.5: "1,250%"}
	for value, want := range tests {
		if got, want := english.Sentence("main_channel_share", []float64{value}), want+" of orders through the main channel"; got != want {
			t.Errorf("%v: %q, want %q", value, got, want)
		}
	}
}

func TestSentenceRefuses(t *testing.T) {
	for what, text := range map[string]string{
		"an unknown feature":    english.Sentence("shop_visits", []float64{1}),
		"no values":             english.Sentence("recency_days", nil),
		"a companion too few":   english.Sentence("recency_days", []float64{1}),
		"a companion too many":  english.Sentence("frequency", []float64{1, 2}),
		"a text, not a number":  english.Sentence("state", []float64{1}),
		"a day of the calendar": english.Sentence("next_order_day", []float64{20000}),
	} {
		if text != "" {
			t.Errorf("%s gives %q", what, text)
		}
	}
	if words.Known("shop_visits") || words.With("shop_visits") != nil {
		t.Error("a feature of a shop's own is known")
	}
}

// TestSentenceKeepsItsInput: a text that drops a sign works on a copy.
func TestSentenceKeepsItsInput(t *testing.T) {
	values := []float64{-2}
	english.Sentence("orders_change_30d", values)
	if values[0] != -2 {
		t.Errorf("the value became %v", values[0])
	}
}

func TestPlain(t *testing.T) {
	tests := []struct {
		name, doc, unit string
		value           float64
		en, zh          string
	}{
		{"wine_days", "Days since wine was bought.", "days", 1, "Days since wine was bought: 1 day", "Days since wine was bought：1 天"},
		{"wine_days", "距上次买酒天数。", "days", 12, "距上次买酒天数: 12 days", "距上次买酒天数：12 天"},
		{"wine_spend", "Spend on wine.", "currency", 41.2, "Spend on wine: £41.20", "Spend on wine：¥41.20"},
		{"wine_orders", "Orders with wine.", "orders", 0, "Orders with wine: no orders", "Orders with wine：0 单"},
		{"wine_share", "Part of spend on wine.", "ratio", 0.25, "Part of spend on wine: 0.25", "Part of spend on wine：0.25"},
		{"wine_tastings", "Tastings.", "visits", 3, "Tastings: 3 visits", "Tastings：3 visits"},
		{"wine_club", "  ", "-", 1, "wine club: 1", "wine club：1"},
		{"wine_age", "Mean age\nof   the wine.", "years", nan, "Mean age of the wine: not known", "Mean age of the wine：未知"},
	}
	for _, test := range tests {
		if got := english.Plain(test.name, test.doc, test.unit, test.value); got != test.en {
			t.Errorf("%s in English: %q, want %q", test.name, got, test.en)
		}
		if got := chinese.Plain(test.name, test.doc, test.unit, test.value); got != test.zh {
			t.Errorf("%s in Chinese: %q, want %q", test.name, got, test.zh)
		}
	}
}

func TestPlainIsShort(t *testing.T) {
	got := english.Plain("x", strings.Repeat("很长的说明", 100), "-", 2)
	if !strings.HasSuffix(got, "…: 2") || len([]rune(got)) != 80+len(": 2") {
		t.Errorf("a long documentation gives %d characters: %q", len([]rune(got)), got)
	}
	rapid.Check(t, func(r *rapid.T) {
		doc, value := rapid.String().Draw(r, "doc"), rapid.Float64().Draw(r, "value")
		text := english.Plain("own_feature", doc, "days", value)
		if n := len([]rune(text)); n > 80+len(": -1,000,000,000,000,000 days") || strings.ContainsAny(text, "\n\t") {
			r.Fatalf("%d characters: %q", n, text)
		}
	})
}

func ExampleStyle_Sentence() {
	// The sentence of recency_days also tells overdue_ratio, if it is known.
	fmt.Println(words.With("recency_days"))
	fmt.Println(words.Style{Lang: "en"}.Sentence("recency_days", []float64{82, 2.6}))
	fmt.Println(words.Style{Lang: "zh"}.Sentence("recency_days", []float64{82, 2.6}))
	// Output:
	// [overdue_ratio]
	// 82 days since the last order, 2.6 times the usual gap
	// 上次下单距今 82 天，是其平均间隔的 2.6 倍
}

// Nothing compared with nothing, next to nothing, and all but all.
func TestDegenerateValues(t *testing.T) {
	for _, c := range []struct {
		feature string
		values  []float64
		en, zh  string
	}{
		{"spend_trend_90d", []float64{1, 0, 0}, "still not spending: nothing in the last 90 days, nor in the 90 days before", "近 90 天仍未消费，前 90 天也没有"},
		{"spend_trend_90d", []float64{1, 20, 0}, "spending as much as before over the last 90 days: £20.00, as much as in the 90 days before", "近 90 天消费额不变：¥20.00，较前 90 天持平"},
		{"spend_trend_90d", []float64{1, nan, nan}, "spending as much as before over the last 90 days", "近 90 天消费额不变"},
		{"orders_trend_30d", []float64{1, 0, 0}, "still not ordering: no orders in the last 30 days, nor in the 30 days before", "近 30 天仍未下单，前 30 天也没有"},
		{"orders_change_30d", []float64{0, 0}, "no orders in the last 30 days, nor in the 30 days before", "近 30 天与前 30 天都没有下单"},
		{"orders_change_30d", []float64{0, 2}, "as many orders in the last 30 days as in the 30 days before: 2", "近 30 天与前 30 天订单数持平：2 单"},
		{"spend_change_90d", []float64{0, 0}, "nothing spent in the last 90 days, nor in the 90 days before", "近 90 天与前 90 天都没有消费"},
		{"spend_change_90d", []float64{-5, 0}, "£5.00 less spent in the last 90 days than in the 90 days before", "近 90 天比前 90 天少消费 ¥5.00"},
		{"season_orders_ratio", []float64{1, 0, 0}, "no orders in the last 90 days, nor in the same days last year", "近 90 天没有下单，去年同期也没有"},
		{"season_spend_change", []float64{0, 0}, "nothing spent in the last 90 days, nor in the same days last year", "近 90 天没有消费，去年同期也没有"},
		{"recency_days", []float64{1, 0.003}, "1 day since the last order, under 0.01 times the usual gap", "上次下单距今 1 天，是其平均间隔的 不到 0.01 倍"},
		{"spend_percentile", []float64{0.9998}, "spent more than 99.9% of the customers", "消费额高于 99.9% 的客户"},
		{"spend_30d_of_90d", []float64{1, 8, 8}, "100% of the spend of the last 90 days falls in the last 30 (£8.00 of £8.00)", "近 90 天消费中有 100% 在近 30 天（¥8.00/¥8.00）"},
		{"orders_90d", []float64{0}, "no orders in the last 90 days", "近 90 天没有下单"},
		{"spend_90d", []float64{1e300}, "£1,000,000,000,000,000.00 spent in the last 90 days", "近 90 天消费 ¥1,000,000,000,000,000.00"},
	} {
		if got := english.Sentence(c.feature, c.values); got != c.en {
			t.Errorf("%s of %v: %q, want %q", c.feature, c.values, got, c.en)
		}
		if got := chinese.Sentence(c.feature, c.values); got != c.zh {
			t.Errorf("%s of %v: %q, want %q", c.feature, c.values, got, c.zh)
		}
	}
}
