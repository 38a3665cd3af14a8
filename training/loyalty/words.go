package loyalty

import (
	"strings"

	"regulars/training/page"
)

// names are the words for values of columns; others are said as they are.
var names = map[string][2]string{
	"introduction": {"introduction", "引入期"},
	"activation":   {"activation", "激活期"},
	"growth":       {"growth", "成长期"},
	"maturity":     {"maturity", "成熟期"},
	"decline":      {"decline", "衰退期"},
	"lost":         {"lost", "流失"},
	"revived":      {"revived", "复兴期"},
	"new":          {"new (1 order)", "新客（1 单）"},
	"light":        {"light (2–4 orders)", "轻度客户（2–4 单）"},
	"heavy":        {"heavy (5+ orders)", "重度客户（5 单及以上）"},
	"complaint":    {"complaint", "投诉"},
	"late":         {"late delivery", "配送延迟"},
	"return":       {"return", "退货"},
	"price":        {"price (bought at a discount)", "价格（多为折扣购买）"},
	"none":         {"no signal", "无明显信号"},
	"signed_up":    {"signed up", "注册"},
	"onboarding":   {"an onboarding step", "完成任一引导步骤"},
	"first_order":  {"first order", "首单"},
	"second_order": {"second order", "第二单"},
	"third_order":  {"third order", "第三单"},
	"item":         {"item", "单品"},
	"category":     {"category", "品类"},
	"shop":         {"whole shop", "全店"},
}

// name says the value of a column.
func name(l page.Lang, value string) string {
	if n, ok := names[value]; ok {
		return l.Say(n[0], n[1])
	}
	return value
}

// reasons are the Chinese words for why a section is absent.
var reasons = map[string]string{
	"no order before as_of":                              "截止日之前没有订单",
	"no customer has a known sign-up time in the period": "该时段内没有注册时间已知的客户",
	"no event of type onboarding_step in the period":     "该时段内没有 onboarding_step 事件",
	"nobody left in the period":                          "该时段内没有客户流失",
	"no complaint in the 365 days before as_of":          "截止日前 365 天内没有投诉",
	"no promotion began in the 365 days before as_of":    "截止日前 365 天内没有开始的促销",
	"no order in the 365 days before as_of":              "截止日前 365 天内没有订单",
	"nobody answered in the 365 days before as_of":       "截止日前 365 天内没有 NPS 回答",
	"no customer before as_of":                           "截止日之前没有客户",
}

// reason says why a section is absent.
func reason(l page.Lang, why string) string {
	if l == page.English {
		return why
	}
	if tables, ok := strings.CutPrefix(why, "the lake has no "); ok {
		return "数据湖中没有表：" + tables
	}
	if zh, ok := reasons[why]; ok {
		return zh
	}
	return why
}
