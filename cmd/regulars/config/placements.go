package config

import "regulars/serving/placement"

// checkPlacements checks what can be known of placements without a snapshot:
// filters are checked against its columns when they are asked.
func (c Config) checkPlacements() error {
	_, err := placement.NewSet(c.Placements, nil)
	return err
}
