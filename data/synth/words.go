package synth

// category is one aisle of the shop.
type category struct {
	name      string
	price     float64 // typical, in units of the currency
	replenish bool    // used up and bought again
	nouns     []string
}

var categories = []category{
	{"coffee", 9, true, []string{"Espresso Beans", "Filter Coffee", "Decaf Beans", "Coffee Capsules", "Cold Brew"}},
	{"dresses", 48, false, []string{"Wrap Dress", "Maxi Dress", "Shirt Dress", "Tunic", "Slip Dress"}},
	{"skin care", 22, true, []string{"Day Cream", "Cleanser", "Serum", "Toner", "Hand Balm", "Sunscreen"}},
	{"shoes", 65, false, []string{"Sneakers", "Loafers", "Ankle Boots", "Sandals", "Slippers"}},
	{"pet food", 18, true, []string{"Dog Kibble", "Cat Kibble", "Cat Terrine", "Dog Treats", "Bird Seed"}},
	{"kitchen", 27, false, []string{"Skillet", "Saucepan", "Chef Knife", "Mixing Bowl", "Baking Tin", "Grater"}},
	{"tea", 7, true, []string{"Green Tea", "Oolong", "Earl Grey", "Mint Infusion", "Rooibos"}},
	{"toys", 19, false, []string{"Puzzle", "Wooden Train", "Building Blocks", "Plush Bear", "Card Game"}},
	{"home decor", 16, false, []string{"Vase", "Lantern", "Picture Frame", "Candle Holder", "Wall Clock"}},
	{"hair care", 12, true, []string{"Shampoo", "Conditioner", "Hair Mask", "Styling Clay"}},
	{"bedding", 39, false, []string{"Duvet Cover", "Pillow", "Bed Sheet", "Throw Blanket"}},
	{"snacks", 5, true, []string{"Dark Chocolate", "Almonds", "Granola Bar", "Rice Crackers", "Dried Mango"}},
	{"stationery", 8, false, []string{"Notebook", "Fountain Pen", "Desk Planner", "Washi Tape", "Greeting Cards"}},
	{"sportswear", 35, false, []string{"Running Tights", "Training Shirt", "Sports Bra", "Windbreaker"}},
	{"baby care", 15, true, []string{"Diapers", "Wet Wipes", "Baby Lotion", "Bath Foam"}},
	{"bags", 55, false, []string{"Tote", "Backpack", "Crossbody Bag", "Weekender", "Wallet"}},
	{"cleaning", 6, true, []string{"Dish Soap", "Laundry Liquid", "Surface Spray", "Sponges"}},
	{"garden", 21, false, []string{"Plant Pot", "Pruning Shears", "Seed Set", "Watering Can"}},
	{"jewellery", 42, false, []string{"Hoop Earrings", "Pendant", "Bracelet", "Signet Ring"}},
	{"supplements", 17, true, []string{"Vitamin D", "Magnesium", "Fish Oil", "Protein Powder"}},
	{"gadgets", 45, false, []string{"Power Bank", "Desk Lamp", "Earbuds", "Phone Stand", "Speaker"}},
	{"menswear", 40, false, []string{"Oxford Shirt", "Chinos", "Crew Sweater", "Denim Jacket"}},
	{"make-up", 14, true, []string{"Mascara", "Lipstick", "Concealer", "Eyeshadow Palette"}},
	{"books", 13, false, []string{"Novel", "Cookbook", "Travel Guide", "Picture Book", "Biography"}},
}

var brands = []string{
	"Alder", "Birchfield", "Calla", "Dovetail", "Ember & Oak", "Fennel", "Grayling", "Harbor", "Ilex", "Juniper",
	"Kestrel", "Larkspur", "Marlow", "Northway", "Ostara", "Pemberton", "Quillon", "Rowan", "Saltmarsh", "Tamsin",
	"Umbra", "Vesper", "Willow Lane", "Yarrow", "Zephyr", "Bramble", "Cobalt", "Driftwood", "Everly", "Foxglove",
}

var adjectives = []string{
	"Classic", "Soft", "Bold", "Pure", "Golden", "Everyday", "Light", "Deep", "Fresh", "Royal", "Wild", "Quiet",
	"Bright", "Original", "Fine", "Rustic", "Urban", "Little", "Grand", "Organic",
}

var regions = []string{"north", "east", "south", "west", "central", "coast", "highlands", "lakes", "islands", "capital"}

var (
	channels = []string{"web", "app", "store", "live"}
	sources  = []string{"organic", "search", "social", "referral", "live"}
	media    = []string{"email", "sms", "push"}
)
