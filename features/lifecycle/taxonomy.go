package lifecycle

// Facts about a customer that some taxonomies ask for beside the state.
type Facts struct {
	Repurchased bool  // has bought one item on two or more days
	Referrals   int64 // customers who signed up naming this one as referrer
}

// Stage is one class of a taxonomy.
type Stage struct {
	ID string // stable, for files and answers
	Name
}

// Taxonomy sorts customers into the stages of one school of marketing.
type Taxonomy struct {
	ID     string
	Stages []Stage
	place  func(State, Facts) string
}

// Stage returns the stage of a customer. It is false for a state that is none.
func (t Taxonomy) Stage(s State, f Facts) (Stage, bool) {
	id := t.place(s, f)
	for _, stage := range t.Stages {
		if stage.ID == id {
			return stage, true
		}
	}
	return Stage{}, false
}

// Taxonomies returns those that are known:
//
//   - relationship (引入/激活/成长/维护/转移): what to do about the customer. A
//     revived customer is to be activated anew; declining and lost ones are
//     moving away.
//   - product (导入/成长/成熟/衰退/复兴): the curve of the product life cycle. A
//     first order is still its introduction.
//   - funnel (acquire/activate/grow/retain/churn/repurchase/refer): declining and
//     lost customers churn, whatever else they did. Of the others, whoever brought
//     a customer refers; a revived one, and a growing one who has bought the same
//     item again, repurchases; otherwise the state decides.
func Taxonomies() []Taxonomy {
	return []Taxonomy{
		{ID: "relationship", place: relationship, Stages: []Stage{
			{"introduce", Name{"introduction", "引入"}},
			{"activate", Name{"activation", "激活"}},
			{"grow", Name{"growth", "成长"}},
			{"maintain", Name{"maintenance", "维护"}},
			{"transfer", Name{"transfer", "转移"}},
		}},
		{ID: "product", place: product, Stages: []Stage{
			{"introduction", Name{"introduction", "导入"}},
			{"growth", Name{"growth", "成长"}},
			{"maturity", Name{"maturity", "成熟"}},
			{"decline", Name{"decline", "衰退"}},
			{"revival", Name{"revival", "复兴"}},
		}},
		{ID: "funnel", place: funnel, Stages: []Stage{
			{"acquire", Name{"acquire", "获取"}},
			{"activate", Name{"activate", "激活"}},
			{"grow", Name{"grow", "成长"}},
			{"retain", Name{"retain", "留存"}},
			{"churn", Name{"churn", "流失"}},
			{"repurchase", Name{"repurchase", "复购"}},
			{"refer", Name{"refer", "推荐"}},
		}},
	}
}

func relationship(s State, _ Facts) string {
	return map[State]string{Introduction: "introduce", Activation: "activate", Growth: "grow", Maturity: "maintain",
		Decline: "transfer", Lost: "transfer", Revived: "activate"}[s]
}

func product(s State, _ Facts) string {
	return map[State]string{Introduction: "introduction", Activation: "introduction", Growth: "growth", Maturity: "maturity",
		Decline: "decline", Lost: "decline", Revived: "revival"}[s]
}

func funnel(s State, f Facts) string {
	switch {
	case s == Decline || s == Lost:
		return "churn"
	case s.Name() == Name{}:
		return ""
	case f.Referrals > 0:
		return "refer"
	case s == Growth && f.Repurchased:
		return "repurchase"
	}
	return map[State]string{Introduction: "acquire", Activation: "activate", Growth: "grow", Maturity: "retain", Revived: "repurchase"}[s]
}
