package words

var (
	favourites = []variant{
		{"brand_1", "favourite brand", "首选品牌"}, {"brand_2", "second favourite brand", "第二偏好品牌"}, {"brand_3", "third favourite brand", "第三偏好品牌"},
		{"category_1", "favourite category", "首选品类"}, {"category_2", "second favourite category", "第二偏好品类"}, {"category_3", "third favourite category", "第三偏好品类"},
	}
	places = []variant{
		{"web", "on the website", "网站"}, {"app", "in the app", "应用"}, {"store", "in a store", "门店"},
		{"live", "over the live channel", "直播渠道"}, {"other_channel", "through other channels", "其他渠道"},
	}
)

// tastes words what a customer prefers: groups brand_affinity,
// category_affinity, channels, channel_mix and store_mix.
//
// An entropy of H nats is said as the exp(H) equal parts that would have it.
var tastes = []row{
	{key: "brands",
		en: wording{name: "brands bought", some: "{brand|brands} bought"},
		zh: wording{name: "购买品牌数", at: "没有购买过已知品牌", some: "买过 {n} 个品牌"}},
	{key: "categories",
		en: wording{name: "categories bought", some: "{category|categories} bought"},
		zh: wording{name: "购买品类数", at: "没有购买过已知品类", some: "买过 {n} 个品类"}},
	{key: "top_#_share", over: favourites,
		en: wording{name: "share of the #", at: "no #", some: "{share} of purchases are of the #"},
		zh: wording{name: "#占比", at: "没有#", some: "{share} 的购买集中在#"}},
	{key: "brand_entropy", with: []string{"brands"},
		en: wording{name: "variety of brands", at: "always buys the same brand", unknown: "no brand known to see a variety in",
			some: "purchases as varied as {spread brand|brands} bought equally often[, over {1:brand|brands} in all]"},
		zh: wording{name: "品牌多样性", at: "只购买同一品牌", unknown: "尚无已知品牌，看不出品牌多样性",
			some: "品牌分散程度相当于均匀购买 {spread n} 个品牌[，共买过 {1:n} 个]"}},
	{key: "category_entropy", with: []string{"categories"},
		en: wording{name: "variety of categories", at: "always buys from the same category", unknown: "no category known to see a variety in",
			some: "purchases as varied as {spread category|categories} bought equally often[, over {1:category|categories} in all]"},
		zh: wording{name: "品类多样性", at: "只购买同一品类", unknown: "尚无已知品类，看不出品类多样性",
			some: "品类分散程度相当于均匀购买 {spread n} 个品类[，共买过 {1:n} 个]"}},

	{key: "channels",
		en: wording{name: "channels ordered through", some: "orders through {channel|channels}", at: "channel of the orders not known"},
		zh: wording{name: "下单渠道数", some: "通过 {n} 个渠道下单", at: "下单渠道未知"}},
	{key: "main_channel_share",
		en: wording{name: "share of the main channel", some: "{share} of orders through the main channel"},
		zh: wording{name: "主渠道订单占比", some: "{share} 的订单来自主要渠道"}},
	{key: "channel_orders",
		en: wording{name: "orders with a known channel", some: "{order|orders} through a known channel", unknown: "no channel known of any order"},
		zh: wording{name: "渠道已知的订单数", some: "有 {n} 单的下单渠道已知", unknown: "所有订单的渠道均未知"}},
	{key: "#_share", over: places,
		en: wording{name: "share of orders #", at: "no orders #", some: "{share} of orders placed #"},
		zh: wording{name: "#订单占比", at: "没有来自#的订单", some: "{share} 的订单来自#"}},
	{key: "channel_entropy",
		en: wording{name: "variety of channels", at: "always orders through the same channel", some: "orders as varied as over {spread channel|channels} used equally often"},
		zh: wording{name: "渠道多样性", at: "始终通过同一渠道下单", some: "渠道分散程度相当于均匀使用 {spread n} 个渠道"}},
	{key: "omni_channel",
		en: wording{name: "orders through several channels", at: "keeps to one main channel", some: "orders through several channels", unknown: "not known whether orders come through several channels"},
		zh: wording{name: "是否多渠道下单", at: "主要通过单一渠道下单", some: "通过多个渠道下单", unknown: "是否多渠道下单未知"}},

	{key: "stores",
		en: wording{name: "stores bought in", some: "bought in {store|stores}"},
		zh: wording{name: "光顾门店数", at: "没有光顾过门店", some: "光顾过 {n} 家门店"}},
	{key: "main_store_share",
		en: wording{name: "share of the main store", some: "{share} of store orders in the main store", unknown: "no orders in a known store"},
		zh: wording{name: "主要门店订单占比", some: "{share} 的门店订单来自主要门店", unknown: "没有门店已知的订单"}},
	{key: "store_entropy",
		en: wording{name: "variety of stores", at: "always orders in the same store", some: "orders as varied as over {spread store|stores} used equally often"},
		zh: wording{name: "门店多样性", at: "始终在同一门店下单", some: "门店分散程度相当于均匀光顾 {spread n} 家门店"}},
}
