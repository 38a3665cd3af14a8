package training

import "regulars/training/churn"

func (p *Pipeline) season(orders [][]int32) func(int32, []float64) (churn.Rate, float64, error) {
	return func(day int32, probability []float64) (churn.Rate, float64, error) {
		s := 0.0
		for _, v := range probability {
			s += v / float64(len(probability))
		}
		return churn.Rate{Rate: s, Low: s, High: s, Rule: "model"}, 0, nil
	}
}
