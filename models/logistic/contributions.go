package logistic

import (
	"fmt"

	"regulars/features/matrix"
	"regulars/models"
	"regulars/models/internal/prepare"
)

// Contributions writes what each column adds to the log-odds, Σ coefficient·prepared
// value over its terms (its value and whether it is missing are one column), then
// the intercept: the log-odds of a row at the mean of every prepared column.
func (m *Model) Contributions(x *matrix.Dense, dst []float64) error {
	if err := models.CheckContributions(m.Names, x, dst); err != nil {
		return fmt.Errorf("logistic: %w", err)
	}
	inputs, each := m.inputs(), x.Cols()+1
	values := make([]float64, len(inputs))
	clear(dst)
	for i := range x.Rows {
		if err := prepare.Fill(inputs, x, i, values); err != nil {
			return fmt.Errorf("logistic: %w", err)
		}
		phi := dst[i*each : (i+1)*each]
		phi[each-1] = m.Intercept
		for j, v := range values {
			phi[m.Terms[j].Column] += m.Terms[j].Coefficient * v
		}
	}
	return nil
}
