package filter

import (
	"fmt"
	"slices"
)

// Places of the fields that every item has. A shop's own columns follow from
// ItemExtra on.
const (
	ItemID = iota
	ItemTitle
	ItemCategory
	ItemBrand
	ItemPrice
	ItemTags
	ItemInStock
	ItemAvailableFrom
	ItemExtra
)

// ItemFields returns the fields of items, and behind them a shop's own.
func ItemFields(own ...Field) []Field {
	return slices.Concat([]Field{
		ItemID:            {Name: "id", Kind: String, Also: []string{"item_id"}, Doc: "the item's id", DocZh: "商品编号"},
		ItemTitle:         {Name: "title", Kind: String, Doc: "its title", DocZh: "商品标题"},
		ItemCategory:      {Name: "category", Kind: String, Doc: "its category", DocZh: "类目"},
		ItemBrand:         {Name: "brand", Kind: String, Doc: "its brand", DocZh: "品牌"},
		ItemPrice:         {Name: "price", Kind: Number, Doc: "its price, in the shop's currency", DocZh: "价格"},
		ItemTags:          {Name: "tags", Kind: Strings, Doc: "its tags", DocZh: "标签"},
		ItemInStock:       {Name: "in_stock", Kind: Bool, Doc: "in stock", DocZh: "有货"},
		ItemAvailableFrom: {Name: "available_from", Kind: Date, Doc: "the day from which it may be bought", DocZh: "开售日期"},
	}, own)
}

// UserID is the place of the id of a customer; the columns of their profile
// follow from UserProfile on.
const (
	UserID = iota
	UserProfile
)

// UserFields returns the fields of customers: the id and those of their profile.
func UserFields(profile ...Field) []Field {
	return slices.Concat([]Field{
		UserID: {Name: "id", Kind: String, Also: []string{"user_id"}, Doc: "the customer's id", DocZh: "客户编号"},
	}, profile)
}

// Places of the fields of scores. Return probabilities of other horizons follow
// from ScoreReturns on.
const (
	ScoreChurn = iota
	ScoreChurnPercentile
	ScoreChurnBand
	ScoreReturnProbability
	ScoreRecall
	ScoreLapsed
	ScoreValueAtRisk
	ScoreCLV
	ScoreCLVLow
	ScoreCLVHigh
	ScoreSpend
	ScoreSpendIfOrder
	ScoreNextOrder
	ScoreNextOrderLow
	ScoreNextOrderHigh
	ScoreStage
	ScoreMethod
	ScoreRecencyDays
	ScoreOrders
	ScoreTotalSpend
	ScoreBestHour
	ScoreNextCategory
	ScoreNextBrand
	ScoreNextPriceBand
	ScoreReturns
)

// ScoreFields returns the fields of scores, the last the return probabilities
// within so many days.
func ScoreFields(horizons []int) []Field {
	fields := []Field{
		ScoreChurn:             {Name: "churn_probability", Kind: Number, Also: []string{"churn"}, Doc: "probability of no order within the horizon, 0 to 1", DocZh: "流失概率"},
		ScoreChurnPercentile:   {Name: "churn_percentile", Kind: Number, Doc: "share of customers with a lower churn probability, 0 to 1", DocZh: "流失概率百分位"},
		ScoreChurnBand:         {Name: "churn_band", Kind: String, Also: []string{"band"}, Doc: "low, medium or high", DocZh: "流失风险等级"},
		ScoreReturnProbability: {Name: "return_probability", Kind: Number, Doc: "probability of an order within the horizon, 0 to 1", DocZh: "回购概率"},
		ScoreRecall:            {Name: "recall_score", Kind: Number, Also: []string{"recall"}, Doc: "return probability of a lapsed customer, 0 to 1", DocZh: "召回评分"},
		ScoreLapsed:            {Name: "lapsed", Kind: Bool, Doc: "gone already", DocZh: "已流失"},
		ScoreValueAtRisk:       {Name: "value_at_risk", Kind: Number, Doc: "churn probability times the spend expected if they order", DocZh: "风险价值"},
		ScoreCLV:               {Name: "predicted_clv", Kind: Number, Also: []string{"clv"}, Doc: "expected lifetime value", DocZh: "预测客户终身价值"},
		ScoreCLVLow:            {Name: "predicted_clv_low", Kind: Number, Also: []string{"clv_low"}, Doc: "lower end of the lifetime value's interval", DocZh: "预测客户终身价值下限"},
		ScoreCLVHigh:           {Name: "predicted_clv_high", Kind: Number, Also: []string{"clv_high"}, Doc: "upper end of the lifetime value's interval", DocZh: "预测客户终身价值上限"},
		ScoreSpend:             {Name: "expected_spend", Kind: Number, Doc: "expected spend within the horizon", DocZh: "预期消费"},
		ScoreSpendIfOrder:      {Name: "expected_spend_if_order", Kind: Number, Also: []string{"spend_if_order"}, Doc: "expected spend within the horizon if they order", DocZh: "若下单的预期消费"},
		ScoreNextOrder:         {Name: "expected_next_order_date", Kind: Date, Also: []string{"next_order", "next_order_date"}, Doc: "median day of the next order, as of today", DocZh: "预计下次下单日期"},
		ScoreNextOrderLow:      {Name: "expected_next_order_low", Kind: Date, Also: []string{"next_order_low"}, Doc: "day before which the next order comes with 10% probability", DocZh: "预计下次下单日期（最早）"},
		ScoreNextOrderHigh:     {Name: "expected_next_order_high", Kind: Date, Also: []string{"next_order_high"}, Doc: "day before which the next order comes with 90% probability", DocZh: "预计下次下单日期（最晚）"},
		ScoreStage:             {Name: "stage", Kind: String, Doc: "life-cycle state, such as growth", DocZh: "生命周期阶段"},
		ScoreMethod:            {Name: "churn_method", Kind: String, Also: []string{"method"}, Doc: "what the churn probability was told by", DocZh: "流失评分方法"},
		ScoreRecencyDays:       {Name: "recency_days", Kind: Number, Doc: "days since the last order", DocZh: "距上次下单天数"},
		ScoreOrders:            {Name: "orders", Kind: Number, Doc: "orders so far", DocZh: "订单数"},
		ScoreTotalSpend:        {Name: "total_spend", Kind: Number, Also: []string{"spend"}, Doc: "spend so far", DocZh: "累计消费"},
		ScoreBestHour:          {Name: "best_hour", Kind: Number, Doc: "local hour in which to write, 0 to 23", DocZh: "最佳触达时段"},
		ScoreNextCategory:      {Name: "next_category", Kind: String, Doc: "likeliest category of the next order", DocZh: "下次最可能购买类目"},
		ScoreNextBrand:         {Name: "next_brand", Kind: String, Doc: "likeliest brand of the next order", DocZh: "下次最可能购买品牌"},
		ScoreNextPriceBand:     {Name: "next_price_band", Kind: String, Doc: "likeliest price band of the next order", DocZh: "下次最可能购买价格带"},
	}
	for _, days := range horizons {
		fields = append(fields, Field{Name: fmt.Sprintf("return_probability_%dd", days), Kind: Number,
			Doc: fmt.Sprintf("probability of an order within %d days, 0 to 1", days), DocZh: fmt.Sprintf("%d天内回购概率", days)})
	}
	return fields
}
