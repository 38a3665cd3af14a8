package filter

import (
	"strings"
	"time"

	"regulars/models/snapshot"
)

// Of returns the schema of a snapshot. Behind the profile stand the consents to
// usual channels, so that a filter may ask for one in a shop that knows of none
// yet: nobody has it.
func Of(info *snapshot.Info) (*Schema, error) {
	return schemaOf(info, ItemFields(own(info.ItemFields)...))
}

// OfCustomers is Of where no item is looked at.
func OfCustomers(info *snapshot.Info) (*Schema, error) { return schemaOf(info, nil) }

func schemaOf(info *snapshot.Info, items []Field) (*Schema, error) {
	profile := own(info.UserFields)
	for _, channel := range usualChannels {
		name := ConsentPrefix + channel
		profile = append(profile, Field{Name: name, Kind: Bool, Doc: "May be written to by " + channel, DocZh: inChinese(name)})
	}
	return NewSchema(items, UserFields(profile...), ScoreFields(info.Horizons))
}

var usualChannels = []string{"email", "sms", "push", "social", "phone"}

func own(fields []snapshot.Field) []Field {
	out := make([]Field, len(fields))
	for i, f := range fields {
		out[i] = Field{Name: f.Name, Kind: kindOf(f.Kind), Doc: f.Doc, DocZh: inChinese(f.Name)}
	}
	return out
}

func kindOf(k snapshot.Kind) Kind {
	switch k {
	case snapshot.Number:
		return Number
	case snapshot.Bool:
		return Bool
	case snapshot.Time:
		return Date
	}
	return String
}

// profileZh names the columns of a profile.
var profileZh = map[string]string{
	"signed_up_at": "注册日期", "region": "地区", "gender": "性别", "birth_year": "出生年份", "time_zone": "时区", "tier": "会员等级",
	"points": "积分", "source": "来源", "referrer_id": "推荐人", "acquisition_cost": "获客成本", "opt_out": "拒绝个性化",
	"orders": "订单数", "spend": "累计消费", "aov": "客单价", "recency_days": "距上次下单天数", "first_order": "首单日期", "last_order": "末单日期",
}

// channelZh names the channels that consents are usually about.
var channelZh = map[string]string{"email": "邮件", "sms": "短信", "push": "推送", "phone": "电话", "social": "社交媒体", "wecom": "企业微信", "wechat": "微信"}

// ConsentPrefix begins the names of the fields that say whether a channel is allowed.
const ConsentPrefix = "consent_"

// inChinese names a column of a profile; one of the shop's own keeps its name.
func inChinese(name string) string {
	if zh, ok := profileZh[name]; ok {
		return zh
	}
	if channel, ok := strings.CutPrefix(name, ConsentPrefix); ok {
		if zh, ok := channelZh[channel]; ok {
			channel = zh
		}
		return "同意" + channel + "触达"
	}
	return name
}

// values is a row of the shop's own columns.
type values []snapshot.Value

func (v values) at(i int) snapshot.Value {
	if i >= 0 && i < len(v) {
		return v[i]
	}
	return snapshot.Value{}
}

func (v values) number(i int) float64 {
	switch x := v.at(i); x.Kind {
	case snapshot.Number:
		return x.Num
	case snapshot.Time:
		return dayOfMicros(int64(x.Num))
	}
	return nan
}

func (v values) truth(i int) Truth {
	if x := v.at(i); x.Kind == snapshot.Bool {
		return Is(x.Bool())
	}
	return Unknown
}

func dayOfMicros(us int64) float64 {
	if us == snapshot.Undated {
		return nan
	}
	return DayOf(time.UnixMicro(us))
}

// ItemRow is an item of a snapshot as the fields of ItemFields. What was told of
// it since goes before it, where the caller has put it into the item.
type ItemRow struct{ Item snapshot.Item }

// Number returns what is a number, and days.
func (r *ItemRow) Number(field int) float64 {
	switch field {
	case ItemPrice:
		return r.Item.Price
	case ItemAvailableFrom:
		return dayOfMicros(r.Item.AvailableFrom)
	}
	return values(r.Item.Extra).number(field - ItemExtra)
}

// Text returns what is a text.
func (r *ItemRow) Text(field int) string {
	switch field {
	case ItemID:
		return r.Item.ID
	case ItemTitle:
		return r.Item.Title
	case ItemCategory:
		return r.Item.Category
	case ItemBrand:
		return r.Item.Brand
	}
	return values(r.Item.Extra).at(field - ItemExtra).Text
}

// Truth returns what is a yes or no.
func (r *ItemRow) Truth(field int) Truth {
	if field == ItemInStock {
		return Is(r.Item.InStock)
	}
	return values(r.Item.Extra).truth(field - ItemExtra)
}

// Texts returns the tags.
func (r *ItemRow) Texts(field int) []string {
	if field == ItemTags {
		return r.Item.Tags
	}
	return nil
}

// UserRow is a customer of a snapshot as the fields of UserFields.
type UserRow struct {
	ID      string
	Profile []snapshot.Value
}

// Number returns what is a number, and days.
func (r *UserRow) Number(field int) float64 { return values(r.Profile).number(field - UserProfile) }

// Text returns what is a text.
func (r *UserRow) Text(field int) string {
	if field == UserID {
		return r.ID
	}
	return values(r.Profile).at(field - UserProfile).Text
}

// Truth returns what is a yes or no.
func (r *UserRow) Truth(field int) Truth { return values(r.Profile).truth(field - UserProfile) }

// Texts returns nothing: no column of a profile is a list.
func (r *UserRow) Texts(int) []string { return nil }
